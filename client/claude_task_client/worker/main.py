"""Starting the worker: on one state folder, with its signals, until it is told to stop."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path

from claude_task_client import AsyncAthena
from claude_task_client.worker import locking
from claude_task_client.worker.loop import Worker

log = logging.getLogger(__name__)


def run_in_loop(
    state: Path, connect: Callable[[], AsyncAthena], make: Callable[[AsyncAthena], Worker]
) -> int:
    """Run a worker to its end, with the state folder to itself, and the signals that are its own.

    The first SIGTERM or SIGINT hands back, a second one ends at once; what a task has started ends
    with this process in any case. SIGHUP says that something was put right.
    Raises: AlreadyAtWork.
    """

    async def run() -> int:
        async with connect() as athena:
            worker = make(athena)
            _obey_signals(worker)
            return await worker.run()

    with locking.held(state):
        _show_log()
        return asyncio.run(run())


def _obey_signals(worker: Worker) -> None:
    loop = asyncio.get_running_loop()
    told: list[int] = []

    def stop(number: int) -> None:
        if told:
            log.warning("Ending at once.")
            os._exit(128 + number)
        told.append(number)
        worker.stop()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop, number)
    loop.add_signal_handler(signal.SIGHUP, worker.look_now)


def _show_log() -> None:
    """Standard error is the worker's own log: a terminal, or the journal of the service."""
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    ours = logging.getLogger("claude_task_client")
    ours.addHandler(handler)
    ours.setLevel(logging.INFO)
    ours.propagate = False
