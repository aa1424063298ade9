"""What becomes of a task becomes of its document: result, report, place, lock."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import subprocess
import sys
from dataclasses import replace

import pytest

from claude_task_client import AsyncAthena
from claude_task_client.sources import ending, locks
from claude_task_client.sources.ending import STEPS, End
from claude_task_client.sources.locks import Lock
from tests.client.sources.folders import DOOR, ROOF, Watched, text

TOLD = {
    "branch": "athena/task-1",
    "commit": "0123456789abcdef",
    "total_cost_usd": 0.1234,
    "duration_ms": 65_000,
    "num_turns": 7,
    "audit": {
        "verdict": "approved",
        "iterations": 2,
        "findings": [{"file": "door.py", "text": "a hinge is bent"}],
    },
    "tests": {
        "passed": 2,
        "failed": 0,
        "command": "make test",
        "exit_code": 0,
        "tail": "2 passed\n```\n# not a heading of ours",
        "commands": [{"command": "make test", "exit_code": 0, "seconds": 1.0}],
    },
}


@pytest.fixture
async def waiting(inbox: Watched) -> Watched:
    """A document whose task waits."""
    inbox.drop()
    await inbox.look()
    return inbox


async def ended(inbox: Watched) -> Watched:
    await inbox.complete()
    await inbox.look()
    return inbox


# --- ends


async def test_a_completed_task_leaves_document_result_and_report(waiting):
    """Whoever dropped it finds the rest beside it."""
    await waiting.complete(**TOLD)

    await waiting.look()

    result = waiting.result()
    assert waiting.place() == "completed"
    assert (result["success"], result["output"]) == (True, "It is quiet.")
    assert (result["task_id"], result["document"]) == ((await waiting.task()).id, DOOR)
    assert result["status"] == "completed"
    assert result["tests"] == TOLD["tests"]
    assert waiting.open_record() is None
    assert waiting.names("pending") == []


async def test_the_report_tells_what_was_done_and_how_it_was_shown(waiting):
    """Verdict, checks with their tails, commit and cost; nothing in it can pose as the report's."""
    await waiting.complete(**TOLD)

    await waiting.look()

    report = waiting.report()
    for line in (
        "# Completed: Fix the door",
        "| Commit | 0123456789abcdef |",
        "| Cost | $0.1234 |",
        "| Duration | 1 min 5 s |",
        "> It is quiet.",
        "Verdict: **approved** (rounds: 2)",
        "- door.py: a hinge is bent",
        "2 passed, 0 failed.",
        "- make test: exit code 0",
        "````text\n2 passed\n```\n# not a heading of ours\n````",
    ):
        assert line in report


@pytest.mark.parametrize(
    "odd",
    [
        {"audit": "x", "tests": [1], "total_cost_usd": "much", "duration_ms": True},
        {"audit": {"findings": "x"}, "tests": {"commands": [1], "tail": {"a": 1}}},
        {"output": {"a": ["b"]}, "branch": ["x|y\n"], "num_turns": None},
    ],
)
async def test_a_result_may_be_anything(waiting, odd):
    """Holders are programs of anybody's: what they tell is shown, never a reason to fail."""
    await waiting.complete(**odd)

    await waiting.look()

    assert waiting.place() == "completed"
    assert waiting.result()["output"] is not None


async def test_what_others_read_can_be_read_by_others(waiting):
    """Results lie on a mount that several share."""
    await waiting.complete()
    await waiting.look()

    for path in (waiting.layout.result(DOOR), waiting.layout.report(DOOR)):
        assert path.stat().st_mode & 0o777 == 0o644


async def test_a_failed_task_leaves_its_reason(waiting):
    """The document is in failed/, to be mended and put back."""
    await waiting.fail("There is no door.")

    await waiting.look()

    assert waiting.place() == "failed"
    assert (waiting.result()["status"], waiting.result()["success"]) == ("failed", False)
    assert waiting.result()["error"] == "There is no door."
    assert "There is no door." in waiting.report()


async def test_a_task_that_will_be_tried_again_stays(waiting):
    """A failed attempt is no end."""
    await waiting.end(lambda worker, task: worker.fail(task, "not now"))

    await waiting.look()

    assert waiting.place() == "pending"
    assert waiting.lock() is None


