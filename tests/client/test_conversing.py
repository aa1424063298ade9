"""Questions, messages and transcripts by the Python classes, against a real server."""

import asyncio
import contextlib

import pytest

from claude_task_client import AsyncAthena, Athena, Conflict, NotFound, Task
from tests.client import strangers
from tests.client.network import network


@pytest.fixture
def pi(athena):
    """An instance."""
    with Athena(athena.url, athena.key, instance="pi") as one:
        yield one


@pytest.fixture
def alice(athena):
    """A person."""
    with Athena(athena.url, athena.key) as one:
        yield one


def in_hand(pi: Athena, description: str = "x") -> Task:
    """A task that the instance holds."""
    pi.submit(description, project="p")
    task = pi.claim_next()
    assert task is not None
    return task


async def soon_in_hand(pi: AsyncAthena, description: str = "x") -> Task:
    """The same, without blocking."""
    await pi.submit(description)
    task = await pi.claim_next()
    assert task is not None
    return task


async def answer_to(pi: AsyncAthena, question_id: int) -> str | None:
    """The answer, asked for in short polls."""
    while True:
        question = await pi.question(question_id, wait=1)
        if not question.is_open:
            return question.answer


def lines(*texts: str) -> list[dict[str, object]]:
    return [{"kind": "text", "text": text} for text in texts]


def test_a_question_waits_for_a_person_and_brings_the_answer(pi, alice):
    task = in_hand(pi)

    asked = pi.ask(task, "Which port?", kind="choice", choices=["80", "8080"])
    [found] = alice.questions(task=task.id).questions
    alice.answer(found.id, "80", note="as always", answered_by="Alice")
    settled = pi.question(asked.id, wait=10)

    assert (asked.is_open, asked.choices, found) == (True, ("80", "8080"), asked)
    assert (settled.status, settled.answer, settled.note) == ("answered", "80", "as always")
    assert (settled.answered_by, settled.answered_via) == ("Alice", "api")


def test_asking_again_with_the_same_key_is_the_same_question(pi, alice):
    """A worker that was restarted finds what was answered meanwhile."""
    task = in_hand(pi)
    asked = pi.ask(task, "May I?", kind="approval", action={"tool": "Bash", "input": {}}, key="k")
    alice.answer(asked.id, "allow_project")

    again = pi.ask(task, "May I?", kind="approval", action={"tool": "Bash", "input": {}}, key="k")

    assert (again.id, again.answer) == (asked.id, "allow_project")
    assert pi.ask(task, "May I?").id != asked.id


def test_a_question_that_nobody_answers_comes_back_open(pi):
    asked = pi.ask(in_hand(pi), "Which port?")

    assert pi.question(asked.id).is_open
    assert pi.question(asked.id, wait=0.2).is_open


def test_the_first_answer_counts_and_a_withdrawal_may_be_repeated(pi, alice):
    task = in_hand(pi)
    first, second = pi.ask(task, "one?"), pi.ask(task, "two?")
    alice.answer(first.id, "yes")

    with pytest.raises(Conflict) as late:
        alice.answer(first.id, "no")
    for _ in range(2):
        assert pi.withdraw(second.id).status == "withdrawn"
    with pytest.raises(Conflict) as gone:
        alice.answer(second.id, "yes")
    with pytest.raises(NotFound):
        pi.question(999999)

    assert (late.value.code, gone.value.code) == ("already_answered", "question_withdrawn")
    assert [each.id for each in alice.questions(status="all", task=task.id).questions] == [
        first.id, second.id,
    ]  # fmt: skip


def test_a_task_parked_on_a_question_is_ready_with_its_answer(pi, alice):
    """The Claude session stays with it."""
    task = in_hand(pi)
    pi.progress(task, session_id="one-session")
    asked = pi.ask(task, "Which port?")

    parked = pi.park(task, question=asked, notes="half done")
    why = pi.why(task.id).reasons[0].code
    alice.answer(asked.id, "80")

    assert (parked.readiness, parked.session_id, why) == ("parked", "one-session", "question_open")
    assert pi.claim_next().id == task.id
    assert pi.question(asked.id).answer == "80"


def test_a_word_to_a_task_is_kept_and_to_an_ended_one_makes_a_follow_up(pi, alice):
    task = in_hand(pi)

    told = alice.send_message(task.id, "Be quick", created_by="Alice")
    pi.complete(task, result={"success": True, "session_id": "other-session"})
    more = alice.send_message(task.id, "And now the docs")
    page = pi.messages(task.id)

    assert (told.sent_by, told.follow_up) == ("Alice", None)
    assert (more.follow_up.description, more.follow_up.continues) == (
        "And now the docs",
        "other-session",
    )
    assert [each.text for each in page.messages] == ["Be quick", "And now the docs"]
    assert pi.messages(task.id, after=page.next_after).messages == ()


def test_lines_sent_twice_are_kept_once(pi):
    """Whatever was lost in between, the sender repeats from where it knows."""
    task = in_hand(pi)

    assert pi.append_log(task, lines("a", "b"), first=0) == 2
    assert pi.append_log(task, lines("b", "c"), first=1) == 3
    assert pi.append_log(task.id, lines("c"), first=2, attempt=task.attempt) == 3

    assert [(each.number, each.text) for each in pi.log(task.id).lines] == [
        (0, "a"), (1, "b"), (2, "c"),
    ]  # fmt: skip


