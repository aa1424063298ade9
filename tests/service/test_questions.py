"""Questions to people: asking them, and finding them again."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from athena.model import limits
from athena.model.errors import (
    Invalid,
    InvalidTransition,
    NotHolder,
    TaskNotFound,
    TaskWasCancelled,
    TooManyQuestions,
)
from athena.model.lifecycle import Status
from athena.model.question import (
    ProposedAction,
    Question,
    QuestionFilter,
    QuestionId,
    QuestionKind,
)
from athena.model.task import Phase, TaskId, replace
from tests.service.driver import QueueDriver
from tests.service.questioning import (
    ANSWERED,
    BASH,
    OPEN,
    WITHDRAWN,
    about_questions,
)

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
