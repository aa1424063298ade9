"""What the model is told to do: steps as plain values."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from tests.fakes.model.conversation import Request


@dataclass(frozen=True, slots=True)
class Say:
    """A block of text."""

    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call."""

    name: str
    input: Mapping[str, object]


Block: TypeAlias = Say | Call


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What a message is said to have used; the program makes a cost of it."""

    input: int = 100
    output: int = 20
    cache_read: int = 0
    cache_creation: int = 0


@dataclass(frozen=True, slots=True)
class Reply:
    """One message of the model."""

    blocks: Sequence[Block]
    tokens: Tokens = field(default_factory=Tokens)
    stop_reason: str | None = None

    @property
    def reason(self) -> str:
        """Why it stopped: as said, or as the blocks have it."""
        called = any(isinstance(block, Call) for block in self.blocks)
        return self.stop_reason or ("tool_use" if called else "end_turn")


@dataclass(frozen=True, slots=True, kw_only=True)
class Fail:
    """An HTTP error."""

    status: int = 500
    kind: str = "api_error"
    message: str = "Internal server error"
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int | None = None
    then: Step | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """The stream breaks in the middle of this message."""

    step: Step
    times: int | None = None
    then: Step | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """Nothing (more) comes until the program goes away or the server stops."""

    started: bool = True


@dataclass(frozen=True, slots=True)
class Wait:
    """The step, later."""

    seconds: float
    step: Step


@dataclass(frozen=True, slots=True)
class Hold:
    """The step, once `name` is released."""

    name: str
    step: Step


Plain: TypeAlias = Reply | Fail | Cut | Silence | Wait | Hold
Step: TypeAlias = "Plain | Block | tuple[Block, ...] | Callable[[Request], Step]"
Turn: TypeAlias = Sequence[Step]

DONE = Say("Done.")


@dataclass(frozen=True, slots=True)
class Script:
    """A conversation's steps: a list for each prompt; the auditor's: a list for each round."""

    turns: Sequence[Turn]
    auditor: Sequence[Turn] = ()

    def step(self, request: Request) -> Step:
        """What is answered to this request."""
        turns = self.auditor if request.is_auditor else self.turns
        turn = request.turn + (request.round if request.is_auditor else 0)
        steps = turns[turn] if turn < len(turns) else ()
        return steps[request.step] if request.step < len(steps) else DONE


def plain(step: Step, request: Request) -> Plain:
    """The step without its short forms, and past the troubles that have had their times."""
    if isinstance(step, Say | Call):
        return Reply((step,))
    if isinstance(step, tuple):
        return Reply(step)
    if isinstance(step, Fail | Cut) and step.times is not None and request.tries >= step.times:
        return plain(step.then or DONE, request)
    if callable(step):
        return plain(step(request), request)
    return step


# --- the program's tools --------------------------------------------------------------------


def write(path: object, content: str) -> Call:
    return Call("Write", {"file_path": str(path), "content": content})


def edit(path: object, old: str, new: str) -> Call:
    return Call("Edit", {"file_path": str(path), "old_string": old, "new_string": new})


def read(path: object) -> Call:
    return Call("Read", {"file_path": str(path)})


def bash(command: str, **more: object) -> Call:
    """Mind that the program refuses a foreground `sleep N`: use a Python sleep."""
    return Call("Bash", {"command": command, "description": "Run a command", **more})


def ask(question: str, *labels: str, header: str = "Choice", multiple: bool = False) -> Call:
    """One question with its choices; for several, give `Call("AskUserQuestion", …)` by hand."""
    options = [{"label": label, "description": f"Choose {label}"} for label in labels]
    asked = {
        "question": question,
        "header": header,
        "options": options,
        "multiSelect": multiple,
    }
    return Call("AskUserQuestion", {"questions": [asked]})


def structured(**fields: object) -> Call:
    """The structured answer (an auditor's verdict)."""
    return Call("StructuredOutput", fields)


# --- ready-made trouble ---------------------------------------------------------------------


def rate_limited(
    resets_at: datetime, *, times: int | None = None, then: Step | None = None
) -> Fail:
    """The account's limit is used up until then. The program gives up at once."""
    at = int(resets_at.timestamp())
    headers = {
        "retry-after": "3600",
        "anthropic-ratelimit-unified-status": "rejected",
        "anthropic-ratelimit-unified-reset": str(at),
        "anthropic-ratelimit-unified-representative-claim": "five_hour",
    }
    message = "This request would exceed your account's rate limit."
    return Fail(
        status=429,
        kind="rate_limit_error",
        message=message,
        headers=headers,
        times=times,
        then=then,
    )


def overloaded(*, times: int | None = None, then: Step | None = None) -> Fail:
    return Fail(status=529, kind="overloaded_error", message="Overloaded", times=times, then=then)


def signed_out() -> Fail:
    return Fail(status=401, kind="authentication_error", message="invalid x-api-key")
