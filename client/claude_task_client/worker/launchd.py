"""The agents of the worker's services on macOS: one for each project."""

from __future__ import annotations

import plistlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from claude_task_client.worker.places import LOGS, service_state
from claude_task_client.worker.service import NAME, Service

DOMAIN: Final = "org.athena"
# No sooner is it started again, when it ended with an error.
THROTTLE_SECONDS: Final = 10


def label(project: str) -> str:
    """What launchctl calls the service of a project."""
    return f"{DOMAIN}.{NAME}.{project}"


def file_name(project: str) -> str:
    """Its file below `~/Library/LaunchAgents`."""
    return f"{label(project)}.plist"


def folder(home: Path) -> Path:
    """Where agents of a user are."""
    return home / "Library/LaunchAgents"


def files(service: Service, projects: Sequence[str]) -> Mapping[str, str]:
    """The agents, by their names."""
    return {file_name(project): agent(service, project) for project in projects}


def agent(service: Service, project: str) -> str:
    """The agent of a project. It reads no file of secrets: the key is in that of `login`."""
    log = log_path(service, project)
    content: dict[str, Any] = {
        "Label": label(project),
        "ProgramArguments": list(service.arguments(project)),
        "EnvironmentVariables": {
            "PATH": service.search_path,
            "CLAUDE_INSTANCE": service.instance_of(project),
            "PYTHONUNBUFFERED": "1",
        },
        "WorkingDirectory": str(service.home),
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": THROTTLE_SECONDS,
        "ExitTimeOut": service.stop_seconds,
        "ProcessType": "Standard",
        "Umask": 0o77,
        "StandardOutPath": str(log),
        "StandardErrorPath": str(log),
    }
    return plistlib.dumps(content, sort_keys=False).decode("utf-8")


def log_path(service: Service, project: str) -> Path:
    """Where what the service prints is kept."""
    return service_state(service.state, project) / LOGS / f"{NAME}.out"


def next_commands(service: Service, projects: Sequence[str]) -> Sequence[str]:
    """What has to be run to have the services start now and at each login."""
    return [
        f"launchctl bootstrap gui/$(id -u) {folder(service.home) / file_name(project)}"
        for project in projects
    ]


def end_commands(projects: Sequence[str], user_id: int) -> Sequence[Sequence[str]]:
    """What ends them."""
    return [["launchctl", "bootout", f"gui/{user_id}/{label(project)}"] for project in projects]
