"""What a worker does at the moment, in a file: for `work status`, and for whoever looks."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from claude_task_client.files import replace_file

FILE: Final = "status.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskStatus:
    """A task in hand: `state` is `running`, `ending` (to be told or put away) or `waiting` (given
    back to go on here later).
    """

    task_id: int
    attempt: int
    project: str
    stage: str
    state: str
    started_at: str
    question_id: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerStatus:
    """A worker. Times are as on the wire; `health` as in its heartbeat.

    - `state`: `working`, `idle`, `sick`, `limited`, `away` (from Athena) or `stopping`
    - `limited_until`: the end of a usage limit
    - `away_since`, `why_away`: since when Athena does not answer, and what is known of it
    - `done`: how many tasks have left its hands since it started
    """

    pid: int
    instance: str
    url: str
    started_at: str
    state: str
    slots: int
    projects: list[str]
    health: dict[str, Any]
    tasks: list[TaskStatus] = field(default_factory=list)
    limited_until: str | None = None
    away_since: str | None = None
    why_away: str | None = None
    done: int = 0


class StatusFile:
    """Where it stands; written when it changes."""

    def __init__(self, state: Path) -> None:
        self._path = state / FILE
        self._written: WorkerStatus | None = None

    def write(self, status: WorkerStatus) -> None:
        """Replace what stands there, if it says something else."""
        if status != self._written:
            self._written = status
            replace_file(self._path, json.dumps(asdict(status), indent=1) + "\n")


def read(state: Path) -> WorkerStatus | None:
    """What the worker of a state folder said last; None where there never was one.

    Whether it lives: `locking.holder`.
    """
    try:
        content = json.loads((state / FILE).read_text(encoding="utf-8"))
        content["tasks"] = [TaskStatus(**each) for each in content["tasks"]]
        return WorkerStatus(**content)
    except (OSError, ValueError, TypeError, KeyError):
        return None
