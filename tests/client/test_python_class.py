"""`Athena` and `AsyncAthena` against a real server."""

import asyncio
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from claude_task_client import (
    AsyncAthena,
    Athena,
    Conflict,
    Denied,
    Finish,
    Invalid,
    NotFound,
    Unreachable,
)
from tests.client import strangers


@pytest.fixture
def here(athena):
    """One instance."""
    with Athena(athena.url, athena.key, instance="here") as one:
        yield one


@pytest.fixture
def there(athena):
    """Another instance."""
    with Athena(athena.url, athena.key, instance="there") as other:
        yield other


def test_a_task_from_submit_to_result(here, there):
    """The life of a task in six calls."""
    task = here.submit("Deploy", project="p", priority="high", metadata={"ticket": 7})

    claimed = there.claim_next()
    there.progress(claimed, percent=50, message="half", phase="testing")
    there.complete(claimed, notes="done", result={"success": True, "output": "v2", "extra": [1]})
    result = here.result(task.id, wait=True, timeout=10)

    assert (claimed.id, claimed.claimed_by, claimed.attempt) == (task.id, "there", 1)
    assert (result.success, result.output, result["extra"]) == (True, "v2", [1])
    assert here.get(task.id).notes == "done"
    assert here.get(task.id).metadata["ticket"] == 7


def test_nothing_is_none(here):
    """What may not be there is None, not an error."""
    task = here.submit("x", not_before=datetime.now(UTC) + timedelta(hours=1))

    assert here.next() is None
    assert here.claim_next() is None
    assert here.claim_next(wait=0.2) is None
    assert here.result(task.id) is None
    assert here.result(task.id, wait=True, timeout=0.2) is None


def test_refusals_are_exceptions_with_a_code(here, there):
    task = here.submit("x")
    here.claim(task.id)

    with pytest.raises(Conflict) as claimed:
        there.claim(task.id)
    with pytest.raises(NotFound):
        here.get(999999)
    with pytest.raises(Invalid) as wrong:
        here.submit("x", priority="asap")

    assert claimed.value.code == "already_claimed"
    assert wrong.value.errors[0]["field"] == "priority"


def test_a_whole_task_carries_its_attempt(here):
    """Work that was overtaken cannot end the newer claim."""
    here.submit("x")
    old = here.claim_next()
    here.release(old)
    new = here.claim_next()

    with pytest.raises(Conflict):
        here.complete(old)

    assert here.complete(new).status == "completed"


def test_finishing_and_claiming_go_together(here):
    first, second = here.submit("first"), here.submit("second")
    task = here.claim_next()

    following = here.claim_next(finish=Finish(task, notes="ok"))

    assert (task.id, following.id) == (first.id, second.id)
    assert here.get(first.id).status == "completed"


def test_a_heartbeat_renews_and_tells_what_was_lost(here):
    kept, lost = here.submit("kept"), here.submit("lost")
    tasks = [here.claim_next(), here.claim_next()]
    here.cancel(lost.id)

    answer = here.heartbeat(tasks, name="Here", labels=["gpu"])

    assert answer.held == (kept.id,)
    assert [(loss.id, loss.code) for loss in answer.lost] == [(lost.id, "task_cancelled")]


def test_every_other_call_reaches_its_endpoint(here):
    """Each method meets a server that refuses unknown paths and fields."""
    task = here.submit("x", project="p", lane="l")
    later = here.submit("y", depends_on=[task.id])

    assert here.change(task.id, priority="low", target=None).priority == "low"
    assert here.why(later.id).reasons[0].code == "blocked_by"
    assert [each.id for each in here.list(project="p", q="x").tasks] == [task.id]
    assert here.renew(here.claim_next(projects=["p"], lease_seconds=60)).id == task.id
    assert here.park(here.get(task.id), until=datetime.now(UTC) + timedelta(hours=1)).readiness
    assert here.change(later.id, depends_on=[]).readiness == "ready"
    assert here.fail(here.claim(later.id), "no", retry=False).error == "no"
    assert here.retry(later.id).failures == 0
    assert here.delete(later.id) is None
    assert here.history(task.id).events[0].type == "task.submitted"
    assert here.event_page(after=0, limit=1).next_after == 1
    assert here.stats().by_status["pending"] == 1
    assert "here" in [each.instance for each in here.instances().instances]
    assert here.health().status == "ok"
    assert here.pause(project="p") != {}
    here.resume(project="p")


def test_a_purge_gives_the_number_of_tasks_removed(here):
    """The count is a number, from either transport; the second time there is nothing left."""
    for number in range(3):
        here.cancel(here.submit(f"task {number}").id)
    now = datetime.now(UTC) + timedelta(seconds=1)

    assert here.purge(status="cancelled", before=now) >= 3
    assert here.purge(status="cancelled", before=now) == 0


