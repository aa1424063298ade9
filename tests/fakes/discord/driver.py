"""What people do: type commands, press buttons, fill in forms, write messages, attach files."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping

from tests.fakes.discord.actions import Actions, Upload
from tests.fakes.discord.channel import Channel
from tests.fakes.discord.command_rules import CHAT, MESSAGE_MENU
from tests.fakes.discord.forms import FieldValue, submission
from tests.fakes.discord.gateway import Gateway
from tests.fakes.discord.interactions import Choice, Interaction, Kind
from tests.fakes.discord.jsontypes import Json
from tests.fakes.discord.message import Attachment, Control, Message
from tests.fakes.discord.offers import (
    Impossible,
    OptionValue,
    descend,
    filled_options,
    find_command,
    interaction_json,
    nest,
    resolve,
)
from tests.fakes.discord.people import Permission, User
from tests.fakes.discord.render import message_json
from tests.fakes.discord.state import State

ANSWER_SECONDS = 15.0


class NoAnswer(AssertionError):
    """The person sees "The application did not respond", or waits for ever on "thinking…"."""


class Driver:
    """People at work. Each act waits until the person sees an outcome, and gives it back.

    The twins named `start_…` return at once, for tests of what happens in between.
    """

    def __init__(
        self, state: State, actions: Actions, gateway: Gateway, *, deadline_seconds: float
    ) -> None:
        self._state = state
        self._actions = actions
        self._gateway = gateway
        self._deadline_seconds = deadline_seconds

    # Commands

    async def slash(
        self, user: User, command: str, /, *, in_: Channel | None = None, **options: OptionValue
    ) -> Interaction:
        """Type a command ("task", or "queue show" for a subcommand) in the usual channel or `in_`.

        Raises Impossible where Discord would not offer it so, NoAnswer where the bot fails.
        """
        return await self.outcome(self.start_slash(user, command, in_=in_, **options))

    def start_slash(
        self, user: User, command: str, /, *, in_: Channel | None = None, **options: OptionValue
    ) -> Interaction:
        channel = in_ or self._usual_channel()
        self._may_be_here(user, channel, Permission.USE_APPLICATION_COMMANDS)
        name, *rest = command.split()
        known = find_command(self._state, user, channel, name, CHAT)
        node, path = descend(known, rest)
        resolved: Json = {}
        filled = nest(filled_options(node, options, channel.guild, resolved), path)
        data = _command_data(known, filled, resolved)
        return self._create(Kind.COMMAND, user, channel, data)

    async def autocomplete(
        self,
        user: User,
        command: str,
        option: str,
        typed: str,
        /,
        *,
        in_: Channel | None = None,
        **others: OptionValue,
    ) -> list[Choice]:
        """The suggestions for one option while a person types."""
        channel = in_ or self._usual_channel()
        self._may_be_here(user, channel, Permission.USE_APPLICATION_COMMANDS)
        name, *rest = command.split()
        known = find_command(self._state, user, channel, name, CHAT)
        node, path = descend(known, rest)
        declared = {o["name"]: o for o in node.get("options") or []}
        if not declared.get(option, {}).get("autocomplete"):
            raise Impossible(f"option {option!r} of {command!r} has no autocomplete")
        resolved: Json = {}
        partial = {"name": node["name"], "options": [declared[n] for n in others if n in declared]}
        options = filled_options(partial, others, channel.guild, resolved)
        focused = {"name": option, "type": declared[option]["type"], "value": typed}
        options.append({**focused, "focused": True})
        data = _command_data(known, nest(options, path), resolved)
        interaction = self._create(Kind.AUTOCOMPLETE, user, channel, data)
        return (await self.outcome(interaction)).choices

    async def message_menu(self, user: User, command: str, message: Message, /) -> Interaction:
        """Choose an app's entry in the menu of a message."""
        self._may_be_here(user, message.channel, Permission.USE_APPLICATION_COMMANDS)
        known = find_command(self._state, user, message.channel, command, MESSAGE_MENU)
        resolved: Json = {}
        resolve(resolved, message)
        data = {**_command_data(known, [], resolved), "target_id": str(message.id)}
        return await self.outcome(self._create(Kind.COMMAND, user, message.channel, data))

    # Components and forms

    async def press(self, user: User, message: Message | Interaction, button: str) -> Interaction:
        """Press a button, found by label (or a part of it) or custom_id."""
        return await self.outcome(self.start_press(user, message, button))

    def start_press(self, user: User, message: Message | Interaction, button: str) -> Interaction:
        target = _message(message)
        return self._use(user, target, _control(target, button), None)

    async def press_stale(self, user: User, message: Message, custom_id: str) -> Interaction:
        """Press a button that an older client still shows, though it is gone from the message."""
        control = Control(2, custom_id, custom_id, False, {"type": 2, "custom_id": custom_id})
        return await self.outcome(self._use(user, message, control, None))

    async def choose(
        self, user: User, message: Message | Interaction, menu: str, *wanted: str
    ) -> Interaction:
        """Pick options of a select menu, by label or value."""
        target = _message(message)
        control = _control(target, menu)
        picked = [
            o["value"] for w in wanted for o in control.options if w in (o["label"], o["value"])
        ]
        if len(picked) != len(wanted):
            there = [option["label"] for option in control.options]
            raise Impossible(f"{menu!r} offers {there}, not all of {wanted}")
        return await self.outcome(self._use(user, target, control, picked))

    async def submit_modal(
        self, user: User, form: Interaction, values: Mapping[str, FieldValue] | None = None
    ) -> Interaction:
        """Fill in the form that an interaction opened; fields go by label or custom_id."""
        if form.modal is None or user is not form.user:
            raise Impossible(f"{form!r} shows {user.name} no form")
        data = submission(form.modal, values or {})
        submitted = self._create(
            Kind.MODAL_SUBMIT, user, form.channel, data, source=form.source, opened_by=form
        )
        return await self.outcome(submitted)

    def deliver_again(self, interaction: Interaction) -> None:
        """Discord delivers the same interaction a second time."""
        self._gateway.deliver(interaction.payload)

    async def outcome(
        self, interaction: Interaction, timeout_seconds: float = ANSWER_SECONDS
    ) -> Interaction:
        """Wait until the person sees an answer, a form or suggestions.

        Raises NoAnswer: nothing within the 3 seconds, or "thinking…" until the timeout.
        """
        loop = asyncio.get_running_loop()
        give_up = loop.time() + timeout_seconds
        no_answer = loop.time() + self._deadline_seconds + 0.2
        while not interaction.settled:
            until = give_up if interaction.acknowledged else no_answer
            if loop.time() >= until:
                raise NoAnswer(f"{interaction!r} has no outcome; {self._last_words()}")
            await self._state.until_changed(until - loop.time())
        return interaction

    # Words and files

    async def say(
        self,
        user: User,
        text: str,
        *,
        in_: Channel | None = None,
        files: Mapping[str, bytes] | None = None,
        reply_to: Message | None = None,
    ) -> Message:
        """A person writes a message."""
        channel = in_ or (reply_to.channel if reply_to else self._usual_channel())
        self._may_be_here(user, channel, Permission.VIEW_CHANNEL)
        body: Json = {"content": text}
        if reply_to is not None:
            body["message_reference"] = {"message_id": str(reply_to.id)}
        uploads = {
            number: Upload(name, content, "text/plain; charset=utf-8")
            for number, (name, content) in enumerate((files or {}).items())
        }
        return self._actions.post(channel, user, body, uploads)

    async def attach(
        self, filename: str, content: bytes, content_type: str = "text/plain; charset=utf-8"
    ) -> Attachment:
        """Upload a file, to be the value of an attachment option or of a form's field."""
        upload = Upload(filename, content, content_type)
        return self._actions.keep_file(self._state.application_id, filename, upload)

    # Inside

    def _use(
        self, user: User, message: Message, control: Control, values: list[str] | None
    ) -> Interaction:
        self._may_be_here(user, message.channel, Permission.VIEW_CHANNEL)
        if message.ephemeral and message.seen_only_by is not user:
            raise Impossible(f"{user.name} does not see the ephemeral message {message.id}")
        if message.deleted or control.disabled or control.custom_id is None:
            raise Impossible(f"{control.label!r} cannot be pressed (gone, disabled or a link)")
        data: Json = {"component_type": control.type, "custom_id": control.custom_id}
        data["id"] = control.raw.get("id", 0)
        if values is not None:
            data["values"] = values
        return self._create(Kind.COMPONENT, user, message.channel, data, source=message)

    def _create(
        self,
        kind: Kind,
        user: User,
        channel: Channel,
        data: Json,
        *,
        source: Message | None = None,
        opened_by: Interaction | None = None,
    ) -> Interaction:
        state = self._state
        token = secrets.token_urlsafe(64)
        made_at = state.clock.now()
        interaction = Interaction(
            state.ids.next(), token, kind, user, channel, data, made_at, source, opened_by
        )
        base: Json = {
            "id": str(interaction.id),
            "token": token,
            "type": int(kind),
            "data": data,
        }
        if source is not None:
            base["message"] = message_json(source)
        interaction.payload = interaction_json(state, base, user, channel)
        state.interactions.append(interaction)
        self._gateway.deliver(interaction.payload)
        return interaction

    def _usual_channel(self) -> Channel:
        return self._state.guild.channels[0]

    def _may_be_here(self, user: User, channel: Channel, right: Permission) -> None:
        """Raises Impossible where the person is no member, or may not use the place so."""
        if channel.guild is not None and channel.guild.member(user) is None:
            raise Impossible(f"{user.name} is no member of {channel.guild.name}")
        if channel.guild is not None and not channel.allows(user, right):
            raise Impossible(f"{user.name} has no {right.name} in {channel.name}")

    def _last_words(self) -> str:
        if not self._gateway.connected:
            return "no bot is connected"
        refusals = "; ".join(map(str, self._state.refusals[-3:]))
        return f"last refusals: {refusals or 'none'}"


def _command_data(command: Json, options: list[Json], resolved: Json) -> Json:
    data: Json = {"id": command["id"], "name": command["name"], "type": command["type"]}
    if "guild_id" in command:
        data["guild_id"] = command["guild_id"]
    if options:
        data["options"] = options
    if resolved:
        data["resolved"] = resolved
    return data


def _message(where: Message | Interaction) -> Message:
    return where.shown if isinstance(where, Interaction) else where


def _control(message: Message, wanted: str) -> Control:
    try:
        return message.control(wanted)
    except LookupError as error:
        raise Impossible(str(error)) from None
