"""How everything stands, in lines: instances, queue, and what is wrong."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from athena.bot.health import brief_lines, is_sick
from athena.bot.text import Words, ago, cost, span, units
from athena.model.instance import Presence
from athena.model.lifecycle import Status
from athena.model.pause import Pause, Pauses
from athena.model.question import Question
from athena.service.health import HealthReport
from athena.service.stats import Statistics

_INSTANCES_MAX: Final = 25
# An embed has at most 6,000 units in all; what else stands in it takes up to 2,900.
_INSTANCES_UNITS: Final = 3_000
_TASKS_MAX: Final = 5
_QUESTION_UNITS: Final = 100
_LINE_UNITS: Final = 150
_PAUSES_MAX: Final = 5


def instance_lines(present: Sequence[Presence], words: Words) -> list[str]:
    """One line an instance, those online first."""
    if not present:
        return ["No instance has been seen yet: `claude-task-client login` connects one."]
    ordered = sorted(present, key=lambda each: (not each.instance.online, each.instance.slug))
    lines: list[str] = []
    used = 0
    for each in ordered[:_INSTANCES_MAX]:
        line = _instance_line(each, words)
        used += units(line) + 1
        if used > _INSTANCES_UNITS:
            break
        lines.append(line)
    more = len(ordered) - len(lines)
    return [*lines, f"and {more} more"] if more > 0 else lines


def _instance_line(present: Presence, words: Words) -> str:
    instance = present.instance
    held = ", ".join(f"#{task_id}" for task_id in present.tasks[:_TASKS_MAX])
    more = " …" if len(present.tasks) > _TASKS_MAX else ""
    doing = f"at work on {held}{more}" if held else "idle" if instance.online else "offline"
    icon = "🩺" if is_sick(instance.health) else "🟢" if instance.online else "⚪"
    seen = f"seen {ago(instance.last_seen)}"
    line = f"{icon} **{words.line(instance.display_name, 60)}** · {doing} · {seen}"
    return "\n".join([line, *brief_lines(instance.health, words)])


def queue_lines(figures: Statistics, pauses: Pauses, words: Words) -> list[str]:
    """The figures of the queue."""
    by_status, done, paid = figures.by_status, figures.throughput, figures.cost_usd
    pending = [f"{count} {name.value}" for name, count in figures.by_priority.items() if count]
    waiting = by_status[Status.PENDING]
    lines = [
        f"🕒 {waiting} pending" + (f" ({', '.join(pending)})" if pending else ""),
        f"⚙️ {by_status[Status.IN_PROGRESS]} in progress",
        f"✅ {done['24h']} completed in 24 hours, {done['7d']} in 7 days",
        f"💵 {cost(paid['24h'])} in 24 hours, {cost(paid['30d'])} in 30 days",
    ]
    oldest = figures.oldest_pending_seconds
    if oldest is not None:
        lines.append(f"The oldest has waited {span(timedelta(seconds=oldest))}")
    return lines + [_pause_line(pause, words) for pause in pauses.items[:_PAUSES_MAX]]


def _pause_line(pause: Pause, words: Words) -> str:
    if pause.is_of_everything:
        return "⏸️ **The queue is paused**"
    parts = [
        f"project {words.line(pause.project, 64)}" if pause.project else "",
        f"instance {words.line(pause.instance, 64)}" if pause.instance else "",
    ]
    return f"⏸️ Paused: {' on '.join(part for part in parts if part)}"


@dataclass(frozen=True, slots=True)
class Waiting:
    """A question that waits for a person, and the address of its message, where there is one."""

    question: Question
    url: str | None = None


def question_lines(waiting: Sequence[Waiting], words: Words, *, are_all: bool) -> list[str]:
    """What instances wait to be told."""
    lines = []
    for each in waiting:
        question = each.question
        where = f" [answer]({each.url})" if each.url else ""
        text = words.line(question.text, _QUESTION_UNITS)
        lines.append(f"❓ **#{question.task_id}** {text}{where}")
    return lines if are_all else [*lines, "and more"]


def trouble_lines(health: HealthReport, problems: Sequence[str], words: Words) -> list[str]:
    """What is wrong, for somebody to set right."""
    lines = [f"⚠️ {words.line(problem, _LINE_UNITS)}" for problem in problems[:5]]
    if health.database != "ok":
        lines.append("⚠️ The store cannot be written")
    return lines
