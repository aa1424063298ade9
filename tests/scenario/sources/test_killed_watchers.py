"""Documents are dropped by several while their watchers are killed: each is done once, in order."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import subprocess
import sys
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from claude_task_client import AsyncAthena
from claude_task_client.sources import layout
from claude_task_client.sources.registry import Source
from tests.running import RunningServer

SOURCES = 4
WRITERS = 2
CLAIMERS = 6
DEADLINE_SECONDS = 900.0
HERE = Path(__file__).parent
ROOT = HERE.parents[2]


@dataclass
class Flood:
    """A number of documents on their way through four sources."""

    server: RunningServer
    folder: Path
    count: int
    poll: bool
    log: Path = field(init=False)
    sources: list[Source] = field(default_factory=list)
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.log = self.folder / "watchers.log"
        for number in range(SOURCES):
            path = self.folder / f"source-{number}"
            path.mkdir()
            source = Source(id=f"source-{number}", path=path)
            layout.prepare(source)
            self.sources.append(source)

    def start_watcher(self, instance: str) -> subprocess.Popen[bytes]:
        named = [f"{source.id}={source.path}" for source in self.sources]
        how = "poll" if self.poll else "events"
        with self.log.open("ab") as log:
            return self._start(
                "watcher", self.server.url, self.server.key, instance, how, *named, stdout=log
            )

    def start_writers(self) -> list[subprocess.Popen[bytes]]:
        each = self.count // SOURCES
        folders = [str(source.path) for source in self.sources]
        return [
            self._start("writer", str(own), str(WRITERS), str(each), *folders)
            for own in range(WRITERS)
        ]

    def _start(self, name: str, *words: str, stdout: Any = None) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", f"tests.scenario.sources.{name}", *words],
            cwd=ROOT,
            stdout=stdout,
            stderr=stdout,
        )
        self.processes.append(process)
        return process

    def end(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()

    def ended(self) -> int:
        """How many documents are through."""
        return sum(
            len(list((source.path / name).glob("*.md")))
            for source in self.sources
            for name in ("completed", "failed")
        )

    def records(self) -> int:
        """How many documents were at least begun with."""
        return sum(
            len(list((source.path / ".athena" / name).glob("*.json")))
            for source in self.sources
            for name in ("open", "ended")
        )

    def open_records(self) -> int:
        return sum(len(list((s.path / ".athena/open").iterdir())) for s in self.sources)


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "nothing more happens"
        await asyncio.sleep(0.02)


@asynccontextmanager
async def claimers(server: RunningServer) -> AsyncIterator[None]:
    """Some who do what there is to do; every tenth task fails for good."""

    async def work(name: str) -> None:
        async with AsyncAthena(server.url, server.key, instance=name) as athena:
            while True:
                task = await athena.claim_next(wait=30)
                if task is None:
                    continue
                number = int(str(task.metadata["document"]).rpartition("-")[2])
                if number % 10 == 9:
                    await athena.fail(task, f"{number} cannot be done", retry=False)
                else:
                    await athena.complete(task, result={"success": True, "output": f"{number}"})

    tasks = [asyncio.create_task(work(f"claimer-{n}")) for n in range(CLAIMERS)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)


async def all_tasks(server: RunningServer) -> list[dict[str, Any]]:
    async with AsyncAthena(server.url, server.key) as athena:
        found: list[dict[str, Any]] = []
        cursor = None
        while True:
            page = await athena.list(status="all", limit=500, cursor=cursor)
            found += [dict(task.raw) for task in page.tasks]
            cursor = page.next_cursor
            if cursor is None:
                return found


def assert_each_once_and_in_order(tasks: Sequence[dict[str, Any]], flood: Flood) -> None:
    """One task a document; a source's strictly one after another; a writer's as it wrote them."""
    assert len(tasks) == flood.count
    by_lane = defaultdict(list)
    for task in sorted(tasks, key=lambda each: each["id"]):
        by_lane[task["lane"]].append(task)
    assert sorted(by_lane) == [source.id for source in flood.sources]
    for lane in by_lane.values():
        names = [task["metadata"]["document"] for task in lane]
        assert len(set(names)) == len(names) == flood.count // SOURCES
        for before, after in itertools.pairwise(lane):
            assert before["completed_at"] <= after["claimed_at"]
        numbers = [int(name.rpartition("-")[2]) for name in names]
        for writer in range(WRITERS):
            own = [number for number in numbers if number % WRITERS == writer]
            assert own == sorted(own)


def assert_all_is_told(flood: Flood) -> None:
    """Every document stands where it ended, with its result and its report, and nothing else."""
    for source in flood.sources:
        here = layout.Layout(source.path)
        for number in range(flood.count // SOURCES):
            [path] = [
                path
                for name in ("completed", "failed")
                for path in (source.path / name).glob(f"*-number-{number}.md")
            ]
            expected = "failed" if number % 10 == 9 else "completed"
            assert path.parent.name == expected
            result = json.loads(here.result(path.stem).read_text("utf-8"))
            assert (result["status"], result["document"]) == (expected, path.stem)
            assert here.report(path.stem).read_text("utf-8").startswith(f"# {expected.title()}:")
        assert list(here.pending.iterdir()) == []
        assert list((source.path / "staging").iterdir()) == []
        assert not [
            path
            for name in ("results", "reports")
            for path in (source.path / name).iterdir()
            if ".1." in path.name
        ]


async def drop_and_kill(flood: Flood, *, kills: int, watchers: int) -> None:
    """Watchers die at moments that follow the documents' progress, not the clock."""
    dice = random.Random(flood.count)
    running = [flood.start_watcher(f"watcher-{n}") for n in range(watchers)]
    async with claimers(flood.server):
        writers = flood.start_writers()
        for kill in range(kills):
            goal = flood.count * (kill + 1) // (kills + 1)
            seen = flood.ended if kill % 2 else flood.records
            await until(lambda goal=goal, seen=seen: seen() >= goal)  # type: ignore[misc]
            place = dice.randrange(watchers)
            running[place].kill()
            running[place].wait()
            running[place] = flood.start_watcher(f"watcher-{place}")
        await until(lambda: flood.ended() >= flood.count and not flood.open_records())
        assert [writer.wait() for writer in writers] == [0] * WRITERS


