"""What is said about a task beside its card: lines for its thread, and the notices of its end.

Each is worded from the event; the task as it stands now adds what the event does not carry.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from athena.bot.buttons import Control
from athena.bot.health import full_lines, is_in_part, is_sick
from athena.bot.results import (
    audit_of,
    duration_of,
    place_of,
    pull_request_of,
    session_of,
    tests_of,
)
from athena.bot.text import Words, ago, cost, span, units
from athena.model.event import Event
from athena.model.instance import Instance
from athena.model.lifecycle import Status
from athena.model.message import Message
from athena.model.task import Task, cost_usd_of

CONTENT_UNITS: Final = 2_000
_LINE_UNITS: Final = 300
_TOLD_UNITS: Final = 1_200
# A file's text is bounded as notes are; a result's output may be longer.
_FILE_UNITS: Final = 100_000

NameOf = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """A message beside the card. `file_text`: what did not fit, whole."""

    content: str
    mention: int | None = None
    file_name: str | None = None
    file_text: str | None = None
    controls: Sequence[Control] = ()

    @property
    def digest(self) -> str:
        """A fingerprint of all that people see."""
        seen = repr((self.content, self.file_text, tuple(self.controls)))
        return hashlib.sha256(seen.encode("utf-8", "replace")).hexdigest()[:16]


def submitter_of(task: Task) -> int | None:
    """The Discord user who submitted the task, if one did."""
    kind, _, name = task.submitter.partition(":")
    return int(name) if kind == "discord" and name.isascii() and name.isdigit() else None


@dataclass(frozen=True, slots=True)
class Wording:
    """Words events; `name_of` gives the display name of an instance."""

    words: Words
    name_of: NameOf

    # Lines for the thread

    def line(self, event: Event) -> str | None:
        """What the thread is told of an event; None for nothing."""
        match event.type:
            case "task.claimed":
                return self._claimed(event)
            case "task.released":
                return f"↩️ Given back by {self._instance(event)}"
            case "task.parked":
                return self._parked(event)
            case "task.expired":
                return self._expired(event)
            case "task.will_retry":
                return self._will_retry(event)
            case "task.cancelled":
                return f"🚫 Task #{event.task_id} cancelled by {self._actor(event)}"
            case "task.retried":
                return self._retried(event)
            case _:
                return None

    def _instance(self, event: Event) -> str:
        return self.words.line(self.name_of(_text(event.data, "instance") or "?"), 100)

    def _actor(self, event: Event) -> str:
        return self.words.line(event.actor.name, 100)

    def _claimed(self, event: Event) -> str:
        attempt = event.data.get("attempt")
        again = f" (attempt {attempt})" if isinstance(attempt, int) and attempt > 1 else ""
        return f"⚙️ Task #{event.task_id} claimed by {self._instance(event)}{again}"

    def _parked(self, event: Event) -> str:
        until, question = _time(event.data, "until"), event.data.get("question")
        when = f" until {ago(until)}" if until else ""
        if isinstance(question, int):
            when = f" until question {question} is answered"
        return f"⏸️ Parked by {self._instance(event)}{when}"

    def _expired(self, event: Event) -> str:
        return f"⌛ Nothing was heard of {self._instance(event)}: the task is in the queue again"

    def _will_retry(self, event: Event) -> str:
        error = _text(event.data, "error")
        what = f": {self.words.line(error, _LINE_UNITS)}" if error else ""
        at = _time(event.data, "not_before")
        when = f"; tried again {ago(at)}" if at else ""
        return f"🔁 An attempt by {self._instance(event)} failed{what}{when}"

    def _retried(self, event: Event) -> str:
        return f"🔄 Task #{event.task_id} put back into the queue by {self._actor(event)}"

    def progress(self, event: Event) -> str | None:
        """The line of a step of progress; None where only the card has something to show."""
        message = _text(event.data, "message")
        if message is None or not message.strip():
            return None
        percent, phase = event.data.get("percent"), _text(event.data, "phase")
        head = [f"{percent} %"] if isinstance(percent, int) else []
        head += [phase] if phase and phase != "working" else []
        said = self.words.line(message, _LINE_UNITS)
        return f"• {', '.join(head)} · {said}" if head else f"• {said}"

    # Notices

    def end(self, event: Event, task: Task) -> Notice:
        """The end of a task. What a later retry has cleared is said from the event alone."""
        completed = event.type == "task.completed"
        status = Status.COMPLETED if completed else Status.FAILED
        mention = submitter_of(task)
        title = f"{'✅' if completed else '❌'} Task #{task.id} {status.value}"
        head = f"{title} <@{mention}>" if mention else title
        if task.status is not status:
            return Notice(content=self._short_end(head, event), mention=mention)
        told = (task.notes or _output(task)) if completed else (task.error or task.notes)
        lines = [head, self._figures(task), *self._proofs(task)]
        return self._with_text(lines, told or "", mention, f"task-{task.id}-{status.value}.txt")

    def _short_end(self, head: str, event: Event) -> str:
        error = _text(event.data, "error")
        lines = [head, f"{self._instance(event)} · tried again since"]
        return "\n".join([*lines, self.words.block(error, _TOLD_UNITS)] if error else lines)

    def _figures(self, task: Task) -> str:
        length, usd = duration_of(task), cost_usd_of(task.result)
        parts = [
            self.words.line(self.name_of(task.claimed_by), 100) if task.claimed_by else "",
            span(length) if length is not None else "",
            cost(usd) if usd is not None else "",
            f"attempt {task.attempt}" if task.attempt > 1 else "",
        ]
        return " · ".join(part for part in parts if part)

    def _proofs(self, task: Task) -> list[str]:
        """Where the work is, how it was checked, and the conversation that it was done in."""
        place, pull_request = place_of(task, self.words), pull_request_of(task, self.words)
        where = [
            " ".join(place) if place else "",
            f"Pull request {pull_request}" if pull_request else "",
        ]
        checks = [("Tests", tests_of(task, self.words)), ("Audit", audit_of(task, self.words))]
        session = session_of(task, self.words)
        return [
            " · ".join(part for part in where if part),
            " · ".join(f"{name} {said}" for name, said in checks if said),
            f"-# Session {session}" if session else "",
        ]

    def _with_text(
        self, lines: list[str], told: str, mention: int | None, file_name: str
    ) -> Notice:
        content = "\n".join(line for line in lines if line)
        if not told.strip():
            return Notice(content=content, mention=mention)
        content = f"{content}\n{self.words.block(told, _TOLD_UNITS)}"
        if units(told) <= _TOLD_UNITS - 10:
            return Notice(content=content, mention=mention)
        text = self.words.redact(told[:_FILE_UNITS])
        return Notice(content=content, mention=mention, file_name=file_name, file_text=text)

    def blocked(self, event: Event, task: Task) -> Notice:
        """A task that waits for one that will not come: a person has to decide."""
        mention = submitter_of(task)
        dependency, status = event.data.get("dependency"), _text(event.data, "status")
        head = f"⛔ Task #{task.id} is blocked" + (f" <@{mention}>" if mention else "")
        return Notice(
            content=f"{head}\nIt waits for task #{dependency}, which was {_was(status)}. "
            f"`/retry {dependency}` to try that again, or `/cancel {task.id}`.",
            mention=mention,
        )

    # People and instances

    def said(self, message: Message) -> Notice:
        """A person's word to the task."""
        who = self.words.line(message.sent_by, 100)
        head = f"💬 **{who}** via {self.words.line(message.sent_via, 40)}"
        if message.follow_up is not None:
            head += f", which task #{message.follow_up} continues with"
        content = f"{head}\n{self.words.quote(message.text, _TOLD_UNITS)}"
        if units(message.text) <= _TOLD_UNITS // 2:
            return Notice(content=content)
        return Notice(
            content=content,
            file_name=f"task-{message.task_id}-message.txt",
            file_text=self.words.redact(message.text[:_FILE_UNITS]),
        )

    def sick(self, event: Event, instance: Instance | None) -> Notice:
        """An instance cannot work until a person does something; `instance`: as it is now."""
        named = event.data.get("projects")
        projects = ", ".join(map(str, named)) if isinstance(named, list | tuple) else None
        on = f" on {self.words.line(projects, 100)}" if projects else ""
        head = f"🩺 {self._instance(event)} cannot work{on}"
        health = {} if instance is None else instance.health
        if not (is_sick(health) or is_in_part(health)):
            health = {}  # it is well again by now: what was wrong then is in the event
        told = full_lines(health, _text(event.data, "message"), self.words)
        return Notice(content="\n".join([head, *told]))

    def well(self, event: Event) -> Notice:
        """An instance that could not work can again."""
        return Notice(content=f"💚 {self._instance(event)} can work again")


def _text(data: Mapping[str, object], name: str) -> str | None:
    value = data.get(name)
    return value if isinstance(value, str) else None


def _time(data: Mapping[str, object], name: str) -> datetime | None:
    value = data.get(name)
    try:
        return datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _output(task: Task) -> str | None:
    output = (task.result or {}).get("output")
    return output if isinstance(output, str) else None


def _was(status: str | None) -> str:
    return {"failed": "not completed: it failed", "cancelled": "cancelled"}.get(
        status or "", "not completed"
    )
