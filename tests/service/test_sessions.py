"""Claude's sessions: which tasks were done in each, and what that took."""

from __future__ import annotations

from typing import Any

import pytest

from athena.model.errors import Invalid, SessionNotFound
from athena.model.session import Session
from athena.model.task import Task
from tests.service.driver import WORKER, QueueDriver


def result(session: str | None = "s1", *, cost: float = 0.5, turns: object = 3) -> dict[str, Any]:
    told: dict[str, Any] = {"total_cost_usd": cost, "num_turns": turns}
    return told if session is None else told | {"session_id": session}


async def session(queue: QueueDriver, name: str = "s1") -> Session:
    return await queue.services.sessions.get(name)


async def names(queue: QueueDriver, **wanted: Any) -> list[str]:
    return [found.id for found in (await queue.services.sessions.list(**wanted)).items]


async def tasks_of(queue: QueueDriver, name: str = "s1") -> list[int]:
    return [task.id for task in (await queue.services.sessions.tasks(name)).items]


async def name_session(queue: QueueDriver, task: Task, name: str) -> Task:
    return await queue.services.claims.progress(
        task.id, instance="pi", attempt=task.attempt, session_id=name, by=WORKER
    )


async def test_session_comes_with_its_first_task(queue: QueueDriver):
    """With all that the task tells of it."""
    task = await queue.claimed_by("pi", project="havuncore")
    claimed_at = queue.clock.now()
    await queue.advance(minutes=5)
    await queue.complete(task, "pi", result=result(cost=1.25, turns=7))

    assert await session(queue) == Session(
        id="s1",
        project="havuncore",
        instance="pi",
        first_at=claimed_at,
        last_at=queue.clock.now(),
        tasks=1,
        cost_usd=1.25,
        turns=7,
        last_task=task.id,
    )
    assert await tasks_of(queue) == [task.id]


async def test_session_is_known_while_it_runs(queue: QueueDriver):
    """As soon as the holder names it; it is kept on the task."""
    task = await name_session(queue, await queue.claimed_by("pi"), "s1")

    found = await session(queue)

    assert task.session_id == "s1"
    assert (found.tasks, found.cost_usd, found.turns, found.instance) == (1, 0.0, 0, "pi")


async def test_named_session_stays_where_others_are_silent(queue: QueueDriver):
    """Progress without one, a release, and a result without one leave it as it is."""
    task = await name_session(queue, await queue.claimed_by("pi"), "s1")
    await queue.progress(task, "pi", percent=40)
    await queue.release(task, "pi")
    task = await queue.claim(task, "pi")

    done = await queue.complete(task, "pi", result=result(None, cost=2.0))

    assert done.session_id == "s1"
    assert (await session(queue)).cost_usd == 2.0


async def test_session_of_a_park_is_known(queue: QueueDriver):
    """Its task will go on with it."""
    await queue.park(await queue.claimed_by("pi"), "pi", session_id="s1")

    assert (await session(queue)).instance == "pi"


async def test_attempts_are_added_up(queue: QueueDriver):
    """A failed one costs as well, a late failure tells its cost late, a repeat costs nothing."""
    task = await queue.submit(max_attempts=5)
    task = await queue.claim(task, "pi")
    task = await queue.fail(task, "pi", result=result(cost=1.0, turns=1))
    await queue.advance(minutes=2)
    task = await queue.claim(task, "pi")
    await queue.advance(hours=3)
    await queue.fail(task, "pi", result=result(cost=2.0, turns=10))
    task = await queue.claim(task, "pi")
    for _ in range(2):
        await queue.complete(task, "pi", result=result(cost=4.0, turns=100))

    found = await session(queue)

    assert (found.tasks, found.cost_usd, found.turns) == (1, 7.0, 111)


async def test_retry_forgets_nothing(queue: QueueDriver):
    """It clears the task's result; what that told of stays, and the next is added."""
    task = await queue.claimed_by("pi")
    await queue.fail(task, "pi", for_good=True, result=result(cost=1.0, turns=5))
    task = await queue.retry(task)
    assert task.result is None
    assert ((await session(queue)).cost_usd, (await session(queue)).turns) == (1.0, 5)

    await queue.complete(await queue.claim(task, "pi"), "pi", result=result(cost=2.0, turns=2))

    found = await session(queue)
    assert (found.tasks, found.cost_usd, found.turns) == (1, 3.0, 7)


async def test_each_session_has_its_own_cost(queue: QueueDriver):
    """An attempt that began a new one leaves the old one what it took."""
    task = await queue.claimed_by("pi")
    task = await queue.fail(task, "pi", result=result("old", cost=1.0))
    await queue.advance(minutes=2)
    task = await queue.claim(task, "pi")
    await queue.complete(task, "pi", result=result("new", cost=2.0))

    assert ((await session(queue, "old")).cost_usd, await tasks_of(queue, "old")) == (
        1.0,
        [task.id],
    )
    assert ((await session(queue, "new")).cost_usd, await tasks_of(queue, "new")) == (
        2.0,
        [task.id],
    )


