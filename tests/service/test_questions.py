"""Questions: the holder asks, one person answers, and nobody's answer is lost or counted twice."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from athena.model import limits
from athena.model.errors import (
    AlreadyAnswered,
    Conflict,
    Invalid,
    InvalidTransition,
    NotHolder,
    QuestionNotFound,
    QuestionWasWithdrawn,
    TaskNotFound,
    TaskWasCancelled,
    TooManyQuestions,
)
from athena.model.event import SYSTEM, Event
from athena.model.lifecycle import Status
from athena.model.question import (
    ProposedAction,
    Question,
    QuestionFilter,
    QuestionId,
    QuestionKind,
    QuestionStatus,
)
from athena.model.task import Phase, Task, TaskId, replace
from tests.service.driver import QueueDriver, finish

BASH = ProposedAction(tool="Bash", input={"command": "make deploy", "n": [1, None, 0.5]})
OPEN, ANSWERED, WITHDRAWN = QuestionStatus


def about_questions(history: list[Event]) -> list[tuple[str, dict[str, Any]]]:
    return [(e.type, dict(e.data)) for e in history if e.type.startswith("question.")]


async def withdrawn_because(queue: QueueDriver, task: Task) -> list[object]:
    """The reasons of the withdrawals in the task's history; each was Athena's own doing."""
    withdrawn = [e for e in await queue.history_of(task) if e.type == "question.withdrawn"]
    assert {e.actor for e in withdrawn} <= {SYSTEM}
    return [e.data.get("reason") for e in withdrawn]


# --- asking -----------------------------------------------------------------------------------


async def test_holder_asks_and_waits(queue: QueueDriver):
    """The question is open, its task waits for a person, and the log says so without the text."""
    task = await queue.claimed_by("pi")

    question = await queue.ask(task, "pi", "Which database?")

    assert question == Question(
        id=QuestionId(1),
        task_id=task.id,
        attempt=1,
        instance="pi",
        kind=QuestionKind.TEXT,
        text="Which database?",
        asked_at=queue.clock.now(),
    )
    assert await queue.question(question) == question
    assert (await queue.get(task)).phase is Phase.WAITING
    assert about_questions(await queue.history_of(task)) == [
        ("question.asked", {"question": 1, "kind": "text", "instance": "pi", "attempt": 1})
    ]


async def test_each_kind_is_kept_as_it_was_asked(queue: QueueDriver):
    """Choices and actions come back as they were given."""
    task = await queue.claimed_by("pi")
    choices = ("SQLite", "PostgreSQL", "neither, 👋")

    offered = await queue.ask(task, "pi", kind=QuestionKind.CHOICE, choices=choices)
    approval = await queue.ask(task, "pi", kind=QuestionKind.APPROVAL, action=BASH)
    bare = await queue.ask(task, "pi", kind=QuestionKind.APPROVAL)

    assert (await queue.question(offered)).choices == choices
    assert (await queue.question(approval)).action == BASH
    assert (await queue.question(bare)).action is None


async def test_asking_is_a_sign_of_life(queue: QueueDriver):
    """It renews the lease, as progress does."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=10))
    await queue.advance(minutes=9)

    await queue.ask(task, "pi")
    await queue.advance(minutes=9)

    assert await queue.status_of(task) is Status.IN_PROGRESS


