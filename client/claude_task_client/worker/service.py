"""What the service of a project is, whatever keeps it running."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from claude_task_client.errors import BadSettings
from claude_task_client.settings import SLUG
from claude_task_client.sources.registry import Source
from claude_task_client.worker.config import ProjectConfig, WorkerConfig
from claude_task_client.worker.places import service_state

NAME: Final = "athena-worker"
# Stands for the project in what is the same for all. No path has it; `%i` may be part of one.
MARK: Final = "\0"
# Beyond the grace period it ends processes, puts work away, and tells Athena.
STOP_SECONDS_MORE: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """The services of one account: one for each project, alike but for its name.

    - `program`: the command line of this client
    - `instance`: the slug of this machine; that of a service is `instance-project`, as two workers
      of one slug would take each other's tasks for their own
    - `state`: the state folder of a worker started by hand; each service has one beside it
    - `search_path`: PATH, as Claude Code and tests need it
    - `secrets`: files of variables that need not be there; read before the service starts. `MARK`
      in a name stands for the project
    - `sources`: the folders of task documents of the account that it runs as
    """

    program: Sequence[str]
    config: WorkerConfig
    config_path: Path
    state: Path
    instance: str
    search_path: str
    home: Path
    user: str | None = None
    secrets: Sequence[Path] = ()
    sources: Sequence[Source] = ()

    @property
    def stop_seconds(self) -> int:
        """How long it may take to end before it is killed."""
        return math.ceil(self.config.grace_seconds) + STOP_SECONDS_MORE

    def arguments(self, project: str) -> Sequence[str]:
        """What is run for a project."""
        return (
            *self.program,
            "work",
            "--config",
            str(self.config_path),
            "--state",
            str(service_state(self.state, project)),
            "--project",
            project,
            # Tasks for this machine fit here as well, whatever its services are called.
            "--label",
            self.instance,
        )

    def watched_by(self, project: str) -> Sequence[Source]:
        """The sources that the project's worker watches."""
        if not self.config.watch_sources:
            return []
        return [source for source in self.sources if source.project in {None, project}]

    def instance_of(self, project: str) -> str:
        """The slug of the project's service."""
        return f"{self.instance}-{project}"


def projects_of(service: Service, names: Sequence[str]) -> Sequence[ProjectConfig]:
    """The projects of the config by these names. Raises: BadSettings."""
    known = service.config.projects
    for name in names:
        if name not in known:
            raise BadSettings(
                f"{service.config_path} has no project {name!r}: there are {', '.join(known)}.\n"
                "Add it, in its repository: claude-task-client work init"
            )
        if SLUG.fullmatch(service.instance_of(name)) is None:
            raise BadSettings(
                f"{service.instance_of(name)!r} is too long for a slug: call the instance"
                " something shorter, with --instance."
            )
    return [known[name] for name in dict.fromkeys(names)]


def own_program() -> Sequence[str]:
    """How this client is started again, whatever PATH is then."""
    script = Path(sys.executable).with_name("claude-task-client")
    if script.exists():
        return (str(script),)
    return (sys.executable, "-m", "claude_task_client.cli")