async def test_a_cancelled_task_ends_in_failed(waiting):
    """Cancelled anywhere: in Discord, the terminal, the dashboard."""
    await waiting.athena.cancel((await waiting.task()).id)

    await waiting.look()

    assert waiting.place() == "failed"
    assert (waiting.result()["status"], waiting.result()["success"]) == ("cancelled", False)


async def test_a_retried_task_brings_its_document_back(waiting):
    """What came of the first run is kept under a number, and nobody takes it for the second's."""
    await waiting.fail()
    await waiting.look()
    task = await waiting.task()

    await waiting.athena.retry(task.id)
    await waiting.look()

    assert waiting.place() == "pending"
    assert waiting.names("results") == [f"{DOOR}.1.json"]
    assert waiting.names("reports") == [f"{DOOR}.1.md"]
    await waiting.complete()
    await waiting.look()
    assert waiting.place() == "completed"
    assert waiting.result()["status"] == "completed"
    assert len(await waiting.tasks()) == 1


@pytest.mark.parametrize("done", ["record", "moved", "aside"])
async def test_coming_back_survives_a_kill(waiting, done):
    """Killed between any two steps, the next watcher goes on."""
    await waiting.fail()
    await waiting.look()
    await waiting.athena.retry((await waiting.task()).id)
    record = waiting.desk.records.ended(DOOR)
    waiting.desk.records.save(replace(record, status="open", round=1, returns=True))
    if done != "record":
        waiting.put_back()
    if done == "aside":
        ending.clear_the_way(waiting.layout, DOOR, below=2)

    waiting.begin_anew()
    await waiting.look()

    assert waiting.place() == "pending"
    assert not waiting.open_record().returns
    assert waiting.names("results") == [f"{DOOR}.1.json"]
    assert len(await waiting.tasks()) == 1


async def test_a_retried_task_does_without_its_document(waiting):
    """Somebody has taken the document away, and another has the task done all the same."""
    waiting.path("pending").unlink()
    await waiting.look()
    await waiting.athena.retry((await waiting.task()).id)

    for _ in range(3):
        await waiting.look()
    assert (await waiting.task()).status == "pending"

    await waiting.complete()
    await waiting.look()
    assert waiting.result()["status"] == "completed"
    assert waiting.names(".athena/open") == []


async def test_a_document_put_back_is_done_again(waiting):
    """Moved out of completed/ by hand, it is a new task; nothing of the first is lost."""
    await ended(waiting)

    waiting.put_back()
    await waiting.look()
    assert len(await waiting.tasks()) == 2
    assert waiting.names("results") == [f"{DOOR}.1.json"]

    await waiting.fail()
    await waiting.look()
    assert waiting.place() == "failed"
    assert waiting.result()["generation"] == 2


async def test_a_document_dropped_beside_an_ended_one_is_done_and_both_are_kept(waiting):
    """The same name again, with another text."""
    await ended(waiting)

    waiting.layout.document("staging", DOOR).write_text(text(task="Once more."))
    waiting.path("staging").rename(waiting.path("pending"))
    await waiting.look()
    await waiting.complete()
    await waiting.look()

    assert waiting.names("completed") == [f"{DOOR}.1.md", f"{DOOR}.md"]
    assert "Once more." in waiting.path("completed").read_text()


async def test_a_document_put_back_without_records_is_done_again(waiting):
    """Its result tells that it had been done once."""
    await ended(waiting)
    (waiting.layout.own / "ended" / f"{DOOR}.json").unlink()

    waiting.put_back()
    waiting.begin_anew()
    await waiting.look()

    assert len(await waiting.tasks()) == 2


# --- killed


@pytest.mark.parametrize("steps", range(len(STEPS) + 1))
async def test_the_end_survives_a_kill_between_any_two_steps(waiting, steps):
    """What is done is done again without harm, and what is not is done."""
    task = await waiting.complete()
    end = End(
        layout=waiting.layout,
        kept=waiting.desk.records,
        record=replace(waiting.open_record(), status="completed"),
        name=f"{DOOR}.md",
        task=task,
        fields=dict(task["result"]),
    )
    for step in STEPS[:steps]:
        step(end)

    waiting.begin_anew()
    await waiting.look()

    assert waiting.place() == "completed"
    assert waiting.result()["status"] == "completed"
    assert waiting.report().startswith("# Completed")
    assert waiting.names("completed") == [f"{DOOR}.md"]
    assert waiting.names("results") == [f"{DOOR}.json"]
    assert waiting.names(".athena/open") == []
    assert len(await waiting.tasks()) == 1


