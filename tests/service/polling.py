"""Long polls for tests: started, waited for until they wait, ended."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from athena.model.instance import Asker
from athena.model.task import Task
from athena.service.claims import Finish
from athena.service.once import Once
from tests.service.driver import WORKER, QueueDriver

LONG = timedelta(seconds=30)
SOON = timedelta(milliseconds=20)
Poll = asyncio.Task[Task | None]


def here() -> bool:
    return False


class Pollers:
    """Starts long polls, and sees to it that all have begun to wait."""

    def __init__(self, queue: QueueDriver) -> None:
        self._queue = queue
        self._polls: list[Poll] = []

    async def wait_for_work(
        self,
        instance: str,
        *,
        labels: tuple[str, ...] | None = None,
        projects: tuple[str, ...] | None = None,
        wait: timedelta = LONG,
        is_gone: Callable[[], bool] = here,
        finish: Finish | None = None,
        once: Once | None = None,
    ) -> Poll:
        """A poll that has tried, found nothing, and waits."""
        poll = asyncio.create_task(
            self._queue.services.polls.claim(
                Asker(instance=instance, labels=labels, projects=projects),
                lease=None,
                wait=wait,
                by=WORKER,
                is_gone=is_gone,
                finish=finish,
                once=once,
            )
        )
        self._polls.append(poll)
        await self.settle()
        return poll

    async def settle(self) -> None:
        """Until every use case that was under way has been answered, and its asker gone on."""
        for _ in range(3):
            # After those that run beside each other have begun; and then when they have ended.
            await self._queue.store.run(_nothing, beside=True)
            await self._queue.store.run(_nothing)
            await asyncio.sleep(0)

    async def end(self) -> None:
        for poll in self._polls:
            poll.cancel()
        await asyncio.gather(*self._polls, return_exceptions=True)


async def _nothing(_tx: object) -> None:
    """A use case that changes nothing."""


def got(poll: Poll) -> int | None:
    """The id of the task that the poll has got; the poll has ended."""
    task = poll.result()
    return None if task is None else task.id
