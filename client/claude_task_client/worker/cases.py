"""Generated tests: an agent that only reads writes them, the worker runs each one by itself.

They are proof, not part of the work: their files are gone when the last one has run.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from claude_task_client.worker.aside import QuietDesk
from claude_task_client.worker.executor import LineKind, Outcome, Turn
from claude_task_client.worker.job import Check, Job
from claude_task_client.worker.prompts import (
    AUDITING_RULES,
    CASES_SCHEMA,
    cases_prompt,
    cut,
)
from claude_task_client.worker.spending import left_for_reading, note_usage

CASES_MAX: Final = 10
CODE_CHARACTERS_MAX: Final = 20_000
# Under this name the journal holds where a case stands while it runs.
_FILE: Final = "generated test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A test in a file of its own; `command` runs it alone."""

    name: str
    path: str
    code: str
    command: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCase:
    """A case and what came of it."""

    case: Case
    check: Check

    @property
    def has_passed(self) -> bool:
        """Whether it passed."""
        return self.check.has_passed

    def told(self) -> dict[str, Any]:
        """As it stands in a result."""
        outcome = "passed" if self.has_passed else "failed"
        return {
            "name": self.case.name,
            "code": cut(self.case.code),
            "outcome": "timed out" if self.check.exit_code is None else outcome,
            "duration_ms": round(self.check.seconds * 1000),
        }


async def generate(job: Job) -> Outcome:
    """Have tests of the work written down; the structured answer holds them."""
    job.reporter.progress("Writing tests of the work")
    turn = Turn(
        task_id=job.task.id,
        prompt=cases_prompt(job, await job.workspace.diff()),
        folder=job.folder,
        temporary=job.journal.temporary,
        new_session_id=str(uuid.uuid4()),
        system_append=AUDITING_RULES,
        model=job.project.audit_model or job.project.model,
        may_write=False,
        schema=CASES_SCHEMA,
        **left_for_reading(job),
    )
    outcome = await job.auditor.run(turn, QuietDesk(job.desk, who="Test writer"))
    note_usage(job, outcome)
    return outcome


def cases_of(outcome: Outcome) -> list[Case]:
    """The cases of an answer; what has not their shape is left out."""
    told = (outcome.structured or {}).get("cases")
    found = [_case(case) for case in told] if isinstance(told, list) else []
    return [case for case in found if case is not None][:CASES_MAX]


def _case(told: Any) -> Case | None:
    if not isinstance(told, Mapping):
        return None
    texts = [told.get(name) for name in ("name", "path", "code")]
    command = told.get("command")
    if not all(isinstance(text, str) and text for text in texts) or not isinstance(command, list):
        return None
    if not command or not all(isinstance(word, str) for word in command):
        return None
    name, path, code = (str(text) for text in texts)
    if len(code) > CODE_CHARACTERS_MAX:
        return None
    return Case(name=name[:200], path=path, code=code, command=tuple(command))


async def run_all(job: Job, found: list[Case]) -> list[RunCase]:
    """Run the cases one after another, each within its own time."""
    _remove_left_over(job)
    done = []
    for case in found:
        check = await _run(job, case)
        done.append(RunCase(case=case, check=check))
        word = "passed" if check.has_passed else f"failed\n{check.tail}"
        job.reporter.log(LineKind.TEST, f"{case.name}: {word}")
    return done


async def _run(job: Job, case: Case) -> Check:
    target = _place_for(job.folder, case.path)
    if target is None:
        sentence = f"{case.path} is no place for a new file of this project."
        return Check(command=" ".join(case.command), exit_code=2, tail=sentence, seconds=0.0)
    job.record.intents[_FILE] = str(target)
    job.journal.save()
    with _written(target, case.code):
        check = await job.checks.run(
            case.command, folder=job.folder, timeout_seconds=job.limits.generated_test_seconds
        )
    del job.record.intents[_FILE]
    return check


def _remove_left_over(job: Job) -> None:
    """A worker that was killed while a case ran has left its file."""
    left = job.record.intents.pop(_FILE, None)
    if left is not None:
        Path(left).unlink(missing_ok=True)


def _place_for(folder: Path, path: str) -> Path | None:
    """Where a file of that name goes; None outside the folder, or where something is already."""
    target = (folder / path).resolve()
    inside = target.is_relative_to(folder.resolve()) and ".git" not in target.parts
    return target if inside and not target.exists() else None


@contextlib.contextmanager
def _written(target: Path, code: str) -> Iterator[None]:
    """The file while the block runs; it and the folders made for it go afterwards."""
    missing = [parent for parent in target.parents if not parent.exists()]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(code, encoding="utf-8")
    try:
        yield
    finally:
        target.unlink(missing_ok=True)
        for parent in missing:
            # What the test left there is the workspace's to deal with.
            with contextlib.suppress(OSError):
                parent.rmdir()
