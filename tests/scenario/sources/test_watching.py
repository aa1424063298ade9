"""The whole watcher at a real Athena: by events, by polling, and through what disturbs it."""

from __future__ import annotations

import asyncio
import json
import resource
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from claude_task_client import AsyncAthena
from claude_task_client.errors import Unreachable
from claude_task_client.sources import layout
from claude_task_client.sources.desk import Timing
from claude_task_client.sources.layout import Layout, SourceAway
from claude_task_client.sources.registry import Source
from claude_task_client.sources.watching import watch
from claude_task_client.wire import Task
from tests.running import RunningServer

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 60.0
DOOR = "task-20261122-120000-fix-the-door"
ROOF = "task-20261122-130000-mend-the-roof"
TEXT = "# Task: Fix the door\n\n## Task\n\nIt squeaks.\n"
# What has no event comes by a look that is taken more often than in real use.
SOON = Timing(rescan=2.0, review=2.0, gone=1.0, retry=0.2, retry_max=0.5)
# Nothing comes by itself: what happens within the deadline came by an event.
BY_EVENTS = Timing(rescan=600.0, review=600.0)


@dataclass
class Inbox:
    """A source, and what its watcher has said."""

    source: Source
    said: list[str] = field(default_factory=list)

    @property
    def layout(self) -> Layout:
        return Layout(self.source.path)

    def drop(self, stem: str = DOOR, text: str = TEXT) -> Path:
        staged = self.layout.document("staging", stem)
        staged.write_text(text, "utf-8")
        return staged.rename(self.layout.document("pending", stem))

    def is_in(self, folder: str, stem: str = DOOR) -> bool:
        return self.layout.document(folder, stem).exists()

    def has_said(self, words: str) -> bool:
        return any(words in line for line in self.said)


@pytest.fixture
def inbox(tmp_path: Path) -> Inbox:
    root = tmp_path / "mount" / "inbox"
    root.mkdir(parents=True)
    source = Source(id="inbox", path=root)
    layout.prepare(source)
    return Inbox(source)


@pytest.fixture
async def athena(server: RunningServer) -> AsyncIterator[AsyncAthena]:
    async with AsyncAthena(server.url, server.key, instance="pi", retry_seconds=0) as athena:
        yield athena


@asynccontextmanager
async def watched(
    inbox: Inbox, athena: AsyncAthena, *, timing: Timing = SOON, poll: bool = False
) -> AsyncIterator[None]:
    watching = asyncio.create_task(
        watch([inbox.source], athena, poll=poll, once=False, tell=inbox.said.append, timing=timing)
    )
    try:
        yield
        assert not watching.done()
    finally:
        watching.cancel()
        await asyncio.wait({watching})


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "it does not happen"
        await asyncio.sleep(0.02)


async def claimed(athena: AsyncAthena) -> Task:
    task = await athena.claim_next(wait=DEADLINE_SECONDS)
    assert task is not None
    return task


@pytest.mark.parametrize("poll", [False, True], ids=["events", "polling"])
async def test_everything_comes_by_events(inbox, athena, poll):
    """From the drop to the result nobody waits for a regular look."""
    async with watched(inbox, athena, timing=BY_EVENTS, poll=poll):
        await until(inbox.layout.own.exists)
        for stem in (DOOR, ROOF):
            inbox.drop(stem)
            task = await claimed(athena)
            await until(inbox.layout.lock(stem).exists)
            await athena.complete(task, result={"success": True})
            await until(lambda stem=stem: inbox.is_in("completed", stem))  # type: ignore[misc]

        assert not inbox.layout.lock(DOOR).exists()


async def test_a_document_written_slowly_is_taken_whole(inbox, athena):
    """Its writer knows nothing of staging/, and stops now and then."""
    body = [TEXT, *(f"Line {number}.\n" for number in range(12))]
    # On a busy machine the writer may stop for longer than it means to.
    async with watched(inbox, athena, timing=replace(SOON, still=5.0)):
        with inbox.layout.document("pending", DOOR).open("w") as file:
            for line in body:
                file.write(line)
                file.flush()
                await asyncio.sleep(0.15)  # the pace of the writer, not a wait for anything
        task = await claimed(athena)

    assert task.description.endswith("Line 11.")
    page = await athena.history(task.id)
    assert [event.type for event in page.events] == ["task.submitted", "task.claimed"]


async def test_a_mount_may_go_and_come_back(inbox, athena):
    """Meanwhile nothing is cancelled; afterwards changes are told again."""
    root, elsewhere = inbox.source.path, inbox.source.path.with_name("elsewhere")
    async with watched(inbox, athena):
        inbox.drop()
        await until(lambda: inbox.has_said("is task #1"))
        root.rename(elsewhere)
        root.mkdir()
        await until(lambda: inbox.has_said("not to be seen"))
        root.rmdir()
        elsewhere.rename(root)
        await until(lambda: inbox.has_said("All is well again"))
        inbox.drop(ROOF)
        await until(lambda: inbox.has_said("is task #2"))

    assert (await athena.get(1)).status == "pending"


