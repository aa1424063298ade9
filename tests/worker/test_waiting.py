"""What waits at a worker to go on there: put away as soon as it will not."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator

import pytest

from claude_task_client.worker import reviewing, status
from claude_task_client.worker.changes import Changes
from tests.worker.at_work import Place, until
from tests.worker.stand_in import FolderWorkspace

pytestmark = pytest.mark.slow  # a server for most tests


@contextlib.asynccontextmanager
async def one_that_waits(place: Place) -> AsyncIterator[int]:
    """A task that is parked for an hour, at a worker that serves on."""
    task_id = await place.submit("park 3600", "effect after")
    async with place.worker():
        await place.reaches(task_id, readiness="parked")
        await until(lambda: waits(place))
        yield task_id


async def waits(place: Place) -> bool:
    told = status.read(place.bench.state)
    return told is not None and [each.state for each in told.tasks] == ["waiting"]


async def shows_nothing(place: Place) -> bool:
    told = status.read(place.bench.state)
    return told is not None and told.tasks == []


@pytest.mark.parametrize("what", ["cancelled", "deleted"])
async def test_what_is_cancelled_while_it_is_parked_is_put_away_at_once(place: Place, what: str):
    """Folder, journal and line of the status go; what was done is kept safe."""
    async with one_that_waits(place) as task_id:
        await place.ask("POST", f"/api/tasks/{task_id}/cancel")
        if what == "deleted":
            await place.server.ask_async("DELETE", f"/api/tasks/{task_id}")
        await place.is_tidy()
        await until(lambda: shows_nothing(place))

    assert place.bench.effects == [f"rescued {task_id}"]


async def test_what_another_takes_over_is_put_away_at_once(place: Place):
    """It was handed back, and nothing keeps it for this worker."""
    task_id = await place.submit("signed out")
    async with place.worker():
        await place.reaches(task_id, status="pending", attempt=1)
        await until(lambda: waits(place))
        await place.ask("POST", f"/api/tasks/{task_id}/claim", {"instance": "other"})
        await place.is_tidy()

    assert place.bench.effects == [f"rescued {task_id}"]


async def test_what_was_cancelled_while_athena_could_not_tell_is_put_away_soon(place: Place):
    """The stream was lost, and events with it."""
    async with one_that_waits(place) as task_id:
        place.server.kill()
        await until(lambda: is_away(place))
        place.server.start()
        await place.ask("POST", f"/api/tasks/{task_id}/cancel")
        await place.is_tidy()

    assert place.bench.effects == [f"rescued {task_id}"]


async def is_away(place: Place) -> bool:
    told = status.read(place.bench.state)
    return told is not None and told.state == "away"


async def test_a_claim_that_never_arrived_puts_nothing_away(place: Place):
    """The worker was killed while it asked: Athena took back what she had given, under a number."""
    task_id = await place.submit("say once", "ask Which?")
    async with place.worker(config={"patience_seconds": 0.1}, is_killed=True):
        await place.reaches(task_id, readiness="parked")
        await until(lambda: waits(place))
    page = await place.ask("GET", f"/api/questions?task={task_id}")
    answer = f"/api/questions/{page['questions'][0]['id']}/answer"
    await place.ask("POST", answer, {"answer": "this"})
    for _ in range(2):
        await place.ask("POST", f"/api/tasks/{task_id}/claim", {"instance": place.instance})
        await place.ask("POST", f"/api/tasks/{task_id}/release", {"instance": place.instance})
    await place.ask("POST", "/api/pause", {"instance": place.instance})
    async with place.worker():
        await until(lambda: waits(place))
        await place.ask("POST", "/api/resume", {"instance": place.instance})
        result = await place.result(task_id)

    assert (result["output"], (await place.lines(task_id)).count("once")) == ("this", 1)
    assert place.bench.effects == []


async def test_a_lost_claim_does_not_part_an_interrupted_task_from_its_work(place: Place):
    """It was at work when it was killed, and its lease ran out."""
    task_id = await place.submit("say once", "effect begun", "wait go")
    async with place.worker(config={"lease_seconds": 1.0}, is_killed=True):
        await place.does(f"{task_id} begun")
    await place.reaches(task_id, status="pending")
    await place.ask("POST", f"/api/tasks/{task_id}/claim", {"instance": place.instance})
    place.bench.let("go")
    async with place.worker():
        assert (await place.result(task_id))["success"]

    assert place.bench.effects == [f"{task_id} begun"]


async def test_what_others_do_changes_nothing_here(place: Place):
    """Claims and cancellations of other tasks are heard, and are no news."""
    async with one_that_waits(place) as task_id:
        other = await place.submit("nothing", project="other")
        await place.ask("POST", f"/api/tasks/{other}/claim", {"instance": "other"})
        await place.ask("POST", f"/api/tasks/{other}/cancel")
        last = await place.submit("effect last")
        await place.does(f"{last} last")
        await until(lambda: waits(place))

    assert place.record(task_id)["ending"]["kind"] == "parked"


async def test_a_broken_stream_brings_a_review_now_and_another_when_it_is_back(monkeypatch):
    """What happens between the two may never come by the stream."""
    monkeypatch.setattr(reviewing, "STREAM_BACK_SECONDS", 0.05)
    reviews = Changes()

    async def review() -> None:
        reviews.tell()

    watch = reviewing.Reviewing(review)
    living = asyncio.create_task(watch.review_for_ever())
    async with asyncio.timeout(10):
        await reviews.until(lambda: reviews.count == 1)
        watch.soon()
        await reviews.until(lambda: reviews.count == 3)
    living.cancel()


async def test_what_comes_back_while_it_is_put_away_begins_anew(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    """Both have the same folders: those of the new attempt are not taken with the old ones."""
    begun, may_end = asyncio.Event(), asyncio.Event()
    removed: list[int] = []
    remove = FolderWorkspace.remove

    async def slowly(workspace: FolderWorkspace) -> None:
        begun.set()
        await may_end.wait()
        kept = (workspace.journal.folder / "record.json").read_text("utf-8")
        removed.append(json.loads(kept)["attempt"])
        await remove(workspace)

    monkeypatch.setattr(FolderWorkspace, "remove", slowly)
    async with one_that_waits(place) as task_id:
        await place.ask("POST", f"/api/tasks/{task_id}/cancel")
        await begun.wait()
        await place.ask("POST", f"/api/tasks/{task_id}/retry")
        await place.reaches(task_id, attempt=2)
        await place.ask("GET", f"/api/tasks/{task_id}")  # the worker has its answer by now
        may_end.set()
        await place.reaches(task_id, attempt=2, readiness="parked")
        await until(lambda: waits(place))

    assert removed == [1]
