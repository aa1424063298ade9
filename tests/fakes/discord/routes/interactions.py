"""Answers to interactions: the callback within 3 seconds, then the webhook for 15 minutes."""

from __future__ import annotations

from typing import Final

from tests.fakes.discord.actions import Actions
from tests.fakes.discord.call import Call, Reply, Route
from tests.fakes.discord.command_rules import check_choices
from tests.fakes.discord.component_rules import check_modal
from tests.fakes.discord.errors import DiscordError, Problem, Refused
from tests.fakes.discord.findings import Findings
from tests.fakes.discord.interactions import Callback, Choice, Interaction, Kind, Modal
from tests.fakes.discord.jsontypes import Body, Json
from tests.fakes.discord.message import Flag, Message, MessageType, numbered
from tests.fakes.discord.message_rules import check_message, is_empty
from tests.fakes.discord.render import message_json, user_json
from tests.fakes.discord.routes.messages import check_files
from tests.fakes.discord.state import State

_WEBHOOK: Final = "/webhooks/{webhook_id}/{webhook_token}"
_MESSAGE: Final = _WEBHOOK + "/messages/{message_id}"
_CARRIES_MESSAGE: Final = (Callback.MESSAGE, Callback.UPDATE_MESSAGE, Callback.DEFERRED_MESSAGE)


class InteractionRoutes:
    def __init__(
        self, state: State, actions: Actions, *, deadline_seconds: float, token_seconds: float
    ) -> None:
        self._state = state
        self._actions = actions
        self._deadline_seconds = deadline_seconds
        self._token_seconds = token_seconds

    def table(self) -> list[Route]:
        callback = "/interactions/{interaction_id}/{interaction_token}/callback"
        original = _WEBHOOK + "/messages/@original"
        return [
            Route("POST", callback, self.answer, check_callback, signed=False),
            Route("POST", _WEBHOOK, self.follow_up, _check_followup, signed=False),
            Route("GET", original, self.get, signed=False),
            Route("PATCH", original, self.edit, _check_edit, signed=False),
            Route("DELETE", original, self.delete, signed=False),
            Route("GET", _MESSAGE, self.get, signed=False),
            Route("PATCH", _MESSAGE, self.edit, _check_edit, signed=False),
            Route("DELETE", _MESSAGE, self.delete, signed=False),
        ]

    # The first answer

    def answer(self, call: Call) -> Body:
        interaction = self._unanswered(call)
        callback = Callback(call.json["type"])
        if callback not in interaction.allowed_callbacks:
            self._wrong_callback(call, interaction, callback)
        data = call.json.get("data") or {}
        self._carry_out(call, interaction, callback, data)
        interaction.callback = callback
        interaction.acknowledged_seconds = self._state.clock.now() - interaction.created_at
        if call.query.get("with_response") in ("1", "true"):
            return _callback_json(interaction)
        return None

    def _unanswered(self, call: Call) -> Interaction:
        """The interaction, if it still waits: 10062 after the deadline, 40060 after an answer."""
        interaction = self._by_token(call.params["interaction_token"])
        if interaction is None or interaction.id != call.id("interaction_id"):
            raise DiscordError(Refused.UNKNOWN_INTERACTION)
        if interaction.acknowledged:
            interaction.double_answers += 1
            raise DiscordError(Refused.ALREADY_ACKNOWLEDGED)
        if self._state.clock.now() - interaction.created_at > self._deadline_seconds:
            interaction.late = True
            raise DiscordError(Refused.UNKNOWN_INTERACTION)
        return interaction

    def _wrong_callback(self, call: Call, interaction: Interaction, callback: Callback) -> None:
        message = f"{callback.name} cannot answer an interaction of kind {interaction.kind.name}"
        problem = Problem(("type",), "INTERACTION_CALLBACK_TYPE_INVALID", message)
        self._state.violate("body", f"{call.record.method} {call.record.route}", str(problem))
        raise DiscordError(Refused.INVALID_FORM_BODY, [problem])

    def _carry_out(
        self, call: Call, interaction: Interaction, callback: Callback, data: Json
    ) -> None:
        match callback:
            case Callback.MESSAGE:
                if is_empty(data, len(call.files)):
                    raise DiscordError(Refused.EMPTY_MESSAGE)
                check_files(call)
                interaction.answer = self._post(call, interaction, data)
            case Callback.DEFERRED_MESSAGE:
                hidden = int(data.get("flags") or 0) & Flag.EPHEMERAL
                waiting: Json = {"flags": hidden | Flag.LOADING}
                interaction.answer = self._post(call, interaction, waiting)
            case Callback.UPDATE_MESSAGE:
                assert interaction.source is not None
                self._actions.edit(interaction.source, data, call.files)
                interaction.answer = interaction.source
            case Callback.DEFERRED_UPDATE:
                interaction.answer = interaction.source
            case Callback.AUTOCOMPLETE:
                choices = data.get("choices") or []
                interaction.choices = [Choice(c["name"], c["value"]) for c in choices]
            case Callback.MODAL:
                parts = numbered(data["components"])
                interaction.modal = Modal(data["title"], data["custom_id"], parts)

    # Follow-ups, and edits by the interaction's token

    def follow_up(self, call: Call) -> Body:
        interaction = self._acknowledged(call)
        check_files(call)
        if is_empty(call.json, len(call.files)):
            raise DiscordError(Refused.EMPTY_MESSAGE)
        waiting = interaction.answer
        if waiting is not None and waiting.loading:
            # The first follow-up takes the place of "thinking…", and its visibility.
            self._actions.fill(waiting, call.json, call.files)
            message = waiting
        else:
            message = self._post(call, interaction, call.json)
        interaction.followups.append(message)
        return message_json(message)

    def get(self, call: Call) -> Body:
        return message_json(self._message(call, self._acknowledged(call)))

    def edit(self, call: Call) -> Body:
        interaction = self._acknowledged(call)
        message = self._message(call, interaction)
        check_files(call)
        if message.loading:
            if is_empty(call.json, len(call.files)):
                raise DiscordError(Refused.EMPTY_MESSAGE)
            self._actions.fill(message, call.json, call.files)
        else:
            self._actions.edit(message, call.json, call.files)
        return message_json(message)

    def delete(self, call: Call) -> Body:
        self._actions.delete(self._message(call, self._acknowledged(call)))
        return None

    def _acknowledged(self, call: Call) -> Interaction:
        """The interaction of a webhook's token.

        Raises DiscordError: 10015 before the first answer, 401 50027 after 15 minutes.
        """
        interaction = self._by_token(call.params["webhook_token"])
        if interaction is None or call.id("webhook_id") != self._state.application_id:
            raise DiscordError(Refused.UNKNOWN_WEBHOOK)
        if self._state.clock.now() - interaction.created_at > self._token_seconds:
            raise DiscordError(Refused.INVALID_WEBHOOK_TOKEN)
        if not interaction.acknowledged or interaction.kind is Kind.AUTOCOMPLETE:
            raise DiscordError(Refused.UNKNOWN_WEBHOOK)
        return interaction

    def _message(self, call: Call, interaction: Interaction) -> Message:
        wanted = call.params.get("message_id", "@original")
        if wanted == "@original":
            message = interaction.answer
        else:
            mine = [*interaction.followups, *([interaction.answer] if interaction.answer else [])]
            message = next((m for m in mine if str(m.id) == wanted), None)
        if message is None or message.deleted:
            raise DiscordError(Refused.UNKNOWN_MESSAGE)
        return message

    def _post(self, call: Call, interaction: Interaction, body: Json) -> Message:
        hidden = int(body.get("flags") or 0) & Flag.EPHEMERAL
        command = interaction.kind is Kind.COMMAND
        return self._actions.post(
            interaction.channel,
            self._state.bot,
            body,
            call.files,
            interaction=_metadata(interaction),
            seen_only_by=interaction.user if hidden else None,
            message_type=MessageType.COMMAND if command else MessageType.DEFAULT,
        )

    def _by_token(self, token: str) -> Interaction | None:
        return next((i for i in self._state.interactions if i.token == token), None)


