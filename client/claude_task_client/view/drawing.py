"""How each thing looks in a list: a line or a few, never wider than the place there is.

Texts come from whoever writes tasks: they go through `output.line`, which leaves no character in
them that a terminal would obey, and into `Text`, in which nothing is markup.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Final

from rich.cells import cell_len, set_cell_size
from rich.text import Text

from claude_task_client import clock, describing, output, questions
from claude_task_client.view.rows import Row
from claude_task_client.wire import Event, Instance, Question, Task

# From this width on there is room for what is nice to know.
ROOMY_COLUMNS: Final = 90
_BAR_CELLS: Final = 10
_PRIORITY_STYLES: Final = {"urgent": "bold red", "high": "yellow", "low": "dim"}
_OUTCOMES: Final = {
    "completed": ("✓", "green"),
    "failed": ("✗", "bold red"),
    "cancelled": ("–", "dim"),
}
_TEXT_CHARACTERS_MAX: Final = 400

Cell = tuple[str, int, str]
Moment = Callable[[], datetime]


def shown(text: object) -> str:
    """Any text as one line that does nothing to a terminal."""
    flat = output.line(str(text), _TEXT_CHARACTERS_MAX)
    return flat.encode("utf-8", "replace").decode()


def whole(text: str) -> str:
    """Any text as it is, line for line, that does nothing to a terminal."""
    return output.clean(text).expandtabs(4).encode("utf-8", "replace").decode()


def running(task: Task, tail: Sequence[str]) -> Row:
    """A task in hand: how far it is, who has it, its message, and the last lines of its log."""
    message = task.progress.message if task.progress else None
    below = [("  » ", message, "cyan")] if message else []
    below += [("  │ ", each, "dim") for each in tail]

    def draw(width: int) -> Sequence[Text]:
        roomy = width >= ROOMY_COLUMNS
        head = _line(
            [
                (f"#{task.id}", 6, "bold"),
                (task.phase or "working", 10, "yellow" if task.phase == "waiting" else ""),
                (_bar(task), _BAR_CELLS + 5, "green"),
                (_since(task.claimed_at), 6, ""),
                (task.claimed_by or "-", 18 if roomy else 14, "magenta"),
                *([(task.project or "", 14, "blue")] if roomy else []),
            ],
            task.description,
            width,
        )
        return [
            head,
            *(_line([], words, width, style, indent=mark) for mark, words, style in below),
        ]

    return Row(("task", task.id), 1 + len(below), draw)


def pending(task: Task) -> Row:
    """A task that waits, and what for."""

    def draw(width: int) -> Sequence[Text]:
        roomy = width >= ROOMY_COLUMNS
        state = _readiness(task)
        return [
            _line(
                [
                    (f"#{task.id}", 6, "bold"),
                    (task.priority, 7, _PRIORITY_STYLES.get(task.priority, "")),
                    (state, 26 if roomy else 18, "green" if state == "ready" else "yellow"),
                    (_since(task.created_at), 6, "dim"),
                    *([(task.project or "", 14, "blue")] if roomy else []),
                ],
                task.description,
                width,
            )
        ]

    return Row(("task", task.id), 1, draw)


def ended(task: Task) -> Row:
    """A task that is over: how it went, how long it took, what it cost."""

    def draw(width: int) -> Sequence[Text]:
        sign, style = _OUTCOMES.get(task.status, ("?", ""))
        words = task.description if not task.error else f"{task.error} · {task.description}"
        return [
            _line(
                [
                    (f"#{task.id}", 6, "bold"),
                    (f"{sign} {task.status}", 12, style),
                    (_took(task), 6, ""),
                    (_cost(task), 8, "cyan"),
                    *(
                        [(_since(task.completed_at) + " ago", 10, "dim")]
                        if width >= ROOMY_COLUMNS
                        else []
                    ),
                ],
                words,
                width,
            )
        ]

    return Row(("task", task.id), 1, draw)


def question(asked: Question) -> Row:
    """What somebody asks, and what would be done."""

    def draw(width: int) -> Sequence[Text]:
        words = asked.text
        if asked.kind == questions.APPROVAL:
            words = f"{asked.action.get('tool')}: {asked.text}"
        return [
            _line(
                [
                    (f"?{asked.id}", 6, "bold yellow"),
                    (f"#{asked.task_id}", 6, "bold"),
                    (asked.kind, 9, "yellow"),
                    (_since(asked.asked_at), 6, "dim"),
                    (asked.instance or "-", 18 if width >= ROOMY_COLUMNS else 14, "magenta"),
                ],
                words,
                width,
            )
        ]

    return Row(("question", asked.id), 1, draw)


def instance(each: Instance) -> Row:
    """Who it is, whether it is there, what it holds, and what is wrong with it."""

    def draw(width: int) -> Sequence[Text]:
        style = "green" if each.online else "dim"
        tasks = " ".join(f"#{task}" for task in each.tasks[:20])
        return [
            _line(
                [
                    (
                        ("● " if each.online else "○ ") + each.instance,
                        22 if width >= 60 else 18,
                        style,
                    ),
                    ("online" if each.online else f"{_since(each.last_seen)} ago", 13, style),
                    (tasks or "idle", min(24, max(8, width // 5)), "bold" if tasks else "dim"),
                ],
                "; ".join(troubles(each)) if each.online else "",
                width,
                "bold red",
            )
        ]

    return Row(("instance", each.instance), 1, draw)


def event(happened: Event) -> Row:
    """What happened, in one line."""
    return Row(
        ("event", happened.id),
        1,
        lambda width: [_line([], describing.event_line(happened), width)],
    )


def note(words: str) -> Row:
    """A remark at the end of a list."""
    return Row(("note", words), 1, lambda width: [_line([], words, width, "dim")])


def troubles(each: Instance) -> list[str]:
    """Why an instance that is there claims nothing, by its own word."""
    health = each.health
    if health is None:
        return []
    found = []
    if health.ok is False:
        found.append(f"sick: {health.message or 'it does not say why'}")
    elif isinstance(projects := health.raw.get("sick_projects"), list) and projects:
        found.append(f"cannot work on {', '.join(map(str, projects))}: {health.message}")
    limited = health.limited_until
    if isinstance(limited, datetime) and limited > clock.now():
        found.append(f"usage limit until {clock.local(limited):%H:%M}")
    return found


def _readiness(task: Task) -> str:
    match task.readiness:
        case "blocked":
            waits_for = ", ".join(f"#{each}" for each in task.blocked_by[:3])
            more = "…" if len(task.blocked_by) > 3 else ""
            return f"blocked by {waits_for}{more}" if waits_for else "blocked"
        case "scheduled" if isinstance(task.not_before, datetime):
            at = clock.local(task.not_before)
            is_soon = (at - clock.now()).total_seconds() < 20 * 3600
            return f"from {at:%H:%M}" if is_soon else f"from {at:%m-%d %H:%M}"
        case "held":
            return f"lane {task.lane}"
        case None:
            return task.status
        case readiness:
            return readiness


def _bar(task: Task) -> str:
    percent = task.progress.percent if task.progress else None
    if not isinstance(percent, int | float):
        return ""
    filled = max(0, min(_BAR_CELLS, round(percent * _BAR_CELLS / 100)))
    return "█" * filled + "░" * (_BAR_CELLS - filled) + f" {percent:.0f}%"


def _since(at: datetime | None) -> str:
    if not isinstance(at, datetime):
        return "-"
    return _span((clock.now() - at).total_seconds())


def _span(seconds: float) -> str:
    """A length of time in its largest unit: columns of it are narrow."""
    return " ".join(output.span(seconds).split(" ")[:2])


def _took(task: Task) -> str:
    duration_ms = task.result.duration_ms if task.result else None
    if isinstance(duration_ms, int | float):
        return _span(duration_ms / 1000)
    if isinstance(task.claimed_at, datetime) and isinstance(task.completed_at, datetime):
        return _span((task.completed_at - task.claimed_at).total_seconds())
    return "-"


def _cost(task: Task) -> str:
    usd = task.result.total_cost_usd if task.result else None
    return describing.dollars(usd) if isinstance(usd, int | float) else "-"


def _line(
    cells: Iterable[Cell], rest: str, width: int, style: str = "", *, indent: str = ""
) -> Text:
    """Cells of fixed widths, each followed by a space, and the rest in what is left."""
    text = Text(indent, no_wrap=True, end="")
    for words, cells_wide, cell_style in cells:
        text.append(fitted(shown(words), cells_wide) + " ", cell_style)
    left = width - cell_len(text.plain)
    if left > 0:
        text.append(_cut(shown(rest), left), style)
    return text


def fitted(words: str, cells_wide: int) -> str:
    """The words in so many cells, no more and no less."""
    return set_cell_size(_cut(words, cells_wide), cells_wide)


def _cut(words: str, cells_wide: int) -> str:
    if cell_len(words) <= cells_wide:
        return words
    return set_cell_size(words, cells_wide - 1).rstrip() + "…"
