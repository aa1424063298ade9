"""What a worker picks up that was killed: by what its journals say, and by what became of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from claude_task_client import AsyncAthena
from tests.worker.at_work import Place, until
from tests.worker.stand_in import FolderWorkspace, Steps

pytestmark = pytest.mark.slow  # a server for each test


async def begun(place: Place, *steps: str, **options: Any) -> int:
    """A task that a worker was killed at."""
    task_id = await place.submit("effect begun", "wait go", *steps)
    async with place.worker(is_killed=True, **options):
        await place.does(f"{task_id} begun")
    return task_id


async def test_it_goes_on_in_the_same_attempt(place: Place):
    """The lease is its own still."""
    task_id = await begun(place, "effect after")
    place.bench.let("go")
    async with place.worker():
        assert (await place.result(task_id))["success"]
        await place.is_tidy()

    assert place.bench.effects == [f"{task_id} begun", f"{task_id} after"]
    assert (await place.events(task_id)).count("task.claimed") == 1


async def test_it_takes_a_task_again_whose_lease_ran_out(place: Place):
    """Nobody else has: what is here of it goes on."""
    task_id = await begun(place, config={"lease_seconds": 1.0})
    await place.reaches(task_id, status="pending")
    place.bench.let("go")
    async with place.worker():
        assert (await place.result(task_id))["success"]

    assert place.bench.effects == [f"{task_id} begun"]


async def test_it_waits_for_a_task_that_cannot_be_claimed_now(place: Place):
    """The queue is paused: the journal stays, and is gone on with when the task comes."""
    task_id = await begun(place, config={"lease_seconds": 1.0})
    await place.reaches(task_id, status="pending")
    await place.ask("POST", "/api/pause", {})
    place.bench.let("go")
    async with place.worker():
        await until(lambda: _waits(place))
        await place.ask("POST", "/api/resume", {})
        assert (await place.result(task_id))["success"]

    assert place.bench.effects == [f"{task_id} begun"]


async def _waits(place: Place) -> bool:
    from claude_task_client.worker import status

    told = status.read(place.bench.state)
    return told is not None and [each.state for each in told.tasks] == ["waiting"]


@pytest.mark.parametrize("what", ["cancelled", "deleted", "claimed", "failed"])
async def test_it_leaves_alone_what_is_no_longer_its_own(place: Place, what: str):
    """What was done is kept safe, and put away."""
    task_id = await begun(place)
    path = f"/api/tasks/{task_id}"
    if what in {"cancelled", "deleted"}:
        await place.ask("POST", f"{path}/cancel")
    if what == "deleted":
        await place.server.ask_async("DELETE", path)
    if what == "claimed":
        await place.ask("POST", f"{path}/release", {"instance": place.instance})
        await place.ask("POST", f"{path}/claim", {"instance": "other"})
    if what == "failed":
        body = {"instance": place.instance, "error": "by hand", "retry": False}
        await place.ask("POST", f"{path}/fail", body)
    async with place.worker():
        await place.is_tidy()

    assert place.bench.effects == [f"{task_id} begun", f"rescued {task_id}"]
    assert "does not go on here" in place.faults()


async def test_an_ending_that_was_not_told_is_told(place: Place):
    """The worker was killed with the result in hand."""
    task_id = await place.submit("say done", "effect begun", "wait go")
    async with place.worker(is_killed=True):
        await place.does(f"{task_id} begun")
        place.server.kill()
        place.bench.let("go")
        await until(lambda: _has_ended(place, task_id))
    place.server.start()
    async with place.worker():
        assert (await place.result(task_id))["success"]
        await place.is_tidy()

    assert await place.lines(task_id) == ["done"]


async def test_the_rest_of_a_transcript_is_told_after_the_ending(place: Place):
    """The worker was killed between the two."""
    task_id = await place.submit("say done", "effect begun", "wait go")
    async with place.worker(is_killed=True):
        await place.does(f"{task_id} begun")
        place.server.kill()
        place.bench.let("go")
        await until(lambda: _has_ended(place, task_id))
    place.server.start()
    told = {"instance": place.instance, "attempt": 1}
    await place.ask("POST", f"/api/tasks/{task_id}/complete", told)
    record = place.record(task_id)
    record["ending"]["delivered"] = True
    place.jobs()[0].write_text(json.dumps(record))
    async with place.worker():
        await place.is_tidy()

    assert await place.lines(task_id) == ["done"]


async def _has_ended(place: Place, task_id: int) -> bool:
    return place.record(task_id)["ending"] is not None


async def test_what_could_not_be_put_away_is_put_away_at_the_next_start(
    place: Place, monkeypatch: pytest.MonkeyPatch
):
    """Athena has the result; the work stays until it is safe."""
    task_id = await place.submit("fail no luck")

    async def rescue(self: FolderWorkspace) -> str:
        raise OSError("the disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(FolderWorkspace, "rescue", rescue)
        async with place.worker():
            await place.reaches(task_id, failures=1)
            await until(lambda: _in_faults(place, "the disk is full"))
    assert place.record(task_id)["ending"]["delivered"]

    async with place.worker():
        await place.is_tidy()


async def _in_faults(place: Place, text: str) -> bool:
    return text in place.faults()


async def test_a_task_of_a_project_that_is_gone_from_the_config_stays(place: Place):
    """Nobody knows how to keep its work safe; it is said, and nothing is removed."""
    task_id = await begun(place)
    async with place.worker(config={"projects": ("other",)}):
        assert (await place.result(await place.submit("effect x", project="other")))["success"]

    assert place.record(task_id)["ending"] is None


REQUEST = {
    "key": "the claim",
    "projects": ["app"],
    "labels": [],
    "lease_seconds": 120.0,
    "wait_seconds": 60.0,
}


async def test_a_claim_that_nobody_heard_of_is_found(place: Place):
    """Killed between the claim and the journal, and the config has changed since."""
    task_id = await place.submit("effect one")
    async with AsyncAthena(place.server.url, place.server.key, instance=place.instance) as athena:
        await athena.claim_next(
            wait=60,
            labels=(),
            projects=("app",),
            lease_seconds=120.0,
            idempotency_key="the claim",
        )
    place.bench.state.mkdir()
    (place.bench.state / "claim.json").write_text(json.dumps(REQUEST))

    async with place.worker(config={"projects": ("app", "more")}):
        assert (await place.result(task_id))["success"]

    assert (await place.events(task_id)).count("task.claimed") == 1


async def test_a_claim_of_long_ago_is_not_believed(place: Place):
    """The answer to the old request is the same, but the task is somebody else's by now."""
    await test_a_claim_that_nobody_heard_of_is_found(place)
    task_id = int(place.bench.effects[0].split()[0])
    (place.bench.state / "claim.json").write_text(json.dumps(REQUEST))
    steps = Steps(place.bench)

    async with place.worker(steps=steps):
        other = await place.submit("effect two")
        assert (await place.result(other))["success"]

    assert steps.begun == [other]
    assert (await place.events(task_id)).count("task.completed") == 1


