"""Asking for the next task, so that none is taken without this worker knowing of it.

Each request has a name that is on disk before it is sent: Athena gives the same answer to the same
name. Whatever happens in between, a lost connection, a poll that was broken off, kill -9, the same
request is asked again, and brings the task that was claimed by it, if one was.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from claude_task_client import AsyncAthena
from claude_task_client.errors import Invalid
from claude_task_client.files import replace_file
from claude_task_client.wire import Task

# Long enough for an answer that is there already, too short to be waited for.
SETTLE_SECONDS: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What was asked, word for word: under the same name nothing else may be."""

    key: str
    projects: Sequence[str]
    labels: Sequence[str]
    lease_seconds: float
    wait_seconds: float

    def is_as(self, other: Request) -> bool:
        """Whether both ask for the same, whatever their names."""
        return asdict(self) | {"key": other.key} == asdict(other)


@dataclass(frozen=True, slots=True)
class Claimed:
    """A task that came. `is_certain`: by the first answer; else it may have been lost since."""

    task: Task
    is_certain: bool


class Claiming:
    """Claims for one worker, one request at a time."""

    def __init__(
        self, athena: AsyncAthena, file: Path, *, labels: Sequence[str], lease_seconds: float
    ) -> None:
        self._athena = athena
        self._file = file
        self._labels = tuple(labels)
        self._lease_seconds = lease_seconds
        self._open = _read(file)
        # Whether the open request was sent, and what came of it is not known.
        self._is_doubtful = self._open is not None

    async def next(self, projects: Sequence[str], *, wait_seconds: float) -> Claimed | None:
        """The next task of these projects; None if none came in time.

        May be broken off. `settled` is called once the task is in the journal.
        Raises: Refused, Unreachable.
        """
        wanted = Request(
            key=str(uuid.uuid4()),
            projects=tuple(projects),
            labels=self._labels,
            lease_seconds=self._lease_seconds,
            wait_seconds=wait_seconds,
        )
        if self._open is not None and not self._open.is_as(wanted):
            claimed = await self.settle()
            if claimed is not None:
                return claimed
            self._open, self._is_doubtful = None, False
        if self._open is None:
            self._open = wanted
            replace_file(self._file, json.dumps(asdict(wanted)))
        return await self._send(self._open)

    async def settle(self) -> Claimed | None:
        """What came of the request that was broken off, if one was and it came to something.

        Raises: Refused, Unreachable.
        """
        if self._open is None or not self._is_doubtful:
            return None
        # Without an answer in time nothing was claimed; Invalid is a name that stands for what
        # another version of this program has sent.
        with contextlib.suppress(TimeoutError, Invalid):
            async with asyncio.timeout(SETTLE_SECONDS):
                return await self._send(self._open)
        return None

    def settled(self) -> None:
        """Whatever came of the last request is known and kept."""
        self._open, self._is_doubtful = None, False
        self._file.unlink(missing_ok=True)

    async def _send(self, request: Request) -> Claimed | None:
        is_certain = not self._is_doubtful
        self._is_doubtful = True
        task = await self._athena.claim_next(
            wait=request.wait_seconds,
            labels=request.labels,
            projects=request.projects,
            lease_seconds=request.lease_seconds,
            idempotency_key=request.key,
        )
        self._is_doubtful = False
        return None if task is None else Claimed(task, is_certain)


def _read(file: Path) -> Request | None:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        lists = {name: tuple(content[name]) for name in ("projects", "labels")}
        return Request(**{**content, **lists})
    except (OSError, ValueError, TypeError, KeyError):
        return None
