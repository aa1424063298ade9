"""The second fence: the database refuses what must never be stored, whatever a bug above tries."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from athena.model.errors import AthenaError
from athena.model.lifecycle import Status
from athena.model.task import Progress, Readiness, Task, TaskId
from athena.store import events, tasks
from athena.store.base import Store, Transaction, Values
from tests.store.clock import START
from tests.store.samples import ALICE, CHANGED, SUBMITTED, a_task, claim, end, insert

PARKED = Readiness.PARKED
IMPOSSIBLE: list[tuple[str, dict[str, Any]]] = [
    ("pending without a readiness", {"readiness": None}),
    ("pending but held", {"claimed_by": "pi"}),
    ("ready while something is unmet", {"unmet": 1}),
    ("running without a holder", {"status": Status.IN_PROGRESS, "readiness": None, "attempt": 1}),
    (
        "running without a lease",
        {"status": Status.IN_PROGRESS, "readiness": None, "attempt": 1, "claimed_by": "pi"},
    ),
    (
        "running without an attempt",
        {
            "status": Status.IN_PROGRESS,
            "readiness": None,
            "claimed_by": "pi",
            "lease_deadline": timedelta(hours=1),
        },
    ),
    ("ended without a time", {"status": Status.COMPLETED, "readiness": None}),
    ("open with a time of its end", {"completed_at": START}),
    ("no failures less than none", {"failures": -1}),
    ("no attempt less than none", {"attempt": -1}),
    ("no attempts allowed", {"max_attempts": 0}),
    ("more than done", {"progress": Progress(percent=101)}),
    ("ready, and parked on a question", {"parked_question": 1, "asker": "pi"}),
    ("parked on a question that nobody asks", {"parked_question": 1, "readiness": PARKED}),
]


@pytest.mark.parametrize(
    "facts", [facts for _, facts in IMPOSSIBLE], ids=[name for name, _ in IMPOSSIBLE]
)
async def test_impossible_task_is_not_stored(store: Store, facts: dict[str, Any]):
    """An impossible state is an error of ours, never a row."""
    task = await insert(store)
    impossible = replace(task, **facts)

    with pytest.raises(Exception, match=r"(?i)constraint|violates") as refusal:
        await store.run(lambda tx: tasks.save(tx, task, impossible, CHANGED, ALICE))

    assert not isinstance(refusal.value, AthenaError)
    assert await store.read(lambda r: tasks.get(r, task.id)) == task
    assert await store.read(events.last_id) == 1


async def test_ended_task_is_never_ready(store: Store):
    """What has ended cannot come back by a bug in what is derived."""
    task = await insert(store)
    ended = replace(task, status=Status.FAILED, completed_at=START, readiness=None, offered_to=None)
    await store.run(lambda tx: tasks.save(tx, task, ended, CHANGED, ALICE))
    impossible = replace(ended, readiness=Readiness.READY)

    with pytest.raises(Exception, match=r"(?i)constraint|violates"):
        await store.run(lambda tx: tasks.save(tx, ended, impossible, CHANGED, ALICE))


@pytest.mark.parametrize("description", ["", "x" * 20_001])
async def test_impossible_description_is_not_stored(store: Store, description: str):
    """Neither nothing nor too much."""
    task = replace(a_task(), description=description)

    with pytest.raises(Exception, match=r"(?i)constraint|violates"):
        await store.run(lambda tx: tasks.insert(tx, task, SUBMITTED, ALICE))


async def test_two_of_a_lane_never_run_together(store: Store):
    """Not even if a bug hands out the second."""
    first, second = await insert(store, lane="deploy"), await insert(store, lane="deploy")
    await store.run(lambda tx: claim(tx, first))

    with pytest.raises(Exception, match=r"(?i)constraint|unique"):
        await store.run(lambda tx: claim(tx, second))

    other = await insert(store, lane="docs")
    assert (await store.run(lambda tx: claim(tx, other))).status is Status.IN_PROGRESS


async def test_running_in_no_lane_is_not_restricted(store: Store):
    """Tasks without a lane run beside each other."""
    for _ in range(3):
        task = await insert(store)
        await store.run(lambda tx, task=task: claim(tx, task))  # type: ignore[misc]


@pytest.mark.parametrize("depends_on", [1, 99])
async def test_impossible_dependency_is_not_stored(store: Store, depends_on: int):
    """On itself, or on what is not there."""
    with pytest.raises(Exception, match=r"(?i)constraint|violates"):
        await insert(store, depends_on=(TaskId(depends_on),), dependencies=1)

    assert await store.read(events.last_id) == 0


async def test_needed_task_is_not_removed(store: Store):
    """A dependency cannot vanish below those that name it."""
    first = await insert(store)
    await insert(store, depends_on=(first.id,), dependencies=1, unmet=1, readiness=None)

    async def act(tx: Transaction) -> int:
        values: Values = {"id": first.id, "was_status": "pending", "was_attempt": 0}
        return await tx.execute("delete_task", values)

    with pytest.raises(Exception, match=r"(?i)constraint|violates"):
        await store.run(act)


@pytest.mark.parametrize("status", list(Status))
async def test_every_status_can_be_stored(store: Store, status: Status):
    """What is possible passes the fence, and comes back as it was."""
    task = await insert(store, lane="deploy", metadata={"a": 1}, project="athena", target="pi")

    stored: Task
    match status:
        case Status.PENDING:
            stored = task
        case Status.IN_PROGRESS:
            stored = await store.run(lambda tx: claim(tx, task))
        case _:
            stored = await end(store, task, status)

    assert stored.status is status
    assert await store.read(lambda r: tasks.get(r, task.id)) == stored
    assert (stored.readiness is Readiness.READY) == (status is Status.PENDING)
