"""The card of a task: one message that shows how it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import discord

from athena.bot.buttons import Button, buttons_of
from athena.bot.results import (
    audit_of,
    duration_of,
    place_of,
    pull_request_of,
    session_of,
    tests_of,
)
from athena.bot.text import Words, ago, cost, moment, span
from athena.model.lifecycle import Status
from athena.model.question import Question
from athena.model.task import Phase, Task, TaskId, cost_usd_of

DESCRIPTION_UNITS: Final = 1_000
_FULL_DESCRIPTION_UNITS: Final = 2_500
_NOTE_UNITS: Final = 300
_VALUE_UNITS: Final = 200
_NAMED_MAX: Final = 10
_QUESTIONS_MAX: Final = 4

ICONS: Final = {
    Status.PENDING: "🕒",
    Status.IN_PROGRESS: "⚙️",
    Status.COMPLETED: "✅",
    Status.FAILED: "❌",
    Status.CANCELLED: "🚫",
}
STATES: Final = {
    Status.PENDING: "pending",
    Status.IN_PROGRESS: "in progress",
    Status.COMPLETED: "completed",
    Status.FAILED: "failed",
    Status.CANCELLED: "cancelled",
}
_COLOURS: Final = {
    Status.PENDING: discord.Colour.light_grey(),
    Status.IN_PROGRESS: discord.Colour.blue(),
    Status.COMPLETED: discord.Colour.green(),
    Status.FAILED: discord.Colour.red(),
    Status.CANCELLED: discord.Colour.dark_grey(),
}


@dataclass(frozen=True, slots=True)
class Card:
    """What a card says; `digest` is equal where there is nothing new to send."""

    embed: discord.Embed
    buttons: Sequence[Button]

    @property
    def digest(self) -> str:
        """A fingerprint of all that people see."""
        seen = [self.embed.to_dict(), [(b.label, b.custom_id) for b in self.buttons]]
        text = json.dumps(seen, sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def title_of(task_id: TaskId, status: Status) -> str:
    """The first line of a card, by which it is also found again."""
    return f"{ICONS[status]} Task #{task_id} · {STATES[status]}"


def is_card_of(message: discord.Message, task_id: int) -> bool:
    """Whether a message that the bot wrote is the card of the task."""
    title = message.embeds[0].title if message.embeds else None
    return title is not None and f"Task #{task_id} ·" in title


def card_of(
    task: Task, *, holder: str | None, words: Words, waits_for: Question | None = None
) -> Card:
    """The card of a task.

    `holder`: the display name of the instance that has or had it; `waits_for`: the question that
    it is parked on.
    """
    embed = discord.Embed(
        title=title_of(task.id, task.status),
        description=words.paragraph(task.description, DESCRIPTION_UNITS),
        colour=_COLOURS[task.status],
        timestamp=task.created_at,
    )
    for name, value in _fields(task, holder, words, waits_for):
        embed.add_field(name=name, value=value, inline=len(value) <= 60)
    embed.set_footer(text=_origin(task, words))
    return Card(embed, buttons_of(task))


def removed_card(task_id: TaskId) -> Card:
    """What is left of a card whose task somebody has removed."""
    embed = discord.Embed(title=f"🗑️ Task #{task_id} · removed", colour=discord.Colour.dark_grey())
    return Card(embed, ())


def full_card_of(
    task: Task, *, holder: str | None, words: Words, questions: Sequence[Question] = ()
) -> Card:
    """Everything about a task, for a person who asked; `questions` are those that are open."""
    waits_for = next((each for each in questions if each.id == task.parked_question), None)
    card = card_of(task, holder=holder, words=words, waits_for=waits_for)
    embed = card.embed
    embed.description = words.paragraph(task.description, _FULL_DESCRIPTION_UNITS)
    for name, value in _further_fields(task, words, questions):
        embed.add_field(name=name, value=value, inline=len(value) <= 60)
    return card


def _fields(
    task: Task, holder: str | None, words: Words, waits_for: Question | None
) -> list[tuple[str, str]]:
    """The fields in their order, without those that have nothing to say."""
    usd = cost_usd_of(task.result)
    length = duration_of(task) if task.status.is_end else None
    named = [
        ("Priority", task.priority.value),
        ("Project", words.line(task.project or "", _VALUE_UNITS)),
        ("Target", words.line(task.target or "", _VALUE_UNITS)),
        ("Instance", words.line(holder or "", _VALUE_UNITS)),
        ("Attempt", _attempt(task)),
        ("Progress", _progress(task, words)),
        ("Waits for", _waits_for(task, words, waits_for)),
        ("Duration", span(length) if length is not None else ""),
        ("Cost", cost(usd) if usd is not None else ""),
        place_of(task, words) or ("", ""),
        ("Tests", tests_of(task, words) or ""),
        ("Audit", audit_of(task, words) or ""),
        ("Pull request", pull_request_of(task, words) or ""),
        ("Last error", words.line(task.error or "", _NOTE_UNITS)),
    ]
    return [(name, value) for name, value in named if value]


def _further_fields(
    task: Task, words: Words, questions: Sequence[Question]
) -> list[tuple[str, str]]:
    depends_on = ", ".join(f"#{dependency}" for dependency in task.depends_on[:_NAMED_MAX])
    named = [
        ("Lane", words.line(task.lane or "", _VALUE_UNITS)),
        ("Depends on", depends_on),
        ("Asks", _asks(questions, words)),
        ("Session", session_of(task, words) or ""),
        ("Continues", words.code(task.continues, 100) if task.continues else ""),
        ("Created", moment(task.created_at)),
        ("Claimed", moment(task.claimed_at) if task.claimed_at else ""),
        ("Ended", moment(task.completed_at) if task.completed_at else ""),
        ("Lease until", moment(task.lease_expires_at) if task.lease_expires_at else ""),
        ("Notes", words.block(task.notes, 1_000) if task.notes else ""),
    ]
    return [(name, value) for name, value in named if value]


def _attempt(task: Task) -> str:
    if task.attempt == 0 or (task.attempt == 1 and task.failures == 0):
        return ""
    failed = f", {task.failures} of {task.max_attempts} failed" if task.failures else ""
    return f"{task.attempt}{failed}"


def _progress(task: Task, words: Words) -> str:
    if not task.is_running:
        return ""
    progress = task.progress
    percent = progress.percent if progress else None
    message = progress.message if progress else None
    parts = [
        _bar(percent) if percent is not None else "",
        _phase(task),
        words.line(message, _NOTE_UNITS) if message else "",
    ]
    return " · ".join(part for part in parts if part)


def _phase(task: Task) -> str:
    if task.phase is Phase.WAITING and task.asker is not None:
        return "waiting for an answer"
    return task.phase.value if task.phase else ""


def _asks(questions: Sequence[Question], words: Words) -> str:
    """The open questions, each on a line."""
    shown = questions[:_QUESTIONS_MAX]
    lines = [f"❓ {each.id}: {words.line(each.text, _VALUE_UNITS)}" for each in shown]
    more = len(questions) - len(shown)
    return "\n".join([*lines, *([f"and {more} more"] if more > 0 else [])])


def _bar(percent: int) -> str:
    filled = min(10, max(0, round(percent / 10)))
    return f"{'▰' * filled}{'▱' * (10 - filled)} {percent} %"


def _waits_for(task: Task, words: Words, question: Question | None) -> str:
    if not task.is_pending:
        return ""
    blocked = ", ".join(f"#{dependency}" for dependency in task.blocked_by[:_NAMED_MAX])
    more = len(task.blocked_by) - _NAMED_MAX
    parts = [
        blocked + (f" and {more} more" if more > 0 else ""),
        ago(task.not_before) if task.not_before and not task.parked_until else "",
        f"parked, until {ago(task.parked_until)}" if task.parked_until else "",
        f"parked, until {_answered(task, words, question)}" if task.parked_question else "",
    ]
    return " · ".join(part for part in parts if part)


def _answered(task: Task, words: Words, question: Question | None) -> str:
    asked = f": {words.line(question.text, _VALUE_UNITS)}" if question is not None else ""
    return f"question {task.parked_question} is answered{asked}"


def _origin(task: Task, words: Words) -> str:
    who = words.plain(task.created_by, _VALUE_UNITS) if task.created_by else "somebody"
    return f"{who} via {task.created_via}"
