"""What may hang on a dead mount: done in order, in a thread that nobody waits for at the end.

Those of `concurrent.futures` and of the loop's own executor are joined when the process ends: one
mount whose server is gone would keep a worker that is stopped from ending.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


class DiskThread:
    """One thread, which begins with the first thing to do."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread: threading.Thread | None = None
        self._is_closed = False

    async def do(self, act: Callable[[], T]) -> T:
        """Do it after all that came before; raises what it raises."""
        if self._is_closed:
            raise RuntimeError(f"{self._name} was closed")
        future: Future[T] = Future()
        self._jobs.put(lambda: _do(act, future))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
            self._thread.start()
        return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Begin nothing more; what is being done is not waited for."""
        self._is_closed = True
        self._jobs.put(None)

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None and not self._is_closed:
            job()


def _do(act: Callable[[], T], future: Future[T]) -> None:
    if not future.set_running_or_notify_cancel():
        return
    try:
        result = act()
    except BaseException as error:  # noqa: BLE001  whoever waits is told, whatever it is
        future.set_exception(error)
    else:
        future.set_result(result)
