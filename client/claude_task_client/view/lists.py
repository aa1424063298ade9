"""All lists of the view, and how the terminal is shared among them."""

from __future__ import annotations

import math
import time
from collections.abc import Hashable, Iterator
from typing import Final

from textual.app import ComposeResult
from textual.containers import Container, Vertical

from claude_task_client.view import drawing
from claude_task_client.view.panel import Panel
from claude_task_client.view.picture import PENDING_MAX, Picture
from claude_task_client.view.rows import Row, Rows
from claude_task_client.view.sharing import share
from claude_task_client.view.tails import FOLLOWED_MAX, Tails
from claude_task_client.wire import Question, Task

# From this width on two columns stand beside each other.
WIDE_COLUMNS: Final = 120
TALL_LINES: Final = 36
# Nobody sees sooner that the cursor stands on something else, and keeps a key back.
LOOK_AGAIN_SECONDS: Final = 1.0


class Lists(Container):
    """Questions, what runs, what waits, what has ended, who is there, and what happened."""

    DEFAULT_CSS = """
    Lists { layout: vertical; height: 1fr; overflow: hidden; }
    Lists > Vertical { width: 1fr; height: auto; }
    Lists.wide { layout: horizontal; }
    Lists.wide > #left { width: 3fr; height: 1fr; }
    Lists.wide > #right { width: 2fr; height: 1fr; margin-left: 1; }
    """

    def __init__(self, picture: Picture, tails: Tails, *, about: str | None) -> None:
        super().__init__()
        self._picture = picture
        self._tails = tails
        self._about = about
        self._slipped_at = -math.inf
        self.questions = Panel("questions", "Questions", least=3, hides=True)
        self.running = Panel("running", "Running", least=3)
        self.pending = Panel("pending", "Pending", least=3, takes_rest=True)
        self.ended = Panel("ended", "Ended", least=3, takes_rest=True)
        self.instances = Panel("instances", "Instances", least=2)
        title = f"Events of {about}" if about else "Events"
        self.events = Panel("events", title, least=2, hides=not about)

    def compose(self) -> ComposeResult:
        """See `Widget`."""
        yield Vertical(self.questions, self.running, self.pending, id="left")
        yield Vertical(self.instances, self.ended, self.events, id="right")

    @property
    def panels(self) -> list[Panel]:
        """All of them, from the top to the bottom."""
        return [
            self.questions,
            self.running,
            self.pending,
            self.instances,
            self.ended,
            self.events,
        ]

    @property
    def focused(self) -> Panel | None:
        """The list in which the cursor is."""
        return next((panel for panel in self.panels if panel.has_focus), None)

    @property
    def selected(self) -> tuple[str, int | str] | None:
        """What is under the cursor: a kind (`task`, `question`, `instance`, …) and which."""
        row = self.focused.selected if self.focused else None
        return row.key if row else None  # type: ignore[return-value]  # all our rows have such keys

    def paint(self) -> None:
        """Draw the picture anew; note where the cursor comes to stand on something else by it."""
        before = self._under_cursor
        self._fill()
        self._share()
        self._keep_focus()
        if before is not None and before != self._under_cursor:
            self._slipped_at = time.monotonic()

    @property
    def has_just_slipped(self) -> bool:
        """Whether the cursor went elsewhere just now without a key: what it stood on is gone."""
        return time.monotonic() - self._slipped_at < LOOK_AGAIN_SECONDS

    @property
    def _under_cursor(self) -> Hashable:
        """What `selected` is about to be: a list learns a little later that it has the cursor."""
        focused = self.screen.focused
        row = focused.selected if isinstance(focused, Panel) else None
        return row.key if row else None

    def _fill(self) -> None:
        picture = self._picture
        self.questions.fill(
            [drawing.question(each) for each in picture.questions],
            _count(len(picture.questions), goes_on=picture.questions_go_on),
        )
        self._paint_running()
        self._paint_pending()
        self.ended.fill([drawing.ended(task) for task in picture.ended], "")
        online = sum(bool(each.online) for each in picture.instances)
        self.instances.fill(
            [drawing.instance(each) for each in picture.instances],
            f"{online} of {len(picture.instances)} online",
        )
        self.events.fill([drawing.event(each) for each in reversed(picture.events)], "")

    def find_question(self, question_id: int) -> Question | None:
        """An open question."""
        return next((each for each in self._picture.questions if each.id == question_id), None)

    def find_task(self, task_id: int) -> Task | None:
        """A task that is in one of the lists."""
        return next((task for task in self._tasks() if task.id == task_id), None)

    def _tasks(self) -> Iterator[Task]:
        yield from self._picture.running
        yield from self._picture.pending
        yield from self._picture.ended

    def _paint_running(self) -> None:
        picture = self._picture
        chosen = self.running.selected
        ids = [task.id for task in picture.running]
        if chosen is not None and self.running.has_focus:
            ids.sort(key=lambda task_id: ("task", task_id) != chosen.key)
        self._tails.follow(ids[:FOLLOWED_MAX])
        lines = 4 if self.app.size.height >= TALL_LINES else 2
        rows = [drawing.running(task, self._tails.of(task.id, lines)) for task in picture.running]
        self.running.fill(rows, _count(len(rows), goes_on=picture.running_goes_on))

    def _paint_pending(self) -> None:
        picture = self._picture
        rows = [drawing.pending(task) for task in picture.pending]
        if picture.pending_goes_on:
            rows.append(self._more(len(rows)))
        self.pending.fill(rows, self._pending_count(), self._why_not())

    def _pending_count(self) -> str:
        stats, picture = self._picture.stats, self._picture
        if stats is None or picture.search is not None or not picture.pending_goes_on:
            return _count(len(picture.pending), goes_on=picture.pending_goes_on)
        return str(stats.by_status.get("pending", len(picture.pending)))

    def _more(self, shown: int) -> Row:
        how = "/ finds others" if shown >= PENDING_MAX else "go on down, or / finds others"
        return drawing.note(f"… more wait behind these {shown}: {how}")

    def _why_not(self) -> str:
        """Why the first task that waits does, and with it likely all of them."""
        if not self._picture.pending:
            return ""
        why = self._picture.reasons.get(self._picture.pending[0].id)
        reason = next((each.detail for each in why.reasons), None) if why else None
        return f"#{self._picture.pending[0].id}: {reason}" if reason else ""

    def _share(self) -> None:
        is_wide = self.app.size.width >= WIDE_COLUMNS
        self.set_class(is_wide, "wide")
        columns = [self.panels[:3], self.panels[3:]] if is_wide else [self.panels]
        for panels in columns:
            lines = share(self.size.height, [panel.wish for panel in panels])
            for panel, given in zip(panels, lines, strict=True):
                panel.styles.height = given
                panel.display = given > 0

    def _keep_focus(self) -> None:
        """Let no list have the cursor that has no row for it."""
        if self.screen.focused is not None and self.focused is None:
            return
        if self.focused is None or not self.focused.can_focus:
            free = [panel for panel in self.panels if panel.can_focus and panel.display]
            self.screen.set_focus(free[0] if free else None)

    def on_rows_left(self, message: Rows.Left) -> None:
        """The cursor goes on in the list above or below."""
        free = [panel for panel in self.panels if panel.can_focus and panel.display]
        if message.rows not in free:
            return
        index = free.index(message.rows) + message.direction
        if 0 <= index < len(free):
            free[index].focus()
            free[index].select(0 if message.direction > 0 else 1_000_000)


def _count(count: int, *, goes_on: bool) -> str:
    return f"{count}+" if goes_on else str(count)
