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
from textual.widgets import Footer, Input, Static

from claude_task_client import output
from claude_task_client.advice import advice
from claude_task_client.client import AsyncAthena
from claude_task_client.errors import AthenaError
from claude_task_client.view import drawing
from claude_task_client.view.answering import Answering
from claude_task_client.view.help import Help
from claude_task_client.view.lists import Lists
from claude_task_client.view.looking import Looking, Options
from claude_task_client.view.menu import Choice, Menu
from claude_task_client.view.picture import Part, Picture
from claude_task_client.view.reading import Details, Log, OfTask
from claude_task_client.view.rows import Rows
from claude_task_client.view.tails import Tails
from claude_task_client.view.theme import TERMINAL
from claude_task_client.wire import Event, Question, Task

# However much happens, the screen is drawn so often at most; and ages grow each second.
PAINT_EVERY_SECONDS: Final = 0.1
TICK_SECONDS: Final = 1.0
_PRIORITIES: Final = ("urgent", "high", "medium", "low")
_ENDING_SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")


class View(App[None]):
    """The queue as it moves, and what can be done about it."""

    CSS = """
    #head { height: 1; text-style: reverse; }
    #banner { height: auto; color: $error; text-style: bold reverse; padding: 0 1; }
    #status { height: 1; padding: 0 1; }
    #search { height: 1; border: none; padding: 0 1; }
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
        super().__init__()
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
        self._is_painting = False

    def compose(self) -> ComposeResult:
        """See `App`."""
        yield Static(id="head")
        yield Static(id="banner")
        yield self._lists
        yield Input(placeholder="Only tasks with these words", id="search", compact=True)
        yield Static(id="status")
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        """Begin to look."""
        self.query_one("#search").display = False
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
        self._search_for(event.value.strip() or None)

    # What keys do.

    def action_help(self) -> None:
        """Show every key."""
        self.push_screen(Help())

    def action_open(self) -> None:
        """Show what is selected."""
        match self._lists.selected:
            case ("question", _):
                self.action_answer()
            case _ if (task_id := self._task_id()) is not None:
                self.push_screen(Details(self._looking.athena, task_id))

    def action_log(self) -> None:
        """Show the selected task's log."""
        if (task_id := self._task_id()) is not None and not isinstance(self.screen, Log):
            self.push_screen(Log(self._beside, task_id))

    def action_answer(self) -> None:
        """Answer the selected question; without one that of the selected task, or the oldest."""
        question = self._question()
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
        if (task_id := self._task_id()) is None:
            return
        choices = [Choice(level[0], level, level) for level in _PRIORITIES]

        def take(level: str | None) -> None:
            if level is not None:
                change = self._looking.athena.change(task_id, priority=level)
                self._do(change, f"#{task_id} is of priority {level} now.")

        self.push_screen(Menu(f"Priority of #{task_id}", choices, body=self._words(task_id)), take)

    def action_pause(self) -> None:
        """Pause or resume."""
        choices = self._pauses()

        def take(value: str | None) -> None:
            if value is not None:
                verb, what, name = value.split(" ", 2)
                athena = self._looking.athena
                named = {what: name} if name else {}
                call = athena.pause(**named) if verb == "pause" else athena.resume(**named)
                self._do(
                    call,
                    f"{'Paused' if verb == 'pause' else 'Resumed'}: {name or 'the whole queue'}.",
                )

        self.push_screen(Menu("Give out tasks?", choices), take)

    def action_search(self) -> None:
        """Ask for words."""
        search = self.query_one("#search", Input)
        search.display = True
        search.focus()

    def action_all(self) -> None:
        """Show all tasks again."""
        if self._picture.search is not None or self.query_one("#search").display:
            self._search_for(None)

    # What is under the cursor.

    def _task_id(self) -> int | None:
        if isinstance(self.screen, OfTask):
            return self.screen.task_id
        match self._lists.selected:
            case ("task", int(task_id)):
                return task_id
            case ("question", int(question_id)):
                question = self._lists.find_question(question_id)
                return question.task_id if question else None
            case ("event", _):
                return self._task_of_event()
            case ("instance", name):
                each = next((i for i in self._picture.instances if i.instance == name), None)
                return each.tasks[0] if each and each.tasks else None
        return None

    def _task_of_event(self) -> int | None:
        selected = self._lists.selected
        ids = (each.task_id for each in self._picture.events if ("event", each.id) == selected)
        return next(ids, None)

    def _question(self) -> Question | None:
        match self._lists.selected:
            case ("question", int(question_id)):
                return self._lists.find_question(question_id)
        task_id = self._task_id()
        of_task = (each for each in self._picture.questions if each.task_id == task_id)
        return next(of_task, next(iter(self._picture.questions), None))

    def _selected_task(self) -> Task | None:
        task_id = self._task_id()
        return None if task_id is None else self._lists.find_task(task_id)

    def _words(self, task_id: int) -> str:
        task = self._lists.find_task(task_id)
        return drawing.shown(task.description) if task else ""

    def _look_at_selected(self) -> None:
        task = self._selected_task()
        self._looking.selected = task.id if task and task.status == "pending" else None
        if self._looking.selected is not None:
            self._looking.want(Part.WHY)

    # Doing it.

    def _confirm(
        self, verb: str, label: str, call: Callable[[int], Coroutine[Any, Any, object]], done: str
    ) -> None:
        if (task_id := self._task_id()) is None:
            return
        choices = [Choice("y", f"Yes, {verb} it", "yes"), Choice("n", "No", "no")]

        def take(answer: str | None) -> None:
            if answer == "yes":
                self._do(call(task_id), f"{done}: #{task_id}.")

        self.push_screen(Menu(f"{label} #{task_id}?", choices, body=self._words(task_id)), take)

    def _pauses(self) -> list[Choice]:
        choices = [
            Choice("p", "Pause the whole queue", "pause queue "),
            Choice("r", "Resume the whole queue", "resume queue "),
        ]
        task = self._selected_task()
        if task is not None and task.project:
            choices += _pause_and_resume("project", task.project, "12")
        match self._lists.selected:
            case ("instance", str(name)):
                choices += _pause_and_resume("instance", name, "34")
        return choices

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
        search = self.query_one("#search", Input)
        search.value = words or ""
        search.display = words is not None
        self._picture.search = words
        self._looking.want(Part.PENDING, Part.ENDED)
        self._lists.pending.focus()

    # What happens.

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
        if not self._lists.is_mounted:
            return
        base = self.screen_stack[0]
        base.query_one("#head", Static).update(self._head())
        trouble = self._looking.trouble
        banner = base.query_one("#banner", Static)
        banner.display = trouble is not None
        banner.update(Text(self._lost(trouble) if trouble else ""))
        self._lists.paint()
        base.query_one("#status", Static).update(self._status())

    def _head(self) -> Text:
        stats = self._picture.stats
        if stats is None:
            return self._bar(f"Athena {drawing.shown(self._url)} · connecting …")
        counts = stats.by_status
        cost = stats.cost_usd.get("24h")
        parts = [
            f"Athena {drawing.shown(self._url)}",
            f"{counts.get('in_progress', 0)} running",
            f"{counts.get('pending', 0)} pending",
            f"{stats.throughput.get('24h', 0)} done in 24 h",
            f"${cost:.2f}" if isinstance(cost, int | float) and cost else "",
            f"only: {drawing.shown(self._picture.search)}" if self._picture.search else "",
        ]
        return self._bar(" · ".join(filter(None, parts)))

    def _bar(self, words: str) -> Text:
        return Text(f" {words}".ljust(self.size.width), no_wrap=True, overflow="ellipsis")

    def _lost(self, trouble: str) -> str:
        since = self._looking.looked_at
        seen = f" What you see is of {since:%H:%M:%S}." if since else ""
        return f"NOT CONNECTED: {drawing.shown(trouble)} Trying again.{seen}"

    def _status(self) -> Text:
        """A word about what is selected."""
        task = self._selected_task()
        if task is None:
            return Text("")
        words = f"#{task.id}: {task.error or task.description}"
        why = self._picture.reasons.get(task.id) if task.status == "pending" else None
        if why is not None:
            reasons = " ".join(each.detail or each.code for each in why.reasons)
            place = f"number {why.position} in the queue. " if why.position else ""
            words = f"#{task.id}: {place}{reasons or 'It is about to be taken.'}"
        return Text(drawing.shown(words), no_wrap=True, overflow="ellipsis", style="dim")


def _pause_and_resume(what: str, name: str, keys: str) -> list[Choice]:
    return [
        Choice(keys[0], f"Pause the {what} {drawing.shown(name)}", f"pause {what} {name}"),
        Choice(keys[1], f"Resume the {what} {drawing.shown(name)}", f"resume {what} {name}"),
    ]


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
