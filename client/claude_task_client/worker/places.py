"""Where the worker's config and state are, for the commands of `work`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from claude_task_client.worker.config_file import default_state

JOBS: Final = "jobs"
LOGS: Final = "logs"
STATUS: Final = "status.json"


@dataclass(frozen=True, slots=True)
class Places:
    """A config file and a state folder. `named` is the folder that somebody asked for."""

    config: Path
    named: Path | None = None

    @property
    def state(self) -> Path:
        """Where a worker that is started by hand keeps what it works on."""
        return self.named or default_state()

    def states(self) -> Sequence[Path]:
        """Those that there are: the worker's own, and those of its services."""
        if self.named is not None:
            return [self.named]
        own = default_state()
        services = sorted(own.parent.glob(service_state(own, "*").name))
        return [folder for folder in (own, *services) if folder.is_dir()]


def service_state(own: Path, project: str) -> Path:
    """Where the service of one project keeps what it works on: one worker for each folder."""
    return own.with_name(f"{own.name}@{project}")
