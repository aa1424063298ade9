"""Where the worker's config and state are, for the commands of `work`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from claude_task_client.worker.config_file import default_path, default_state

JOBS: Final = "jobs"
LOGS: Final = "logs"
STATUS: Final = "status.json"


@dataclass(frozen=True, slots=True)
class Places:
    """A config file and a state folder: those that somebody named, or the usual ones."""

    named_config: Path | None = None
    named_state: Path | None = None

    @property
    def config(self) -> Path:
        """The config file."""
        return self.named_config or default_path()

    @property
    def state(self) -> Path:
        """Where a worker that is started by hand keeps what it works on."""
        return self.named_state or default_state()

    def states(self) -> Sequence[Path]:
        """Those that there are: the worker's own, and those of its services."""
        if self.named_state is not None:
            return [self.named_state]
        own = default_state()
        services = sorted(own.parent.glob(service_state(own, "*").name))
        return [folder for folder in (own, *services) if folder.is_dir()]


def service_secrets() -> Path:
    """Variables for this account's services, for its eyes alone: a file that need not be there."""
    return default_path().with_name("worker.env")


def service_state(own: Path, project: str) -> Path:
    """Where the service of one project keeps what it works on: one worker for each folder."""
    return own.with_name(f"{own.name}@{project}")
