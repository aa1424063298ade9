"""What `doctor` says of the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from claude_task_client.worker import config_file, locking
from claude_task_client.worker.config import WorkerConfig
from claude_task_client.worker.health import examine
from claude_task_client.worker.places import Places

Diagnosis = tuple[bool, str, str | None]


def diagnose() -> Iterator[Diagnosis]:
    """What is well or not, in words, and what to do about it."""
    path = config_file.default_path()
    try:
        config = config_file.load(path)
    except config_file.BadConfig as error:
        for line in error.problems:
            yield False, line, f"Correct {path}"
        return
    health = asyncio.run(examine(config))
    for problem in health.problems:
        yield False, problem.detail, problem.advice
    if health.ok:
        yield True, f"{_serving(config)}, {_running()}", None


def _serving(config: WorkerConfig) -> str:
    return f"may work on {', '.join(config.projects)}"


def _running() -> str:
    states = Places().states()
    pids = [str(pid) for pid in map(locking.holder, states) if pid is not None]
    return f"running as pid {', '.join(pids)}" if pids else "not running"