async def test_the_end_survives_a_kill_within_its_last_step(waiting):
    """Both records stand: put back at once, the document is nevertheless a new one."""
    record = waiting.open_record()
    await ended(waiting)
    waiting.desk.records.save(record)
    waiting.put_back()

    waiting.begin_anew()
    await waiting.look()
    await waiting.look()

    assert waiting.place() == "pending"
    assert len(await waiting.tasks()) == 2


async def test_what_kills_left_half_written_is_cleared(waiting):
    """Files that were written aside, an hour ago."""
    old, new = waiting.layout.aside / "old", waiting.layout.aside / "new"
    old.write_text("x")
    new.write_text("x")
    os.utime(old, (1, 1))

    await waiting.look()

    assert waiting.names(".athena/tmp") == ["new"]


# --- two watchers


async def test_an_end_is_told_once(waiting, watch_folder):
    """The other watcher finds that it is done."""
    task = await waiting.complete()
    record = replace(waiting.open_record(), status="completed")
    await waiting.look()

    await waiting.settling.finish(record, task=task, fields={})

    assert len([line for line in waiting.said if line.endswith(": completed")]) == 1
    assert waiting.result()["output"] == "It is quiet."


async def test_an_end_of_an_earlier_time_touches_nothing(waiting):
    """A slow watcher comes with the end of a run, after the document was put back."""
    task = await waiting.complete()
    record = replace(waiting.open_record(), status="completed")
    await waiting.look()
    waiting.put_back()
    await waiting.look()

    await waiting.settling.finish(record, task=task, fields={})

    assert waiting.place() == "pending"
    assert waiting.open_record().generation == 2


# --- locks


async def test_a_lock_stands_while_the_task_runs(waiting):
    """Who, where and since when; gone with the claim."""
    task = await waiting.claimed("worker")
    await waiting.look()

    lock = waiting.lock()
    assert (lock.task_id, lock.worker, lock.host, lock.pid) == (task.id, "worker", None, None)
    assert lock.started_at == task["claimed_at"]

    async with AsyncAthena(waiting.server.url, waiting.server.key, instance="worker") as worker:
        await worker.release(task)
    await waiting.look()
    assert waiting.lock() is None


async def test_the_lock_of_ones_own_worker_names_its_process(waiting):
    """A watcher within a worker knows whose claim it is."""
    waiting.pid = os.getpid()
    waiting.begin_anew()
    await waiting.claimed("watcher")

    await waiting.look()

    lock = waiting.lock()
    assert (lock.host, lock.pid) == (socket.gethostname(), os.getpid())


