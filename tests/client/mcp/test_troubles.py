"""A call that cannot be done says why, and what to do next; nothing of it is half done."""

from __future__ import annotations

import pytest
from mcp.shared.exceptions import MCPError

from claude_task_client.errors import AthenaError, BadSettings, Refused, TooMany
from claude_task_client.mcp import troubles
from claude_task_client.settings import Settings
from tests.client.mcp.model import LEGACY, MODERN, in_process
from tests.client.mcp.test_tools import submitted

HUGE = 10**400

WRONG = [
    ("show_task", {}, "task_id: is missing. It takes task_id (required), full."),
    ("show_task", {"task": 5}, "has no argument 'task'. Did you mean task_id?"),
    ("show_task", {"task_id": True}, "a number is wanted, such as 12"),
    ("show_task", {"task_id": "five"}, "a number is wanted, such as 12"),
    ("show_task", {"task_id": [5]}, "task_id: "),
    ("show_task", {"task_id": None}, "task_id: "),
    ("show_task", {"task_id": 0}, "greater than or equal to 1"),
    ("show_task", {"task_id": -5}, "greater than or equal to 1"),
    ("show_task", {"task_id": 1.5}, "task_id: "),
    ("show_task", {"task_id": HUGE}, "task_id: "),
    ("show_task", {"task_id": str(HUGE)}, "a number is wanted, such as 12"),
    ("show_task", {"task_id": 2**63 - 1}, "See what there is with list_tasks."),
    ("show_task", {"task_id": 1, "full": "perhaps"}, "full: "),
    ("list_tasks", {"status": "done"}, "status: input should be 'open', 'pending'"),
    ("list_tasks", {"limit": 101}, "limit: "),
    ("list_tasks", {"cursor": "no cursor!"}, "cursor: "),
    ("list_tasks", {"Status": "all"}, "has no argument 'Status'. Did you mean status?"),
    ("submit_task", {"description": "a\0b"}, "NUL"),
    ("submit_task", {"description": " \n"}, "description: "),
    ("submit_task", {"description": "x" * 20_001}, "description: "),
    ("submit_task", {"description": {"text": "x"}}, "description: "),
    ("submit_task", {"description": "x", "priority": "asap"}, "priority: "),
    ("submit_task", {"description": "x", "not_before": "soonish"}, "Nothing was submitted."),
    ("submit_task", {"description": "x", "depends_on": [1, True]}, "depends_on.1: "),
    ("submit_task", {"description": "x", "depends_on": "1, 2"}, "depends_on: "),
    ("report_progress", {"task_id": 1}, "Say at least one of message, percent and phase."),
    ("report_progress", {"task_id": 1, "percent": 101}, "percent: "),
    ("report_progress", {"task_id": 1, "phase": "waiting"}, "phase: "),
    ("fail_task", {"task_id": 1, "error": ""}, "error: "),
    ("task_result", {"task_id": 1, "wait_seconds": 61}, "wait_seconds: "),
    ("ask_person", {"task_id": 1, "question": "x", "choices": 5}, "choices: "),
]


@pytest.mark.parametrize(("tool", "arguments", "said"), WRONG)
async def test_a_wrong_argument_is_named(here, tool, arguments, said):
    """Which one, what is wanted, and what the tool takes; what was sent is not repeated."""
    async with in_process(here) as model:
        told = await model.refusal(tool, **arguments)

    assert said in told
    assert "pydantic" not in told
    assert "x" * 100 not in told
    assert len(told) < 600


@pytest.mark.parametrize("mode", [LEGACY, MODERN])
async def test_an_unknown_tool_names_those_that_there_are(here, mode):
    async with in_process(here, mode) as model:
        told = await model.refusal("complete", task_id=1)

    assert told.startswith("There is no tool 'complete'. Did you mean complete_task?")


async def test_texts_that_happen_to_be_json_stay_texts(athena, here):
    """The SDK reads JSON out of texts for arguments that may be something else."""
    number = submitted(athena, '{"a": 1}')
    async with in_process(here) as model:
        taken = await model.call("take_next")
        await model.call("complete_task", task_id=number, notes="null", branch="[1]")
        told = await model.call("task_result", task_id=number)

    assert taken.content["task"]["description"] == '{"a": 1}'
    assert told.content["result"]["branch"] == "[1]"


@pytest.mark.parametrize(
    ("tool", "more"),
    [
        ("claim_task", {}),
        ("report_progress", {"percent": 1}),
        ("complete_task", {}),
        ("fail_task", {"error": "x"}),
        ("release_task", {}),
        ("ask_person", {"question": "x"}),
        ("task_result", {}),
        ("show_task", {}),
    ],
)
async def test_an_unknown_task_is_told(here, tool, more):
    async with in_process(here) as model:
        told = await model.refusal(tool, task_id=999_999, **more)

    assert told == "There is no task #999999. See what there is with list_tasks."