async def test_only_the_holder_asks(queue: QueueDriver):
    """Anybody else is refused, in the order of the other refusals, and nothing is written."""
    task = await queue.claimed_by("pi")
    pending = await queue.submit()

    with pytest.raises(TaskNotFound):
        await queue.ask(replace(pending, id=TaskId(99)), "pi")
    with pytest.raises(NotHolder):
        await queue.ask(task, "mac")
    with pytest.raises(NotHolder):
        await queue.ask(task, "pi", attempt=7)
    with pytest.raises(NotHolder):
        await queue.ask(pending, "pi")
    await queue.complete(task, "pi")
    with pytest.raises(InvalidTransition):
        await queue.ask(task, "pi")
    cancelled = await queue.cancel(await queue.claimed_by("pi"))
    with pytest.raises(TaskWasCancelled):
        await queue.ask(cancelled, "pi")

    assert await queue.questions() == []


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("text", {"text": " \n"}),
        ("text", {"text": "x" * (limits.QUESTION_CHARACTERS_MAX + 1)}),
        ("text", {"text": "a\x00b"}),
        ("key", {"key": ""}),
        ("key", {"key": "k" * (limits.QUESTION_KEY_CHARACTERS_MAX + 1)}),
        ("choices", {"choices": ("a",)}),
        ("choices", {"kind": QuestionKind.CHOICE}),
        ("choices", {"kind": QuestionKind.CHOICE, "choices": ()}),
        ("choices", {"kind": QuestionKind.CHOICE, "choices": ("a",) * 26}),
        ("choices", {"kind": QuestionKind.CHOICE, "choices": ("a", " ")}),
        ("choices", {"kind": QuestionKind.CHOICE, "choices": ("a" * 101,)}),
        ("action", {"action": BASH}),
        ("action", {"kind": QuestionKind.APPROVAL, "action": ProposedAction(tool="", input={})}),
        (
            "action",
            {
                "kind": QuestionKind.APPROVAL,
                "action": ProposedAction(tool="Write", input={"content": "x" * 16 * 1024}),
            },
        ),
    ],
)
async def test_what_cannot_be_asked(queue: QueueDriver, field: str, said: dict[str, Any]):
    """It is refused by the name of its field."""
    task = await queue.claimed_by("pi")

    with pytest.raises(Invalid) as refusal:
        await queue.ask(task, "pi", **said)

    assert [error.field for error in refusal.value.errors] == [field]


async def test_a_loop_of_questions_ends(queue: QueueDriver, monkeypatch: pytest.MonkeyPatch):
    """So many open ones at once, and so many in all; answers make room for the former only."""
    monkeypatch.setattr(limits, "QUESTIONS_OPEN_MAX", 2)
    monkeypatch.setattr(limits, "QUESTIONS_OF_A_TASK_MAX", 3)
    task = await queue.claimed_by("pi")
    first = await queue.ask(task, "pi")
    await queue.ask(task, "pi")

    with pytest.raises(TooManyQuestions):
        await queue.ask(task, "pi")
    await queue.answer(first)
    third = await queue.ask(task, "pi")
    await queue.answer(third)

    with pytest.raises(TooManyQuestions):
        await queue.ask(task, "pi")
    assert (await queue.ask(await queue.claimed_by("pi"), "pi")).is_open


# --- the asker's own name for it --------------------------------------------------------------


async def test_same_key_is_the_same_question(queue: QueueDriver):
    """Asked again, open or answered, there is no second one and no second event."""
    task = await queue.claimed_by("pi")
    first = await queue.ask(task, "pi", key="tool-1")
    assert await queue.ask(task, "pi", "in other words", key="tool-1") == first
    answered = await queue.answer(first)

    again = await queue.ask(task, "pi", key="tool-1")

    assert again == answered
    assert (await queue.get(task)).phase is Phase.WORKING
    assert [kind for kind, _ in about_questions(await queue.history_of(task))] == [
        "question.asked",
        "question.answered",
    ]


async def test_key_is_of_one_task(queue: QueueDriver):
    """Another task's question of the same name is another one."""
    first, second = await queue.claimed_by("pi"), await queue.claimed_by("pi")

    assert await queue.ask(first, "pi", key="k") != await queue.ask(second, "pi", key="k")


async def test_withdrawn_question_leaves_its_key(queue: QueueDriver):
    """Whoever claims the task next may ask the same, and gets an answer of its own."""
    task = await queue.claimed_by("pi")
    first = await queue.ask(task, "pi", key="k")
    await queue.release(task, "pi")
    task = await queue.claim(task, by="mac")

    second = await queue.ask(task, "mac", key="k")

    assert second.id != first.id
    assert (second.status, (await queue.question(first)).status) == (OPEN, WITHDRAWN)