def gone_pid() -> int:
    """A process that was one."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        return process.pid


async def test_the_lock_of_a_process_that_is_gone_is_removed(waiting):
    """Though Athena waits for its lease to run out; it does not come back for the same claim."""
    task = await waiting.claimed("worker")
    stale = Lock(
        task_id=task.id,
        worker="worker",
        host=socket.gethostname(),
        pid=gone_pid(),
        started_at=None,
    )
    locks.write(waiting.layout, DOOR, stale)

    await waiting.look()
    await waiting.look()

    assert waiting.lock() is None


async def test_the_lock_of_another_machine_is_left_to_it(waiting):
    """Its process numbers mean nothing here."""
    task = await waiting.claimed("worker")
    lock = Lock(task_id=task.id, worker="worker", host="elsewhere", pid=1 << 22, started_at=None)
    locks.write(waiting.layout, DOOR, lock)

    await waiting.look()

    assert waiting.lock() == lock


async def test_a_restarted_worker_has_the_lock_in_its_own_name(waiting):
    """It goes on with the task, as another process."""
    task = await waiting.claimed("watcher")
    old = Lock(
        task_id=task.id,
        worker="watcher",
        host=socket.gethostname(),
        pid=gone_pid(),
        started_at=None,
    )
    locks.write(waiting.layout, DOOR, old)

    waiting.pid = os.getpid()
    waiting.begin_anew()
    await waiting.look()

    assert waiting.lock().pid == os.getpid()


async def test_removing_a_lock_by_hand_is_safe(waiting):
    """It is there to be seen, and to nothing else."""
    await waiting.claimed()
    await waiting.look()
    waiting.layout.lock(DOOR).unlink()

    await waiting.look()
    task = await waiting.task()
    async with AsyncAthena(waiting.server.url, waiting.server.key, instance="worker") as worker:
        await worker.complete(task)
    await waiting.look()

    assert waiting.place() == "completed"
    assert waiting.names("pending") == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": "x"}'])
async def test_locks_of_anybodys_making_are_cleared(inbox, content):
    """Nothing runs that they could belong to."""
    inbox.layout.lock(ROOF).write_text(content)

    await inbox.look()

    assert inbox.names("pending") == []


async def test_a_lock_of_anybodys_making_stops_nothing(waiting):
    """It is a file that anybody may write, and as odd as it can be."""
    waiting.layout.lock(DOOR).write_text("[" * 4000)
    await waiting.claimed("worker")

    await waiting.look()

    assert waiting.lock().worker == "worker"


# --- events


async def test_events_tell_at_once(waiting):
    """Claimed: locked. Ended: told. Without a review."""
    events = waiting.athena.events(after=0)
    task = await waiting.claimed()

    async def hear(kind: str) -> None:
        async for event in events:
            waiting.settling.hear(event)
            if event.type == kind and event.task_id == task.id:
                return

    async with asyncio.timeout(20), contextlib.aclosing(events):
        await hear("task.claimed")
        await waiting.look_here()
        assert waiting.lock() is not None
        async with AsyncAthena(waiting.server.url, waiting.server.key, instance="worker") as it:
            await it.complete(task)
        await hear("task.completed")
    await waiting.look_here()

    assert waiting.place() == "completed"


async def test_an_event_may_come_before_the_answer(inbox):
    """The task is claimed before its submitter knows its number."""
    inbox.drop()
    await inbox.look()
    task = await inbox.claimed()
    record = inbox.open_record()
    page = await inbox.athena.history(task.id)
    inbox.desk.by_task.clear()

    for event in page.events:
        inbox.settling.hear(event)
    await inbox.settling.opened(record)
    await inbox.settling.handle_news()

    assert inbox.lock() is not None


async def test_a_gap_in_the_events_calls_for_a_review(waiting):
    """What was missed is no longer kept."""
    page = await waiting.athena.history((await waiting.task()).id)

    waiting.settling.hear(replace(page.events[0], type="reset", task_id=None))

    assert waiting.settling.is_review_due


# --- tasks that are gone


async def test_a_task_deleted_at_athena_ends_its_document(waiting):
    """An admin did that: the document is in failed/, to be put back if wanted."""
    await waiting.athena.delete((await waiting.task()).id)

    await waiting.look()

    assert waiting.place() == "failed"
    assert waiting.result()["status"] == "deleted"


async def test_a_task_purged_before_its_end_was_seen_is_told_by_its_history(waiting):
    """The watcher was away for long: events outlive their task."""
    task = await waiting.complete()
    await waiting.athena.delete(task.id)

    await waiting.look()

    assert waiting.place() == "completed"
    assert "before it was seen here" in waiting.result()["error"]
    assert waiting.result()["success"] is True


async def test_a_task_whose_metadata_somebody_has_replaced_is_not_done_again(waiting):
    """It is known by its number, its source and its lane."""
    task = await waiting.task()
    await waiting.athena.change(task.id, metadata={"ticket": "A-1"})

    await waiting.look()
    await waiting.complete()
    await waiting.look()

    assert [each.id for each in await waiting.tasks()] == [task.id]
    assert waiting.place() == "completed"


async def test_a_purge_touches_no_document_that_has_ended(waiting):
    """What is in the folders stays there for ever."""
    await ended(waiting)
    await waiting.athena.delete((await waiting.task()).id)

    await waiting.look()

    assert waiting.place() == "completed"
    assert waiting.names("results") == [f"{DOOR}.json"]