async def test_athena_may_be_away_for_long(inbox, athena, server):
    """It is said once; documents wait, and go on once she is back."""
    async with watched(inbox, athena):
        inbox.drop()
        await until(lambda: inbox.has_said("is task #1"))
        server.stop()
        inbox.drop(ROOF)
        await until(lambda: inbox.has_said("not reachable"))
        server.start()
        await until(lambda: inbox.has_said("is task #2"))

    assert len([line for line in inbox.said if "not reachable" in line]) <= 2
    assert (await athena.get(1)).status == "pending"


async def test_athenas_store_may_be_lost(inbox, athena, server):
    """What stands in pending/ is submitted anew, and its end is heard of by the new log."""
    async with watched(inbox, athena):
        for stem in (DOOR, ROOF):
            inbox.drop(stem)
        await until(lambda: inbox.has_said("is task #2"))
        # The numbers of the old log are higher than those of the new one will be for long.
        for number in range(50):
            await athena.change(1, priority=("low", "high")[number % 2])
        server.kill()
        for path in server.database.parent.glob("tasks.db*"):
            path.unlink()
        server.start()
        await until(lambda: inbox.has_said("has lost task #2"))
        task = await claimed(athena)
        await athena.complete(task, result={"success": True})
        await until(lambda: inbox.is_in("completed"))
        await until(lambda: sum("is task #2" in line for line in inbox.said) == 2)

    assert len((await athena.list(status="all")).tasks) == 2


@contextmanager
def full_disk(pid: int) -> Iterator[None]:
    """No file can be written to, root or not."""
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@contextmanager
def watching_process(inbox: Inbox, server: RunningServer) -> Iterator[int]:
    """A watcher whose disk alone can be full; what it says does not go to one."""
    program = [sys.executable, "-m", "tests.scenario.sources.watcher"]
    options = [server.url, server.key, "pi", "events", f"inbox={inbox.source.path}"]
    with subprocess.Popen(
        [*program, *options], cwd=ROOT, stdout=subprocess.PIPE, encoding="utf-8"
    ) as process:
        reading = threading.Thread(target=lambda: inbox.said.extend(process.stdout or ()))
        reading.start()
        try:
            yield process.pid
        finally:
            process.kill()
            reading.join()


async def test_a_full_disk_loses_nothing(inbox, athena, server):
    """Nothing is submitted and nothing moved that cannot be noted; it is said, and tried again."""
    with watching_process(inbox, server) as pid:
        inbox.drop()
        task = await claimed(athena)
        with full_disk(pid):
            await athena.complete(task, result={"success": True})
            inbox.drop(ROOF)
            await until(lambda: inbox.has_said("File too large. Trying again"))
            assert inbox.is_in("pending")
            assert inbox.is_in("pending", ROOF)
            assert list((inbox.source.path / "results").iterdir()) == []
        await until(lambda: inbox.is_in("completed"))
        await claimed(athena)
        assert json.loads(inbox.layout.result(DOOR).read_text())["status"] == "completed"
        assert len((await athena.list(status="all")).tasks) == 2


async def test_one_source_in_trouble_disturbs_no_other(inbox, athena, tmp_path):
    """The other goes on."""
    away = Source(id="away", path=tmp_path / "away")
    said: list[str] = []
    sources = [away, inbox.source]
    watching = asyncio.create_task(
        watch(sources, athena, poll=False, once=False, tell=said.append, timing=SOON)
    )
    try:
        inbox.drop()
        await claimed(athena)
        assert any(line.startswith("away: ") and "not to be seen" in line for line in said)
    finally:
        watching.cancel()
        await asyncio.wait({watching})


async def test_a_watcher_leaves_nothing_behind(inbox, athena):
    """No thread, no lock, and it ends at once."""
    async with watched(inbox, athena):
        inbox.drop()
        await claimed(athena)

    left = [thread.name for thread in threading.enumerate() if thread.name.startswith("source-")]
    await until(lambda: not any(thread.name in left for thread in threading.enumerate()))


# --- once


async def once(inbox: Inbox, athena: AsyncAthena) -> None:
    await watch([inbox.source], athena, poll=False, once=True, tell=inbox.said.append, timing=SOON)


async def test_a_single_look_takes_in_what_is_there(inbox, athena):
    """As a regular job: what was dropped, what has ended, and what was taken away."""
    inbox.drop()
    inbox.drop(ROOF, TEXT.replace("door", "roof"))
    inbox.layout.document("pending", "oops").write_text("x")
    await once(inbox, athena)
    assert inbox.is_in("failed", "oops")

    await athena.complete(await claimed(athena), result={"success": True})
    inbox.layout.document("pending", ROOF).unlink()
    await once(inbox, athena)

    assert inbox.is_in("completed")
    assert (await athena.get(2)).status == "cancelled"


async def test_a_single_look_says_what_keeps_it(inbox, athena, server):
    """Whoever runs it by hand or by a timer gets an error for it."""
    server.stop()
    with pytest.raises(Unreachable):
        await once(inbox, athena)

    inbox.source.path.rename(inbox.source.path.with_name("elsewhere"))
    with pytest.raises(SourceAway):
        await once(inbox, athena)
