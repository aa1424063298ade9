"""A worker's duty beside its tasks: the sources of its projects are watched."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

from claude_task_client import AsyncAthena
from claude_task_client.errors import BadSettings
from claude_task_client.files import replace_file
from claude_task_client.sources.registry import Source
from claude_task_client.sources.tending import Manner, Tended, tend
from claude_task_client.worker.config import WorkerConfig
from claude_task_client.worker.options import WorkOptions

FILE: Final = "sources.json"
KIND: Final = "worker"
SHOWN: Final = ("id", "path", "trouble")

log = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def sources_watched(
    athena: AsyncAthena, config: WorkerConfig, options: WorkOptions
) -> AsyncIterator[None]:
    """Watch them for the length of the block. Whatever goes wrong with one stays there.

    Sources without a project are watched by every worker of the account: a document may name its
    project itself. A worker that takes one task and exits leaves sources alone.
    """
    if options.once or not config.watch_sources:
        yield
        return

    def is_ours(source: Source) -> bool:
        return source.project is None or source.project in options.projects

    manner = Manner(
        picks=is_ours,
        kind=KIND,
        pid=os.getpid(),
        tell=log.info,
        note=lambda now: _note(options.state, now),
    )
    duty = asyncio.create_task(tend(athena, manner))
    try:
        yield
    finally:
        duty.cancel()
        await asyncio.wait({duty})
        with contextlib.suppress(OSError):
            (options.state / FILE).unlink()


def watched(state: Path, *, is_alive: bool) -> dict[str, Any]:
    """What the worker of a state folder watches, by its own word, and what is wrong with that."""
    if not is_alive:
        return {"sources": [], "sources_trouble": None}
    try:
        content = json.loads((state / FILE).read_text("utf-8"))
        sources = [{name: each[name] for name in SHOWN} for each in content["sources"]]
        return {"sources": sources, "sources_trouble": content["trouble"]}
    except (OSError, ValueError, TypeError, KeyError):
        return {"sources": [], "sources_trouble": None}


def _note(state: Path, now: Tended) -> None:
    told = {
        "sources": [
            dict(zip(SHOWN, (each.id, str(each.path), now.troubles.get(each.id)), strict=True))
            for each in now.sources
        ],
        "trouble": now.trouble,
    }
    try:
        replace_file(state / FILE, json.dumps(told) + "\n")
    except BadSettings as error:
        log.warning("%s", error)