def test_a_purge_without_a_count_is_not_athenas():
    """An older Athena told the count in a body; it is not taken for an answer any more."""
    old = strangers.answer("200 OK", "application/json", '{"deleted": 5}')
    with (
        strangers.stranger(old) as url,
        Athena(url, "ath_key", instance="here") as here,
        pytest.raises(Unreachable, match="x-deleted-count"),
    ):
        here.purge(before=datetime.now(UTC))


def test_a_lost_answer_is_asked_for_again(athena):
    """Submitting, claiming and completing happen once, however often the answer is lost."""
    with (
        strangers.before(athena.url, losing=1) as url,
        Athena(url, athena.key, instance="here") as unlucky,
    ):
        task = unlucky.submit("once")

    with (
        strangers.before(athena.url, losing=1) as url,
        Athena(url, athena.key, instance="here") as unlucky,
    ):
        claimed = unlucky.claim_next()
        assert claimed is not None

    with (
        strangers.before(athena.url, losing=1) as url,
        Athena(url, athena.key, instance="here") as unlucky,
    ):
        done = unlucky.complete(claimed)

    assert (claimed.id, claimed.attempt, done.status) == (task.id, 1, "completed")


def test_what_is_not_safe_is_not_sent_again(athena):
    """Whether a cancel arrived, only Athena knows: the caller must look."""
    with (
        strangers.before(athena.url, losing=1) as url,
        Athena(url, athena.key, instance="here") as unlucky,
        Athena(athena.url, athena.key) as lucky,
    ):
        task = lucky.submit("x")
        with pytest.raises(Unreachable):
            unlucky.cancel(task.id)

        assert lucky.get(task.id).status == "cancelled"


def test_a_server_that_comes_back_is_waited_for(start_server):
    server = start_server()
    with Athena(server.url, server.key, instance="here") as athena:
        task = athena.submit("x")
        server.restart()

        assert athena.get(task.id).id == task.id


def test_nobody_there_is_unreachable():
    athena = Athena(strangers.closed_port(), "ath_0123456789abcdef", retry_seconds=0)

    with athena, pytest.raises(Unreachable):
        athena.stats()


def test_a_stream_goes_on_behind_the_last_event_over_a_restart(start_server):
    """`Last-Event-ID` leaves no gap and repeats nothing."""
    server = start_server()
    with Athena(server.url, server.key, instance="here") as athena:
        events = athena.events(after=0, kind="task.submitted")
        first = athena.submit("one")
        seen = [next(events)]
        server.restart()
        second = athena.submit("two")
        while len(seen) < 2:
            seen.append(next(events))
        events.close()

    assert [event.task_id for event in seen] == [first.id, second.id]


def test_a_stream_that_is_refused_says_so(athena):
    with Athena(athena.url, "ath_wrong_wrong_wrong") as stranger, pytest.raises(Denied):
        next(stranger.events())


async def test_the_async_class_does_the_same(athena):
    """One body, two faces; here many wait at once."""
    async with AsyncAthena(athena.url, athena.key, instance="here") as here:
        waiting = [asyncio.create_task(here.claim_next(wait=20)) for _ in range(4)]
        tasks = [await here.submit(f"task {number}") for number in range(4)]
        claimed = [task for task in await asyncio.gather(*waiting) if task]
        await asyncio.gather(*[here.complete(task) for task in claimed])
        result = await here.result(tasks[0].id)

        assert sorted(task.id for task in claimed) == [task.id for task in tasks]
        assert result is not None
        assert result.success is True


async def test_the_async_stream_ends_when_its_reader_leaves(athena):
    async with AsyncAthena(athena.url, athena.key, instance="here") as here:
        events = here.events(after=0)
        task = await here.submit("x")

        async for event in events:
            if event.task_id == task.id:
                break
        await events.aclose()

    assert event.type == "task.submitted"


async def test_the_blocking_class_also_works_inside_an_event_loop(athena):
    with Athena(athena.url, athena.key) as blocking:
        assert blocking.health().status == "ok"


def test_settings_come_from_the_environment(athena, monkeypatch):
    monkeypatch.setenv("ATHENA_API_URL", athena.url)
    monkeypatch.setenv("ATHENA_API_KEY", athena.key)
    monkeypatch.setenv("CLAUDE_INSTANCE", "from-the-environment")

    with Athena() as blocking:
        assert blocking.instance == "from-the-environment"
        assert blocking.list().tasks == ()


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        ("claude_task_client", {"httpx2", "click", "rich", "asyncio"}),
        ("claude_task_client.commands.check", {"httpx2", "rich", "platformdirs", "stamina"}),
        ("claude_task_client.commands.list", {"httpx2", "rich", "stamina", "asyncio"}),
        ("claude_task_client.commands.answer", {"httpx2", "rich", "stamina", "asyncio"}),
        ("claude_task_client.commands.ask", {"httpx2", "rich", "stamina", "asyncio"}),
        ("claude_task_client.commands.log", {"httpx2", "rich", "stamina", "asyncio"}),
    ],
)
def test_a_start_imports_only_what_it_needs(module, unwanted):
    """`check` runs at the start of every session."""
    code = f"import {module}, sys; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()

    assert not unwanted & set(loaded)
