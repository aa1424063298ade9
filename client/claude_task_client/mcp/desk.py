"""What all tools share: Athena as this machine is signed in now, and what is in hand."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from typing import Final, NamedTuple, TypeVar

import anyio

from claude_task_client import holding, settings
from claude_task_client.client import AsyncAthena
from claude_task_client.errors import AthenaError, Refused
from claude_task_client.wire import Message

# A blink of the network or a quick restart goes unnoticed; a model is told of anything longer, and
# can do something else meanwhile.
RETRY_SECONDS: Final = 5.0
MESSAGES_AT_ONCE: Final = 10
# Far more than a session ever has open; the oldest go first.
KEPT_MAX: Final = 200

K = TypeVar("K")


class Held(NamedTuple):
    """A task in hand. `attempt` is None where it was not claimed on this machine."""

    athena: AsyncAthena
    id: int
    attempt: int | None


class Desk:
    """Where the tools work. Signing in, also anew, counts from the next call on."""

    def __init__(self, load: Callable[[], settings.Settings] = settings.load) -> None:
        self._load = load
        self._open = AsyncExitStack()
        self._athena: AsyncAthena | None = None
        self._told: settings.Settings | None = None
        self._introduced = False
        # Question asked → its number, until the model has had the answer.
        self._asked: dict[tuple[int, str], int] = {}
        # Task → the last message about it that the model has had.
        self._heard: dict[int, int] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Keep connections for the length of the block."""
        async with self._open:
            yield
        self._athena = None

    def athena(self) -> AsyncAthena:
        """Athena as this machine is signed in. Raises: NotSignedIn, BadSettings."""
        told = self._load()
        key = told.signed_in()
        if self._athena is None or told != self._told:
            self._athena = AsyncAthena(
                told.url, key, instance=told.instance, retry_seconds=RETRY_SECONDS
            )
            # A call may still be waiting over the one before: all are closed at the end.
            self._open.push_async_callback(self._athena.close)
            self._told, self._introduced = told, False
        return self._athena

    async def introduce(self) -> AsyncAthena:
        """Make the display name known before the instance is seen under its slug alone."""
        athena = self.athena()
        if self._told is not None and self._told.name and not self._introduced:
            await athena.heartbeat(
                name=self._told.name,
                host=settings.host_name(),
                platform=sys.platform,
                version=version("claude-task-client"),
            )
            self._introduced = True
        return athena

    async def held(self, task_id: int) -> Held:
        """The task, in the attempt in which it was claimed here."""
        athena = self.athena()
        attempt = await anyio.to_thread.run_sync(holding.claims_of(athena).attempt, task_id)
        return Held(athena, task_id, attempt)

    async def remember(self, athena: AsyncAthena, task_id: int, attempt: int) -> None:
        """Note a claim, for the commands and the next session on this machine as well.

        Also where nobody waits for the call any more: Athena has given the task.
        """
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(holding.remember, athena, task_id, attempt)

    @asynccontextmanager
    async def holding(self, task_id: int) -> AsyncIterator[Held]:
        """The task in hand; where Athena says that it is not (any more), the claim is forgotten."""
        task = await self.held(task_id)
        try:
            yield task
        except Refused as error:
            if error.code in holding.LOST:
                await self._forget(task)
            raise

    @asynccontextmanager
    async def ending(self, task_id: int) -> AsyncIterator[Held]:
        """The task in hand, which the block gives out of hand."""
        async with self.holding(task_id) as task:
            yield task
            await self._forget(task)

    async def news(self, athena: AsyncAthena, task_id: int) -> Sequence[Message]:
        """What people have said about the task since the model was told last."""
        try:
            page = await athena.messages(
                task_id, after=self._heard.get(task_id, 0), limit=MESSAGES_AT_ONCE
            )
        except AthenaError:
            return ()  # what was done is done, and is told: the messages come with the next call
        if page.messages:
            _keep(self._heard, task_id, page.messages[-1].id)
        return page.messages

    def open_question(self, task_id: int, text: str) -> int | None:
        """The number under which this was asked, where the model has not had the answer yet."""
        return self._asked.get((task_id, text))

    def note_asked(self, task_id: int, text: str, question_id: int) -> None:
        """Keep the number: a call that was cut short may be repeated, and asks nobody twice."""
        _keep(self._asked, (task_id, text), question_id)

    def note_answered(self, question_id: int) -> None:
        """The model has the answer: the same words are a new question from now on."""
        self._asked = {asked: kept for asked, kept in self._asked.items() if kept != question_id}

    async def _forget(self, task: Held) -> None:
        with anyio.CancelScope(shield=True):
            await anyio.to_thread.run_sync(partial(holding.forget, task.athena, task.id))


def _keep(kept: dict[K, int], key: K, value: int) -> None:
    kept[key] = value
    while len(kept) > KEPT_MAX:
        del kept[next(iter(kept))]
