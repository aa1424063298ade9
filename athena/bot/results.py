"""What the result of a task says of the work, in words: where it is, and how it was checked.

A worker's result may hold anything: what makes no sense is passed over.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Final

from athena.bot.text import Words
from athena.model.task import Task

_COMMIT_UNITS: Final = 42
_BRANCH_UNITS: Final = 80
_COMMAND_UNITS: Final = 120
_SESSION_UNITS: Final = 100
_VERDICT_UNITS: Final = 60
_COUNT_MAX: Final = 10**9


def duration_of(task: Task) -> timedelta | None:
    """How long the work took: what the result says, else from the claim to the end."""
    said = (task.result or {}).get("duration_ms")
    if isinstance(said, (int, float)) and not isinstance(said, bool) and 0 <= said < 1e12:
        return timedelta(milliseconds=said)
    if task.claimed_at is None or task.completed_at is None:
        return None
    return task.completed_at - task.claimed_at


def place_of(task: Task, words: Words) -> tuple[str, str] | None:
    """Where the work is, with the name of it: the commit, or the branch where there is none."""
    result = task.result or {}
    commit, branch = _text(result, "commit"), _text(result, "branch")
    where = words.code(branch, _BRANCH_UNITS) if branch else ""
    unseen = " (not pushed)" if result.get("pushed") is False else ""
    if commit:
        on = f" on {where}" if where else ""
        return "Commit", f"{words.code(commit, _COMMIT_UNITS)}{on}{unseen}"
    return ("Branch", f"{where}{unseen}") if where else None


def pull_request_of(task: Task, words: Words) -> str | None:
    """The address of the pull request."""
    url = _text(task.result or {}, "pull_request_url")
    return words.link(url) if url else None


def tests_of(task: Task, words: Words) -> str | None:
    """How many tests passed and failed, and by which command."""
    tests = _part(task, "tests")
    if tests is None:
        return None
    passed, failed = _count(tests, "passed"), _count(tests, "failed")
    code, command = _count(tests, "exit_code"), _text(tests, "command")
    counts = [
        f"{passed} passed" if passed is not None else "",
        f"{failed} failed" if failed else "",
    ]
    said = ", ".join(count for count in counts if count)
    if not said and code is not None:
        said = "passed" if code == 0 else "failed"
    if not said:
        return None
    how = words.code(command, _COMMAND_UNITS) if command else ""
    ended = f"exit code {code}" if code else ""
    about = ", ".join(part for part in (how, ended) if part)
    icon = "🔴" if failed or code else "🟢"
    return f"{icon} {said}" + (f" ({about})" if about else "")


def audit_of(task: Task, words: Words) -> str | None:
    """What the second agent made of the work, and after how many rounds."""
    audit = _part(task, "audit")
    verdict = _text(audit, "verdict") if audit is not None else None
    if audit is None or verdict is None:
        return None
    rounds = _count(audit, "iterations")
    findings = audit.get("findings")
    listed = len(findings) if isinstance(findings, (list, tuple)) else 0
    parts = [
        words.line(verdict, _VERDICT_UNITS),
        f"after {rounds} rounds" if rounds is not None and rounds > 1 else "",
        f"with {listed} finding{'s' if listed > 1 else ''}" if listed else "",
    ]
    return " ".join(part for part in parts if part)


def session_of(task: Task, words: Words) -> str | None:
    """The Claude conversation in which the work was done."""
    session = _text(task.result or {}, "session_id") or task.session_id
    return words.code(session, _SESSION_UNITS) if session else None


def _part(task: Task, name: str) -> Mapping[str, object] | None:
    part = (task.result or {}).get(name)
    return part if isinstance(part, Mapping) else None


def _text(said: Mapping[str, object], name: str) -> str | None:
    value = said.get(name)
    return value if isinstance(value, str) and value.strip() else None


def _count(said: Mapping[str, object], name: str) -> int | None:
    value = said.get(name)
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return value if abs(value) < _COUNT_MAX else None
