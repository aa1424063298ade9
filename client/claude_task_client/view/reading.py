"""Full screens about one task: everything about it, and its transcript as it grows."""

from __future__ import annotations

from collections import deque
from contextlib import aclosing
from typing import ClassVar, Final

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Footer, Static

from claude_task_client import describing, output, questions, transcript
from claude_task_client.client import AsyncAthena
from claude_task_client.errors import AthenaError, NotFound
from claude_task_client.view.bar import Bar
from claude_task_client.view.coalescing import Coalesced
from claude_task_client.view.drawing import shown, whole
from claude_task_client.view.leaving import Leaving
from claude_task_client.view.rows import strip_of
from claude_task_client.wire import LogLine

LINES_MAX: Final = 5_000
LINES_FIRST: Final = 500
LOAD_EVERY_SECONDS: Final = 1.0
RETRY_SECONDS: Final = 2.0

_BACK: Final = Binding("escape,backspace", "dismiss", "Back", key_display="Esc")


class OfTask(Leaving[None]):
    """A screen about one task."""

    AUTO_FOCUS = "*"

    def __init__(self, athena: AsyncAthena, task_id: int) -> None:
        super().__init__()
        self.athena = athena
        self.task_id = task_id

    def happened(self) -> None:
        """Something happened to this task."""

    def connected(self, *, is_well: bool) -> None:
        """The connection is well, or it is not."""


