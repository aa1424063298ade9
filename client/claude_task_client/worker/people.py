"""The way from a running task to the people who can answer, and back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

from claude_task_client import AsyncAthena, wire
from claude_task_client.calls import deadline_after
from claude_task_client.errors import AthenaError, Denied, NotFound, Refused
from claude_task_client.worker.allowed import Allowed
from claude_task_client.worker.executor import Answer, LineKind, Question, QuestionKind
from claude_task_client.worker.holding import LOST
from claude_task_client.worker.job import Reporter
from claude_task_client.worker.line import Line
from claude_task_client.worker.record import Journal
from claude_task_client.worker.sending import cleaned, cut, shortened, size_of

# What Athena takes of a question.
TEXT_CHARACTERS_MAX: Final = 4_000
CHOICES_MAX: Final = 25
CHOICE_CHARACTERS_MAX: Final = 100
INPUT_BYTES_MAX: Final = 15 * 1024
KEY_CHARACTERS_MAX: Final = 100
# While the hold on the task is in doubt, between two tries.
DOUBT_SECONDS: Final = 1.0
POLL_SECONDS: Final = 60.0

T = TypeVar("T")

log = logging.getLogger(__name__)


class JobPeople:
    """The people behind one task."""

    def __init__(
        self,
        athena: AsyncAthena,
        line: Line,
        journal: Journal,
        *,
        patience_seconds: float,
        on_conflict: Callable[[], None],
    ) -> None:
        self._athena = athena
        self._line = line
        self._journal = journal
        self._patience_seconds = patience_seconds
        self._on_conflict = on_conflict
        self._messages: list[wire.Message] = []
        self._may_look = True
        self._given_up = asyncio.Event()

    def stop_waiting(self) -> None:
        """The worker ends: whatever is open from now on, the task is parked on."""
        self._given_up.set()

    async def ask(self, question: Question) -> tuple[int, Answer | None]:
        """Ask, or find what was asked by the same key; wait for the answer while it is worth it.

        An approval that was given before is asked for anew: it is for one call. Another question's
        answer holds: of several that were asked together, those that were answered stay so while
        the last one waits. Where Athena is away, the patience begins when she has the question.
        """
        record = self._journal.record
        if size_of(cleaned(question.input)) > INPUT_BYTES_MAX:
            return 0, _TOO_LARGE
        try:
            asked = await self._put(question)
        except Refused as error:
            return 0, Answer(text="deny", note=f"This could not be asked: {error}")
        if asked.is_open:
            record.question_id = asked.id
            self._journal.save()
            asked = await self._wait_for(asked)
        answer = _answer_of(asked)
        if answer is not None:
            if question.kind is QuestionKind.APPROVAL:
                record.answered[question.key] = record.answered.get(question.key, 0) + 1
            record.question_id = None
            self._journal.save()
        return asked.id, answer

    async def answer_to(self, question_id: int) -> Answer | None:
        """The answer to a question asked earlier; None while it is open. Withdrawn: a deny."""
        try:
            asked = await self._line.insist(lambda: self._athena.question(question_id))
        except NotFound:
            return _WITHDRAWN
        return _answer_of(asked)

    def take_messages(self) -> Sequence[str]:
        """What people have said to the task since this was last asked."""
        messages, self._messages = self._messages, []
        if messages:
            # Kept with the next step of the journal: rather told twice than never.
            self._journal.record.messages_seen = messages[-1].id
        return [message.text for message in messages]

    async def look(self) -> None:
        """Fetch what people have said meanwhile."""
        if not self._may_look:
            return
        after = max([self._journal.record.messages_seen, *(each.id for each in self._messages)])
        try:
            page = await self._athena.messages(self._journal.record.task_id, after=after)
        except Denied as error:
            self._may_look = error.status != 403
            log.warning("What people say to a running task is not heard: %s", error)
        except AthenaError as error:
            log.info("No messages of task #%s: %s", self._journal.record.task_id, error)
        else:
            known = {each.id for each in self._messages}
            self._messages += [each for each in page.messages if each.id not in known]

    async def _put(self, question: Question) -> wire.Question:
        while True:
            try:
                return await self._line.insist(lambda: self._send(question))
            except Refused as error:
                if error.code not in LOST:
                    raise
                # The hold is in doubt. If it is lost, this is cancelled; else the attempt is new.
                self._on_conflict()
                await asyncio.sleep(DOUBT_SECONDS)

    async def _send(self, question: Question) -> wire.Question:
        record = self._journal.record
        times = record.answered.get(question.key, 0)
        key = f"{question.key[: KEY_CHARACTERS_MAX - 10]}.{times}"
        is_approval = question.kind is QuestionKind.APPROVAL
        action = {"tool": question.tool, "input": cleaned(question.input)} if is_approval else None
        choices = cut(cleaned(list(question.choices[:CHOICES_MAX])), CHOICE_CHARACTERS_MAX)
        return await self._athena.ask(
            record.task_id,
            shortened(cleaned(question.text), TEXT_CHARACTERS_MAX).strip() or "?",
            kind=question.kind.value,
            choices=choices if question.kind is QuestionKind.CHOICE else None,
            action=action,
            key=key,
            attempt=record.attempt,
        )

    async def _wait_for(self, asked: wire.Question) -> wire.Question:
        deadline = deadline_after(self._patience_seconds) or 0.0
        loop = asyncio.get_running_loop()
        while asked.is_open and (left := deadline - loop.time()) > 0:
            look = partial(self._athena.question, asked.id, wait=min(left, POLL_SECONDS))
            try:
                asked = await self._unless_given_up(self._line.insist(look)) or asked
            except Refused:
                self._on_conflict()
                await asyncio.sleep(DOUBT_SECONDS)
            if self._given_up.is_set():
                break
        return asked

    async def _unless_given_up(self, look: Coroutine[Any, Any, T]) -> T | None:
        looking = asyncio.create_task(look)
        giving_up = asyncio.create_task(self._given_up.wait())
        try:
            await asyncio.wait({looking, giving_up}, return_when=asyncio.FIRST_COMPLETED)
            return looking.result() if looking.done() else None
        finally:
            looking.cancel()
            giving_up.cancel()


class JobDesk:
    """Whom the executor turns to while a program runs."""

    def __init__(
        self, journal: Journal, people: JobPeople, reporter: Reporter, allowed: Allowed
    ) -> None:
        self._journal = journal
        self._people = people
        self._reporter = reporter
        self._allowed = allowed

    async def ask(self, question: Question) -> Answer | None:
        """The answer, waiting for as long as a process may wait; None: nobody answered in time."""
        self._reporter.log(LineKind.SYSTEM, f"Asked: {question.text}")
        question_id, answer = await self._people.ask(question)
        if answer is None:
            # Of several that are open the task waits for the one that it was ended by.
            self._journal.record.question_id = question_id
            self._reporter.log(LineKind.SYSTEM, "Nobody has answered yet.")
            return None
        by = f" by {answer.answered_by}" if answer.answered_by else ""
        self._reporter.log(LineKind.SYSTEM, f"Answered{by}: {answer.text}")
        if answer.text == "allow_project" and question.tool is not None:
            self._allowed.add(
                question.tool,
                question.input,
                folder=self._folder,
                task_id=self._journal.record.task_id,
                allowed_by=answer.answered_by,
            )
        return answer

    def is_allowed(self, tool: str, tool_input: Mapping[str, object]) -> bool:
        """Whether a person has allowed such a call before, for the whole project."""
        return self._allowed.has(tool, tool_input, folder=self._folder)

    def log(self, kind: LineKind, text: str) -> None:
        """Write a line of the transcript."""
        self._reporter.log(kind, text)

    def progress(self, message: str) -> None:
        """Say what is being done now."""
        self._reporter.progress(message)

    def started(self, session_id: str) -> None:
        """The conversation has this id; it can be resumed from now on."""
        self._journal.record.session_id = session_id
        self._journal.save()
        self._reporter.session(session_id)

    def inject(self) -> Sequence[str]:
        """What people have said to the running task since this was last asked."""
        return self._people.take_messages()

    @property
    def _folder(self) -> Path:
        return Path(self._journal.record.folder or "/nowhere")


# Nobody can allow what nobody sees.
_TOO_LARGE: Final = Answer(
    text="deny",
    note="This is too large to be shown to a person. Put it into files with smaller calls, and ask"
    " for a short one that uses them.",
)
_WITHDRAWN: Final = Answer(text="deny", note="The question was withdrawn.")


def _answer_of(question: wire.Question) -> Answer | None:
    if question.is_open:
        return None
    if question.answer is None:
        return _WITHDRAWN
    return Answer(text=question.answer, note=question.note, answered_by=question.answered_by)
