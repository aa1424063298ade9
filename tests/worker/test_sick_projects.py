"""A project that cannot be worked on keeps no other from its work."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from claude_task_client.worker import status
from claude_task_client.worker.changes import Changes
from claude_task_client.worker.config import Isolation
from claude_task_client.worker.health_watch import HealthWatch
from claude_task_client.worker.problem import Health, Problem
from tests.worker.at_work import Place, until
from tests.worker.stand_in import now


def problem(project: str | None) -> Problem:
    return Problem(code="some_code", detail="d" * 900, advice="é" * 900, project=project)


@pytest.mark.parametrize(
    ("of", "is_ok", "sick"),
    [
        ([], True, set()),
        (["app"], True, {"app"}),
        (["app", "app"], True, {"app"}),
        (["app", "lib"], False, {"app", "lib"}),
        ([None], False, set()),
        (["app", None], False, {"app"}),
    ],
)
def test_a_worker_is_well_while_one_project_can_be_worked_on(of, is_ok, sick):
    """Unless what is wrong concerns all of them."""
    health = Health(problems=[problem(each) for each in of], projects=["app", "lib"])

    assert (health.ok, health.sick_projects) == (is_ok, sick)


async def test_the_report_names_the_sick_and_fits_into_what_athena_takes():
    """However much is wrong: 4 KiB."""
    names = [f"project-{number:054}" for number in range(200)]
    found = Health(problems=[problem(name) for name in names], projects=[*names, "app"])

    async def examine() -> Health:
        return found

    watch = HealthWatch(examine, Changes(), on_news=lambda: None, now=now)
    await watch.look()

    report: Any = watch.report
    assert (report["ok"], report["sick_projects"][0]) == (True, names[0])
    assert 0 < len(str(report).encode()) < 4_000


@pytest.mark.slow
async def test_only_the_sick_project_is_not_claimed(place: Place):
    """Athena hears what is wrong, and who asks `why` that nobody serves it now."""
    place.bench.set_health(ok=True, message="lib: gone", sick=["lib"])
    waiting = await place.submit("effect lib", project="lib")
    async with place.worker(config={"projects": ("app", "lib")}) as worker:
        assert (await place.result(await place.submit("effect app")))["success"]
        page = await place.ask("GET", "/api/instances")
        why = await place.ask("GET", f"/api/tasks/{waiting}/why")
        before = await place.task(waiting)
        place.bench.set_health(ok=True)
        worker.look_now()
        assert (await place.result(waiting))["success"]

    (instance,) = page["instances"]
    assert (instance["health"]["message"], instance["projects"]) == ("lib: gone", ["app"])
    assert instance["health"]["sick_projects"] == ["lib"]
    assert [each["code"] for each in why["reasons"]] == ["no_instance_serves"]
    assert before["attempt"] == 0


@pytest.mark.slow
async def test_a_project_that_falls_sick_is_taken_out_of_the_poll(place: Place):
    """A task of it that comes later is not worked on, also where the old poll has brought it."""
    config = {"projects": ("app", "lib")}
    async with place.worker(config=config) as worker:
        assert (await place.result(await place.submit("effect lib", project="lib")))["success"]
        place.bench.set_health(ok=True, message="lib: gone", sick=["lib"])
        worker.look_now()
        await until(lambda: shows(place, "lib: gone"))
        later = await place.submit("effect later", project="lib")
        app = await place.submit("effect app")
        assert (await place.result(app))["success"]
        task = await place.reaches(later, status="pending")

    assert f"{later} later" not in place.bench.effects
    assert task["failures"] == 0


async def shows(place: Place, message: str) -> bool:
    told = status.read(place.bench.state)
    return told is not None and told.health.get("message") == message


@pytest.mark.slow
async def test_a_folder_that_is_away_costs_no_attempt(place: Place):
    """A task that came before anybody looked goes back, and goes on here afterwards."""
    task_id = await place.submit("effect begun", "wait go")
    async with place.worker(is_killed=True):
        await place.does(f"{task_id} begun")
    repository: Path = place.bench.folder / "repository"
    shutil.rmtree(repository)
    async with place.worker(config={"is_unmounted": True, "isolation": Isolation.WORKTREE}):
        task = await place.reaches(task_id, status="pending")
        place.bench.set_health(ok=False, message="gone")
        await until(lambda: shows(place, "gone"))
    place.bench.set_health(ok=True)
    place.bench.let("go")
    async with place.worker():
        assert (await place.result(task_id))["success"]

    assert task["failures"] == 0
    assert place.bench.effects == [f"{task_id} begun"]
