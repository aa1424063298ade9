"""The loop's parts by themselves: clocks, health, limits, and what is told of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from claude_task_client import AsyncAthena
from claude_task_client.errors import (
    BadSettings,
    Denied,
    Invalid,
    TooMany,
    Unavailable,
    Unreachable,
)
from claude_task_client.worker import locking, status
from claude_task_client.worker.changes import Changes
from claude_task_client.worker.executor import LineKind
from claude_task_client.worker.health_watch import HealthWatch
from claude_task_client.worker.line import Line
from claude_task_client.worker.problem import Health, Problem
from claude_task_client.worker.project_logs import ProjectLogs
from claude_task_client.worker.record import Record, open_journal
from claude_task_client.worker.reporter import JobReporter, TaskLog
from claude_task_client.worker.sending import cleaned, cut, size_of
from claude_task_client.worker.sessions import HeldSessions
from tests.worker.at_work import Place

START = datetime(2026, 1, 1, tzinfo=UTC)


class Clock:
    """A wall clock that a test sets."""

    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def advance(self, **span: float) -> None:
        self.time += timedelta(**span)


def refused(kind: type[Any], status: int, **more: Any) -> Any:
    return kind("no", status=status, code="no", **more)


@pytest.fixture
def line() -> Line:
    return Line(Changes(), now=Clock(), dice=lambda: 0.0)


async def test_the_line_insists_over_an_outage(line: Line):
    """It is known to be away meanwhile, and whoever waits goes on once it is back for one."""
    answers: list[Any] = [Unreachable("away"), refused(Unavailable, 503), "here"]
    seen: list[bool] = []

    async def ask() -> str:
        answer = answers.pop(0)
        seen.append(line.is_away)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    assert await line.insist(ask) == "here"
    assert seen == [False, True, True]
    assert not line.is_away


async def test_the_line_does_not_insist_on_a_no(line: Line):
    """A no to this very question is an answer."""

    async def ask() -> None:
        raise refused(Invalid, 422)

    with pytest.raises(Invalid):
        await line.insist(ask)
    assert not line.is_away


def test_an_unknown_key_counts_as_away(line: Line):
    """Nothing can be claimed with it, and a person has to put it right."""
    line.note_trouble(refused(Denied, 401))

    assert line.is_away
    assert line.is_refused
    assert line.pause_after(refused(Denied, 401), 0) == 30.0


def test_too_many_requests_are_no_outage(line: Line):
    """She is there, and says when to come again."""
    line.note_trouble(refused(TooMany, 429))

    assert not line.is_away
    assert line.pause_after(refused(TooMany, 429, retry_after_seconds=7.0), 0) == 7.0


def test_pauses_grow_and_are_bounded(line: Line):
    """From a quarter of a second to a quarter of a minute."""
    pauses = [line.pause_after(Unreachable("away"), tries) for tries in (0, 1, 2, 20)]

    assert pauses == [0.125, 0.25, 0.5, 7.5]


async def test_a_change_before_the_wait_is_not_missed():
    """Whoever has looked says at which count."""
    changes = Changes()
    looked = changes.count
    changes.tell()

    async with asyncio.timeout(30):
        await changes.within(60, since=looked)


@pytest.mark.parametrize("is_another_worker", [False, True])
async def test_a_session_is_held_by_one_at_a_time(tmp_path: Path, is_another_worker: bool):
    """Two runs that resume one conversation both succeed, and one branch of it is lost."""
    sessions, order = HeldSessions(tmp_path), []
    others = HeldSessions(tmp_path) if is_another_worker else sessions

    async def run(name: str, session: str, sessions: HeldSessions) -> None:
        async with sessions.hold(session):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    await asyncio.gather(
        run("a", "../one", sessions), run("b", "../one", others), run("c", "two", sessions)
    )

    assert order.index("b begins") > order.index("a ends")
    assert order.index("c begins") < order.index("a ends")
    assert _is_empty(tmp_path)


def _is_empty(folder: Path) -> bool:
    return not list(folder.iterdir())


async def test_a_session_is_held_where_nothing_can_be_written(tmp_path: Path):
    """Better not fenced against other workers than not done."""
    (tmp_path / "file").write_text("")

    async with HeldSessions(tmp_path / "file").hold("one"):
        pass


async def test_a_transcript_that_cannot_be_read_holds_up_no_ending(tmp_path: Path):
    """The disk gives it back no more: the task is told of without it."""
    record = Record(task_id=7, attempt=1, project="house", description="", started_at="")
    journal = open_journal(tmp_path / "7", record)
    logs = ProjectLogs(tmp_path / "logs", now=Clock())
    async with AsyncAthena("http://127.0.0.1:9", "ath_none", instance="pi") as athena:
        reporter = JobReporter(
            athena,
            Line(Changes(), now=Clock()),
            journal,
            task_log=TaskLog(logs, "house", 7),
            now=Clock(),
            on_conflict=lambda: None,
        )
        reporter.log(LineKind.TEXT, "lost")
        _remove_lines(journal.folder)
        reporter.start()
        async with asyncio.timeout(30):
            await reporter.flush()
            await reporter.close()


def _remove_lines(folder: Path) -> None:
    for lines in folder.glob("*.jsonl"):
        lines.unlink()


def test_values_are_cleaned_and_cut_for_athena():
    """A program may print anything."""
    value = {"a\0": ["\ud800x", 1, None], "b": ("y" * 50,)}

    assert cleaned(value) == {"a\ufffd": ["?x", 1, None], "b": ["y" * 50]}
    assert cut(value, 30)["b"] == ["y" * 12 + " … (50 characters)"]
    assert size_of({"é": 1}) == 9


class Examinations:
    """What examinations find, one after the other; the last one is found for ever."""

    def __init__(self, *found: Health | Exception) -> None:
        self.found = list(found)

    async def __call__(self) -> Health:
        found = self.found.pop(0) if len(self.found) > 1 else self.found[0]
        if isinstance(found, Exception):
            raise found
        return found


WELL = Health()
SICK = Health(problems=[Problem(code="no_git", detail="No git.", advice="Install it.")])


def watch(found: Examinations, *, now: Callable[[], datetime] = Clock()) -> HealthWatch:  # noqa: B008
    return HealthWatch(found, Changes(), on_news=lambda: None, now=now)


async def test_nothing_is_claimed_before_the_first_examination():
    """And Athena is told nothing of a health that is not known."""
    health = watch(Examinations(WELL))
    assert (health.is_fit, health.report) == (False, None)

    await health.look()

    assert (health.is_fit, health.report) == (True, {"ok": True})


async def test_athena_is_told_what_is_wrong_and_what_to_do():
    """For the people on Discord."""
    health = watch(Examinations(SICK))
    await health.look()

    assert not health.is_fit
    assert health.report == {
        "ok": False,
        "message": "No git.\nInstall it.",
        "problems": [{"code": "no_git", "detail": "No git.", "advice": "Install it."}],
    }


async def test_a_doubt_is_cleared_by_an_examination():
    """Nothing is claimed in between."""
    health = watch(Examinations(WELL))
    await health.look()
    health.doubt()
    assert not health.is_fit
    await health.look()
    assert health.is_fit


async def test_trouble_that_no_examination_sees_is_waited_out():
    """Longer each time, until Claude has worked again or somebody says that it is put right."""
    clock = Clock()
    health = watch(Examinations(WELL), now=clock)
    await health.look()
    health.note_trouble("Signed out.")
    assert health.report == {"ok": False, "message": "Signed out.", "problems": []}
    clock.advance(minutes=1)
    assert health.is_fit
    health.note_trouble("Signed out.")
    clock.advance(minutes=1)
    assert not health.is_fit

    health.look_now()
    await health.look()
    assert health.is_fit


async def test_an_examination_that_breaks_is_an_illness():
    """The worker lives on, claims nothing, and says why."""
    health = watch(Examinations(ValueError("odd")))
    await health.look()

    assert not health.is_fit
    assert health.report is not None
    assert "odd" in health.report["message"]


@pytest.mark.slow
async def test_after_a_sleep_it_is_found_out_first_what_is_held(
    place: Place, caplog: pytest.LogCaptureFixture
):
    """The wall clock has run ahead: heartbeats do not wait for their time."""
    caplog.set_level(logging.INFO)
    clock = Clock()
    async with place.worker(now=clock):
        first = await place.submit("effect one", "wait go")
        await place.does(f"{first} one")
        await place.ask("POST", f"/api/tasks/{first}/release", {"instance": place.instance})
        clock.advance(hours=8)
        await place.reaches(first, attempt=2, status="in_progress")
        place.bench.let("go")
        assert (await place.result(first))["success"]

    assert "slept for" in caplog.text


def test_a_state_folder_that_cannot_be_written_is_said(tmp_path: Path):
    """With its path, before anything is claimed."""
    (tmp_path / "file").touch()

    with (
        pytest.raises(BadSettings, match="Cannot write"),
        locking.held(tmp_path / "file" / "state"),
    ):
        pass
    assert locking.holder(tmp_path / "file" / "state") is None


@pytest.mark.parametrize("text", ["", "[]", '{"pid": 1}'])
def test_a_damaged_status_file_says_nothing(tmp_path: Path, text: str):
    """It is written anew by the next worker."""
    (tmp_path / status.FILE).write_text(text)

    assert status.read(tmp_path) is None
