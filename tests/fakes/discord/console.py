"""The stand-in by hand: lines typed at a terminal become what people do and what goes wrong."""

from __future__ import annotations

import shlex
from collections.abc import Awaitable, Callable

from tests.fakes.discord.driver import NoAnswer
from tests.fakes.discord.interactions import Interaction
from tests.fakes.discord.message import Message
from tests.fakes.discord.offers import Impossible, OptionValue
from tests.fakes.discord.people import User
from tests.fakes.discord.stand_in import DiscordStandIn

HELP = """\
alice: /task description="Deploy new service" priority=high   a command (names make new members)
alice: press 1573896 Cancel            a button, on a message by id, or on the "last" one
alice: choose last Priority High       a select menu
alice: submit Description="long text"  the form that a command of hers opened
alice: menu 1573896 "Queue as task"    an entry in a message's menu
alice: say hello                       a message
state                                  everything that people see
away | back                            the service disappears and returns
drop 4000 | reconnect | invalidate     the gateway misbehaves
quit"""

Act = Callable[[User, list[str]], Awaitable[str]]


class Console:
    """Understands one line at a time; what it answers is for a person to read."""

    def __init__(self, discord: DiscordStandIn) -> None:
        self._discord = discord
        self._people: dict[str, User] = {}
        self._form: Interaction | None = None
        self._acts: dict[str, Act] = {
            "press": self._press,
            "choose": self._choose,
            "submit": self._submit,
            "menu": self._menu,
            "say": self._say,
        }

    async def run(self, line: str) -> str:
        """Carry out a line."""
        try:
            name, colon, rest = line.partition(":")
            if colon and name.strip().isidentifier():
                return await self._person(name.strip(), shlex.split(rest))
            return await self._service(shlex.split(line))
        except (Impossible, NoAnswer, LookupError, ValueError) as error:
            return f"{type(error).__name__}: {error}"

    async def _service(self, words: list[str]) -> str:
        gateway = self._discord.gateway
        match words:
            case ["away"]:
                await self._discord.go_away()
            case ["back"]:
                await self._discord.come_back()
            case ["drop", code]:
                gateway.drop(int(code))
            case ["reconnect"]:
                gateway.ask_to_reconnect()
            case ["invalidate"]:
                gateway.invalidate()
            case ["help"]:
                return HELP
            case _:
                return self._discord.describe()
        return "done"

    async def _person(self, name: str, words: list[str]) -> str:
        if not words:
            return HELP
        if name not in self._people:
            self._people[name] = self._discord.member(name)
        user, (verb, *rest) = self._people[name], words
        if verb.startswith("/"):
            return self._shown(
                await self._discord.slash(user, verb[1:], in_=None, **_options(rest))
            )
        if verb not in self._acts:
            return HELP
        return await self._acts[verb](user, rest)

    async def _press(self, user: User, words: list[str]) -> str:
        message = self._message(words[0])
        return self._shown(await self._discord.press(user, message, " ".join(words[1:])))

    async def _choose(self, user: User, words: list[str]) -> str:
        message, menu, *picked = words
        chosen = await self._discord.choose(user, self._message(message), menu, *picked)
        return self._shown(chosen)

    async def _submit(self, user: User, words: list[str]) -> str:
        if self._form is None:
            raise Impossible("no form is open")
        values = dict(word.split("=", 1) for word in words)
        return self._shown(await self._discord.submit_modal(user, self._form, values))

    async def _menu(self, user: User, words: list[str]) -> str:
        message, name = self._message(words[0]), " ".join(words[1:])
        return self._shown(await self._discord.message_menu(user, name, message))

    async def _say(self, user: User, words: list[str]) -> str:
        return f"message {(await self._discord.say(user, ' '.join(words))).id}"

    def _message(self, wanted: str) -> Message:
        there = [m for c in self._discord.state.all_channels for m in c.history if not m.deleted]
        if wanted == "last" and there:
            return max(there, key=lambda message: message.id)
        for message in there:
            if str(message.id) == wanted:
                return message
        raise Impossible(f"no message {wanted!r}")

    def _shown(self, interaction: Interaction) -> str:
        if interaction.modal is not None:
            self._form = interaction
            fields = ", ".join(field.label for field in interaction.modal.fields)
            return f"a form opens: {interaction.modal.title} ({fields})"
        hidden = " (only for you)" if interaction.ephemeral else ""
        buttons = " ".join(f"[{button.label}]" for button in interaction.buttons)
        return f"{interaction.shown.id}{hidden}: {interaction.text}\n{buttons}".strip()


def _options(words: list[str]) -> dict[str, OptionValue]:
    """`name=value` words; numbers and truth values are taken for what they look like."""
    options: dict[str, OptionValue] = {}
    for word in words:
        name, _, text = word.partition("=")
        truth = {"true": True, "false": False}.get(text.lower())
        options[name] = truth if truth is not None else int(text) if text.isdecimal() else text
    return options
