"""Workers for the tests: in this process, where a test looks closely, or in one that it kills."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest

from claude_task_client import AsyncAthena
from claude_task_client.worker.loop import Worker
from tests.running import RunningServer
from tests.worker.stand_in import PROJECT, Bench, Steps, make_config, make_worker

T = TypeVar("T")

PATIENCE_SECONDS = 60.0


async def until(look: Callable[[], Awaitable[T]], *, seconds: float = PATIENCE_SECONDS) -> T:
    """What is seen, once it is true."""
    async with asyncio.timeout(seconds):
        while not (seen := await look()):  # noqa: ASYNC110  others' processes tell nobody
            await asyncio.sleep(0.02)
    return seen


@dataclass
class Place:
    """A server, and a bench where workers of one state folder live one after another."""

    server: RunningServer
    bench: Bench
    instance: str = "worker"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    async def ask(self, method: str, path: str, body: object = None) -> Any:
        """The body of an answer, which must be a good one."""
        answer = await self.server.ask_async(method, path, body)
        assert answer.status < 300, answer
        return answer.body

    async def submit(self, *steps: str, **fields: Any) -> int:
        """Queue a task of these steps."""
        body = {"description": "\n".join(steps), "project": PROJECT, **fields}
        return int((await self.ask("POST", "/api/tasks", body))["id"])

    async def task(self, task_id: int) -> Any:
        return await self.ask("GET", f"/api/tasks/{task_id}")

    async def result(self, task_id: int) -> Any:
        """The result, waiting for it."""
        result = await self.ask("GET", f"/api/tasks/{task_id}/result?wait=60")
        assert result is not None, await self.task(task_id)
        return result

    async def reaches(self, task_id: int, **fields: Any) -> Any:
        """The task, once it has these values."""

        async def look() -> Any:
            task = await self.task(task_id)
            return task if fields.items() <= task.items() else None

        return await until(look)

    async def events(self, task_id: int) -> list[str]:
        """The types of all that happened to a task."""
        page = await self.ask("GET", f"/api/tasks/{task_id}/events?limit=500")
        return [event["type"] for event in page["events"]]

    async def lines(self, task_id: int) -> list[str]:
        """Its transcript."""
        page = await self.ask("GET", f"/api/tasks/{task_id}/log?limit=500")
        return [line["text"] for line in page["lines"]]

    async def does(self, effect: str) -> None:
        """Wait for an effect."""

        async def look() -> bool:
            return effect in self.bench.effects

        await until(look)

    async def is_tidy(self) -> None:
        """Wait until nothing of any task is left on the bench."""

        async def look() -> bool:
            left = [*self.jobs(), *(self.bench.state / "worktrees" / PROJECT).glob("*")]
            return not left

        await until(look)

    def jobs(self) -> list[Path]:
        """The journals that are kept."""
        return [*(self.bench.state / "jobs").glob("*/record.json")]

    def record(self, task_id: int) -> Any:
        """A journal as it is on disk."""
        return json.loads((self.bench.state / "jobs" / str(task_id) / "record.json").read_text())

    def faults(self) -> str:
        """The project's error log."""
        file = self.bench.state / "logs" / f"{PROJECT}.error.log"
        return file.read_text() if file.exists() else ""

    @asynccontextmanager
    async def worker(
        self,
        *,
        steps: Steps | None = None,
        config: dict[str, Any] | None = None,
        key: str | None = None,
        url: str | None = None,
        is_killed: bool = False,
        **options: Any,
    ) -> AsyncIterator[Worker]:
        """A worker in this process, told to stop at the end of the block; or broken off there,
        which leaves behind what kill -9 leaves.
        """
        made = make_config(self.bench, **{"grace_seconds": 0.0, **(config or {})})
        async with AsyncAthena(
            url or self.server.url,
            key or self.server.key,
            instance=self.instance,
            retry_seconds=0.0,
        ) as athena:
            worker = make_worker(self.bench, made, athena, steps=steps, **options)
            living = asyncio.create_task(worker.run())
            try:
                yield worker
            finally:
                if is_killed:
                    living.cancel()
                    await asyncio.wait({living})
                else:
                    worker.stop()
                    await asyncio.wait_for(living, PATIENCE_SECONDS)

    async def run_to_its_end(self, **options: Any) -> int:
        """The exit code of a worker that ends by itself."""
        made = make_config(self.bench)
        async with AsyncAthena(
            self.server.url, self.server.key, instance=self.instance, retry_seconds=0.0
        ) as athena:
            async with asyncio.timeout(PATIENCE_SECONDS):
                return await make_worker(self.bench, made, athena, **options).run()

    def start(self, *options: str) -> subprocess.Popen[bytes]:
        """A worker in a process of its own."""
        argv = [sys.executable, "-m", "tests.worker.stand_in", str(self.bench.folder)]
        with (self.bench.folder / "worker.log").open("ab") as log:
            process = subprocess.Popen(
                [*argv, self.server.url, self.server.key, *options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, "PYTHONPATH": str(Path.cwd())},
            )
        self.processes.append(process)
        return process

    async def end(self, process: subprocess.Popen[bytes], number: int = signal.SIGTERM) -> int:
        """Send a signal; the exit status."""
        process.send_signal(number)
        return await asyncio.to_thread(process.wait, PATIENCE_SECONDS)


@pytest.fixture
def place(server: RunningServer, tmp_path: Path) -> Iterator[Place]:
    """A server and a bench; every worker on it ends with the test."""
    folder = tmp_path / "bench"
    folder.mkdir()
    place = Place(server, Bench(folder))
    yield place
    for process in place.processes:
        if process.poll() is None:
            process.kill()
        process.wait()
