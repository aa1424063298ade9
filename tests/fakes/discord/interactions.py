"""Interactions: what people press and type, and what the bot answers, as the person sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from tests.fakes.discord.channel import Channel
from tests.fakes.discord.jsontypes import Body, Json
from tests.fakes.discord.message import Control, Message, walk
from tests.fakes.discord.people import User


class Kind(IntEnum):
    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL_SUBMIT = 5


class Callback(IntEnum):
    PONG = 1
    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE_MESSAGE = 7
    AUTOCOMPLETE = 8
    MODAL = 9


_MESSAGES: Final = frozenset({Callback.MESSAGE, Callback.DEFERRED_MESSAGE})
_UPDATES: Final = frozenset({Callback.DEFERRED_UPDATE, Callback.UPDATE_MESSAGE})

# Which callback may answer which interaction; a form that a button opened may also update the
# message of the button.
ANSWERS: Final = {
    Kind.COMMAND: _MESSAGES | {Callback.MODAL},
    Kind.COMPONENT: _MESSAGES | _UPDATES | {Callback.MODAL},
    Kind.AUTOCOMPLETE: frozenset({Callback.AUTOCOMPLETE}),
    Kind.MODAL_SUBMIT: _MESSAGES,
}


@dataclass(frozen=True)
class Field:
    """One thing to fill in on a form."""

    label: str
    custom_id: str
    raw: Json

    @property
    def type(self) -> int:
        return int(self.raw["type"])

    @property
    def value(self) -> str:
        """What stands in it when the form opens."""
        return str(self.raw.get("value") or "")


@dataclass(frozen=True)
class Modal:
    """A form that a person has before them."""

    title: str
    custom_id: str
    components: list[Json]

    @property
    def fields(self) -> list[Field]:
        found = []
        for part in self.components:
            for child in walk([part]):
                if child.get("custom_id"):
                    label = part.get("label") or child.get("label") or ""
                    found.append(Field(label, child["custom_id"], child))
        return found

    def field(self, wanted: str) -> Field:
        """The field of that label or custom_id; LookupError if there is none."""
        for each in self.fields:
            if wanted in (each.custom_id, each.label):
                return each
        there = [(each.label, each.custom_id) for each in self.fields]
        raise LookupError(f"no field {wanted!r} on the form; it has {there}")


@dataclass(frozen=True)
class Choice:
    """One suggestion of an autocomplete."""

    name: str
    value: str | int | float


@dataclass(eq=False)
class Interaction:
    """One press or command, and all that has come of it.

    `answer` is the first answer (for an update: the message that the button is on); `content`,
    `text`, `ephemeral`, `buttons` speak of it.
    """

    id: int
    token: str
    kind: Kind
    user: User
    channel: Channel
    data: Json
    created_at: float
    source: Message | None = None
    opened_by: Interaction | None = None
    callback: Callback | None = None
    acknowledged_seconds: float | None = None
    answer: Message | None = None
    modal: Modal | None = None
    choices: list[Choice] = field(default_factory=list)
    followups: list[Message] = field(default_factory=list)
    payload: Json = field(default_factory=dict)
    late: bool = False
    double_answers: int = 0

    @property
    def acknowledged(self) -> bool:
        return self.callback is not None

    @property
    def settled(self) -> bool:
        """Whether the person sees an outcome: a message (not "thinking…"), a form, suggestions."""
        return self.acknowledged and not (self.answer is not None and self.answer.loading)

    @property
    def allowed_callbacks(self) -> frozenset[Callback]:
        allowed = ANSWERS[self.kind]
        return allowed | _UPDATES if self.kind is Kind.MODAL_SUBMIT and self.source else allowed

    @property
    def shown(self) -> Message:
        """The answer; AssertionError if there is none."""
        assert self.answer is not None, f"no message answers {self!r}"
        return self.answer

    @property
    def content(self) -> str:
        return self.shown.content

    @property
    def text(self) -> str:
        return self.shown.text

    @property
    def embeds(self) -> list[Json]:
        return self.shown.embeds

    @property
    def components(self) -> list[Json]:
        return self.shown.components

    @property
    def ephemeral(self) -> bool:
        return self.shown.ephemeral

    @property
    def buttons(self) -> list[Control]:
        return self.shown.buttons

    @property
    def words(self) -> str:
        """What was pressed or typed, for people who read the state."""
        if self.kind is Kind.COMPONENT:
            return f"presses {self.data['custom_id']}"
        if self.kind is Kind.MODAL_SUBMIT:
            return f"submits {self.data['custom_id']}"
        options = " ".join(f"{o['name']}={_said(o)!r}" for o in self.data.get("options", []))
        return f"/{self.data['name']} {options}".rstrip()

    def __repr__(self) -> str:
        outcome = self.callback.name if self.callback else "unanswered"
        return f"<Interaction {self.id} {self.user.name} {self.words}: {outcome}>"


def _said(option: Json) -> Body:
    return option.get("value", option.get("options", ""))
