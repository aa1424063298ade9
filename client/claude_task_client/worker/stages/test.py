"""The project's own tests, run by the worker itself; what fails goes back to Claude."""

from __future__ import annotations

from typing import Any

from claude_task_client.worker import cases, endings, putting_off
from claude_task_client.worker.config import Command
from claude_task_client.worker.executor import LineKind
from claude_task_client.worker.job import Check, Finish, GoOn, Job, Verdict
from claude_task_client.worker.sending_back import sent_back


async def test(job: Job) -> Verdict:
    """Generated tests where asked for, the project's tests, then once its regression tests."""
    project = job.project
    generated: list[cases.RunCase] = []
    if project.generate_tests:
        outcome = await cases.generate(job)
        if outcome.end in putting_off.ENDS:
            return await putting_off.put_off(job, outcome)
        generated = await cases.run_all(job, cases.cases_of(outcome))
    checks: list[Check] = []
    for command, seconds in (
        (project.test_command, project.test_seconds),
        (project.regression_command, project.regression_seconds),
    ):
        if command is not None and all(check.has_passed for check in checks):
            checks.append(await _check(job, command, seconds))
    if not checks and not generated:
        job.record.result.pop("tests", None)
        return GoOn()
    job.record.result["tests"] = proof(checks, generated)
    bad_case = next((case for case in generated if not case.has_passed), None)
    bad = next((check for check in checks if not check.has_passed), None)
    bad = bad or (None if bad_case is None else bad_case.check)
    return GoOn() if bad is None else await _failed(job, bad)


async def _check(job: Job, command: Command, seconds: float) -> Check:
    job.reporter.progress(f"Running {command if isinstance(command, str) else ' '.join(command)}")
    check = await job.checks.run(command, folder=job.folder, timeout_seconds=seconds)
    ending = "timed out" if check.exit_code is None else f"exit code {check.exit_code}"
    job.reporter.log(LineKind.TEST, f"$ {check.command}: {ending}\n{check.tail}".rstrip())
    return check


async def _failed(job: Job, check: Check) -> Verdict:
    record = job.record
    record.test_rounds += 1
    if record.test_rounds >= job.limits.test_rounds:
        reason = (
            f"The tests failed, {record.test_rounds} times in all. The last time:"
            f" {check.command}\n{check.tail}"
        )
        return Finish(await endings.failed_with_work(job, reason, retry=True))
    reply = job.texts.tests_failed.format(
        command=check.command,
        exit_code="none (it was ended)" if check.exit_code is None else check.exit_code,
        tail=check.tail,
    )
    return await sent_back(job, reply)


def proof(checks: list[Check], generated: list[cases.RunCase]) -> dict[str, Any]:
    """What is kept of the tests: counts, the last command with its tail, the generated cases."""
    passed = [*(c.has_passed for c in checks), *(c.has_passed for c in generated)]
    told: dict[str, Any] = {"passed": sum(passed), "failed": len(passed) - sum(passed)}
    shown = next(
        (check for check in checks if not check.has_passed), checks[-1] if checks else None
    )
    if shown is not None:
        told |= {"command": shown.command, "exit_code": shown.exit_code, "tail": shown.tail}
    told["commands"] = [
        {"command": c.command, "exit_code": c.exit_code, "seconds": c.seconds} for c in checks
    ]
    told["cases"] = [case.told() for case in generated]
    return told