async def test_asking_on_after_a_restart_waits_again(queue: QueueDriver):
    """The same instance, a new attempt: the open question is its own still, and it waits."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    question = await queue.ask(task, "pi", key="k")
    await queue.advance(minutes=2)
    task = await queue.claim(task, by="pi")
    assert task.phase is Phase.WORKING

    again = await queue.ask(task, "pi", key="k")

    assert again == question
    assert (await queue.get(task)).phase is Phase.WAITING
    assert (await queue.story_of(task))[-1] == "progressed"


async def test_two_who_ask_with_one_key_at_once(queue: QueueDriver):
    """A repeated request, while the first is on its way, makes no second question."""
    task = await queue.claimed_by("pi")

    asked = await asyncio.gather(*(queue.ask(task, "pi", key="k") for _ in range(10)))

    assert {question.id for question in asked} == {1}
    assert len(about_questions(await queue.history_of(task))) == 1


# --- answering --------------------------------------------------------------------------------


async def test_answer_lets_the_holder_go_on(queue: QueueDriver):
    """It is kept with who gave it, the task works again, and the log has the beginning of it."""
    task, question = await queue.asked_by("pi")
    await queue.advance(hours=1)

    answered = await queue.answer(
        question, "PostgreSQL, " + "really " * 100, answered_by="bob", via="discord", note="because"
    )

    assert answered == await queue.question(question)
    assert (answered.status, answered.note) == (ANSWERED, "because")
    assert (answered.answered_by, answered.answered_via) == ("bob", "discord")
    assert answered.answered_at == queue.clock.now()
    assert (await queue.get(task)).phase is Phase.WORKING
    event = (await queue.history_of(task))[-1]
    assert event.type == "question.answered"
    assert event.data == {
        "question": 1,
        "kind": "text",
        "instance": "pi",
        "answer": (answered.answer or "")[:200],
        "answered_by": "bob",
        "answered_via": "discord",
    }


async def test_who_answers_is_the_key_where_nobody_is_named(queue: QueueDriver):
    """Somebody always has answered."""
    _, question = await queue.asked_by("pi")

    answered = await queue.answer(question)

    assert (answered.answered_by, answered.answered_via) == ("alice", "api")


async def test_holder_waits_until_the_last_answer(queue: QueueDriver):
    """Of two questions, the first answer changes nothing about the phase."""
    task, first = await queue.asked_by("pi")
    second = await queue.ask(task, "pi")

    await queue.answer(second)
    assert (await queue.get(task)).phase is Phase.WAITING
    await queue.answer(first)

    assert (await queue.get(task)).phase is Phase.WORKING


async def test_phase_that_the_holder_has_named_since_stays(queue: QueueDriver):
    """It knows better what it is at."""
    task, question = await queue.asked_by("pi")
    await queue.progress(task, "pi", phase=Phase.TESTING)

    await queue.answer(question)

    assert (await queue.get(task)).phase is Phase.TESTING


async def test_first_answer_wins(queue: QueueDriver):
    """Of many at once one is taken; the others are told whose it was."""
    task, question = await queue.asked_by("pi")
    people = [f"person-{number}" for number in range(8)]

    answers = await asyncio.gather(
        *(queue.answer(question, name, answered_by=name) for name in people),
        return_exceptions=True,
    )

    taken = [answer for answer in answers if isinstance(answer, Question)]
    refused = [answer for answer in answers if isinstance(answer, AlreadyAnswered)]
    assert (len(taken), len(refused)) == (1, 7)
    winner = taken[0].answered_by
    assert taken[0].answer == winner
    assert {refusal.detail for refusal in refused} == {f"{winner} has answered question 1."}
    assert (await queue.question(question)).answer == winner
    assert (await queue.story_of(task)).count("question.answered") == 1


async def test_approval_has_three_answers(queue: QueueDriver):
    """Anything else is no verdict; a choice takes any text."""
    task = await queue.claimed_by("pi")
    approval = await queue.ask(task, "pi", kind=QuestionKind.APPROVAL, action=BASH)
    choice = await queue.ask(task, "pi", kind=QuestionKind.CHOICE, choices=("a", "b"))

    with pytest.raises(Invalid, match="allow, allow_project or deny"):
        await queue.answer(approval, "yes")
    denied = await queue.answer(approval, "deny", note="not on a Friday")

    assert (denied.answer, denied.note) == ("deny", "not on a Friday")
    assert (await queue.answer(choice, "c")).answer == "c"
    with pytest.raises(Invalid):
        await queue.answer(approval, "perhaps")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("answer", {"answer": " "}),
        ("answer", {"answer": "x" * 4_001}),
        ("note", {"note": "\ud800"}),
        ("answered_by", {"answered_by": "x" * 129}),
    ],
)
async def test_what_cannot_be_answered(queue: QueueDriver, field: str, said: dict[str, Any]):
    """It is refused by the name of its field, and the question stays open."""
    _, question = await queue.asked_by("pi")

    with pytest.raises(Invalid) as refusal:
        await queue.answer(question, **said)

    assert [error.field for error in refusal.value.errors] == [field]
    assert (await queue.question(question)).is_open


async def test_unknown_question(queue: QueueDriver):
    """There must be a question to answer, to look at, or to withdraw."""
    questions = queue.services.questions

    for call in (
        questions.get(QuestionId(9)),
        questions.answer(QuestionId(9), "yes", by=SYSTEM),
        questions.withdraw(QuestionId(9), instance="pi", by=SYSTEM),
        questions.wait_for_answer(QuestionId(9), wait=timedelta(), is_gone=lambda: False),
    ):
        with pytest.raises(QuestionNotFound):
            await call


# --- withdrawing ------------------------------------------------------------------------------


async def test_asker_withdraws(queue: QueueDriver):
    """It works again, nobody can answer any more, and doing it twice is no error."""
    task, question = await queue.asked_by("pi")

    withdrawn = await queue.withdraw(question, "pi")

    assert withdrawn.status is WITHDRAWN
    assert (await queue.get(task)).phase is Phase.WORKING
    with pytest.raises(QuestionWasWithdrawn):
        await queue.answer(question)
    assert await queue.withdraw(question, "pi") == withdrawn
    assert about_questions(await queue.history_of(task))[1:] == [
        ("question.withdrawn", {"question": 1, "kind": "text", "instance": "pi"})
    ]


async def test_others_cannot_withdraw(queue: QueueDriver):
    """Nor can the asker, once there is an answer."""
    _, question = await queue.asked_by("pi")

    with pytest.raises(NotHolder):
        await queue.withdraw(question, "mac")
    await queue.answer(question)

    with pytest.raises(AlreadyAnswered):
        await queue.withdraw(question, "pi")


async def test_end_of_a_task_withdraws_what_it_asked(queue: QueueDriver):
    """However it ends, nobody is left who could use the answer; answered ones stay as they are."""
    completed, *_ = await queue.asked_by("pi")
    answered = await queue.answer(await queue.ask(completed, "pi"))
    second = await queue.ask(completed, "pi")
    cancelled, _ = await queue.asked_by("pi")
    failed, _ = await queue.asked_by("pi")

    await queue.complete(completed, "pi")
    await queue.cancel(cancelled)
    await queue.fail(failed, "pi", for_good=True)

    assert await withdrawn_because(queue, completed) == ["task.completed"] * 2
    assert await withdrawn_because(queue, cancelled) == ["task.cancelled"]
    assert await withdrawn_because(queue, failed) == ["task.failed"]
    assert await queue.question(answered) == answered
    with pytest.raises(QuestionWasWithdrawn):
        await queue.answer(second)
    assert await queue.questions(OPEN) == []


async def test_finish_with_the_next_claim_withdraws_too(queue: QueueDriver):
    """The short way to end a task is no way around the rule."""
    task, question = await queue.asked_by("pi")

    await queue.claim_next("pi", finish=finish(task))

    assert (await queue.question(question)).status is WITHDRAWN


async def test_giving_up_the_attempt_withdraws(queue: QueueDriver):
    """Released, or failed with a retry: the next attempt asks for itself."""
    released, _ = await queue.asked_by("pi")
    failed, _ = await queue.asked_by("pi")

    await queue.release(released, "pi")
    await queue.fail(failed, "pi")

    assert await withdrawn_because(queue, released) == ["task.released"]
    assert await withdrawn_because(queue, failed) == ["task.will_retry"]
    assert await queue.questions(OPEN) == []


async def test_late_ends_withdraw(queue: QueueDriver):
    """What the lost lease left open ends with the late completion or failure."""
    completed = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    failed = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    await queue.ask(completed, "pi")
    await queue.ask(failed, "pi")
    await queue.advance(minutes=1)
    assert len(await queue.questions(OPEN)) == 2

    await queue.complete(completed, "pi")
    await queue.fail(failed, "pi")

    assert await withdrawn_because(queue, completed) == ["task.completed"]
    assert await withdrawn_because(queue, failed) == ["task.changed"]


async def test_last_expiry_withdraws(queue: QueueDriver):
    """A task without a further attempt has ended, whoever may complete it late."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1), max_attempts=1)
    await queue.ask(task, "pi")

    await queue.advance(minutes=1)

    assert await queue.status_of(task) is Status.FAILED
    assert await withdrawn_because(queue, task) == ["task.failed"]


