"""Watching what the registry has, from moment to moment; and who is seen to watch."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from claude_task_client import AsyncAthena, clock, settings
from claude_task_client.sources import layout, presence, registry
from claude_task_client.sources.layout import Layout
from claude_task_client.sources.registry import Source
from claude_task_client.sources.tending import Manner, Tended, tend
from claude_task_client.wire import time_text
from tests.running import RunningServer

PATIENCE_SECONDS = 60.0


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An account of its own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


async def until(holds: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not holds():  # noqa: ASYNC110  threads and files tell nobody
            await asyncio.sleep(0.02)


def make(parent: Path, name: str, *, project: str | None = None) -> Source:
    """A source on the list."""
    (parent / name).mkdir()
    source = registry.add(parent / name, project=project)
    layout.prepare(source)
    return source


@dataclass
class Tender:
    """What one that tends has noted."""

    notes: list[Tended] = field(default_factory=list)

    @property
    def now(self) -> Tended:
        return self.notes[-1] if self.notes else Tended()

    @property
    def names(self) -> list[str]:
        """The sources that are watched now."""
        return [source.id for source in self.now.sources]


@asynccontextmanager
async def tending(
    athena: RunningServer, *, picks: Callable[[Source], bool] = lambda _: True
) -> AsyncIterator[Tender]:
    tender = Tender()
    manner = Manner(
        picks=picks,
        kind="worker",
        tell=lambda _: None,
        note=tender.notes.append,
        look_seconds=0.05,
        retry_seconds=0.05,
    )
    async with AsyncAthena(athena.url, athena.key, instance="pi", retry_seconds=0) as caller:
        act = asyncio.create_task(tend(caller, manner))
        try:
            yield tender
        finally:
            act.cancel()
            await asyncio.wait({act})


async def test_sources_come_and_go_without_a_new_start(athena, tmp_path):
    """What is added is watched, what is removed is left alone."""
    async with tending(athena) as tender:
        first = make(tmp_path, "first")
        await until(lambda: tender.names == ["first"])
        second = make(tmp_path, "second")
        await until(lambda: tender.names == ["first", "second"])
        await until(lambda: presence.watchers(first) and presence.watchers(second))

        registry.remove("first")

        await until(lambda: tender.names == ["second"])
        await until(lambda: not presence.watchers(first))
    assert list(presence.watchers(second)) == []


async def test_only_those_that_are_picked_are_watched(athena, tmp_path):
    make(tmp_path, "app", project="app")
    make(tmp_path, "any")
    make(tmp_path, "other", project="other")

    async with tending(athena, picks=lambda source: source.project in {None, "app"}) as tender:
        await until(lambda: tender.names == ["app", "any"])


async def test_a_list_that_is_damaged_is_told_until_it_is_mended(athena, tmp_path):
    """Nothing is watched by a list that nobody can read; nothing breaks by it either."""
    make(tmp_path, "tasks")
    file = registry.registry_path()
    good = file.read_text()
    async with tending(athena) as tender:
        await until(lambda: tender.names == ["tasks"])

        file.write_text("{")
        await until(lambda: "is damaged" in (tender.now.trouble or ""))
        assert tender.names == []

        file.write_text(good)
        await until(lambda: tender.names == ["tasks"])
        assert tender.now.trouble is None


async def test_the_trouble_of_one_source_is_its_own(athena, tmp_path):
    """It is noted under its name, and gone once the source is there again."""
    make(tmp_path, "well")
    away = make(tmp_path, "away")
    away.path.rename(tmp_path / "elsewhere")

    async with tending(athena) as tender:
        await until(lambda: "away" in tender.now.troubles)
        assert "is not to be seen" in tender.now.troubles["away"]
        assert "well" not in tender.now.troubles

        (tmp_path / "elsewhere").rename(away.path)

        await until(lambda: not tender.now.troubles)
        assert tender.names == ["well", "away"]


async def test_a_mistake_of_the_watcher_is_noted_and_tried_again(athena, tmp_path):
    """What watches beside other duties never ends them."""
    make(tmp_path, "tasks")
    is_broken = True

    def picks(_: Source) -> bool:
        if is_broken:
            raise ValueError("a mistake")
        return True

    async with tending(athena, picks=picks) as tender:
        await until(lambda: "ValueError('a mistake')" in (tender.now.trouble or ""))

        is_broken = False

        await until(lambda: tender.names == ["tasks"])


# --- who is seen to watch


def note(source: Source, name: str, text: str) -> Path:
    folder = Layout(source.path).own / "watchers"
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    path.write_text(text)
    return path


def said(*, host: str = "elsewhere", pid: int = 1, ago: timedelta = timedelta()) -> str:
    at = time_text(clock.now() - ago)
    return json.dumps({"host": host, "pid": pid, "kind": "worker", "since": at, "seen_at": at})


def test_a_watcher_counts_for_a_few_minutes_after_its_last_word(tmp_path):
    """Of another machine's process nothing else can be known."""
    source = make(tmp_path, "tasks")
    note(source, "lives", said(pid=1, ago=timedelta(minutes=7)))
    note(source, "gone", said(pid=2, ago=timedelta(minutes=20)))

    assert [each.pid for each in presence.watchers(source)] == [1]


def test_a_process_of_this_machine_counts_while_it_lives(tmp_path):
    source = make(tmp_path, "tasks")
    note(source, "lives", said(host=settings.host_name(), pid=os.getpid()))
    note(source, "gone", said(host=settings.host_name(), pid=2**22 + 1))

    assert [each.pid for each in presence.watchers(source)] == [os.getpid()]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[" * 4000,
        "[]",
        "{}",
        '{"host": "x"}',
        said().replace("20", "twenty"),
        said().replace("Z", ""),
        said(host=settings.host_name()).replace('"pid": 1', '"pid": "x"'),
        said().replace('"worker"', "null"),
        "x" * 5000,
    ],
)
def test_what_says_nothing_counts_for_nothing(tmp_path, text):
    """Anybody may write there."""
    source = make(tmp_path, "tasks")
    note(source, "odd", text)

    assert list(presence.watchers(source)) == []


async def test_what_is_old_is_cleared_by_the_next_watcher(tmp_path):
    source = make(tmp_path, "tasks")
    old = note(source, "old", said(ago=timedelta(days=2)))
    recent = note(source, "recent", said(ago=timedelta(hours=2)))

    async with presence.announced([source], kind="worker"):
        await until(lambda: not old.exists())

    assert recent.exists()


async def test_a_source_that_is_away_is_left_alone(tmp_path):
    """Nothing is written where a mount should be."""
    source = Source(id="away", path=tmp_path / "mount")
    source.path.mkdir()
    there = make(tmp_path, "there")

    async with presence.announced([source, there], kind="worker"):
        await until(lambda: presence.watchers(there))

    assert list(source.path.iterdir()) == []