def check_callback(body: Body) -> list[Problem]:
    """The form of a first answer, by its type."""
    kind, data = body.get("type"), body.get("data") or {}
    known = [callback.value for callback in Callback]
    if kind not in known:
        return [Problem(("type",), "BASE_TYPE_CHOICES", f"Value must be one of {known}.")]
    if kind == Callback.MODAL:
        problems = check_modal(data).problems
    elif kind == Callback.AUTOCOMPLETE:
        findings = Findings()
        check_choices(("choices",), data.get("choices") or [], findings)
        problems = findings.problems
    elif kind in _CARRIES_MESSAGE:
        editing = kind == Callback.UPDATE_MESSAGE
        problems = check_message(data, editing=editing, interaction=True)
    else:
        problems = []
    return [Problem(("data", *p.path), p.code, p.message) for p in problems]


def _check_followup(body: Body) -> list[Problem]:
    return check_message(body, interaction=True)


def _check_edit(body: Body) -> list[Problem]:
    return check_message(body, editing=True, interaction=True)


def _metadata(interaction: Interaction) -> Json:
    data: Json = {
        "id": str(interaction.id),
        "type": int(interaction.kind),
        "user": user_json(interaction.user),
        "authorizing_integration_owners": {},
    }
    if interaction.opened_by is not None:
        data["triggering_interaction_metadata"] = _metadata(interaction.opened_by)
    elif interaction.source is not None:
        data["interacted_message_id"] = str(interaction.source.id)
    return data


def _callback_json(interaction: Interaction) -> Reply:
    answer, callback = interaction.answer, interaction.callback
    told: Json = {"id": str(interaction.id), "type": int(interaction.kind)}
    body: Json = {"interaction": told}
    if answer is not None:
        told |= {
            "response_message_id": str(answer.id),
            "response_message_loading": answer.loading,
            "response_message_ephemeral": answer.ephemeral,
        }
    if callback in (Callback.MESSAGE, Callback.UPDATE_MESSAGE) and answer is not None:
        body["resource"] = {"type": int(callback), "message": message_json(answer)}
    return Reply(200, body)
