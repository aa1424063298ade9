"""The live view as an application: it puts the picture on the screen and does what keys say."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Coroutine
from contextlib import aclosing
from typing import Any, ClassVar, Final

import stamina
from rich.text import Text
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widgets import Footer, Input, Static

from claude_task_client import output
from claude_task_client.advice import advice
from claude_task_client.client import AsyncAthena
from claude_task_client.errors import AthenaError
from claude_task_client.view import drawing, keyboard, pausing, terminal
from claude_task_client.view.answering import Answering
from claude_task_client.view.bar import Bar
from claude_task_client.view.help import Help
from claude_task_client.view.lists import Lists
from claude_task_client.view.looking import Looking, Options
from claude_task_client.view.menu import Choice, Menu
from claude_task_client.view.picture import Part, Picture
from claude_task_client.view.reading import Details, Log, OfTask
from claude_task_client.view.rows import Rows
from claude_task_client.view.selection import Selection
from claude_task_client.view.tails import Tails
from claude_task_client.view.theme import TERMINAL
from claude_task_client.wire import Event, Question

# However much happens, the screen is drawn so often at most; and ages grow each second.
PAINT_EVERY_SECONDS: Final = 0.1
TICK_SECONDS: Final = 1.0
# Far below what Athena takes.
SEARCH_CHARACTERS_MAX: Final = 200
_PRIORITIES: Final = ("urgent", "high", "medium", "low")
_OF_LISTS: Final = frozenset({"open", "search", "pause", "all"})
_ENDING_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")


class View(App[None]):
    """The queue as it moves, and what can be done about it."""

    CSS = """
    #banner { height: auto; max-height: 3; color: $error; text-style: bold; padding: 0 1; }
    #find { height: 1; padding: 0 1; }
    #find Static { width: auto; text-style: bold; }
    Input:ansi:focus .input--cursor, TextArea:ansi .text-area--cursor {
        background: ansi_default; color: ansi_default; text-style: reverse;
    }
    """
    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = None
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark", "help", "Help", key_display="?"),
        Binding("enter", "open", "Open", key_display="↵"),
        Binding("l", "log", "Log"),
        Binding("a", "answer", "Answer"),
        Binding("c", "cancel", "Cancel"),
        Binding("r", "retry", "Retry"),
        Binding("plus", "priority", "Priority", key_display="+"),
        Binding("p", "pause", "Pause"),
        Binding("slash", "search", "Find", key_display="/"),
        Binding("q", "quit", "Quit"),
        Binding("ctrl+c", "quit", "Quit", show=False, priority=True),
        Binding("ctrl+z", "suspend_process", "Suspend", show=False),
        Binding("escape", "all", "All", show=False),
    ]

    def __init__(self, url: str, key: str, options: Options | None = None) -> None:
        # The colours are told before the theme is: NO_COLOR is decided here.
        super().__init__(driver_class=keyboard.driver(), ansi_color=True)
        self.register_theme(TERMINAL)
        self.theme = TERMINAL.name
        stamina.instrumentation.set_on_retry_hooks([])  # the screen is ours
        self.failure: AthenaError | None = None
        self._url = url
        self._options = options or Options()
        self._picture = Picture()
        self._looking = Looking(
            url, key, picture=self._picture, on_change=self._changed, on_event=self._happened
        )
        # Streams of their own: what becomes of them says nothing about the picture.
        self._beside = AsyncAthena(url, key, retry_seconds=0.5)
        self._tails = Tails(self._beside, self._changed)
        self._lists = Lists(self._picture, self._tails, about=_about(self._options))
        self._selection = Selection(self._lists, self._picture)
        self._is_painting = False

    def compose(self) -> ComposeResult:
        """See `App`."""
        yield Bar(name="head")
        yield Static(id="banner")
        yield self._lists
        with Horizontal(id="find"):
            yield Static("Only with: ")
            yield Input(
                placeholder="words of the tasks; Esc: all of them",
                max_length=SEARCH_CHARACTERS_MAX,
                compact=True,
            )
        yield Bar(name="status", style="dim")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Begin to look."""
        self.query_one("#find").display = False
        loop = asyncio.get_running_loop()
        for name in _ENDING_SIGNALS:
            with contextlib.suppress(NotImplementedError, AttributeError, RuntimeError):
                loop.add_signal_handler(getattr(signal, name), self.exit)
        self.run_worker(self._guarded(self._looking.run()))
        if self._options != Options():
            self.run_worker(self._guarded(self._list_events()))
        self.set_interval(TICK_SECONDS, self._changed)
        self._changed()

    async def on_unmount(self) -> None:
        """Let go of the connections."""
        await self._tails.stop()
        await self._beside.close()
        await self._looking.athena.close()

    def on_resize(self) -> None:
        """Share the lines anew."""
        self._changed()

    def on_rows_moved(self, message: Rows.Moved) -> None:
        """Another row is looked at."""
        self._look_at_selected()
        is_end = message.rows is self._lists.pending and message.rows.is_at_end
        if is_end and self._picture.want_more():
            self._looking.want(Part.PENDING)
        self._changed()

    def on_descendant_focus(self) -> None:
        """Another list is looked at."""
        self._look_at_selected()
        self._changed()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Look for the words, or, without any, show everything."""
        self._search_for(drawing.shown(event.value) or None)

    # What keys do.

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """See `App`: a screen about one task has nothing to open, find or pause."""
        del parameters
        screen = self.screen_stack[-1] if self.screen_stack else None
        return not (
            (isinstance(screen, OfTask) and action in _OF_LISTS)
            or (isinstance(screen, Log) and action == "log")
        )

    def action_help(self) -> None:
        """Show every key."""
        self.push_screen(Help())

    def action_open(self) -> None:
        """Show what is selected."""
        if self._selection.is_question:
            self.action_answer()
        elif (task_id := self._selection.task_id) is not None:
            self.push_screen(Details(self._looking.athena, task_id))

    def action_log(self) -> None:
        """Show the selected task's log."""
        if (task_id := self._selection.task_id) is not None:
            self.push_screen(Log(self._beside, task_id))

    def action_answer(self) -> None:
        """Answer the selected question; without one that of the selected task, or the oldest."""
        if self._is_elsewhere():
            return
        question = self._selection.question
        if question is None:
            self.notify("No question is open.", markup=False)
            return
        self.push_screen(Answering(self._looking.athena, question), self._answered)

    def action_cancel(self) -> None:
        """Cancel the selected task."""
        self._confirm("cancel", "Cancel", self._looking.athena.cancel, "Cancelled")

    def action_retry(self) -> None:
        """Put the selected task back into the queue."""
        self._confirm("retry", "Retry", self._looking.athena.retry, "Queued again")

    def action_priority(self) -> None:
        """Change the selected task's priority."""
        if (task_id := self._selection.task_id) is None or self._is_elsewhere():
            return
        choices = [Choice(level[0], level, level) for level in _PRIORITIES]

        def take(level: str | None) -> None:
            if level is not None:
                change = self._looking.athena.change(task_id, priority=level)
                self._do(change, f"#{task_id} is of priority {level} now.")

        self.push_screen(Menu(f"Priority of #{task_id}", choices, body=self._words(task_id)), take)

    def action_pause(self) -> None:
        """Pause or resume."""
        if self._is_elsewhere():
            return
        task = self._selection.task
        choices = pausing.choices(
            project=task.project if task else None, instance=self._selection.instance
        )

        def take(value: str | None) -> None:
            if value is not None:
                self._do(pausing.carry_out(self._looking.athena, value), pausing.told(value))

        self.push_screen(Menu("Give out tasks?", choices), take)

    def action_search(self) -> None:
        """Ask for words."""
        self.query_one("#find").display = True
        self.query_one(Input).focus()

    def action_all(self) -> None:
        """Show all tasks again."""
        if self.query_one("#find").display:
            self._search_for(None)

    def action_suspend_process(self) -> None:
        """See `App`."""
        if terminal.can_be_lent():
            super().action_suspend_process()

    # Doing it.

    def _is_elsewhere(self) -> bool:
        """Whether a key may be meant for what is gone from under the cursor; says so."""
        is_meant = isinstance(self.screen, OfTask) or not self._lists.has_just_slipped
        if not is_meant:
            words = "What was selected is gone, and the cursor is elsewhere: look, and press again."
            self.notify(words, severity="warning", markup=False)
        return not is_meant

    def _words(self, task_id: int) -> str:
        task = self._lists.find_task(task_id)
        return drawing.shown(task.description) if task else ""

    def _confirm(
        self, verb: str, label: str, call: Callable[[int], Coroutine[Any, Any, object]], done: str
    ) -> None:
        if (task_id := self._selection.task_id) is None or self._is_elsewhere():
            return
        choices = [Choice("y", f"Yes, {verb} it", "yes"), Choice("n", "No", "no")]

        def take(answer: str | None) -> None:
            if answer == "yes":
                self._do(call(task_id), f"{done}: #{task_id}.")

        self.push_screen(Menu(f"{label} #{task_id}?", choices, body=self._words(task_id)), take)

    def _do(self, call: Coroutine[Any, Any, object], done: str) -> None:
        async def run() -> None:
            try:
                await call
            except AthenaError as error:
                words = "\n".join(filter(None, [str(error), advice(error)]))
                self.notify(output.clean(words), severity="error", markup=False)
            else:
                self.notify(done, markup=False)

        self.run_worker(run())

    def _answered(self, question: Question | None) -> None:
        if question is not None:
            words = f"Answered question {question.id} of #{question.task_id}: {question.answer}"
            self.notify(drawing.shown(words), markup=False)

    def _search_for(self, words: str | None) -> None:
        self.query_one(Input).value = words or ""
        self.query_one("#find").display = words is not None
        self._picture.search = words
        self._looking.want(Part.PENDING, Part.ENDED)
        self._lists.pending.focus()

    # What happens.

    def _look_at_selected(self) -> None:
        task = self._selection.task
        self._looking.selected = task.id if task and task.status == "pending" else None
        if self._looking.selected is not None:
            self._looking.want(Part.WHY)

    async def _guarded(self, loop: Coroutine[Any, Any, None]) -> None:
        """Athena's last word ends the view; whoever started it tells it."""
        try:
            await loop
        except* AthenaError as errors:
            self.failure = _first(errors)
            self.exit()

    async def _list_events(self) -> None:
        """The events that were asked for, each of them, as they come."""
        task, kind, instance, after = self._options
        events = self._beside.events(task=task, kind=kind, instance=instance, after=after)
        async with aclosing(events) as coming:
            async for event in coming:
                self._picture.events.append(event)
                self._changed()

    def _happened(self, event: Event) -> None:
        if self._options == Options():
            self._picture.events.append(event)
        for screen in self.screen_stack:
            if isinstance(screen, OfTask) and event.task_id == screen.task_id:
                screen.happened()
            if isinstance(screen, Answering) and screen.is_settled_by(event):
                screen.settled(event)

    def _changed(self) -> None:
        if not self._is_painting and self._running:
            self._is_painting = True
            self.set_timer(PAINT_EVERY_SECONDS, self._paint)

    def _paint(self) -> None:
        self._is_painting = False
        if not (self.screen_stack and self._lists.is_attached):
            return  # about to end
        base = self.screen_stack[0]
        base.query_one("#head", Bar).say(self._head())
        trouble = self._looking.trouble
        banner = base.query_one("#banner", Static)
        banner.display = trouble is not None
        banner.update(Text(self._lost(trouble) if trouble else ""))
        for screen in self.screen_stack:
            if isinstance(screen, OfTask) and screen.is_mounted:
                screen.connected(is_well=trouble is None)
        self._lists.paint()
        base.query_one("#status", Bar).say(self._status())

    def _head(self) -> str:
        stats = self._picture.stats
        if stats is None:
            return f"Athena {drawing.shown(self._url)} · connecting …"
        counts = stats.by_status
        cost = stats.cost_usd.get("24h")
        parts = [
            f"Athena {drawing.shown(self._url)}",
            f"{counts.get('in_progress', 0)} running",
            f"{counts.get('pending', 0)} pending",
            f"{stats.throughput.get('24h', 0)} done in 24 h",
            f"${cost:.2f}" if isinstance(cost, int | float) and cost else "",
        ]
        return " · ".join(filter(None, parts))

    def _lost(self, trouble: str) -> str:
        since = self._looking.looked_at
        seen = f" What you see is of {since:%H:%M:%S}." if since else ""
        return f"NOT CONNECTED, trying again.{seen} {drawing.shown(trouble)}"

    def _status(self) -> str:
        """A word about what is selected."""
        task = self._selection.task
        if task is None:
            return ""
        words = task.error or task.description
        why = self._picture.reasons.get(task.id) if task.status == "pending" else None
        if why is not None:
            place = f"number {why.position} in the queue. " if why.position else ""
            words = place + (" ".join(each.detail or each.code for each in why.reasons) or words)
        return drawing.shown(f"#{task.id}: {words}")


def _about(options: Options) -> str | None:
    """Which events are listed, in words; None: all of them, from now on."""
    named = [
        f"#{options.task}" if options.task else "",
        options.kind or "",
        options.instance or "",
        f"behind {options.after}" if options.after is not None else "",
    ]
    return drawing.shown(", ".join(filter(None, named))) or None


def _first(errors: BaseExceptionGroup[AthenaError]) -> AthenaError:
    error: BaseException = errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, AthenaError)  # noqa: S101  what `except*` has sorted out
    return error
