"""What the program is told of a call, by its hook and at its own gate, without the program."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from claude_task_client.worker.executors.claude_questions import NOBODY, PUT_OFF, Questions
from claude_task_client.worker.permissions import Permissions, Rule
from tests.worker.desk import FakeDesk


def questions(desk: FakeDesk, folder: Path, *rules: str, **more: Any) -> Questions:
    parsed = [Rule.parse(text) for text in rules]
    return Questions(desk, Permissions(folder=folder, temporary=folder, rules=parsed, **more))


def call(command: str, call_id: str = "1", **more: object) -> dict[str, Any]:
    """A call as the hook and as the gate hear of it."""
    tool_input = {"command": command}
    more = {"tool_name": "Bash", "tool_use_id": call_id, **more}
    return {**more, "tool_input": tool_input, "input": tool_input}


def decision(reply: Any) -> str:
    return str(reply["hookSpecificOutput"]["permissionDecision"])


async def test_the_gate_knows_what_the_hook_has_allowed(tmp_path: Path):
    """The program asks twice of each call; a person is asked once."""
    desk = FakeDesk({"Bash": "allow"})
    rulings = questions(desk, tmp_path)

    hooks = await rulings.before_call(call("make"))
    gates = await rulings.for_program(call("make"))

    assert decision(hooks) == "allow"
    assert gates == {"behavior": "allow", "updatedInput": {"command": "make"}}
    assert len(desk.questions) == 1


@pytest.mark.parametrize("answer", ["allow", "deny"])
async def test_the_gate_asks_where_the_hook_was_passed_by(tmp_path: Path, answer: str):
    """A resumed call may be made before the program knows the hook: the ruling is the same."""
    desk = FakeDesk({"Bash": answer})

    reply = await questions(desk, tmp_path).for_program(call("make"))

    assert reply is not None
    assert reply["behavior"] == answer
    assert len(desk.questions) == 1


async def test_without_an_answer_the_gate_ends_the_run(tmp_path: Path):
    """Nothing can be deferred from there; the open call survives the end of the program."""
    rulings = questions(FakeDesk(), tmp_path)

    reply = await rulings.for_program(call("make"))

    assert reply is None
    assert rulings.must_end
    assert rulings.deferred is not None


async def test_what_the_program_holds_to_be_unsafe_is_a_persons_to_allow(tmp_path: Path):
    """A rule of the project is not enough there; a person's answer to this very call is."""
    desk = FakeDesk({"Bash": "allow"})
    rulings = questions(desk, tmp_path, "Bash")
    await rulings.before_call(call("make"))

    first = await rulings.for_program(call("make", decision_reason_type="safetyCheck"))
    second = await rulings.for_program(call("make", decision_reason_type="safetyCheck"))

    assert first == second == {"behavior": "allow", "updatedInput": {"command": "make"}}
    assert len(desk.questions) == 1


async def test_of_calls_that_are_asked_at_once_one_is_deferred(tmp_path: Path):
    """The program would keep the last alone; the others are to be made again."""
    desk = FakeDesk()
    desk.held = asyncio.Event()
    rulings = questions(desk, tmp_path)
    asking = [
        asyncio.create_task(rulings.before_call(call(f"make {number}", number)))
        for number in ("1", "2")
    ]
    await desk.asked.wait()

    desk.held.set()
    replies = await asyncio.gather(*asking)
    late = await rulings.before_call(call("make 3", "3"))

    assert sorted(map(decision, replies)) == ["defer", "deny"]
    assert late["hookSpecificOutput"]["permissionDecisionReason"] == PUT_OFF
    assert rulings.deferred is not None
    assert len(desk.questions) == 2


async def test_a_subagents_call_is_refused_and_not_deferred(tmp_path: Path):
    """It would be dropped, and the run go on as if it were done."""
    rulings = questions(FakeDesk(), tmp_path)

    reply = await rulings.before_call(call("make", agent_id="a1"))

    assert reply["hookSpecificOutput"]["permissionDecisionReason"] == NOBODY
    assert rulings.deferred is None


async def test_the_same_question_has_the_same_key(tmp_path: Path):
    """So that an answer finds the call, also when the program that asked was killed in between."""
    desk = FakeDesk()
    for command in ("make", "make", "make x"):
        await questions(desk, tmp_path).before_call(call(command, call_id=command))

    first, again, other = (question.key for question in desk.questions)

    assert first == again != other
    assert len(first) <= 80


async def test_results_that_the_program_put_aside_may_be_read(tmp_path: Path):
    """Those of this conversation, which lie in the home; another's lie beside them."""
    projects, desk = tmp_path / "home" / "projects", FakeDesk()
    (tmp_path / "work").mkdir()
    rulings = questions(desk, tmp_path / "work")

    async def reading(file: Path) -> str:
        return decision(
            await rulings.before_call(
                {
                    "tool_name": "Read",
                    "tool_use_id": str(file),
                    "tool_input": {"file_path": str(file)},
                    "transcript_path": str(projects / "one.jsonl"),
                }
            )
        )

    assert await reading(projects / "one" / "tool-results" / "a.txt") == "allow"
    assert await reading(projects / "other" / "tool-results" / "a.txt") == "defer"