@pytest.mark.parametrize(
    ("tool", "more"),
    [
        ("report_progress", {"percent": 1}),
        ("complete_task", {"notes": "done"}),
        ("fail_task", {"error": "x"}),
        ("release_task", {}),
        ("ask_person", {"question": "x"}),
    ],
)
async def test_what_one_does_not_hold_cannot_be_ended(athena, here, there, tool, more):
    """Neither a task that waits nor one of somebody else's."""
    waiting, held = submitted(athena), submitted(athena)
    async with in_process(here) as model, in_process(there) as other:
        await other.call("claim_task", task_id=held)
        told = [
            await model.refusal(tool, task_id=waiting, **more),
            await model.refusal(tool, task_id=held, **more),
        ]

    for each in told:
        assert "does not hold" in each
        assert "claim_task" in each


async def test_a_task_of_somebody_else_is_not_claimed(athena, here, there):
    number = submitted(athena)
    async with in_process(here) as model, in_process(there) as other:
        await other.call("take_next")
        told = await model.refusal("claim_task", task_id=number)

    assert told.endswith("Take another with take_next.")


async def test_a_wrong_key_says_who_can_mend_it(athena, here):
    async with in_process(here._replace(key="ath_a_wrong_key_of_some_length")) as model:
        told = await model.refusal("list_tasks")

    assert told.startswith("The key of this machine is not valid.")
    assert "claude-task-client login" in told


async def test_a_key_that_may_only_work_takes_and_completes(athena, here):
    """What people say about a task is for keys that may read; work does not depend on it."""
    number = submitted(athena)
    key = athena.ask("POST", "/api/keys", {"name": "worker", "scopes": ["work"]}).body["secret"]
    async with in_process(here._replace(key=key)) as model:
        taken = await model.call("take_next")
        told = await model.refusal("list_tasks")
        done = await model.call("complete_task", task_id=number)

    assert taken.content["task"]["id"] == number
    assert "a person has to sign in with another" in told
    assert done.content["status"] == "completed"


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (
            TooMany("Too many.", status=429, code="rate_limited", retry_after_seconds=3.2),
            "Too many. Call again in 3 s.",
        ),
        (
            Refused("Odd.", status=418, code="teapot"),
            "Odd.",
        ),
        (
            BadSettings("Cannot read x."),
            "Cannot read x. The person at this machine has to mend that; then call again.",
        ),
        (AthenaError("Odd."), "Odd."),
    ],
)
def test_each_kind_of_error_says_what_to_do(error, said):
    assert str(troubles.told(error)) == said


async def test_signing_in_needs_no_restart(athena, here):
    """The server starts all the same, and each call looks anew."""
    now = [here._replace(key=None)]
    async with in_process(lambda: now[0]) as model:
        before = await model.refusal("list_tasks")
        now[0] = here
        after = await model.call("list_tasks")

    assert before.startswith("Not signed in to Athena.")
    assert "claude-task-client login" in before
    assert after.content["tasks"] == []


async def test_athena_may_go_and_come_back(start_server, here):
    """A call while she is away says that nothing is lost; the next one works."""
    server = start_server()
    async with in_process(Settings(server.url, server.key, "here", None)) as model:
        await model.call("submit_task", description="x")
        taken = await model.call("take_next")
        server.stop()
        told = await model.refusal("report_progress", task_id=1, percent=5)
        server.start()
        done = await model.call("complete_task", task_id=taken.content["task"]["id"])

    assert "not reachable" in told
    assert "call again in a minute" in told
    assert done.content["status"] == "completed"


async def test_a_bug_of_ours_is_no_riddle(caplog):
    """The model learns that it is not to blame; the trace is in the log."""

    def load() -> Settings:
        raise ZeroDivisionError

    async with in_process(load) as model:
        told = await model.refusal("list_tasks")

    assert told == troubles.BUG
    assert "ZeroDivisionError" in caplog.text


async def test_an_instance_is_known_by_its_name(athena, here):
    """People read `MacBook Pro`, not a slug, from its first claim on."""
    submitted(athena)
    async with in_process(here._replace(name="MacBook Pro")) as model:
        await model.call("take_next")
    instances = athena.ask("GET", "/api/instances").body["instances"]

    names = {each["instance"]: each["name"] for each in instances}
    assert names[here.instance] == "MacBook Pro"


@pytest.mark.parametrize("uri", ["athena://tasks/99999", "athena://tasks/x", "athena://tasks/0"])
async def test_an_unknown_resource_is_told(here, uri):
    async with in_process(here) as model:
        with pytest.raises(MCPError, match="There is no"):
            await model.attached(uri)


async def test_a_resource_without_athena_is_told(here):
    async with in_process(here._replace(key=None)) as model:
        with pytest.raises(MCPError, match="Not signed in"):
            await model.attached("athena://queue")


def test_each_piece_of_advice_names_tools_that_there_are():
    """Advice for a model is a tool, or a command for the person beside it."""
    for advice in troubles.NEXT_BY_CODE.values():
        assert "claude-task-client" not in advice or "Ask the person" in advice
