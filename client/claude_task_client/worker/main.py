"""Starting the worker: on one state folder, with its signals, until it is told to stop."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from importlib.metadata import version
from pathlib import Path
from typing import Any

from claude_task_client import AsyncAthena, clock, settings
from claude_task_client.settings import Settings
from claude_task_client.worker import claude_program, holdback, locking, pipeline
from claude_task_client.worker.build import Ground, RealWorkshop
from claude_task_client.worker.config import WorkerConfig
from claude_task_client.worker.environment import run_prefix
from claude_task_client.worker.health import Examination
from claude_task_client.worker.loop import Surroundings, Worker
from claude_task_client.worker.options import WorkOptions
from claude_task_client.worker.places import LOGS
from claude_task_client.worker.project_logs import ProjectLogs
from claude_task_client.worker.source_duty import sources_watched
from claude_task_client.worker.strays import end_strays

log = logging.getLogger(__name__)


def run_worker(config: WorkerConfig, options: WorkOptions) -> int:
    """Do the tasks of these projects until it is told to stop; the exit code.

    Raises: BadSettings, NotSignedIn, AlreadyAtWork.
    """
    told = settings.load()
    key = told.signed_in()
    environment = settings.own_environment()
    # Where there is none, the examination says so before anything is claimed.
    claude = claude_program.find(config.claude_command, environment) or (claude_program.NAME,)
    ground = Ground(
        state=options.state,
        config=config,
        environment=environment,
        claude=claude,
        now=clock.now,
    )
    logs = ProjectLogs(options.state / LOGS, now=clock.now)
    examination = Examination(
        config, state=options.state, environment=environment, projects=options.projects
    )

    def make(athena: AsyncAthena) -> Worker:
        around = Surroundings(
            athena=athena,
            run_job=pipeline.run,
            workshop=lambda line: RealWorkshop(ground, athena, line, logs),
            examine=examination,
            introduction=_introduction(told),
            limit_file=holdback.shared_file(environment, config.claude_environment),
            now=clock.now,
        )
        return Worker(config, options, around)

    async def end_what_was_left() -> None:
        left = await end_strays(run_prefix(options.state))
        if left:
            log.warning("Ended %s processes that an earlier worker has left.", len(left))

    return run_in_loop(
        options.state,
        lambda: AsyncAthena(told.url, key, instance=told.instance, retry_seconds=0.0),
        make,
        before=end_what_was_left,
        beside=lambda athena: sources_watched(athena, config, options),
    )


def _introduction(told: Settings) -> Mapping[str, Any]:
    return {
        "name": told.name,
        "host": settings.host_name(),
        "platform": sys.platform,
        "version": version("claude-task-client"),
    }


async def _nothing() -> None:
    pass


def _nothing_beside(_: AsyncAthena) -> AbstractAsyncContextManager[None]:
    return contextlib.nullcontext()


def run_in_loop(
    state: Path,
    connect: Callable[[], AsyncAthena],
    make: Callable[[AsyncAthena], Worker],
    *,
    before: Callable[[], Awaitable[None]] = _nothing,
    beside: Callable[[AsyncAthena], AbstractAsyncContextManager[None]] = _nothing_beside,
) -> int:
    """Run a worker to its end, with the state folder to itself, and the signals that are its own.

    The first SIGTERM or SIGINT hands back, a second one ends at once; what a task has started ends
    with this process in any case. SIGHUP says that something was put right.
    Raises: AlreadyAtWork.
    """

    async def run() -> int:
        await before()
        async with connect() as athena:
            worker = make(athena)
            _obey_signals(worker)
            async with beside(athena):
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
