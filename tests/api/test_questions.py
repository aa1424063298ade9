"""Questions over HTTP: asked, listed, waited for, answered once, and parked on."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from athena.model.key import Scope
from tests.api.driver import ApiDriver

FIELDS = (
    "id task_id attempt instance kind text choices action status asked_at answer note answered_by "
    "answered_via answered_at"
).split()
BASH = {"tool": "Bash", "input": {"command": "make deploy", "timeout": 5}}


async def test_a_question_is_answered_whole(api: ApiDriver):
    """201, where it is, and every field; the task waits, and has no further field."""
    task = await api.claimed()

    answer = await api.ask(
        "POST",
        f"/api/tasks/{task['id']}/questions",
        {"instance": "pi", "attempt": 1, "text": "Which database?", "key": "tool-1"},
    )

    assert answer.status == 201
    assert answer.headers["Location"] == "/api/questions/1"
    assert list(answer.body) == FIELDS
    assert answer.body == {
        **dict.fromkeys(FIELDS),
        "id": 1,
        "task_id": task["id"],
        "attempt": 1,
        "instance": "pi",
        "kind": "text",
        "text": "Which database?",
        "status": "open",
        "asked_at": "2026-11-21T20:00:00.000Z",
    }
    now = (await api.ask("GET", f"/api/tasks/{task['id']}")).body
    assert now["phase"] == "waiting"
    assert list(now) == list(task)


async def test_the_same_key_is_the_same_question(api: ApiDriver):
    """Also once it is answered: a worker that starts anew learns the answer by asking."""
    question = await api.asked(key="tool-1")
    path = f"/api/tasks/{question['task_id']}/questions"
    body = {"instance": "pi", "text": "Which database?", "key": "tool-1"}
    assert (await api.ask("POST", path, body)).body == question
    await api.ask("POST", "/api/questions/1/answer", {"answer": "SQLite"})

    again = await api.ask("POST", path, body)

    assert again.status == 201
    assert (again.body["id"], again.body["answer"]) == (question["id"], "SQLite")


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("text", {"text": ""}),
        ("text", {"text": "x" * 4_001}),
        ("kind", {"kind": "maybe"}),
        ("choices", {"kind": "choice"}),
        ("choices", {"choices": ["a"]}),
        ("choices", {"kind": "choice", "choices": []}),
        ("choices", {"kind": "choice", "choices": ["a"] * 26}),
        ("choices.1", {"kind": "choice", "choices": ["a", "x" * 101]}),
        ("action", {"action": BASH}),
        ("action", {"kind": "approval", "action": {"tool": "Bash", "input": {"x": "y" * 17_000}}}),
        ("action.tool", {"kind": "approval", "action": {"tool": " ", "input": {}}}),
        ("action.input", {"kind": "approval", "action": {"tool": "Bash"}}),
        ("action.input", {"kind": "approval", "action": {"tool": "Bash", "input": {"n": 2**64}}}),
        ("action", {"kind": "approval", "action": {**BASH, "more": 1}}),
        ("key", {"key": ""}),
        ("key", {"key": "k" * 101}),
        ("instance", {"instance": "not a slug"}),
        ("attempt", {"attempt": -1}),
        ("body", {"more": 1}),
    ],
)
async def test_what_cannot_be_asked(api: ApiDriver, field: str, said: dict[str, Any]):
    """422, by the name of the field."""
    task = await api.claimed()

    answer = await api.ask(
        "POST",
        f"/api/tasks/{task['id']}/questions",
        {"instance": "pi", "text": "Which database?", **said},
    )

    assert (answer.status, answer.code) == (422, "validation_error")
    assert [wrong["field"] for wrong in answer.body["errors"]] == [field]


async def test_only_the_holder_asks(api: ApiDriver):
    """With the codes of everything that only a holder may do."""
    task, body = await api.claimed(), {"text": "Which database?"}
    path = f"/api/tasks/{task['id']}/questions"

    async def code(instance: str, **said: object) -> str:
        return (await api.ask("POST", path, {"instance": instance, **body, **said})).code

    assert await code("mac") == "not_holder"
    assert await code("pi", attempt=2) == "not_holder"
    await api.ask("POST", f"/api/tasks/{task['id']}/cancel")
    assert await code("pi") == "task_cancelled"
    path = "/api/tasks/99/questions"
    assert await code("pi") == "task_not_found"


async def test_an_answer(api: ApiDriver):
    """With who gave it, by which way, and when; the holder works again."""
    question = await api.asked(kind="choice", choices=["SQLite", "PostgreSQL"])

    answer = await api.ask(
        "POST",
        f"/api/questions/{question['id']}/answer",
        {"answer": "PostgreSQL", "note": "there is one", "answered_by": "bob"},
    )

    assert answer.status == 200
    assert answer.body == {
        **question,
        "status": "answered",
        "answer": "PostgreSQL",
        "note": "there is one",
        "answered_by": "bob",
        "answered_via": "api",
        "answered_at": "2026-11-21T20:00:00.000Z",
    }
    assert (await api.ask("GET", f"/api/questions/{question['id']}")).body == answer.body
    assert (await api.ask("GET", f"/api/tasks/{question['task_id']}")).body["phase"] == "working"


async def test_the_second_answer_is_told_who_was_first(api: ApiDriver):
    """409, and the first one stays."""
    question = await api.asked()
    path = f"/api/questions/{question['id']}/answer"
    await api.ask("POST", path, {"answer": "a", "answered_by": "bob"})

    second = await api.ask("POST", path, {"answer": "b"})

    assert (second.status, second.code) == (409, "already_answered")
    assert "bob" in second.body["detail"]


async def test_an_approval_has_three_answers(api: ApiDriver):
    """Anything else is 422; the note goes with any of them."""
    question = await api.asked(kind="approval", action=BASH)
    path = f"/api/questions/{question['id']}/answer"
    assert question["action"] == BASH

    wrong = await api.ask("POST", path, {"answer": "yes"})
    right = await api.ask("POST", path, {"answer": "deny", "note": "not on a Friday"})

    assert (wrong.status, wrong.body["errors"][0]["field"]) == (422, "answer")
    assert (right.status, right.body["answer"], right.body["note"]) == (
        200,
        "deny",
        "not on a Friday",
    )


async def test_a_withdrawn_question(api: ApiDriver):
    """By its asker, who may repeat it; by nobody else; and nobody answers it then."""
    question = await api.asked()
    path = f"/api/questions/{question['id']}"

    foreign = await api.ask("POST", f"{path}/withdraw", {"instance": "mac"})
    withdrawn = await api.ask("POST", f"{path}/withdraw", {"instance": "pi"})
    again = await api.ask("POST", f"{path}/withdraw", {"instance": "pi"})
    late = await api.ask("POST", f"{path}/answer", {"answer": "a"})

    assert (foreign.status, foreign.code) == (409, "not_holder")
    assert withdrawn.body == {**question, "status": "withdrawn"}
    assert (again.status, again.body) == (200, withdrawn.body)
    assert (late.status, late.code) == (409, "question_withdrawn")


@pytest.mark.parametrize("name", ["99", "0", "x", "1.5", "-1", "9" * 30])
async def test_there_is_no_such_question(api: ApiDriver, name: str):
    """404, whatever is asked of it; also a name that none can have."""
    for method, path, body in (
        ("GET", "", None),
        ("POST", "/answer", {"answer": "a"}),
        ("POST", "/withdraw", {"instance": "pi"}),
    ):
        answer = await api.ask(method, f"/api/questions/{name}{path}", body)
        assert (answer.status, answer.code) == (404, "question_not_found")


async def test_waiting_ends_with_the_answer(api: ApiDriver):
    """The long poll of a worker is answered at once."""
    question = await api.asked()
    path = f"/api/questions/{question['id']}"
    waiting = asyncio.create_task(api.ask("GET", f"{path}?wait=60"))
    await asyncio.wait([waiting], timeout=0.2)
    assert not waiting.done()

    await api.ask("POST", f"{path}/answer", {"answer": "SQLite"})

    answer = await asyncio.wait_for(waiting, 20)
    assert (answer.status, answer.body["answer"]) == (200, "SQLite")


async def test_waiting_has_an_end(api: ApiDriver):
    """Then the question is still open; a span beyond a minute is refused."""
    question = await api.asked()

    waited = await api.ask("GET", f"/api/questions/{question['id']}?wait=0.05")
    longer = await api.ask("GET", f"/api/questions/{question['id']}?wait=61")

    assert (waited.status, waited.body["status"]) == (200, "open")
    assert (longer.status, longer.body["errors"][0]["field"]) == (422, "wait")


async def test_the_open_questions_are_listed(api: ApiDriver):
    """By default; others by status, task and project, in pages, the oldest first."""
    first = await api.asked()
    second = await api.asked()
    await api.ask("POST", f"/api/questions/{first['id']}/answer", {"answer": "a"})

    async def ids(query: str = "") -> list[int]:
        found = (await api.ask("GET", f"/api/questions{query}")).body["questions"]
        return [question["id"] for question in found]

    assert await ids() == [second["id"]]
    assert await ids("?status=answered") == [first["id"]]
    assert await ids("?status=withdrawn") == []
    assert await ids("?status=all") == [first["id"], second["id"]]
    assert await ids(f"?status=all&task={first['task_id']}") == [first["id"]]
    assert await ids("?status=all&project=athena") == []
    page = (await api.ask("GET", "/api/questions?status=all&limit=1")).body
    assert await ids(f"?status=all&cursor={page['next_cursor']}") == [second["id"]]
    assert (await api.ask("GET", "/api/questions?status=some")).status == 422
    assert (await api.ask("GET", "/api/questions?cursor=a-b")).status == 422


async def test_a_task_is_parked_on_its_question(api: ApiDriver):
    """It waits for the answer, says so, and is ready with it."""
    question = await api.asked()
    path = f"/api/tasks/{question['task_id']}"
    body = {"instance": "pi", "question": question["id"], "session_id": "s-1"}

    parked = await api.ask("POST", f"{path}/park", body)

    assert (parked.status, parked.body["readiness"]) == (200, "parked")
    assert parked.body["session_id"] == "s-1"
    assert (await api.ask("GET", f"{path}/why")).body["reasons"][0] == {
        "code": "question_open",
        "detail": "Waits for the answer to question 1: Which database?",
    }
    await api.ask("POST", f"/api/questions/{question['id']}/answer", {"answer": "SQLite"})
    claimed = await api.ask("POST", "/api/claim", {"instance": "pi"})
    assert (claimed.status, claimed.body["id"]) == (200, question["task_id"])


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({}, "until"),
        ({"until": "2026-12-01T00:00:00Z", "question": 1}, "until"),
        ({"question": 99}, "question"),
        ({"question": 0}, "question"),
        ({"question": "1"}, "question"),
        ({"question": 2}, "question"),
    ],
)
async def test_a_park_wants_one_thing_to_wait_for(api: ApiDriver, said: dict[str, Any], field: str):
    """A time, or a question of the task's own; else 422, and the task stays where it is."""
    question = await api.asked()
    await api.asked("mac")

    answer = await api.ask(
        "POST", f"/api/tasks/{question['task_id']}/park", {"instance": "pi", **said}
    )

    assert (answer.status, answer.code) == (422, "validation_error")
    assert [wrong["field"] for wrong in answer.body["errors"]] == [field]
    assert await api.status_of({"id": question["task_id"]}) == "in_progress"


async def test_a_bound_key_asks_for_its_own_instance(api: ApiDriver):
    """403 for any other, before a look at the rest."""
    key = await api.key_for(Scope.WORK, instance="pi")
    question = await api.asked()

    asked = await api.ask(
        "POST", "/api/tasks/1/questions", {"instance": "mac", "text": "?"}, key=key
    )
    withdrawn = await api.ask("POST", "/api/questions/1/withdraw", {"instance": "mac"}, key=key)
    looked = await api.ask("GET", f"/api/questions/{question['id']}", key=key)

    assert (asked.status, withdrawn.status, looked.status) == (403, 403, 200)
