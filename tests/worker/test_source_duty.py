"""The sources of a worker's projects, watched beside its tasks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from claude_task_client import AsyncAthena
from claude_task_client.sources import layout, registry
from claude_task_client.sources.layout import Layout
from claude_task_client.sources.registry import Source
from claude_task_client.worker.config import WorkerConfig
from claude_task_client.worker.options import WorkOptions
from claude_task_client.worker.source_duty import sources_watched, watched
from tests.worker.at_work import Place, until

DOOR = "task-20261122-120000-fix-the-door"
TEXT = "# Task: Fix the door\n\n## Task\n\nIt squeaks.\n"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An account of its own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


def make(parent: Path, name: str, *, project: str | None = None) -> Source:
    """A source on the list."""
    (parent / name).mkdir()
    source = registry.add(parent / name, project=project)
    layout.prepare(source)
    return source


def drop(source: Source) -> None:
    staged = Layout(source.path).document("staging", DOOR)
    staged.write_text(TEXT)
    staged.rename(Layout(source.path).document("pending", DOOR))


@asynccontextmanager
async def on_duty(
    place: Place, *, config: WorkerConfig | None = None, **options: Any
) -> AsyncIterator[Path]:
    """A worker's sources are watched; gives its state folder."""
    state = place.bench.state
    state.mkdir(exist_ok=True)
    told = WorkOptions(state=state, jobs=1, projects=["app"], **options)
    async with (
        AsyncAthena(
            place.server.url, place.server.key, instance=place.instance, retry_seconds=0
        ) as athena,
        sources_watched(athena, config or WorkerConfig(projects={}), told),
    ):
        yield state


def names(state: Path) -> list[str]:
    return [each["id"] for each in watched(state, is_alive=True)["sources"]]


async def test_those_of_its_projects_and_those_without_one_are_watched(place, tmp_path):
    """A document may name its project itself; what is another project's is another worker's."""
    make(tmp_path, "mine", project="app")
    make(tmp_path, "any")
    make(tmp_path, "other", project="other")

    async with on_duty(place) as state:

        async def look() -> bool:
            return names(state) == ["mine", "any"]

        await until(look)
        assert watched(state, is_alive=False) == {"sources": [], "sources_trouble": None}
    assert names(state) == []


@pytest.mark.parametrize(
    ("config", "options"),
    [(WorkerConfig(projects={}, watch_sources=False), {}), (None, {"once": True})],
)
async def test_a_worker_may_leave_sources_alone(place, tmp_path, config, options):
    """Where it is told so, and where it takes one task and exits."""
    make(tmp_path, "mine", project="app")

    async with on_duty(place, config=config, **options) as state:
        assert names(state) == []
        assert list((tmp_path / "mine/.athena").glob("watchers/*")) == []


async def test_a_document_becomes_a_task_of_the_project(place, tmp_path):
    source = make(tmp_path, "mine", project="app")

    async with on_duty(place):
        drop(source)

        async def look() -> Any:
            return (await place.ask("GET", "/api/tasks?project=app"))["tasks"]

        [task] = await until(look)
    assert (task["lane"], task["metadata"]["document"]) == ("mine", DOOR)


async def test_the_trouble_of_a_source_is_told_and_disturbs_no_other(place, tmp_path):
    well = make(tmp_path, "well", project="app")
    make(tmp_path, "away", project="app").path.rename(tmp_path / "elsewhere")

    async with on_duty(place) as state:

        async def look() -> dict[str, Any]:
            told = watched(state, is_alive=True)["sources"]
            return {each["id"]: each["trouble"] for each in told if each["trouble"]}

        troubles = await until(look)
        drop(well)

        async def submitted() -> Any:
            return (await place.ask("GET", "/api/tasks?project=app"))["tasks"]

        assert await until(submitted)
    assert list(troubles) == ["away"]
    assert "is not to be seen" in troubles["away"]


async def test_a_state_folder_that_cannot_be_written_hinders_nothing(place, tmp_path):
    """What people would be told is less than what is to be done."""
    source = make(tmp_path, "mine", project="app")
    place.bench.state.mkdir()
    (place.bench.state / "sources.json").mkdir()  # nothing can take its place

    async with on_duty(place):
        drop(source)

        async def look() -> Any:
            return (await place.ask("GET", "/api/tasks?project=app"))["tasks"]

        assert await until(look)


def test_what_says_nothing_is_nothing(tmp_path):
    """The file is another process's."""
    for text in ("", "{", "[]", '{"sources": []}', '{"sources": [{}], "trouble": null}'):
        (tmp_path / "sources.json").write_text(text)

        assert watched(tmp_path, is_alive=True) == {"sources": [], "sources_trouble": None}
