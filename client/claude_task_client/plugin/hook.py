"""What Claude Code starts at the beginning and at the ends of a session.

`python -P -m claude_task_client.plugin.hook NAME`, or `claude-task-client plugin hook NAME`; it
gets JSON on standard input. Whatever happens here, the session goes on: no hook waits for Athena
longer than `check` does, and an Athena that is away is no error. In a worker's sessions all of it
is silent.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from claude_task_client import settings
from claude_task_client.errors import AthenaError
from claude_task_client.plugin import sitting
from claude_task_client.plugin.sitting import Sitting
from claude_task_client.settings import ClaudeSession

INPUT_CHARACTERS_MAX: Final = 1_000_000

Input = Mapping[str, Any]
Said = Mapping[str, object] | None


def session_start(session: ClaudeSession, here: Sitting, _: Input) -> Said:
    """Note the session, and say what waits: to the person in a line, to Claude with what to do."""
    from claude_task_client.plugin import beginning

    here.begin(session.id)
    sitting.sweep(here.folder)
    return beginning.say(session, here)


def stop(_: ClaudeSession, here: Sitting, told: Input) -> Said:
    """Claude is about to stop: remind it once of each task that is open, and tell what was lost."""
    from claude_task_client.plugin import reminding

    return None if told.get("stop_hook_active") else reminding.say(here)


def session_end(_: ClaudeSession, here: Sitting, told: Input) -> Said:
    """The session ends; where Claude Code ends with it, nobody renews its claims any more."""
    from claude_task_client.plugin import parting

    return None if told.get("reason") in parting.GOES_ON else parting.say(here)


HOOKS: Final[Mapping[str, Callable[[ClaudeSession, Sitting, Input], Said]]] = {
    "session-start": session_start,
    "stop": stop,
    "session-end": session_end,
}


def run(name: str, text: str) -> str:
    """What a hook says to Claude Code, as JSON; empty where it says nothing."""
    session = settings.claude_session()
    if session is None or session.pid is None:
        return ""
    try:
        said = HOOKS[name](session, Sitting(settings.state_folder(), session.pid), _read(text))
    except (AthenaError, OSError):
        return ""
    return "" if said is None else json.dumps(said)


def _read(text: str) -> Input:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def main(arguments: Sequence[str]) -> None:
    """Run the hook that is named."""
    said = run(arguments[0], sys.stdin.buffer.read(INPUT_CHARACTERS_MAX).decode(errors="replace"))
    if said:
        sys.stdout.write(said + "\n")  # JSON here is ASCII: no encoding can fail


if __name__ == "__main__":
    main(sys.argv[1:])