async def test_task_that_continues_is_part_of_the_session(queue: QueueDriver):
    """From its submission; who will take it is not known yet, so the last instance stands."""
    first = await queue.claimed_by("pi", project="havuncore")
    await queue.complete(first, "pi", result=result())
    await queue.advance(minutes=1)

    second = await queue.submit(continues="s1", project="havuncore")

    found = await session(queue)
    assert await tasks_of(queue) == [first.id, second.id]
    assert (found.tasks, found.last_task, found.instance) == (2, second.id, "pi")
    assert found.last_at == queue.clock.now()
    await queue.advance(minutes=1)
    await queue.claim(second, "mac")
    assert (await session(queue)).instance == "mac"
    assert (await session(queue)).last_at == queue.clock.now()


async def test_session_lives_as_long_as_a_task_of_it(queue: QueueDriver):
    """What is removed is not counted any more; with the last task it is gone."""
    tasks = []
    for cost in (1.0, 2.0):
        tasks.append(await queue.claimed_by("pi"))
        await queue.complete(tasks[-1], "pi", result=result(cost=cost))

    await queue.delete(tasks[0])
    assert ((await session(queue)).tasks, (await session(queue)).cost_usd) == (1, 2.0)

    await queue.delete(tasks[1])
    with pytest.raises(SessionNotFound):
        await session(queue)
    with pytest.raises(SessionNotFound):
        await tasks_of(queue)
    assert await names(queue) == []


async def test_newest_use_comes_first(queue: QueueDriver):
    """Of all, or of a project; page by page, each session once."""
    for number in range(6):
        task = await queue.claimed_by("pi", project=("a", "b")[number % 2])
        await queue.complete(task, "pi", result=result(f"s{number % 4}"))
        await queue.advance(minutes=1)

    assert await names(queue) == ["s1", "s0", "s3", "s2"]
    assert await names(queue, project="a") == ["s0", "s2"]
    assert await names(queue, project="c") == []
    pages, cursor = [], None
    while True:
        page = await queue.services.sessions.list(limit=3, cursor=cursor)
        pages.append([found.id for found in page.items])
        cursor = page.next_cursor
        if cursor is None:
            break
    assert pages == [["s1", "s0", "s3"], ["s2"]]


async def test_session_belongs_to_the_project_of_its_last_use(queue: QueueDriver):
    """It is listed once."""
    for project in ("a", "b"):
        task = await queue.claimed_by("pi", project=project)
        await queue.complete(task, "pi", result=result())
        await queue.advance(minutes=1)

    assert (await names(queue, project="a"), await names(queue, project="b")) == ([], ["s1"])


async def test_tasks_of_a_session_come_in_pages(queue: QueueDriver):
    """In the order of their submission, with their dependencies."""
    tasks = [await queue.submit(continues="s1")]
    tasks += [await queue.submit(continues="s1", depends_on=tasks[:1]) for _ in range(4)]
    ids, cursor = [], None

    while True:
        page = await queue.services.sessions.tasks("s1", limit=2, cursor=cursor)
        ids.append([task.id for task in page.items])
        assert all(task.depends_on == (tasks[0].id,) for task in page.items[1:])
        cursor = page.next_cursor
        if cursor is None:
            break

    assert ids == [[1, 2], [3, 4], [5]]


@pytest.mark.parametrize("cursor", ["x", "1-2", "0-1-x", "1-1-1", "0-1-" + "9" * 30])
async def test_foreign_cursor_is_refused(queue: QueueDriver, cursor: str):
    """As everywhere."""
    with pytest.raises(Invalid):
        await queue.services.sessions.list(cursor=cursor)
    await queue.submit(continues="s1")
    with pytest.raises(Invalid):
        await queue.services.sessions.tasks("s1", cursor=cursor)


@pytest.mark.parametrize("turns", [True, -1, 1.5, "7", None, 10**12, [1], {}])
async def test_turns_that_are_no_number_count_nothing(queue: QueueDriver, turns: object):
    """A result may say anything; a sum must stay one."""
    await queue.complete(await queue.claimed_by("pi"), "pi", result=result(turns=turns))

    assert (await session(queue)).turns == 0


@pytest.mark.parametrize("name", ["", "x" * 129, 7, None, ["s1"]])
async def test_name_that_is_none_makes_no_session(queue: QueueDriver, name: object):
    """The task is completed all the same."""
    told = {**result(None), "session_id": name}

    await queue.complete(await queue.claimed_by("pi"), "pi", result=told)

    assert await names(queue) == []


async def test_name_may_be_any_text(queue: QueueDriver):
    """Claude's are UUIDs; nothing depends on that."""
    name = "Grüße/..%2F👋'; --"
    await queue.complete(await queue.claimed_by("pi"), "pi", result=result(name))

    assert (await session(queue, name)).id == name
    with pytest.raises(SessionNotFound):
        await session(queue, name + " ")


async def test_task_without_a_session_writes_nothing(queue: QueueDriver):
    """Claims and completions of the many pay nothing for the few."""
    task = await queue.claimed_by("pi")
    await queue.complete(task, "pi", result=result(None))

    assert await names(queue) == []
