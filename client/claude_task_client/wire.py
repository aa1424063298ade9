"""What Athena's answers mean here: frozen values made from JSON, deaf to fields they do not know.

Each value keeps the JSON object it came from in `raw`: what a newer Athena adds is found there.
"""

from __future__ import annotations

import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from functools import cache
from typing import Any, Self

from claude_task_client.transport import Json

ENDED = frozenset({"completed", "failed", "cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """A JSON object of the API. Fields that it lacks are None."""

    raw: Json = field(repr=False, compare=False)

    @classmethod
    def read(cls, json: Json) -> Self:
        """Make the value; times become aware datetimes, nested objects values of their own."""
        own: Any = cls  # mypy takes the class of a frozen dataclass for unhashable
        known = {name: _value(kind, json.get(name)) for name, kind in _kinds(own).items()}
        return cls(raw=json, **known)

    def __getitem__(self, name: str) -> Any:
        """The field as sent: `task["created_at"]` is the text, `task.created_at` the time."""
        return self.raw[name]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress(Value):
    """How far a task is, in its holder's words."""

    percent: int | None
    message: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Result(Value):
    """What came of a task. Whatever else the worker told stands in `raw`."""

    success: bool | None
    output: str | None
    error: str | None
    started_at: datetime | None
    completed_at: datetime | None
    duration_ms: int | None
    total_cost_usd: float | None
    num_turns: int | None
    session_id: str | None
    branch: str | None
    commit: str | None
    pull_request_url: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Task(Value):
    """A unit of work, as it was when Athena answered."""

    id: int
    description: str
    status: str
    priority: str
    project: str | None
    target: str | None
    lane: str | None
    created_at: datetime | None
    created_by: str | None
    created_via: str | None
    updated_at: datetime | None
    not_before: datetime | None
    depends_on: tuple[int, ...]
    blocked_by: tuple[int, ...]
    claimed_by: str | None
    claimed_at: datetime | None
    lease_expires_at: datetime | None
    attempt: int
    failures: int
    max_attempts: int
    readiness: str | None
    phase: str | None
    progress: Progress | None
    notes: str | None
    error: str | None
    result: Result | None
    completed_at: datetime | None
    session_id: str | None
    continues: str | None
    metadata: Mapping[str, object]

    @property
    def has_ended(self) -> bool:
        """Whether nothing more comes of it by itself."""
        return self.status in ENDED


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskPage(Value):
    """A part of a list of tasks; `next_cursor` asks for the next part, None at the end."""

    tasks: tuple[Task, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor(Value):
    """Who did something: a key, a Discord user, an instance, or Athena itself (`system`)."""

    kind: str
    name: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Value):
    """One row of the log. A stream may also send `reset`: what was missed is no longer kept."""

    id: int | None
    type: str
    task_id: int | None
    at: datetime | None
    actor: Actor | None
    data: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class EventPage(Value):
    """A part of the log."""

    events: tuple[Event, ...]
    next_after: int | None
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason(Value):
    """One thing that holds a task back."""

    code: str
    detail: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Why(Value):
    """Why a task is not running: its place in the queue, and each reason that holds it."""

    readiness: str | None
    position: int | None
    reasons: tuple[Reason, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition(Value):
    """What an instance says of its own health."""

    ok: bool | None
    message: str | None
    limited_until: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance(Value):
    """One Claude Code installation, and what it holds."""

    instance: str
    name: str | None
    online: bool | None
    last_seen: datetime | None
    labels: tuple[str, ...]
    projects: tuple[str, ...]
    health: Condition | None

    @property
    def tasks(self) -> tuple[int, ...]:
        """The numbers of the tasks that it holds."""
        held = self.raw.get("tasks")
        items = held if isinstance(held, list) else []
        return tuple(each["id"] if isinstance(each, dict) else each for each in items)


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceList(Value):
    """Who is there."""

    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(Value):
    """A task that a heartbeat named and its sender no longer holds; `code` says why."""

    id: int
    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(Value):
    """What a heartbeat learned: still held, lost, and held without having been named."""

    instance: str
    held: tuple[int, ...]
    lost: tuple[Loss, ...]
    unnamed: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats(Value):
    """The queue's figures."""

    by_status: Mapping[str, int]
    by_priority: Mapping[str, int]
    oldest_pending_seconds: float | None
    instances: Mapping[str, int]
    throughput: Mapping[str, int]
    cost_usd: Mapping[str, Any]
    wait_seconds_p50: float | None
    run_seconds_p50: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question(Value):
    """What the holder of a task asks a person: a text, a choice, or an approval of an action."""

    id: int
    task_id: int
    attempt: int
    instance: str | None
    kind: str
    text: str
    choices: tuple[str, ...]
    action: Mapping[str, object]
    status: str
    asked_at: datetime | None
    answer: str | None
    note: str | None
    answered_by: str | None
    answered_via: str | None
    answered_at: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether it still waits for an answer."""
        return self.status == "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionPage(Value):
    """A part of a list of questions, the oldest first."""

    questions: tuple[Question, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Value):
    """A person's word about a task; `follow_up` is the task that it made of one that had ended."""

    id: int
    task_id: int
    text: str
    sent_by: str | None
    sent_via: str | None
    sent_at: datetime | None
    follow_up: Task | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage(Value):
    """A part of what was said about a task, the oldest first."""

    messages: tuple[Message, ...]
    next_after: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine(Value):
    """One line of a task's transcript; `number` counts from 0 in each attempt."""

    id: int
    attempt: int
    number: int
    at: datetime | None
    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage(Value):
    """A part of a transcript; `dropped` lines before it were too many to keep."""

    lines: tuple[LogLine, ...]
    next_after: int | None
    dropped: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Session(Value):
    """A conversation of Claude's, and what it cost over all its tasks."""

    id: str
    project: str | None
    instance: str | None
    first_at: datetime | None
    last_at: datetime | None
    tasks: int
    cost_usd: float | None
    turns: int | None
    last_task: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionPage(Value):
    """A part of a list of conversations, the one used last first."""

    sessions: tuple[Session, ...]
    next_cursor: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Health(Value):
    """Whether Athena is well."""

    status: str
    version: str | None
    uptime_seconds: float | None
    database: str | None
    discord: str | None
    role: str | None
    replica: str | None


def time_text(moment: datetime | str) -> str:
    """A time as the API takes it. Raises: ValueError for one without a zone."""
    if isinstance(moment, str):
        return moment
    if moment.tzinfo is None:
        raise ValueError(f"{moment} has no time zone")
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


@cache
def _kinds(cls: Any) -> dict[str, Any]:
    hints = typing.get_type_hints(cls)
    return {each.name: hints[each.name] for each in fields(cls) if each.name != "raw"}


def _value(kind: Any, json: object) -> Any:
    """A field's value by its annotation; what does not fit is kept as it came, and never fails."""
    origin = typing.get_origin(kind)
    if origin is tuple:
        item = typing.get_args(kind)[0]
        return tuple(_value(item, each) for each in json) if isinstance(json, list) else ()
    if origin is Mapping or getattr(origin, "__name__", "") == "Mapping":
        return (
            types.MappingProxyType(json) if isinstance(json, dict) else types.MappingProxyType({})
        )
    if origin is types.UnionType:
        kind = next(each for each in typing.get_args(kind) if each is not type(None))
    if kind is datetime and isinstance(json, str):
        return _time(json)
    if isinstance(kind, type) and issubclass(kind, Value):
        return kind.read(json) if isinstance(json, dict) else None
    return json


def _time(text: str) -> datetime | str:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return text
