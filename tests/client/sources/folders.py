"""A source whose watcher takes one step at a time, at a real Athena."""

from __future__ import annotations

import itertools
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from claude_task_client import AsyncAthena
from claude_task_client.sources import layout, locks
from claude_task_client.sources.desk import Desk, Timing
from claude_task_client.sources.intake import Intake
from claude_task_client.sources.layout import Layout
from claude_task_client.sources.locks import Lock
from claude_task_client.sources.records import Record
from claude_task_client.sources.registry import Source
from claude_task_client.sources.settling import Settling
from claude_task_client.wire import Task
from tests.running import RunningServer

# Nothing has to wait, where a test does not say that it is about waiting.
AT_ONCE = Timing(still=0.0, wrong=0.0, gone=0.0, takeover=0.0, after=0.0)
NEVER = 3600.0

DOOR = "task-20261122-120000-fix-the-door"
ROOF = "task-20261122-130000-mend-the-roof"

_NUMBERS = itertools.count(1)


def text(title: str = "Fix the door", task: str = "It squeaks.", head: str = "") -> str:
    """A document as people write them."""
    front = f"---\n{head}\n---\n" if head else ""
    return f"{front}# Task: {title}\n\n## Task\n\n{task}\n\n## Expected Outcome\n\nSilence.\n"


class Folder:
    """One source of a test's own."""

    def __init__(self, root: Path, *, project: str | None = None) -> None:
        root.mkdir(parents=True, exist_ok=True)
        # Everybody's tasks lie in one Athena: this source is nobody else's.
        self.source = Source(id=f"source-{next(_NUMBERS)}", path=root, project=project)
        self.layout = Layout(root)
        layout.prepare(self.source)

    def drop(self, stem: str = DOOR, content: str | bytes | None = None) -> Path:
        """A document appears in `pending/`, whole."""
        written = text() if content is None else content
        staged = self.layout.document("staging", stem)
        staged.write_bytes(written if isinstance(written, bytes) else written.encode())
        return staged.rename(self.layout.document("pending", stem))

    def put_back(self, stem: str = DOOR) -> Path:
        """Somebody moves an ended document into `pending/` again."""
        [path] = [p for name in ("completed", "failed") if (p := self.path(name, stem)).exists()]
        return path.rename(self.path("pending", stem))

    def path(self, folder: str, stem: str = DOOR) -> Path:
        """Where a document would be."""
        return self.layout.document(folder, stem)

    def place(self, stem: str = DOOR) -> str | None:
        """In which folder it is."""
        there = [n for n in ("pending", "completed", "failed") if self.path(n, stem).exists()]
        assert len(there) <= 1, there
        return there[0] if there else None

    def result(self, stem: str = DOOR) -> dict[str, Any]:
        """What programs find."""
        content: dict[str, Any] = json.loads(self.layout.result(stem).read_text("utf-8"))
        return content

    def report(self, stem: str = DOOR) -> str:
        """What people find."""
        return self.layout.report(stem).read_text("utf-8")

    def lock(self, stem: str = DOOR) -> Lock | None:
        """Who works on it."""
        return locks.read(self.layout, stem)

    def names(self, folder: str) -> list[str]:
        """What is in one of the folders."""
        return sorted(path.name for path in (self.source.path / folder).iterdir())


class Watched(Folder):
    """A folder with a watcher that looks when it is told to."""

    def __init__(
        self,
        root: Path,
        server: RunningServer,
        *,
        timing: Timing = AT_ONCE,
        project: str | None = None,
        pid: int | None = None,
    ) -> None:
        super().__init__(root, project=project)
        self.server = server
        self.said: list[str] = []
        self.athena = AsyncAthena(
            server.url, server.key, instance="watcher", retry_seconds=0, timeout_seconds=20
        )
        self.timing = timing
        self.pid = pid
        self.made: list[AsyncAthena] = [self.athena]
        self.others: tuple[Source, ...] = ()
        self.begin_anew()

    def begin_anew(self, instance: str | None = None) -> None:
        """A new process: nothing is remembered but what is written."""
        if instance is not None:
            self.athena = AsyncAthena(
                self.server.url, self.server.key, instance=instance, retry_seconds=0
            )
            self.made.append(self.athena)
        self.desk = Desk(
            self.source,
            self.athena,
            tell=self.said.append,
            timing=self.timing,
            pid=self.pid,
            sources=[self.source, *self.others],
        )
        self.settling = Settling(self.desk)
        self.intake = Intake(self.desk, self.settling)

    async def look(self) -> None:
        """See everything that has happened so far, here and at Athena."""
        await self.settling.review()
        for _ in range(50):
            if await self.intake.look() != 0.0:
                return
        raise AssertionError("it never comes to rest")

    async def look_here(self) -> float | None:
        """See the folder alone."""
        return await self.intake.look()

    async def tasks(self) -> list[Task]:
        """The tasks that were made of this folder's documents, the oldest first."""
        page = await self.athena.list(
            status="all", created_by=f"source/{self.source.id}", limit=500
        )
        return sorted(page.tasks, key=lambda task: task.id)

    async def task(self) -> Task:
        """The only one."""
        [task] = await self.tasks()
        return await self.athena.get(task.id)

    async def claimed(self, instance: str = "worker") -> Task:
        """The next task of this source, in somebody's hands."""
        waiting = [task for task in await self.tasks() if task.status == "pending"]
        async with AsyncAthena(self.server.url, self.server.key, instance=instance) as worker:
            return await worker.claim(waiting[0].id)

    async def end(
        self, how: Callable[[AsyncAthena, Task], Awaitable[Task]], instance: str = "worker"
    ) -> Task:
        """The next task is done by somebody."""
        task = await self.claimed(instance)
        async with AsyncAthena(self.server.url, self.server.key, instance=instance) as worker:
            return await how(worker, task)

    async def complete(self, **result: object) -> Task:
        """The next task is completed."""
        told = {"success": True, "output": "It is quiet.", **result}
        return await self.end(lambda worker, task: worker.complete(task, result=told))

    async def fail(self, error: str = "There is no door.") -> Task:
        """The next task fails for good."""
        return await self.end(lambda worker, task: worker.fail(task, error, retry=False))

    async def close(self) -> None:
        """Let go of all."""
        self.desk.close()
        for each in self.made:
            await each.close()

    def open_record(self, stem: str = DOOR) -> Record | None:
        """What is written of a document of which something is still to come."""
        return self.desk.records.open(stem)
