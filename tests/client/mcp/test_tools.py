"""Each tool does what it says, and says it so that a model knows what to do next."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from bench.seeding import add_ready, filling_sqlite
from claude_task_client import holding, settings
from claude_task_client.plugin import sitting
from claude_task_client.settings import Settings
from tests.client.mcp.model import LEGACY, MODERN, in_process
from tests.running import RunningServer

TOOLS = """
    list_tasks show_task submit_task take_next claim_task report_progress complete_task fail_task
    release_task ask_person task_result
""".split()
LOOKING = {"list_tasks", "show_task", "task_result"}


def submitted(athena: RunningServer, description: str = "Deploy new service", **fields: object):
    """A task that somebody else submitted."""
    return athena.ask("POST", "/api/tasks", {"description": description, **fields}).body["id"]


def task_of(athena: RunningServer, number: int):
    """A task as Athena has it."""
    return athena.ask("GET", f"/api/tasks/{number}").body


@pytest.mark.parametrize("mode", [LEGACY, MODERN])
async def test_every_tool_says_what_it_takes_gives_and_does(here, mode):
    """A model chooses by description, schema and hints alone."""
    async with in_process(here, mode) as model:
        tools = (await model.client.list_tools()).tools

    assert [tool.name for tool in tools] == TOOLS
    show = next(tool for tool in tools if tool.name == "show_task")
    assert show.input_schema["properties"]["task_id"]["minimum"] == 1
    assert show.input_schema["required"] == ["task_id"]
    for tool in tools:
        assert tool.description
        assert tool.title
        assert tool.input_schema["additionalProperties"] is False
        assert tool.output_schema
        assert "summary" in tool.output_schema["required"]
        assert tool.annotations
        assert tool.annotations.read_only_hint is (tool.name in LOOKING)
        for name, part in tool.input_schema["properties"].items():
            assert "title" not in part
            assert "description" in part or "enum" in str(part), (tool.name, name)


@pytest.mark.parametrize("mode", [LEGACY, MODERN])
async def test_a_task_is_submitted_found_taken_and_completed(athena, here, mode):
    """The whole life of a task is at hand, in both eras of the protocol."""
    async with in_process(here, mode) as model:
        number = (await model.call("submit_task", description="Tidy up", priority="high")).content[
            "id"
        ]
        listed = await model.call("list_tasks")
        taken = await model.call("take_next")
        progress = await model.call("report_progress", task_id=number, percent=50, message="half")
        shown = await model.call("show_task", task_id=f"#{number}")
        waiting = await model.call("task_result", task_id=number)
        asked = await model.call("ask_person", task_id=number, question="Which?", wait_seconds=0)
        done = await model.call("complete_task", task_id=number, notes="Tidy.", commit="abc123")
        result = await model.call("task_result", task_id=number)

    assert [task["id"] for task in listed.content["tasks"]] == [number]
    assert taken.content["task"]["description"] == "Tidy up"
    assert taken.text.startswith(f"You hold #{number} now.")
    assert progress.content["status"] == "in_progress (working, 50 %)"
    assert shown.content["task"]["doing"] == "half"
    assert waiting.content["ended"] is False
    assert asked.content["status"] == "open"
    assert f"question_id={asked.content['question_id']}" in asked.text
    assert done.content["status"] == "completed"
    assert result.content["result"] == {"success": True, "commit": "abc123", "output": "Tidy."}
    assert task_of(athena, number)["notes"] == "Tidy."


async def test_a_task_is_claimed_by_its_number_and_given_back(athena, here):
    """Releasing is no failure."""
    number = submitted(athena)
    async with in_process(here) as model:
        first = await model.call("claim_task", task_id=number)
        again = await model.call("claim_task", task_id=str(number))
        released = await model.call("release_task", task_id=number, notes="needs a Windows PC")

    assert again.content["task"]["attempt"] == 1
    assert "another session here" in again.content["summary"]
    assert "another session here" not in first.content["summary"]
    assert released.content["status"] == "pending"
    assert task_of(athena, number)["failures"] == 0


@pytest.mark.parametrize(("retry", "status"), [(True, "pending"), (False, "failed")])
async def test_a_failed_attempt_is_tried_again_unless_that_is_hopeless(athena, here, retry, status):
    number = submitted(athena)
    async with in_process(here) as model:
        await model.call("claim_task", task_id=number)
        told = await model.call("fail_task", task_id=number, error="no disk left", retry=retry)

    assert told.content["status"].startswith(status)
    assert task_of(athena, number)["error"] == "no disk left"


async def test_nothing_to_take_is_no_error(here):
    """An empty queue is what a model has to expect."""
    async with in_process(here) as model:
        told = await model.call("take_next")

    assert "task" not in told.content
    assert told.text == "Nothing can be taken now. list_tasks shows what waits."


async def test_only_a_task_of_the_project_is_taken(athena, here):
    submitted(athena, project="other")
    number = submitted(athena, project="mine")
    async with in_process(here) as model:
        taken = await model.call("take_next", project="mine")
        nothing = await model.call("take_next", project="mine")

    assert taken.content["task"]["id"] == number
    assert nothing.text.startswith("Nothing of project mine")


async def test_what_is_taken_is_known_to_the_commands(athena, here):
    """A claim belongs to the machine: `complete` in a terminal can end it, and the next session."""
    number = submitted(athena)
    async with in_process(here) as model:
        await model.call("take_next")
        remembered = holding.claims_of(here).all()
        await model.call("complete_task", task_id=number)

    assert remembered == {number: 1}
    assert holding.claims_of(here).all() == {}


async def test_a_claim_stands_where_no_heartbeats_can_be_started(
    athena, here, monkeypatch, tmp_path
):
    """Athena has given the task: that nobody renews it here is a warning, and no failure."""
    number = submitted(athena)
    monkeypatch.setenv("CLAUDE_CODE_SESSION_ID", "session")
    monkeypatch.setattr(sys, "executable", str(tmp_path / "a virtual environment that has gone"))
    session = settings.claude_session()
    assert session is not None
    sitting.at(settings.state_folder(), os.getppid()).begin(session.id)

    async with in_process(here) as model:
        taken = await model.call("take_next")

    assert taken.content["task"]["id"] == number
    assert holding.claims_of(here).all() == {number: 1}


async def test_work_that_was_overtaken_ends_no_newer_attempt(athena, here, there):
    """The attempt is remembered, and fences."""
    number = submitted(athena)
    async with in_process(here) as model, in_process(there) as other:
        await model.call("take_next")
        athena.ask("POST", f"/api/tasks/{number}/release", {"instance": here.instance})
        await other.call("take_next")
        said = await model.refusal("complete_task", task_id=number)

    assert "does not hold" in said
    assert "Stop working on it" in said
    assert holding.claims_of(here).all() == {}


async def test_a_cancelled_task_is_to_be_left_at_once(athena, here):
    number = submitted(athena)
    async with in_process(here) as model:
        await model.call("take_next")
        athena.ask("POST", f"/api/tasks/{number}/cancel")
        said = await model.refusal("report_progress", task_id=number, message="half")

    assert "Stop working on it" in said


async def test_a_word_of_people_reaches_the_model_once(athena, here):
    """Whoever writes to a running task is heard at its next sign of life."""
    number = submitted(athena)
    async with in_process(here) as model:
        await model.call("take_next")
        athena.ask("POST", f"/api/tasks/{number}/messages", {"text": "use port 8080"})
        heard = await model.call("report_progress", task_id=number, message="half")
        later = await model.call("report_progress", task_id=number, message="more")

    assert heard.content["messages"] == [{"by": "admin", "text": "use port 8080"}]
    assert "| use port 8080" in heard.text
    assert "messages" not in later.content


async def test_show_says_why_a_task_does_not_run(athena, here):
    first = submitted(athena)
    second = submitted(athena, depends_on=[first])
    async with in_process(here) as model:
        shown = await model.call("show_task", task_id=second)

    (why,) = shown.content["task"]["why_not_running"]
    assert why.startswith("blocked_by: ")


async def test_show_says_who_holds_a_task_and_how_it_ended(athena, here, there):
    number = submitted(athena)
    async with in_process(here) as model, in_process(there) as other:
        await other.call("take_next")
        theirs = await model.call("show_task", task_id=number)
        mine = await other.call("show_task", task_id=number)
        await other.call("complete_task", task_id=number)
        ended = await model.call("show_task", task_id=number)

    assert theirs.content["summary"] == f"#{number} is held by {there.instance}."
    assert mine.content["summary"] == f"#{number} is held by this machine."
    assert ended.content["summary"] == f"#{number} has ended: completed."


async def test_filters_of_the_list(athena, here):
    waiting = submitted(athena, "paint the shed", project="garden")
    held = submitted(athena, "mow the lawn")
    async with in_process(here) as model:
        await model.call("claim_task", task_id=held)
        mine = await model.call("list_tasks", mine=True)
        found = await model.call("list_tasks", search="shed")
        project = await model.call("list_tasks", project="garden", status="pending")
        running = await model.call("list_tasks", status="in_progress")
        none = await model.call("list_tasks", search="no such words")

    assert [task["id"] for task in mine.content["tasks"]] == [held]
    assert [task["id"] for task in found.content["tasks"]] == [waiting]
    assert [task["id"] for task in project.content["tasks"]] == [waiting]
    assert running.content["tasks"][0]["claimed_by"] == here.instance
    assert none.text == "There is no open task that fits."


async def test_a_task_may_wait_for_others_and_for_a_time(athena, here):
    first = submitted(athena)
    async with in_process(here) as model:
        told = await model.call(
            "submit_task",
            description="then this",
            depends_on=[first],
            not_before="2h",
            target="pi",
            project="garden",
        )

    task = task_of(athena, told.content["id"])
    assert task["depends_on"] == [first]
    assert task["not_before"]
    assert (task["target"], task["project"]) == ("pi", "garden")


async def test_the_queue_and_a_task_can_be_attached(athena, here):
    """For clients in which a person picks what the model sees."""
    number = submitted(athena, "paint the shed")
    async with in_process(here) as model:
        (queue,) = (await model.client.list_resources()).resources
        (template,) = (await model.client.list_resource_templates()).resource_templates
        listed = await model.attached(queue.uri)
        shown = await model.attached(f"athena://tasks/{number}")

    assert template.uri_template == "athena://tasks/{id}"
    assert f"#{number} pending, medium: paint the shed" in listed
    assert "| paint the shed" in shown


@pytest.mark.slow
async def test_ten_thousand_tasks_cost_no_context(tmp_path: Path):
    """A page is short, whatever the queue is, and the next one is asked for."""
    server = RunningServer(tmp_path).start()
    server.stop()
    with filling_sqlite(server.database) as filling:
        add_ready(filling, 10_000)
    server.start()
    try:
        async with in_process(Settings(server.url, server.key, "here", None)) as model:
            first = await model.call("list_tasks")
            second = await model.call("list_tasks", cursor=first.content["next_cursor"], limit=100)
            queue = await model.attached("athena://queue")
    finally:
        server.end()

    assert len(first.content["tasks"]) == 20
    assert len(first.text) < 4_000
    assert [task["id"] for task in second.content["tasks"]] == [*range(21, 121)]
    assert len(queue) < 20_000
