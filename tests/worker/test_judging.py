"""What auditor, tests and the worker's own eyes send back, and how often they may."""

from __future__ import annotations

from pathlib import Path

from claude_task_client.worker.job import Doubt
from claude_task_client.worker.record import EndingKind
from tests.worker.staged import Played, PlayedChecks, done, staged, verdict


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
