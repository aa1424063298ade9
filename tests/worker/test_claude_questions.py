"""What the real program may do, who was asked, and what becomes of a question that has to wait."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from claude_task_client.worker.executor import Answer, End, LineKind, QuestionKind, Turn
from claude_task_client.worker.executors.claude import ClaudeExecutor
from tests.fakes.model import Call, Say, ScriptedModel, ask, bash, claude_program, write
from tests.worker.desk import FakeDesk

pytestmark = pytest.mark.slow

TurnMaker = Callable[..., Turn]

# Not one of the reading commands that need nobody, and harmless.
TOUCH = bash("touch done.txt")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def turn(tmp_path: Path, folder: Path) -> TurnMaker:
    def make(prompt: str | None, **more: Any) -> Turn:
        more.setdefault("timeout_seconds", 60.0)
        temporary = tmp_path / "temporary"
        return Turn(task_id=12, prompt=prompt, folder=folder, temporary=temporary, **more)

    return make


@pytest.fixture
def executor(claude_env: dict[str, str]) -> ClaudeExecutor:
    environment = {**claude_env, "ATHENA_RUN": f"test-{uuid.uuid4()}"}
    return ClaudeExecutor([str(claude_program())], environment)


@pytest.mark.parametrize("answer", ["allow", "deny"])
async def test_a_person_decides_about_a_call(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path, answer: str
):
    """They see the exact action; Claude hears their reason for a no, and goes on."""
    model.script("may", [TOUCH, Say("Done.")])
    desk = FakeDesk({"Bash": Answer(text=answer, note="Use the Makefile.")})

    outcome = await executor.run(turn("[script: may] Go"), desk)

    assert outcome.end is End.FINISHED
    assert (folder / "done.txt").exists() is (answer == "allow")
    [question] = desk.questions
    assert (question.kind, question.tool) == (QuestionKind.APPROVAL, "Bash")
    assert question.input["command"] == "touch done.txt"
    assert question.text == "Claude wants to use Bash: touch done.txt"
    if answer == "deny":
        assert outcome.denied == ["Bash"]
        assert "Use the Makefile." in model.requests[-1].results[0][0]


async def test_allowed_for_the_project_is_not_asked_again(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """The very same call passes; another one is asked."""
    model.script("twice", [TOUCH, TOUCH, bash("touch other.txt"), Say("Done.")])
    desk = FakeDesk({"Bash": "allow_project"})

    await executor.run(turn("[script: twice] Go"), desk)

    commands = [question.input["command"] for question in desk.questions]
    assert commands == ["touch done.txt", "touch other.txt"]


@pytest.mark.parametrize("answer", ["allow", "deny"])
async def test_a_call_that_nobody_decides_about_waits_for_days(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path, answer: str
):
    """The program ends; resumed later, that very call is made, or refused, by the late answer."""
    model.script("wait", [TOUCH, Say("Done.")])
    first, second = FakeDesk(), FakeDesk({"Bash": answer})

    deferred = await executor.run(turn("[script: wait] Go"), first)
    was_done_early = (folder / "done.txt").exists()
    outcome = await executor.run(turn(None, session_id=deferred.session_id), second)

    assert (deferred.end, was_done_early) == (End.DEFERRED, False)
    assert deferred.question == first.questions[0] == second.questions[0]
    assert (outcome.end, outcome.text) == (End.FINISHED, "Done.")
    assert outcome.session_id == deferred.session_id
    assert (folder / "done.txt").exists() is (answer == "allow")
    assert [request.step for request in model.requests] == [0, 1]


async def test_a_deferred_call_may_wait_again(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """As often as nobody answers."""
    model.script("wait", [TOUCH, Say("Done.")])
    deferred = await executor.run(turn("[script: wait] Go"), FakeDesk())

    again = await executor.run(turn(None, session_id=deferred.session_id), FakeDesk())
    outcome = await executor.run(
        turn(None, session_id=deferred.session_id), FakeDesk({"Bash": "allow"})
    )

    assert (again.end, outcome.end) == (End.DEFERRED, End.FINISHED)
    assert (folder / "done.txt").exists()


async def test_of_two_calls_that_wait_none_is_lost(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """The program keeps one deferred call; the other is refused, and Claude makes it again."""
    other = bash("touch other.txt")
    model.script("two", [(TOUCH, other), other, Say("Done.")])
    deferred = await executor.run(turn("[script: two] Go"), FakeDesk())

    desk = FakeDesk({"Bash": "allow"})
    outcome = await executor.run(turn(None, session_id=deferred.session_id), desk)

    assert outcome.end is End.FINISHED
    assert [q.input["command"] for q in desk.questions] == ["touch done.txt", "touch other.txt"]
    assert (folder / "done.txt").exists()
    assert (folder / "other.txt").exists()


QUESTIONS = Call(
    "AskUserQuestion",
    {
        "questions": [
            {
                "question": "Which colour?",
                "header": "Colour",
                "options": [
                    {"label": "Red", "description": "Warm"},
                    {"label": "Blue", "description": "Cold"},
                ],
                "multiSelect": False,
            },
            {
                "question": "Which sizes?",
                "header": "Sizes",
                "options": [
                    {"label": "S", "description": "Small"},
                    {"label": "L", "description": "Large"},
                ],
                "multiSelect": True,
            },
        ]
    },
)


async def test_all_questions_of_a_call_are_asked(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker
):
    """With their choices; where several may be chosen, the question says so."""
    model.script("ask", [QUESTIONS, Say("Done.")])
    desk = FakeDesk({"Which colour?": "Blue", "Which sizes?": "S, L"})

    outcome = await executor.run(turn("[script: ask] Go"), desk)

    assert outcome.end is End.FINISHED
    colour, sizes = desk.questions
    assert (colour.kind, list(colour.choices)) == (QuestionKind.CHOICE, ["Red", "Blue"])
    assert colour.text == "Which colour?\n- Red: Warm\n- Blue: Cold"
    assert "Several may be chosen" in sizes.text
    told = model.requests[-1].results[0][0]
    assert '"Which colour?"="Blue"' in told
    assert '"Which sizes?"="S, L"' in told


async def test_a_question_may_be_answered_tomorrow(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker
):
    """The conversation waits on disk, and goes on with the answer."""
    model.script("ask", [ask("Which way?", "Left", "Right"), Say("Done.")])
    deferred = await executor.run(turn("[script: ask] Go"), FakeDesk())

    outcome = await executor.run(
        turn(None, session_id=deferred.session_id), FakeDesk({"Which way?": "Neither: stay"})
    )

    assert deferred.end is End.DEFERRED
    assert deferred.question is not None
    assert deferred.question.kind is QuestionKind.CHOICE
    assert outcome.end is End.FINISHED
    assert '"Which way?"="Neither: stay"' in model.requests[-1].results[0][0]


async def test_a_call_of_a_subagent_cannot_wait(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """It is refused with the reason; the main agent can make the call itself: that one waits."""
    task = {"description": "d", "prompt": "[script: sub] Do it", "subagent_type": "general-purpose"}
    model.script("main", [Call("Agent", {**task, "run_in_background": False}), TOUCH, Say("Done.")])
    model.script("sub", [TOUCH, Say("It was not allowed.")])
    desk = FakeDesk()

    outcome = await executor.run(turn("[script: main] Go"), desk)

    assert outcome.end is End.DEFERRED
    assert len(desk.questions) == 2
    assert not (folder / "done.txt").exists()
    assert any("Nobody has answered yet" in text for text in desk.said(LineKind.ERROR))


@pytest.mark.parametrize("answer", ["allow", None])
async def test_a_file_that_is_obeyed_is_written_only_by_a_persons_leave(
    model: ScriptedModel,
    executor: ClaudeExecutor,
    turn: TurnMaker,
    folder: Path,
    answer: str | None,
):
    """The program asks by itself as well for such files; a person's answer counts for both."""
    file = folder / ".claude" / "settings.json"
    model.script("obeyed", [write(file, "{}"), Say("Done.")])
    desk = FakeDesk({"Write": answer} if answer else {})

    outcome = await executor.run(
        turn("[script: obeyed] Go", permission_mode="acceptEdits", allowed_tools=["Write"]), desk
    )

    assert len(desk.questions) == 1
    assert outcome.end is (End.FINISHED if answer else End.DEFERRED)
    assert file.exists() is (answer == "allow")


