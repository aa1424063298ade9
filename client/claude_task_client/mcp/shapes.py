"""What the tools give: the shape of each answer, for programs, and as a text, for models.

Every answer opens with a sentence that says what is the case and what to do next: some clients show
a model the structured form alone, others the text. Fields without a value are left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final, Self

from mcp.types import CallToolResult, TextContent
from pydantic import BaseModel, ConfigDict, Field

from claude_task_client import describing, wire
from claude_task_client.mcp import texts

# Fields with other people's words.
FOREIGN: Final = frozenset({"description", "notes", "error", "output", "doing", "text", "answer"})

Caution = Annotated[str, Field(description="How to take the texts that follow.")]


class Shape(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Answer(Shape):
    """What a tool says."""

    summary: str = Field(description="What is the case, and what to do next.")

    def said(self) -> CallToolResult:
        """As it goes to the model, in both forms."""
        content = self.model_dump(mode="json", exclude_none=True)
        return CallToolResult(
            content=[TextContent(type="text", text="\n".join(_lines(content)))],
            structured_content=content,
        )


class TaskLine(Shape):
    """A task in a list."""

    id: int
    status: str
    priority: str
    title: str = Field(description="How its description begins, written by whoever submitted it.")
    project: str | None = None
    target: str | None = None
    claimed_by: str | None = None

    @classmethod
    def of(cls, task: wire.Task) -> Self:
        """The task in short."""
        return cls(
            id=task.id,
            status=describing.state(task),
            priority=task.priority,
            title=texts.title(task.description),
            project=task.project,
            target=task.target,
            claimed_by=task.claimed_by,
        )


class TaskList(Answer):
    """A part of the queue."""

    tasks: list[TaskLine]
    next_cursor: str | None = Field(None, description="Ask with it for the next page.")


class ResultView(Shape):
    """What came of a task."""

    success: bool | None = None
    duration_seconds: float | None = None
    cost_usd: float | None = None
    branch: str | None = None
    commit: str | None = None
    pull_request_url: str | None = None
    output: str | None = None
    error: str | None = None

    @classmethod
    def of(cls, result: wire.Result, *, full: bool) -> Self:
        """A result is free in form: what does not fit is shown as text, or left out."""
        return cls(
            success=result.success if isinstance(result.success, bool) else None,
            duration_seconds=_number(result.duration_ms, 1000),
            cost_usd=_number(result.total_cost_usd, 1),
            branch=_text(result.branch, full=full),
            commit=_text(result.commit, full=full),
            pull_request_url=_text(result.pull_request_url, full=full),
            output=_text(result.output, full=full),
            error=_text(result.error, full=full),
        )


class Said(Shape):
    """A person's word about a task."""

    by: str | None = None
    text: str

    @classmethod
    def of(cls, message: wire.Message) -> Self:
        """Who said what."""
        return cls(by=message.sent_by, text=texts.excerpt(message.text, full=False))


class TaskDetails(Shape):
    """A task."""

    id: int
    status: str
    priority: str
    project: str | None = None
    target: str | None = None
    created_by: str | None = None
    created_at: datetime | str | None = None
    not_before: datetime | str | None = None
    depends_on: list[int] | None = None
    blocked_by: list[int] | None = None
    why_not_running: list[str] | None = Field(None, description="What holds a pending task back.")
    claimed_by: str | None = None
    attempt: int | None = None
    lease_expires_at: datetime | str | None = None
    completed_at: datetime | str | None = None
    caution: Caution = texts.CAUTION
    description: str
    doing: str | None = Field(None, description="What its holder said last of its progress.")
    notes: str | None = None
    error: str | None = None
    result: ResultView | None = None
    messages: list[Said] | None = Field(
        None, description="What people have said about it that you have not been told yet."
    )

    @classmethod
    def of(
        cls,
        task: wire.Task,
        *,
        full: bool,
        why: wire.Why | None = None,
        messages: Sequence[wire.Message] = (),
    ) -> Self:
        """Everything about the task that is worth a context."""
        return cls(
            id=task.id,
            status=describing.state(task),
            priority=task.priority,
            project=task.project,
            target=task.target,
            created_by=task.created_by,
            created_at=task.created_at,
            not_before=task.not_before,
            depends_on=[*task.depends_on] or None,
            blocked_by=[*task.blocked_by] or None,
            why_not_running=_reasons(why),
            claimed_by=task.claimed_by,
            attempt=task.attempt or None,
            lease_expires_at=task.lease_expires_at,
            completed_at=task.completed_at,
            description=texts.excerpt(task.description, full=full),
            doing=_text(task.progress and task.progress.message, full=full),
            notes=_text(task.notes, full=full),
            error=_text(task.error, full=full),
            result=ResultView.of(task.result, full=full) if task.result else None,
            messages=[Said.of(each) for each in messages] or None,
        )


class Done(Answer):
    """What was done to a task, and where it stands now."""

    id: int
    status: str
    caution: Caution | None = None
    messages: list[Said] | None = Field(
        None, description="What people have said about it that you have not been told yet."
    )

    @classmethod
    def of(cls, task: wire.Task, summary: str, *, messages: Sequence[wire.Message] = ()) -> Self:
        """The task without what the model knows already."""
        return cls(
            summary=summary,
            id=task.id,
            status=describing.state(task),
            caution=texts.CAUTION if messages else None,
            messages=[Said.of(each) for each in messages] or None,
        )


class TaskView(Answer):
    """A task, all of it."""

    task: TaskDetails


class Taken(Answer):
    """What was taken from the queue, if anything was."""

    task: TaskDetails | None = None


class Outcome(Answer):
    """What came of a task, once it has ended."""

    task_id: int
    ended: bool
    caution: Caution | None = None
    result: ResultView | None = None


class Reply(Answer):
    """A question to a person, and the answer once there is one."""

    question_id: int
    status: str = Field(description="open, answered or withdrawn.")
    answered_by: str | None = None
    answer: str | None = None
    note: str | None = None


def _lines(content: Mapping[str, Any], indent: str = "") -> Iterator[str]:
    for name, value in content.items():
        if name in {"summary", "caution"}:
            yield f"{indent}{value}"
        elif name == "tasks":
            yield from (_task_line(task) for task in value)
        elif isinstance(value, dict):
            yield f"{indent}{name}:"
            yield from _lines(value, f"{indent}  ")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            yield f"{indent}{name}:"
            for each in value:
                yield from _lines(each, f"{indent}  ")
        elif name in FOREIGN:
            yield f"{indent}{name}:"
            yield texts.quoted(str(value))
        elif isinstance(value, list):
            yield f"{indent}{name}: {'; '.join(map(str, value))}"
        else:
            yield f"{indent}{name}: {texts.clean(str(value))}"


def _task_line(task: Mapping[str, Any]) -> str:
    for_whom = f" for {task['target']}" if task.get("target") else ""
    holder = f" held by {task['claimed_by']}" if task.get("claimed_by") else ""
    project = f" [{task['project']}]" if task.get("project") else ""
    state = f"{task['status']}, {task['priority']}{project}{for_whom}{holder}"
    return f"#{task['id']} {state}: {task['title']}"


def _reasons(why: wire.Why | None) -> list[str] | None:
    if why is None:
        return None
    return [f"{each.code}: {texts.clean(each.detail or '')}" for each in why.reasons] or None


def _text(value: object, *, full: bool) -> str | None:
    return texts.excerpt(str(value), full=full) if value else None


def _number(value: object, divisor: int) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value / divisor