def test_any_amount_of_any_text_is_taken(pi):
    """Batches fit the server; what it would refuse or cut goes as it can be kept."""
    task = in_hand(pi)
    wild = ["\U0001f4a5" * 10_000, "nul \0 and \ud800", ""]

    expected = pi.append_log(task, lines(*wild, *["x" * 4000] * 400), first=0)
    page = pi.log(task.id, limit=3)

    assert expected == 403
    assert [each.text for each in page.lines] == [
        "\U0001f4a5" * 4000, "nul \ufffd and ?", "",
    ]  # fmt: skip
    assert pi.log(task.id, tail=1).lines[0].number == 402


def test_lines_whose_answer_was_lost_are_sent_again(athena, pi):
    task = in_hand(pi)
    with (
        strangers.before(athena.url, losing=1) as url,
        Athena(url, athena.key, instance="pi") as unlucky,
    ):
        assert unlucky.append_log(task, lines("once"), first=0) == 1

    assert [each.text for each in pi.log(task.id).lines] == ["once"]


def test_a_question_whose_answer_was_lost_is_asked_once(athena, pi):
    task = in_hand(pi)
    with (
        strangers.before(athena.url, losing=1) as url,
        Athena(url, athena.key, instance="pi") as unlucky,
    ):
        asked = unlucky.ask(task, "once?")

    assert [each.id for each in pi.questions(task=task.id).questions] == [asked.id]


def test_an_answer_without_the_next_number_is_not_athenas(pi):
    task = in_hand(pi)
    other = strangers.answer("200 OK", "application/json", "{}")
    with (
        strangers.stranger(other) as url,
        Athena(url, "ath_key", retry_seconds=0) as lost,
        pytest.raises(Exception, match="no 'next'"),
    ):
        lost.append_log(task, lines("x"), first=0)


def test_following_gives_every_line_once_and_ends_with_the_task(pi):
    task = in_hand(pi)
    pi.append_log(task, lines("before", "also"), first=0)
    following = pi.follow_log(task.id)
    seen = [next(following)]
    pi.append_log(task, lines("live"), first=2)
    pi.fail(task, "no", retry=False)

    seen.extend(following)

    assert [each.text for each in seen] == ["before", "also", "live"]
    assert [each.text for each in pi.follow_log(task.id, after=seen[0].id)] == ["also", "live"]


def test_following_goes_on_behind_the_last_line_over_a_restart(start_server):
    """No gap, nothing twice, and it is told that the connection was lost."""
    server = start_server()
    told: list[Exception] = []
    with Athena(server.url, server.key, instance="pi") as pi:
        task = in_hand(pi)
        pi.append_log(task, lines("one"), first=0)
        following = pi.follow_log(task.id, on_lost=told.append)
        seen = [next(following)]
        server.kill()
        server.start()
        pi.append_log(task, lines("two"), first=1)
        pi.complete(task)
        seen.extend(following)

    assert [each.text for each in seen] == ["one", "two"]
    assert len(told) <= 1


async def test_many_follow_and_wait_at_once(athena):
    """One object serves them all: streams, polls for answers, and calls beside them."""
    async with AsyncAthena(athena.url, athena.key, instance="pi") as pi:
        tasks = [await soon_in_hand(pi, f"task {number}") for number in range(10)]
        asked = [await pi.ask(task, "Go on?") for task in tasks]

        async def follow(task: Task) -> list[str]:
            return [line.text async for line in pi.follow_log(task.id)]

        following = [asyncio.create_task(follow(task)) for task in tasks]
        waiting = [asyncio.create_task(pi.question(each.id, wait=None)) for each in asked]
        for task, question in zip(tasks, asked, strict=True):
            await pi.append_log(task, lines(f"of {task.id}"), first=0)
            await pi.answer(question.id, f"yes, {task.id}")
            await pi.complete(task)

        assert [each.answer for each in await asyncio.gather(*waiting)] == [
            f"yes, {task.id}" for task in tasks
        ]
        assert await asyncio.gather(*following) == [[f"of {task.id}"] for task in tasks]


async def test_an_answer_given_while_the_laptop_slept_is_found(athena):
    """The poll was on a connection that is dead now: it is made again."""
    with network(athena.url) as way:
        async with (
            AsyncAthena(athena.url, athena.key) as alice,
            AsyncAthena(way.url, athena.key, instance="pi", timeout_seconds=0.5) as pi,
        ):
            asked = await pi.ask(await soon_in_hand(pi), "Which port?")
            waiting = asyncio.create_task(answer_to(pi, asked.id))
            await pi.health()
            way.forget()
            await alice.answer(asked.id, "80")

            assert await waiting == "80"


async def test_a_follower_that_leaves_ends_its_stream(athena):
    """A program that stops following holds no connection."""
    async with AsyncAthena(athena.url, athena.key, instance="pi") as pi:
        task = await soon_in_hand(pi)
        await pi.append_log(task, lines("one"), first=0)
        for _ in range(40):  # more than there may be streams of one key
            async with contextlib.aclosing(pi.follow_log(task.id)) as following:
                assert (await anext(following)).text == "one"


def test_sessions_tell_what_was_done_in_them(pi):
    """Cost and turns of all their tasks."""
    result = {"success": True, "session_id": "a/b c", "total_cost_usd": 0.25, "num_turns": 3}
    first = in_hand(pi)
    pi.complete(first, result=result)

    page = pi.sessions(project="p", limit=500)
    session = pi.session("a/b c")

    assert session in page.sessions
    assert (session.tasks, session.cost_usd, session.turns) == (1, 0.25, 3)
    assert (session.instance, session.last_task) == ("pi", first.id)
    assert [each.id for each in pi.session_tasks("a/b c").tasks] == [first.id]
    with pytest.raises(NotFound) as missing:
        pi.session("none")
    assert missing.value.code == "session_not_found"
