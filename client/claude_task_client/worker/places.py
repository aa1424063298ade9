"""Where the worker's config and state are, for the commands of `work`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Final

LOCK: Final = "lock"
STATUS: Final = "status.json"
JOBS: Final = "jobs"
LOGS: Final = "logs"
WORKTREES: Final = "worktrees"
REPOSITORIES: Final = "repositories"


@dataclass(frozen=True, slots=True)
class Places:
    """A config file and a state folder that belong together."""

    config: Path
    state: Path
