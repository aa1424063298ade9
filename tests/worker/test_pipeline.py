"""What the stages decide, and how often each may send the work back."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from claude_task_client.worker.config import ExecutorName, Limits
from claude_task_client.worker.executor import Answer, End, Outcome, Usage
from claude_task_client.worker.job import Doubt, WorkspaceTrouble
from claude_task_client.worker.pipeline import STEPS
from claude_task_client.worker.record import EndingKind, journals
from claude_task_client.worker.stages.nudge import asks_to_go_on
from tests.worker.staged import NOW, Played, PlayedChecks, done, staged, verdict


async def test_a_task_goes_through_every_stage_once(tmp_path: Path):
    """Checkpoint, implement, nudge, audit, test, commit, publish, report: in this order."""
    job = staged(tmp_path, agent=Played(done("Mended.")), test_command="make test")

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert job.workspace.committed == [("Mend the door", "tree")]
    assert job.checks.ran == ["make test"]
    result = ending.body["result"]
    assert result["success"] is True
    assert result["output"] == "Mended."
    assert (result["branch"], result["commit"]) == ("athena/task-7", "c" * 40)
    assert result["audit"] == {"verdict": "approved", "iterations": 1, "findings": []}
    assert (result["tests"]["passed"], result["tests"]["exit_code"]) == (1, 0)
    assert result["total_cost_usd"] == pytest.approx(0.11)
    assert result["duration_ms"] == 3_600_000
    assert job.workspace.pushed == 0
    assert job.lines.phases == [step.phase for step in STEPS]


async def test_a_result_has_every_field(tmp_path: Path):
    """Also what did not come about is said: nobody has to guess whether it was pushed."""
    job = staged(tmp_path, agent=Played(done()), audit=False, commit=False)

    result = (await job.run()).body["result"]

    told = ("commit", "pushed", "pull_request_url", "audit", "tests", "error")
    assert [result[name] for name in told] == [None, False, None, None, None, None]


async def test_where_it_stands_is_on_disk_at_the_end(tmp_path: Path):
    """The ending is kept until Athena has it."""
    job = staged(tmp_path, agent=Played(done()))

    await job.run()

    (kept,) = journals(tmp_path / "jobs")
    assert kept.record == job.record
    assert kept.record.ending is not None


@pytest.mark.parametrize(
    "text",
    [
        "I made the first part. Shall I go on with the second?",
        "There are two ways.\n\nWould you like me to take the first?",
        "Let me know if I should continue.",
        "Please confirm before I delete the table.",
        "I am waiting for your approval.",
    ],
)
def test_a_question_to_nobody_is_a_pause(text: str):
    """Only what the last words ask counts."""
    assert asks_to_go_on(text)


@pytest.mark.parametrize(
    "text",
    [
        "Done. All tests pass.",
        "Should we ever need it, it is there.\n\nEverything is done: the tests pass.",
        "",
    ],
)
def test_a_report_is_no_pause(text: str):
    """A report may speak of questions further up."""
    assert not asks_to_go_on(text)


async def test_a_pause_is_answered_five_times(tmp_path: Path):
    """Then it has had its answers, and the auditor judges what is there."""
    job = staged(tmp_path, agent=Played(rest=done("Shall I go on?")))

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert len(job.agent.turns) == 6
    assert job.agent.prompts[1] == job.job.texts.go_on
    assert len(job.auditor.turns) == 1


async def test_the_conversation_goes_on(tmp_path: Path):
    """A reply is said in the same session, which is held while it runs."""
    job = staged(tmp_path, agent=Played(done("Shall I?"), done()))

    await job.run()

    first, second = job.agent.turns
    assert first.session_id is None
    assert second.session_id == first.new_session_id == job.record.session_id


async def test_twenty_rounds_are_the_most(tmp_path: Path):
    """Then the attempt fails, with the branch that holds what was done."""
    job = staged(tmp_path, agent=Played(rest=done("", end=End.FAILED, error="boom")))

    ending = await job.run()

    assert len(job.agent.turns) == 20
    assert ending.kind is EndingKind.FAILED
    assert ending.body["retry"] is True
    assert ending.body["result"]["commit"] == "c" * 40
    assert job.workspace.committed == [("Unfinished: Mend the door", "tree")]


async def test_after_an_error_the_reply_names_it(tmp_path: Path):
    """And every fourth round there is a word on the whole."""
    crashed = done("", end=End.CRASHED, error="exit code 9")
    job = staged(tmp_path, agent=Played(crashed, crashed, crashed, crashed, done()))

    await job.run()

    assert "exit code 9" in str(job.agent.prompts[1])
    assert "after 4 rounds" in str(job.agent.prompts[4])
    assert "Mend the door" in str(job.agent.prompts[4])
    assert "rounds" not in str(job.agent.prompts[3])


async def test_no_words_at_all_are_no_end(tmp_path: Path):
    """A run that says nothing has stopped short."""
    job = staged(tmp_path, agent=Played(done(""), done("Done.")))

    await job.run()

    assert job.agent.prompts[1] == job.job.texts.no_end


async def test_rejected_work_goes_back_with_the_findings(tmp_path: Path):
    """Twice rejected, then approved: three rounds."""
    auditor = Played(
        verdict("rejected", "no hinge"), verdict("rejected", "creaks"), verdict("approved")
    )
    job = staged(tmp_path, agent=Played(rest=done()), auditor=auditor)

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert "no hinge" in str(job.agent.prompts[1])
    assert "creaks" in str(job.agent.prompts[2])
    assert ending.body["result"]["audit"]["iterations"] == 3
    assert all(not turn.may_write for turn in auditor.turns)
    assert all(turn.schema is not None for turn in auditor.turns)


async def test_work_rejected_three_times_fails(tmp_path: Path):
    """At most three rounds."""
    auditor = Played(rest=verdict("rejected", "no hinge"))
    job = staged(tmp_path, agent=Played(rest=done()), auditor=auditor)

    ending = await job.run()

    assert ending.kind is EndingKind.FAILED
    assert len(auditor.turns) == 3
    assert "no hinge" in ending.body["error"]


async def test_the_workers_own_eyes_come_first(tmp_path: Path):
    """A weakened test is sent back without an auditor being paid."""
    job = staged(tmp_path, agent=Played(rest=done()))
    job.workspace.seen = [["tests/test_door.py: test_it_closes was deleted"]]

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert "test_it_closes" in str(job.agent.prompts[1])
    assert len(job.auditor.turns) == 1


async def test_a_doubt_goes_back_once_and_then_the_auditor_decides(tmp_path: Path):
    """A task may be meant to remove a test: whoever judges the work is told of it."""
    job = staged(tmp_path, agent=Played(rest=done()))
    doubt = Doubt("tests/test_door.py: test_it_closes was deleted")
    job.workspace.seen = [[doubt], [doubt]]

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert len(job.agent.turns) == 2
    (audit,) = job.auditor.turns
    assert "test_it_closes" in str(audit.prompt)


async def test_without_an_auditor_no_doubt_is_let_through(tmp_path: Path):
    """Nobody else would see it."""
    job = staged(tmp_path, agent=Played(rest=done()), audit=False)
    doubt = Doubt("tests/test_door.py: test_it_closes was deleted")
    job.workspace.seen = [[doubt], [doubt], [doubt]]

    ending = await job.run()

    assert ending.kind is EndingKind.FAILED


async def test_a_generated_test_left_by_a_kill_is_removed(tmp_path: Path):
    """The stage is repeated: the file is not in its own way, nor in the commit."""
    left = tmp_path / "test_a.py"
    left.write_text("pass")
    case = {"name": "opens", "path": "test_a.py", "code": "pass", "command": ["run", "a"]}
    auditor = Played(done(structured={"cases": [case]}))
    job = staged(tmp_path, agent=Played(), auditor=auditor, generate_tests=True)
    job.record.stage, job.record.intents = "test", {"generated test": str(left)}

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert not left.exists()
    assert "generated test" not in job.record.intents


async def test_an_auditor_without_a_verdict_is_asked_once_more(tmp_path: Path):
    """Without one nothing is approved."""
    job = staged(tmp_path, agent=Played(done()), auditor=Played(rest=done("Looks good!")))

    ending = await job.run()

    assert ending.kind is EndingKind.FAILED
    assert len(job.auditor.turns) == 2


async def test_failing_tests_go_back(tmp_path: Path):
    """With their output; and the auditor looks at what was changed."""
    job = staged(
        tmp_path, agent=Played(rest=done()), checks=PlayedChecks(1, 0), test_command="make test"
    )

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert "exit code 1" in str(job.agent.prompts[1])
    assert len(job.auditor.turns) == 2


async def test_a_task_never_completes_with_failing_tests(tmp_path: Path):
    """After three rounds it fails, with the proof."""
    checks = PlayedChecks(1, None, 2)
    job = staged(tmp_path, agent=Played(rest=done()), checks=checks, test_command=["make", "test"])

    ending = await job.run()

    assert ending.kind is EndingKind.FAILED
    assert ending.body["result"]["tests"]["exit_code"] == 2
    assert len(checks.ran) == 3


async def test_regression_runs_once_the_tests_pass(tmp_path: Path):
    """Its failure goes back as well."""
    checks = PlayedChecks(1, 0, 1, 0, 0)
    job = staged(
        tmp_path,
        agent=Played(rest=done()),
        checks=checks,
        test_command="unit",
        regression_command="all",
    )

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert checks.ran == ["unit", "unit", "all", "unit", "all"]


async def test_generated_tests_run_one_by_one_and_leave_nothing(tmp_path: Path):
    """Name, code, outcome and duration are kept."""
    case = {"name": "opens", "path": "t/new/test_a.py", "code": "pass", "command": ["run", "a"]}
    auditor = Played(verdict("approved"), done(structured={"cases": [case, {"name": "no shape"}]}))
    job = staged(tmp_path, agent=Played(done()), auditor=auditor, generate_tests=True)

    ending = await job.run()

    (told,) = ending.body["result"]["tests"]["cases"]
    assert told == {"name": "opens", "code": "pass", "outcome": "passed", "duration_ms": 100}
    assert job.checks.ran == [("run", "a")]
    assert not (tmp_path / "t").exists()


async def test_a_generated_test_stays_in_the_folder(tmp_path: Path):
    """One that would be written elsewhere, or over a file, is not run, and has failed."""
    (tmp_path / "here.py").write_text("mine")
    paths = ("../x.py", "here.py", ".git/hooks/pre-commit")
    cases = [{"name": p, "path": p, "code": "pass", "command": ["run"]} for p in paths]
    auditor = Played(
        verdict("approved"), done(structured={"cases": cases}), rest=verdict("approved")
    )
    job = staged(tmp_path, agent=Played(rest=done()), auditor=auditor, generate_tests=True)

    ending = await job.run()

    assert "no place" in str(job.agent.prompts[1])
    assert job.checks.ran == []
    assert (tmp_path / "here.py").read_text() == "mine"
    assert not (tmp_path.parent / "x.py").exists()
    assert ending.body["result"]["tests"] is None


async def test_pushed_and_requested_only_where_wanted(tmp_path: Path):
    """And noted before it is done."""
    job = staged(tmp_path, agent=Played(done()), push=True, pull_request=True)

    ending = await job.run()

    assert (job.workspace.pushed, job.workspace.requests) == (1, 1)
    assert ending.body["result"]["pushed"] is True
    assert ending.body["result"]["pull_request_url"] == "https://forge.example/1"
    assert job.record.intents == {"push": "c" * 40, "pull_request": "athena/task-7"}


async def test_a_usage_limit_parks_until_the_reset(tmp_path: Path):
    """No attempt is spent; what was said is said again when the task comes back."""
    reset = NOW + timedelta(hours=3)
    limited = done("", end=End.USAGE_LIMIT, resets_at=reset)
    job = staged(tmp_path, agent=Played(limited, done()))

    ending = await job.run()

    assert (ending.kind, ending.trouble, ending.keep) == (EndingKind.PARKED, "usage_limit", True)
    assert ending.body["until"] == "2026-11-22T15:00:00.000Z"
    assert ending.body["session_id"] == job.record.session_id
    job.record.ending = None
    assert (await job.run()).kind is EndingKind.COMPLETED
    assert "Mend the door" in str(job.agent.prompts[1])
    assert job.agent.turns[1].session_id == job.record.session_id


async def test_an_outage_waits_longer_each_time(tmp_path: Path):
    """A dozen times; then it is a failed attempt."""
    away = done("", end=End.API_UNAVAILABLE, error="connection refused")
    job = staged(tmp_path, agent=Played(rest=away), limits=Limits(iterations=50))
    waits = []

    while (ending := await job.run()).kind is EndingKind.PARKED:
        waits.append(ending.body["until"][11:16])
        job.record.ending = None

    assert waits[:6] == ["12:02", "12:04", "12:08", "12:16", "12:32", "13:00"]
    assert len(waits) == 12
    assert ending.kind is EndingKind.FAILED


async def test_a_remote_that_is_away_costs_no_attempt(tmp_path: Path):
    """The work waits for its push, and is not done again."""
    job = staged(tmp_path, agent=Played(done()), push=True)
    away = WorkspaceTrouble("Cannot push: Connection timed out", transient=True)
    job.workspace.troubles = [away, away]

    ending = await job.run()

    assert (ending.kind, ending.keep) == (EndingKind.PARKED, True)
    assert ending.body["until"][11:16] == "12:02"
    assert "timed out" in ending.body["notes"]
    job.record.ending = None
    assert (await job.run()).body["until"][11:16] == "12:04"
    job.record.ending = None
    assert (await job.run()).kind is EndingKind.COMPLETED
    assert job.record.result["pushed"] is True


async def test_a_remote_that_refuses_fails_the_attempt(tmp_path: Path):
    """What only a person can mend is told at once."""
    job = staged(tmp_path, agent=Played(done()), push=True)
    job.workspace.troubles = [WorkspaceTrouble("Permission denied")]

    ending = await job.run()

    assert (ending.kind, ending.body["error"]) == (EndingKind.FAILED, "Permission denied")


async def test_signed_out_hands_the_task_back(tmp_path: Path):
    """It costs no attempt, and this worker takes no other."""
    job = staged(tmp_path, agent=Played(done("", end=End.SIGNED_OUT, error="401")))

    ending = await job.run()

    assert (ending.kind, ending.trouble) == (EndingKind.RELEASED, "signed_out")


async def test_an_open_question_parks_and_the_call_is_resumed(tmp_path: Path):
    """With the answer the conversation goes on by itself: nothing is said to it."""
    job = staged(tmp_path, agent=Played(done("", end=End.DEFERRED), done()))
    job.record.question_id = 9

    ending = await job.run()

    assert (ending.kind, ending.body["question"]) == (EndingKind.PARKED, 9)
    job.record.ending, job.record.question_id = None, 9
    assert (await job.run()).kind is EndingKind.PARKED
    assert len(job.agent.turns) == 1
    job.record.ending = None
    job.people.answers[9] = Answer(text="allow")
    assert (await job.run()).kind is EndingKind.COMPLETED
    assert job.agent.prompts[1] is None


async def test_a_lost_conversation_starts_anew(tmp_path: Path):
    """With the task, and the word that something may be there already."""
    lost = done("", end=End.SESSION_LOST, error="No conversation found")
    job = staged(tmp_path, agent=Played(lost, done()), continues="old")

    await job.run()

    assert job.agent.turns[0].session_id == "old"
    assert job.agent.turns[1].session_id is None
    assert job.agent.turns[1].new_session_id not in {None, "old"}
    assert "Mend the door" in str(job.agent.prompts[1])


async def test_after_a_kill_what_was_said_is_said_again(tmp_path: Path):
    """Whether it was heard is not known."""
    job = staged(tmp_path, agent=Played(done()))
    job.record.stage, job.record.iterations = "implement", 1
    job.record.session_id, job.record.is_running = "s", True

    await job.run()

    assert job.agent.turns[0].session_id == "s"
    assert "interrupted" in str(job.agent.prompts[0])
    assert "Mend the door" in str(job.agent.prompts[0])


async def test_limits_of_the_task_count_over_all_runs(tmp_path: Path):
    """Turns, cost and time; the next run gets what is left."""
    dear = done("Shall I?", usage=Usage(total_cost_usd=0.6, num_turns=90, duration_ms=60_000))
    job = staged(tmp_path, agent=Played(rest=dear), max_cost_usd=1.0)

    ending = await job.run()

    assert [turn.max_turns for turn in job.agent.turns] == [200, 110]
    assert job.agent.turns[1].max_cost_usd == pytest.approx(0.4)
    assert job.agent.turns[1].timeout_seconds == 7140
    assert ending.kind is EndingKind.FAILED
    assert ending.body["retry"] is False
    assert "max_cost_usd" in ending.body["error"]


async def test_what_people_said_stands_in_the_next_prompt(tmp_path: Path):
    """A word to a task that waits is not lost."""
    job = staged(tmp_path, agent=Played(done()))
    job.people.messages = ["Use oak."]

    await job.run()

    assert str(job.agent.prompts[0]).endswith("A person adds:\nUse oak.")


async def test_what_people_said_is_said_again_after_a_kill(tmp_path: Path):
    """Whether the prompt that it stood in was heard is not known."""
    job = staged(tmp_path, agent=Played(done("", end=End.USAGE_LIMIT), done()))
    job.people.messages = ["Use oak."]

    await job.run()
    job.record.ending = None
    await job.run()

    assert "Use oak." in str(job.agent.prompts[1])
    assert "Mend the door" in str(job.agent.prompts[1])


async def test_what_people_said_outlives_a_lost_conversation(tmp_path: Path):
    """The new one hears it as well."""
    job = staged(tmp_path, agent=Played(done("", end=End.SESSION_LOST), done()), continues="old")
    job.people.messages = ["Use oak."]

    await job.run()

    assert "Use oak." in str(job.agent.prompts[1])


async def test_nothing_is_committed_before_the_last_word_was_heard(tmp_path: Path):
    """Said during the audit or the tests: Claude goes on, and all is judged again."""
    job = staged(tmp_path, agent=Played(done(), done("With oak.")))
    job.people.said_at_the_end = ["Use oak."]

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert str(job.agent.prompts[1]).endswith("A person adds:\nUse oak.")
    assert len(job.auditor.turns) == 2
    assert len(job.workspace.committed) == 1


async def test_a_word_beyond_the_last_round_spoils_nothing(tmp_path: Path):
    """What was accepted is committed; the transcript names what came too late."""
    job = staged(tmp_path, agent=Played(done()), limits=Limits(iterations=1))
    job.people.said_at_the_end = ["Use oak."]

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED
    assert any("Use oak." in text for _, text in job.lines.lines)


async def test_what_git_refuses_for_good_is_not_worked_on_again(tmp_path: Path):
    """Claude would do all of it once more, to meet the same refusal; a person has to look."""
    job = staged(tmp_path, agent=Played(done()), push=True)

    async def refuse() -> None:
        raise WorkspaceTrouble("The branch has moved on.")

    job.workspace.push = refuse  # type: ignore[method-assign]
    ending = await job.run()

    assert ending.kind is EndingKind.FAILED
    assert (ending.body["error"], ending.body["retry"]) == ("The branch has moved on.", False)
    assert ending.body["result"]["commit"] == "c" * 40


async def test_a_program_that_fails_is_not_talked_to(tmp_path: Path):
    """It would do the same again, at once; its work stays on the branch, as for any failure."""
    failed = done("trying", end=End.FAILED, error="job.sh ended with exit code 7:\ntrying")
    job = staged(tmp_path, agent=Played(failed), executor=ExecutorName.SHELL)

    ending = await job.run()

    assert (ending.kind, ending.body["retry"]) == (EndingKind.FAILED, True)
    assert ending.body["error"] == "job.sh ended with exit code 7:\ntrying"
    assert ending.body["result"]["branch"] == "athena/task-7"


@pytest.mark.parametrize("text", ["", "Shall I go on?"])
async def test_a_program_has_ended_well_by_its_exit_code(tmp_path: Path, text: str):
    """Whatever it has printed, or has not."""
    job = staged(tmp_path, agent=Played(done(text)), executor=ExecutorName.SHELL)

    ending = await job.run()

    assert ending.kind is EndingKind.COMPLETED


async def test_a_program_gets_the_task_each_time(tmp_path: Path):
    """There is no conversation in which it was said before."""
    agent = Played(done(), done())
    job = staged(
        tmp_path,
        agent=agent,
        executor=ExecutorName.SHELL,
        test_command="make test",
        checks=PlayedChecks(1, 0),
    )

    await job.run()

    assert all("Mend the door" in str(prompt) for prompt in agent.prompts)
    assert "exit 1" in str(agent.prompts[1])


async def test_the_time_with_the_api_is_counted_once(tmp_path: Path):
    """The program tells that of the whole conversation with each run of it."""

    def told(text: str, api_ms: int) -> Outcome:
        usage = Usage(num_turns=1, duration_ms=2000, duration_api_ms=api_ms)
        return done(text, usage=usage, session_id="s")

    job = staged(tmp_path, agent=Played(told("Shall I?", 1000), told("", 1500), told("Ok.", 1800)))

    ending = await job.run()

    assert ending.body["result"]["duration_api_ms"] == 1800


@pytest.mark.parametrize("end", [End.DEFERRED, End.USAGE_LIMIT, End.API_UNAVAILABLE])
async def test_waiting_is_no_round(tmp_path: Path, end: End):
    """A person's answer or a limit that takes its time costs the task none of its rounds."""
    waits = [done("", end=end) for _ in range(3)]
    agent = Played(*waits, done("Shall I go on?"), done())
    job = staged(tmp_path, agent=agent, limits=Limits(iterations=2))
    job.people.answers[9] = Answer(text="allow")

    for _ in waits:
        job.record.question_id = 9
        assert (await job.run()).kind is EndingKind.PARKED
        job.record.ending = None

    assert (await job.run()).kind is EndingKind.COMPLETED


async def test_a_follow_up_is_told_of_its_new_folder(tmp_path: Path):
    """The conversation knows another one, which is gone; earlier work is on its own branch."""
    job = staged(tmp_path, agent=Played(done()), continues="old")

    await job.run()

    (prompt,) = job.agent.prompts
    assert str(tmp_path) in str(prompt)
    assert "Mend the door" in str(prompt)
    assert job.agent.turns[0].session_id == "old"