async def test_while_a_person_thinks_no_clock_runs(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """Neither the silence nor the time that a task may take."""
    model.script("think", [TOUCH, Say("Done.")])
    desk = FakeDesk({"Bash": "allow"})
    desk.held = asyncio.Event()
    running = asyncio.create_task(
        executor.run(turn("[script: think] Go", silence_seconds=15.0, timeout_seconds=15.0), desk)
    )
    await desk.asked.wait()

    await asyncio.sleep(16)  # longer than both
    desk.held.set()
    outcome = await running

    assert outcome.end is End.FINISHED
    assert outcome.usage.duration_ms < 16_000


async def test_a_conversation_whose_call_is_gone_is_told_to_go_on(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker
):
    """Resumed without a prompt, the program would wait for one for ever."""
    model.script("gone", [Say("First.")], [Say("Second.")])
    first = await executor.run(turn("[script: gone] Go"), FakeDesk())

    outcome = await executor.run(turn(None, session_id=first.session_id), FakeDesk())

    assert (outcome.end, outcome.text) == (End.FINISHED, "Second.")


async def test_a_deferred_call_and_a_new_prompt_are_both_heard(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """After a kill it is not known what was said: the call is made first, then the prompt heard."""
    model.script("both", [TOUCH, Say("First.")], [Say("Second.")])
    deferred = await executor.run(turn("[script: both] Go"), FakeDesk())

    outcome = await executor.run(
        turn("Go on", session_id=deferred.session_id), FakeDesk({"Bash": "allow"})
    )

    assert (outcome.end, outcome.text) == (End.FINISHED, "Second.")
    assert (folder / "done.txt").exists()


async def test_who_is_not_asked_is_refused(
    model: ScriptedModel, executor: ClaudeExecutor, turn: TurnMaker, folder: Path
):
    """In the mode `dontAsk` what is not allowed is denied, and the run goes on."""
    model.script("no", [TOUCH, Say("Done.")])
    desk = FakeDesk()

    outcome = await executor.run(turn("[script: no] Go", permission_mode="dontAsk"), desk)

    assert (outcome.end, outcome.denied, desk.questions) == (End.FINISHED, ["Bash"], [])
    assert not (folder / "done.txt").exists()
