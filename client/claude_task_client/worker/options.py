"""What `claude-task-client work` is told on its command line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkOptions:
    """How this run of the worker differs from what the config file says.

    - `state`: the folder that it keeps everything in
    - `jobs`: how many tasks run at a time
    - `cycles`: after so many tasks it ends; None: never. `once` is one, and one job
    - `interval_seconds`: it asks for work this often instead of waiting at Athena for some
    - `projects`: those of the config file that it serves; never empty
    """

    state: Path
    jobs: int
    projects: Sequence[str]
    once: bool = False
    cycles: int | None = None
    interval_seconds: float | None = None