async def test_removed_task_withdraws(queue: QueueDriver):
    """The question goes with it, and whoever follows the log learns so."""
    task, question = await queue.asked_by("pi")
    task = await queue.park(task, "pi")

    await queue.delete(task)

    assert await withdrawn_because(queue, task) == ["task.deleted"]
    with pytest.raises(QuestionNotFound):
        await queue.question(question)


async def test_purge_takes_questions_and_messages_along(queue: QueueDriver):
    """They are of their task."""
    task, question = await queue.asked_by("pi")
    await queue.complete(task, "pi")
    await queue.advance(hours=1)

    await queue.services.tasks.purge(
        statuses=frozenset({Status.COMPLETED}), before=queue.clock.now(), by=SYSTEM
    )

    with pytest.raises(QuestionNotFound):
        await queue.question(question)


async def test_question_outlives_an_expiry_and_a_park(queue: QueueDriver):
    """The same instance, back with a new attempt, gets the answer."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    question = await queue.ask(task, "pi")
    await queue.advance(minutes=1)
    task = await queue.claim(task, by="pi")
    assert (await queue.question(question)).is_open
    await queue.park(task, "pi")
    await queue.advance(hours=1)
    task = await queue.claim(task, by="pi")

    await queue.answer(question)

    assert (await queue.question(question)).status is ANSWERED
    assert (await queue.get(task)).phase is Phase.WORKING


async def test_answer_that_comes_while_nobody_holds_the_task(queue: QueueDriver):
    """It changes nothing about the task, and is there for who comes back."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    question = await queue.ask(task, "pi")
    await queue.advance(minutes=1)
    before = await queue.get(task)

    await queue.answer(question)

    after = await queue.get(task)
    assert (after.status, after.readiness) == (before.status, before.readiness)
    assert (await queue.story_of(task))[-2:] == ["expired", "question.answered"]
    await queue.claim(task, by="mac")
    assert (await queue.question(question)).status is ANSWERED