async def test_a_result_is_kept_while_the_key_is_refused(place: Place):
    """Somebody has revoked it: the worker waits for a person, and loses nothing."""
    key = await place.ask("POST", "/api/keys", {"name": "own", "scopes": ["work", "read"]})
    task_id = await place.submit("effect begun", "wait go")
    async with place.worker(key=key["secret"], is_killed=True):
        await place.does(f"{task_id} begun")
        await place.ask("DELETE", f"/api/keys/{key['id']}")
        place.bench.let("go")
        await until(lambda: _is_away(place))
        await until(lambda: _has_ended(place, task_id))
    async with place.worker():
        assert (await place.result(task_id))["success"]


async def _is_away(place: Place) -> bool:
    from claude_task_client.worker import status

    told = status.read(place.bench.state)
    return told is not None and told.state == "away"


async def test_a_place_that_keeps_nothing_takes_nothing(place: Place):
    """A task whose journal cannot be written goes back, and no further one is claimed."""
    place.bench.state.mkdir()
    (place.bench.state / "jobs").write_text("not a folder")
    task_id = await place.submit("effect one")
    async with place.worker():
        task = await place.reaches(task_id, status="pending", attempt=1)

        async def is_sick() -> bool:
            page = await place.ask("GET", "/api/instances")
            return page["instances"][0]["health"].get("ok") is False

        await until(is_sick)

    assert (task["failures"], place.bench.effects) == (0, [])


@pytest.mark.parametrize("content", ["", "{", "[]", '{"key": "x"}'])
async def test_a_damaged_request_is_forgotten(place: Place, content: str, tmp_path: Path):
    """Half a file is no request."""
    place.bench.state.mkdir()
    (place.bench.state / "claim.json").write_text(content)
    async with place.worker():
        assert (await place.result(await place.submit("effect one")))["success"]
