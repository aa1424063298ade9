"""Telling Athena who this instance is."""

from __future__ import annotations

import socket
import sys
from collections.abc import Mapping, Sequence

from claude_task_client.settings import Settings
from claude_task_client.sync import Athena
from claude_task_client.wire import Heartbeat


def announce(athena: Athena, told: Settings) -> None:
    """Make the display name known before the instance is seen under its slug alone.

    Claiming registers an instance by itself: without a name there is nothing to add.
    """
    if told.name:
        beat(athena, told)


def beat(
    athena: Athena,
    told: Settings,
    *,
    attempts: Mapping[int, int | None] | None = None,
    labels: Sequence[str] | None = None,
    projects: Sequence[str] | None = None,
) -> Heartbeat:
    """Send a heartbeat which says who this is, and which tasks it is at."""
    from importlib.metadata import version

    tasks = attempts or {}
    return athena.heartbeat(
        tasks,
        attempts={task: attempt for task, attempt in tasks.items() if attempt is not None},
        name=told.name,
        host=socket.gethostname(),
        platform=sys.platform,
        version=version("claude-task-client"),
        labels=labels,
        projects=projects,
    )
