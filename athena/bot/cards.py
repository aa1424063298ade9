"""The card of a task: one message that shows how it stands."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import discord

from athena.bot.buttons import Button, buttons_of
from athena.bot.text import Words, ago, cost, moment, span
from athena.model.lifecycle import Status
from athena.model.task import Task, TaskId, cost_usd_of

DESCRIPTION_UNITS: Final = 1_000
_FULL_DESCRIPTION_UNITS: Final = 3_000
_NOTE_UNITS: Final = 300
_VALUE_UNITS: Final = 200
_NAMED_MAX: Final = 10

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


def card_of(task: Task, *, holder: str | None, words: Words) -> Card:
    """The card of a task; `holder` is the display name of the instance that has or had it."""
    embed = discord.Embed(
        title=title_of(task.id, task.status),
        description=words.paragraph(task.description, DESCRIPTION_UNITS),
        colour=_COLOURS[task.status],
        timestamp=task.created_at,
    )
    for name, value in _fields(task, holder, words):
        embed.add_field(name=name, value=value, inline=len(value) <= 60)
    embed.set_footer(text=_origin(task, words))
    return Card(embed, buttons_of(task))


def removed_card(task_id: TaskId) -> Card:
    """What is left of a card whose task somebody has removed."""
    embed = discord.Embed(title=f"🗑️ Task #{task_id} · removed", colour=discord.Colour.dark_grey())
    return Card(embed, ())


def full_card_of(task: Task, *, holder: str | None, words: Words) -> Card:
    """Everything about a task, for a person who asked."""
    card = card_of(task, holder=holder, words=words)
    embed = card.embed
    embed.description = words.paragraph(task.description, _FULL_DESCRIPTION_UNITS)
    for name, value in _further_fields(task, words):
        embed.add_field(name=name, value=value, inline=len(value) <= 60)
    return card


def duration_of(task: Task) -> timedelta | None:
    """How long the work took: what the result says, else from the claim to the end."""
    said = (task.result or {}).get("duration_ms")
    if isinstance(said, (int, float)) and not isinstance(said, bool) and 0 <= said < 1e12:
        return timedelta(milliseconds=said)
    if task.claimed_at is None or task.completed_at is None:
        return None
    return task.completed_at - task.claimed_at


def commit_of(task: Task, words: Words) -> str | None:
    """The commit and the branch where the work is."""
    result = task.result or {}
    commit, branch = result.get("commit"), result.get("branch")
    parts = []
    if isinstance(commit, str) and commit.strip():
        parts.append(words.code(commit, 42))
    if isinstance(branch, str) and branch.strip():
        parts.append(f"on {words.code(branch, 80)}")
    return " ".join(parts) or None


def pull_request_of(task: Task, words: Words) -> str | None:
    """The address of the pull request."""
    url = (task.result or {}).get("pull_request_url")
    return words.link(url) if isinstance(url, str) else None


def _fields(task: Task, holder: str | None, words: Words) -> list[tuple[str, str]]:
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
        ("Waits for", _waits_for(task)),
        ("Duration", span(length) if length is not None else ""),
        ("Cost", cost(usd) if usd is not None else ""),
        ("Commit", commit_of(task, words) or ""),
        ("Pull request", pull_request_of(task, words) or ""),
        ("Last error", words.line(task.error or "", _NOTE_UNITS)),
    ]
    return [(name, value) for name, value in named if value]


def _further_fields(task: Task, words: Words) -> list[tuple[str, str]]:
    depends_on = ", ".join(f"#{dependency}" for dependency in task.depends_on[:_NAMED_MAX])
    named = [
        ("Lane", words.line(task.lane or "", _VALUE_UNITS)),
        ("Depends on", depends_on),
        ("Session", words.code(task.session_id, 100) if task.session_id else ""),
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
        task.phase.value if task.phase else "",
        words.line(message, _NOTE_UNITS) if message else "",
    ]
    return " · ".join(part for part in parts if part)


def _bar(percent: int) -> str:
    filled = min(10, max(0, round(percent / 10)))
    return f"{'▰' * filled}{'▱' * (10 - filled)} {percent} %"


def _waits_for(task: Task) -> str:
    if not task.is_pending:
        return ""
    blocked = ", ".join(f"#{dependency}" for dependency in task.blocked_by[:_NAMED_MAX])
    more = len(task.blocked_by) - _NAMED_MAX
    parts = [
        blocked + (f" and {more} more" if more > 0 else ""),
        ago(task.not_before) if task.not_before and not task.parked_until else "",
        f"parked, until {ago(task.parked_until)}" if task.parked_until else "",
    ]
    return " · ".join(part for part in parts if part)


def _origin(task: Task, words: Words) -> str:
    who = words.plain(task.created_by, _VALUE_UNITS) if task.created_by else "somebody"
    return f"{who} via {task.created_via}"