async def test_claim_by_another_instance_withdraws(queue: QueueDriver):
    """It cannot use what its predecessor asked."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    await queue.ask(task, "pi")
    await queue.advance(minutes=1)

    claimed = await queue.claim(task, by="mac")

    assert await withdrawn_because(queue, task) == ["task.claimed"]
    assert claimed == await queue.get(task)
    assert claimed.asker is None


async def test_claim_next_by_another_instance_withdraws(queue: QueueDriver):
    """Also where the task came to it by itself."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    question = await queue.ask(task, "pi")
    await queue.advance(minutes=1)

    assert (await queue.claim_next("mac")) is not None

    assert (await queue.question(question)).status is WITHDRAWN


async def test_undone_claim_withdraws_nothing(queue: QueueDriver):
    """An answer that never arrived is no release: who asked before may still come back."""
    task = await queue.claimed_by("pi", lease=timedelta(minutes=1))
    question = await queue.ask(task, "pi")
    await queue.advance(minutes=1)
    task = await queue.claim(task, by="pi")

    await queue.services.claims.undo(task)

    assert (await queue.question(question)).is_open
    task = await queue.claim(task, by="pi")
    await queue.answer(question)


async def test_retried_task_asks_anew(queue: QueueDriver):
    """What was withdrawn stays so."""
    task, question = await queue.asked_by("pi")
    await queue.cancel(task)
    await queue.retry(task)

    task = await queue.claim(task, by="pi")

    assert (await queue.question(question)).status is WITHDRAWN
    assert task.asker is None


# --- waiting for the answer -------------------------------------------------------------------


