"""The live view: what runs, what waits, and what just happened."""

from __future__ import annotations

import queue
import threading
import time
from collections import deque
from collections.abc import Iterator
from typing import Final

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from claude_task_client import describing, output, questions
from claude_task_client.errors import AthenaError, Refused
from claude_task_client.sync import Athena
from claude_task_client.wire import Event, Question, Task

RUNNING_SHOWN_MAX: Final = 12
PENDING_SHOWN_MAX: Final = 12
EVENTS_SHOWN_MAX: Final = 10
QUESTIONS_SHOWN_MAX: Final = 5
# A burst of events costs one look at the queue, not one each.
LOOK_EVERY_SECONDS: Final = 0.5
# Ages grow and connections break without any event; while one is broken, it is tried often.
IDLE_LOOK_EVERY_SECONDS: Final = 5.0
BROKEN_LOOK_EVERY_SECONDS: Final = 1.0


class Board:
    """Draws the queue again whenever something happens."""

    def __init__(self, athena: Athena, events: Iterator[Event]) -> None:
        self._athena = athena
        self._events = events
        self._arrived: queue.SimpleQueue[Event | Exception] = queue.SimpleQueue()
        self._latest: deque[Event] = deque(maxlen=EVENTS_SHOWN_MAX)
        self._running: tuple[Task, ...] = ()
        self._pending: tuple[Task, ...] = ()
        self._questions: tuple[Question, ...] = ()
        self._trouble: str | None = None

    def run(self) -> None:
        """Draw until interrupted. Raises: Refused."""
        threading.Thread(target=self._listen, daemon=True).start()
        with Live(auto_refresh=False, screen=True) as live:
            while True:
                self.look()
                live.update(self.draw(), refresh=True)
                self._wait()

    def look(self) -> None:
        """Ask how the queue stands. Raises: Refused where Athena says no."""
        try:
            self._running = self._athena.list(status="in_progress").tasks
            self._pending = self._athena.list(status="pending", limit=PENDING_SHOWN_MAX).tasks
            self._questions = self._asked()
            self._trouble = None
        except Refused:
            raise
        except AthenaError as error:
            self._trouble = f"{error} Trying again."

    def draw(self) -> Group:
        """The whole view."""
        running = self._running[:RUNNING_SHOWN_MAX]
        parts: list[Table | Text] = [
            _tasks("In progress", running),
            _tasks("Pending", self._pending),
            *self._shown_questions(),
            Text("\n".join(["Events", *map(describing.event_line, self._latest)])),
        ]
        if self._trouble:
            parts.append(Text(output.line(self._trouble, None), style="bold red"))
        return Group(*parts)

    def _asked(self) -> tuple[Question, ...]:
        """The open questions; there is a request for them only where some task may have one."""
        if not any(map(describing.may_have_questions, [*self._running, *self._pending])):
            return ()
        return self._athena.questions(limit=QUESTIONS_SHOWN_MAX).questions

    def _shown_questions(self) -> list[Text]:
        lines = map(questions.brief, self._questions)
        return [Text("\n".join(lines), style="yellow")] if self._questions else []

    def _listen(self) -> None:
        try:
            for event in self._events:
                self._arrived.put(event)
        except AthenaError as error:
            self._arrived.put(error)

    def _wait(self) -> None:
        """Until something happens, and a little longer for what comes with it."""
        idle = BROKEN_LOOK_EVERY_SECONDS if self._trouble else IDLE_LOOK_EVERY_SECONDS
        try:
            self._take(self._arrived.get(timeout=idle))
        except queue.Empty:
            return
        time.sleep(LOOK_EVERY_SECONDS)
        while not self._arrived.empty():
            self._take(self._arrived.get())

    def _take(self, arrived: Event | Exception) -> None:
        if isinstance(arrived, Exception):
            raise arrived
        self._latest.append(arrived)


def _tasks(title: str, tasks: tuple[Task, ...]) -> Table:
    table = Table(title, "State", "By", "Age", "Description", box=None, pad_edge=False, expand=True)
    for task in tasks:
        cells = [
            f"#{task.id} {task.priority}",
            describing.state(task),
            task.claimed_by or task.project or "-",
            describing.age(task),
            output.line(task.description),
        ]
        table.add_row(*[Text(output.line(cell)) for cell in cells])
    return table