@pytest.fixture
def make_flood(server: RunningServer, tmp_path: Path):
    floods: list[Flood] = []

    def make(*, count: int, poll: bool = False) -> Flood:
        folder = tmp_path / "mount"
        folder.mkdir()
        floods.append(Flood(server, folder, count, poll))
        return floods[-1]

    yield make
    for flood in floods:
        flood.end()


async def run(flood: Flood, *, kills: int, watchers: int) -> None:
    started = time.monotonic()
    await drop_and_kill(flood, kills=kills, watchers=watchers)
    tasks = await all_tasks(flood.server)
    print(f"{len(tasks)} tasks, {kills} kills, {time.monotonic() - started:.0f} s")
    assert_each_once_and_in_order(tasks, flood)
    assert_all_is_told(flood)
    assert "mistake" not in flood.log.read_text()


@pytest.mark.slow
@pytest.mark.parametrize("poll", [False, True], ids=["events", "polling"])
async def test_documents_are_done_once_and_in_order_though_the_watcher_is_killed(make_flood, poll):
    """Two write into four folders while the watcher is killed: each once, in order, and told."""
    await run(make_flood(count=120, poll=poll), kills=4, watchers=1)


@pytest.mark.slow
async def test_two_watchers_of_one_folder_make_one_task_of_a_document(make_flood):
    """Two watchers under different names share a mount, and die now and then."""
    await run(make_flood(count=80), kills=2, watchers=2)


@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("poll", [False, True], ids=["events", "polling"])
@pytest.mark.parametrize("watchers", [1, 2], ids=["one", "two"])
async def test_a_thousand_documents_survive_ten_kills(make_flood, poll, watchers):
    """The specification's numbers."""
    await run(make_flood(count=1_000, poll=poll), kills=10, watchers=watchers)