async def wait_for(queue: QueueDriver, question: Question, *, seconds: float = 30) -> Question:
    return await queue.services.questions.wait_for_answer(
        question.id, wait=timedelta(seconds=seconds), is_gone=lambda: False
    )


async def begun(waiting: asyncio.Task[Any]) -> None:
    """Let it come to where it waits."""
    await asyncio.wait([waiting], timeout=0.1)
    assert not waiting.done()


async def test_waiting_ends_with_the_answer(queue: QueueDriver):
    """At once, and not with what else happens to the task."""
    task, question = await queue.asked_by("pi")
    waiting = asyncio.create_task(wait_for(queue, question))
    await begun(waiting)
    await queue.progress(task, "pi", percent=5)
    await begun(waiting)

    answered = await queue.answer(question)

    assert await asyncio.wait_for(waiting, 20) == answered


async def test_waiting_ends_with_a_withdrawal_or_a_removal(queue: QueueDriver):
    """Nobody waits for what will never come."""
    first, withdrawn = await queue.asked_by("pi")
    second, removed = await queue.asked_by("pi")
    second = await queue.park(second, "pi")
    waiting = [asyncio.create_task(wait_for(queue, one)) for one in (withdrawn, removed)]
    for one in waiting:
        await begun(one)

    await queue.complete(first, "pi")
    await queue.delete(second)

    assert (await asyncio.wait_for(waiting[0], 20)).status is WITHDRAWN
    with pytest.raises(QuestionNotFound):
        await asyncio.wait_for(waiting[1], 20)


async def test_waiting_has_an_end(queue: QueueDriver):
    """Then the question is told as it is; an answered one is told without waiting."""
    _, question = await queue.asked_by("pi")

    assert await wait_for(queue, question, seconds=0.01) == question
    answered = await queue.answer(question)

    assert await wait_for(queue, question) == answered


# --- lists ------------------------------------------------------------------------------------


async def test_list_by_status_task_and_project(queue: QueueDriver):
    """The oldest first; what is given must all fit."""
    first, one = await queue.asked_by("pi", project="athena")
    two = await queue.ask(first, "pi")
    _, three = await queue.asked_by("pi", project="other")
    _, four = await queue.asked_by("pi")
    await queue.answer(one)

    async def ids(*args: Any, **wanted: Any) -> list[int]:
        return [question.id for question in await queue.questions(*args, **wanted)]

    assert await ids() == [one.id, two.id, three.id, four.id]
    assert await ids(OPEN) == [two.id, three.id, four.id]
    assert await ids(ANSWERED) == [one.id]
    assert await ids(WITHDRAWN) == []
    assert await ids(task=first) == [one.id, two.id]
    assert await ids(OPEN, task=first) == [two.id]
    assert await ids(project="athena") == [one.id, two.id]
    assert await ids(OPEN, project="other") == [three.id]
    assert await ids(task=first, project="other") == []


async def test_list_comes_in_pages(queue: QueueDriver):
    """Each goes on where the last one ended; a foreign cursor is refused."""
    task = await queue.claimed_by("pi")
    asked = [await queue.ask(task, "pi") for _ in range(5)]
    found: list[Question] = []
    cursor, pages = None, 0
    while pages == 0 or cursor is not None:
        page = await queue.services.questions.list(QuestionFilter(), limit=2, cursor=cursor)
        found += page.items
        cursor, pages = page.next_cursor, pages + 1

    assert (found, pages) == (asked, 3)
    with pytest.raises(Invalid):
        await queue.services.questions.list(QuestionFilter(), cursor="a-b")


# --- races ------------------------------------------------------------------------------------


async def test_answer_and_end_at_once(queue: QueueDriver):
    """Either the answer came first, or it was refused; never both, and never neither."""
    for _ in range(5):
        task, question = await queue.asked_by("pi")

        answer, _ = await asyncio.gather(
            queue.answer(question), queue.complete(task, "pi"), return_exceptions=True
        )

        after = await queue.question(question)
        story = await queue.story_of(task)
        if isinstance(answer, Conflict):
            assert isinstance(answer, QuestionWasWithdrawn)
            assert after.status is WITHDRAWN
        else:
            assert after.status is ANSWERED
        ends = [kind for kind in story if kind in {"question.answered", "question.withdrawn"}]
        assert len(ends) == 1
