"""Messages over HTTP: to whoever works on a task, or as the start of a follow-up."""

from __future__ import annotations

from typing import Any

import pytest

from athena.model.key import Scope
from tests.api.driver import ApiDriver


async def test_a_word_to_a_running_task(api: ApiDriver):
    """201, and the message; the holder sees it in its events and in the list."""
    task = await api.claimed()
    path = f"/api/tasks/{task['id']}"

    sent = await api.ask(
        "POST", f"{path}/messages", {"text": "Use PostgreSQL.", "created_by": "bob"}
    )

    assert sent.status == 201
    assert sent.body == {
        "id": 1,
        "task_id": task["id"],
        "text": "Use PostgreSQL.",
        "sent_by": "bob",
        "sent_via": "api",
        "sent_at": "2026-11-21T20:00:00.000Z",
        "follow_up": None,
    }
    listed = await api.ask("GET", f"{path}/messages")
    assert listed.body == {"messages": [sent.body], "next_after": 1}
    event = (await api.ask("GET", f"{path}/events")).body["events"][-1]
    assert (event["type"], event["data"]) == ("message.sent", {"message": 1, "instance": "pi"})


async def test_a_word_to_an_ended_task(api: ApiDriver):
    """The answer has the task that was made of it."""
    task = await api.completed(result={"success": True, "session_id": "s-1"})

    sent = await api.ask("POST", f"/api/tasks/{task['id']}/messages", {"text": "Now the docs."})

    follow_up = sent.body["follow_up"]
    assert sent.status == 201
    assert (follow_up["id"], follow_up["description"]) == (2, "Now the docs.")
    assert (follow_up["continues"], follow_up["metadata"]) == ("s-1", {"follows": task["id"]})
    assert (await api.ask("GET", "/api/tasks/2")).body == follow_up
    listed = (await api.ask("GET", f"/api/tasks/{task['id']}/messages")).body["messages"]
    assert listed == [sent.body]
    assert list(follow_up) == list(task)


async def test_messages_come_in_pages(api: ApiDriver):
    """From where the last one ended."""
    task = await api.submitted()
    path = f"/api/tasks/{task['id']}/messages"
    for number in range(3):
        await api.ask("POST", path, {"text": f"word {number}"})

    first = (await api.ask("GET", f"{path}?limit=2")).body
    second = (await api.ask("GET", f"{path}?after={first['next_after']}")).body
    third = (await api.ask("GET", f"{path}?after={second['next_after']}")).body

    assert [len(page["messages"]) for page in (first, second, third)] == [2, 1, 0]
    assert third["next_after"] == second["next_after"] == 3


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("text", {}),
        ("text", {"text": ""}),
        ("text", {"text": " \n"}),
        ("text", {"text": "x" * 20_001}),
        ("created_by", {"text": "x", "created_by": "x" * 129}),
        ("body", {"text": "x", "more": 1}),
    ],
)
async def test_what_cannot_be_said(api: ApiDriver, field: str, body: dict[str, Any]):
    """422, by the name of the field."""
    task = await api.submitted()

    answer = await api.ask("POST", f"/api/tasks/{task['id']}/messages", body)

    assert (answer.status, answer.code) == (422, "validation_error")
    assert [wrong["field"] for wrong in answer.body["errors"]] == [field]


async def test_there_is_no_such_task(api: ApiDriver):
    """404, to write to and to read of."""
    written = await api.ask("POST", "/api/tasks/99/messages", {"text": "hi"})
    read = await api.ask("GET", "/api/tasks/99/messages")

    assert {written.code, read.code} == {"task_not_found"}


async def test_a_follow_up_is_of_the_key_that_sent_it(api: ApiDriver):
    """Whoever writes is who is told its end."""
    key = await api.key_for(Scope.SUBMIT)
    task = await api.completed()

    sent = await api.ask("POST", f"/api/tasks/{task['id']}/messages", {"text": "hi"}, key=key)

    follow_up = await api.services.tasks.get(sent.body["follow_up"]["id"])
    assert follow_up.submitter.startswith("key:")
    assert (sent.body["sent_by"], follow_up.created_by) == ("submit", "submit")