class Details(OfTask):
    """Everything about a task, as it changes."""

    DEFAULT_CSS = "Details { VerticalScroll { padding: 0 1; } }"
    BINDINGS: ClassVar[list[BindingType]] = [_BACK]

    def __init__(self, athena: AsyncAthena, task_id: int) -> None:
        super().__init__(athena, task_id)
        self._loading = Coalesced(self._load, pause_seconds=LOAD_EVERY_SECONDS)
        self._is_well = True

    def compose(self) -> ComposeResult:
        """See `Screen`."""
        yield Bar(f"#{self.task_id}")
        with VerticalScroll():
            yield Static(Text("…"), id="text")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Load it, and again whenever something happens to it."""
        self.run_worker(self._loading.run())
        self._loading.ask()

    def happened(self) -> None:
        """See `OfTask`."""
        self._loading.ask()

    def connected(self, *, is_well: bool) -> None:
        """See `OfTask`. What happened during a loss may have come without an event."""
        if is_well != self._is_well:
            self._is_well = is_well
            self._loading.ask()
            lost = "" if is_well else " · NOT CONNECTED, trying again"
            self.query_one(Bar).say(f"#{self.task_id}{lost}")

    async def _load(self) -> None:
        try:
            text = await self._text()
        except NotFound as error:
            text = str(error)
        except AthenaError:
            self.set_timer(RETRY_SECONDS, self._loading.ask)
            return
        self.query_one("#text", Static).update(Text(whole(text)))

    async def _text(self) -> str:
        task = await self.athena.get(self.task_id)
        parts = [describing.text(task).partition("\n")[2]]  # the title says which one
        if task.status == "pending":
            why = await self.athena.why(task.id)
            place = f"Place {why.position} in the queue." if why.position else ""
            reasons = [f"- {output.line(each.detail or each.code, None)}" for each in why.reasons]
            parts.append("\n".join(filter(None, [place, *reasons])))
        if describing.may_have_questions(task):
            asked = (await self.athena.questions(task=task.id)).questions
            parts += [
                "\n".join([f"Question {each.id} (a answers it):", *questions.asked_lines(each)])
                for each in asked
            ]
        page = await self.athena.log(task.id, tail=10)
        if page.lines:
            parts.append("\n".join(["Log:", *map(transcript.words, page.lines)]))
        return "\n\n".join(filter(None, parts))


class Transcript(ScrollView, can_focus=True):
    """The newest lines of a transcript, broken at the width that there is."""

    DEFAULT_CSS = """
    Transcript { height: 1fr; overflow-x: hidden; scrollbar-size-vertical: 1; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("k", "scroll_up", "Up", show=False),
        Binding("j", "scroll_down", "Down", show=False),
        Binding("g", "scroll_home", "First", show=False),
        Binding("G", "scroll_end", "Newest", show=False),
        Binding("end", "scroll_end", "Newest", key_display="End"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._lines: deque[Text] = deque(maxlen=LINES_MAX)
        self._drawn: deque[Text] = deque(maxlen=LINES_MAX)
        self._attempt: int | None = None

    def add(self, *lines: LogLine) -> None:
        """Show these as well; whoever reads further up is left in peace."""
        follows = self.scroll_offset.y >= self.max_scroll_y
        for line in lines:
            if line.attempt != self._attempt:
                self._attempt = line.attempt
                self._append(Text(f"Attempt {line.attempt}", "bold"))
            words = whole(transcript.words(line))
            self._append(Text(words, transcript.COLOURS.get(line.kind, "")))
        self._measure(follows=follows)

    def on_resize(self) -> None:
        """Break the lines anew."""
        follows = self.scroll_offset.y >= self.max_scroll_y
        self._drawn.clear()
        for line in self._lines:
            self._drawn.extend(self._broken(line))
        self._measure(follows=follows)

    def render_line(self, y: int) -> Strip:
        """A line of what is seen."""
        width = self.scrollable_content_region.width
        at = y + self.scroll_offset.y
        if at >= len(self._drawn):
            return Strip.blank(width, self.rich_style)
        return strip_of(self._drawn[at], self.app.console, width, self.rich_style)

    def _append(self, line: Text) -> None:
        self._lines.append(line)
        self._drawn.extend(self._broken(line))

    def _broken(self, line: Text) -> list[Text]:
        width = max(20, self.scrollable_content_region.width)
        broken = list(line.wrap(self.app.console, width, overflow="fold"))
        for each in broken:
            each.end = ""
        return broken

    def _measure(self, *, follows: bool) -> None:
        self.virtual_size = Size(self.scrollable_content_region.width, len(self._drawn))
        if follows:
            self.scroll_end(animate=False, immediate=True, force=True)
        self.refresh()


class Log(OfTask):
    """The transcript of a task, as it grows."""

    BINDINGS: ClassVar[list[BindingType]] = [_BACK]

    def __init__(self, athena: AsyncAthena, task_id: int) -> None:
        super().__init__(athena, task_id)
        self._is_lost = False
        self._was_well = True

    def connected(self, *, is_well: bool) -> None:
        """See `OfTask`. Without a new line the log itself would not tell that it goes on."""
        if is_well and not self._was_well and self._is_lost:
            self._goes_on()
        self._was_well = is_well

    def compose(self) -> ComposeResult:
        """See `Screen`."""
        yield Bar(f"Log of #{self.task_id}")
        yield Transcript()
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Begin with the end, and go on."""
        self.run_worker(self._read())

    async def _read(self) -> None:
        screen = self.query_one(Transcript)
        try:
            page = await self.athena.log(self.task_id, tail=LINES_FIRST)
            first = page.lines[0].id if page.lines else 1
            self._say(f"from line {first} on, following" if first > 1 else "following")
            screen.add(*page.lines)
            after = page.lines[-1].id if page.lines else page.next_after or 0
            coming = self.athena.follow_log(self.task_id, after=after, on_lost=self._lost)
            async with aclosing(coming) as lines:
                async for line in lines:
                    self._goes_on()
                    screen.add(line)
            self._say(describing.state(await self.athena.get(self.task_id)))
        except AthenaError as error:
            self._say(str(error))

    def _lost(self, error: AthenaError) -> None:
        self._is_lost = True
        self._say(str(error))

    def _goes_on(self) -> None:
        self._is_lost = False
        self._say("following")

    def _say(self, words: str) -> None:
        self.query_one(Bar).say(f"Log of #{self.task_id} · {shown(words)}")
