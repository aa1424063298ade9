"""The heartbeats of a Claude Code session: a process of their own, while the session holds a task.

Started by whatever claims (a command in Bash, the MCP server) and by the hook of a session's
start; one for each sitting, which a lock sees to. It ends with the last claim, or with Claude Code.
Nothing that Claude does waits for it, and no tool call starts anything.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from claude_task_client.plugin.sitting import Sitting


START_SECONDS: Final = 10.0


def ensure(sitting: Sitting) -> None:
    """Have its claims renewed from now on. Raises: OSError where no process can be started."""
    import subprocess

    from claude_task_client.plugin import locking

    if locking.is_held(sitting.beat_lock):
        return  # the one that is there looks once more after it has let go
    command = [sys.executable, "-P", "-m", __name__, str(sitting.folder), str(sitting.pid)]
    nothing = subprocess.DEVNULL
    if sys.platform == "win32":
        apart = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
        subprocess.Popen(
            command,
            cwd=sitting.folder,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            creationflags=apart,
        )
        return
    # It leaves a child of its own, which is nobody's any more, and ends.
    try:
        subprocess.run(
            command,
            cwd=sitting.folder,
            stdin=nothing,
            stdout=nothing,
            stderr=nothing,
            start_new_session=True,
            check=False,
            timeout=START_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise TimeoutError(f"Heartbeats do not start: {error}") from error


def main(folder: str, pid: str) -> None:
    """Beat until there is nothing left to do so for."""
    if hasattr(os, "fork") and os.fork():
        os._exit(0)  # whoever started this must neither wait for it nor find it among its children
    from pathlib import Path

    from claude_task_client.plugin import locking, sitting
    from claude_task_client.plugin.pulse import Pulse

    here = sitting.at(Path(folder), int(pid))
    # Between its last look and the end of the lock a new claim may have relied on this one.
    while (pulse := Pulse(here)).claims():
        with locking.attempt(here.beat_lock) as is_ours:
            if not is_ours:
                return
            pulse.run()


if __name__ == "__main__":
    main(*sys.argv[1:3])
