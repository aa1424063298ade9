"""What Claude Code starts at the beginning and at the ends of a session.

`python -P -m claude_task_client.plugin.hook NAME`, or `claude-task-client plugin hook NAME`; it
gets JSON on standard input. Whatever happens here, the session goes on: no hook waits for Athena
longer than `check` does, and an Athena that is away is no error. In a worker's sessions all of it
is silent.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

from claude_task_client import settings
from claude_task_client.errors import AthenaError
from claude_task_client.plugin import sitting
from claude_task_client.plugin.sitting import Sitting
from claude_task_client.settings import ClaudeSession

INPUT_BYTES_MAX: Final = 1_000_000

Input = Mapping[str, Any]


class Reply(NamedTuple):
    """What a hook says: JSON that Claude Code understands, or a text for the person at its end.

    Of a session's end it shows standard error alone, and only where the hook says that it failed.
    """

    said: Mapping[str, object] | None = None
    last_word: str = ""


def session_start(session: ClaudeSession, here: Sitting, _: Input) -> Reply:
    """Note the session, and say what waits: to the person in a line, to Claude with what to do."""
    from claude_task_client.plugin import beginning

    here.begin(session.id)
    sitting.sweep(here.folder)
    return Reply(beginning.say(session, here))


def stop(_: ClaudeSession, here: Sitting, told: Input) -> Reply:
    """Claude is about to stop: remind it once of each task that is open, and tell what was lost.

    Not where it stops only until something that it started in the background has ended.
    """
    from claude_task_client.plugin import reminding

    is_over = not told.get("stop_hook_active") and not told.get("background_tasks")
    return Reply(reminding.say(here) if is_over else None)


def session_end(_: ClaudeSession, here: Sitting, told: Input) -> Reply:
    """The session ends; where Claude Code ends with it, nobody renews its claims any more."""
    from claude_task_client.plugin import parting

    return Reply() if told.get("reason") in parting.GOES_ON else Reply(None, parting.say(here))


HOOKS: Final[Mapping[str, Callable[[ClaudeSession, Sitting, Input], Reply]]] = {
    "session-start": session_start,
    "stop": stop,
    "session-end": session_end,
}


def run(name: str, text: str) -> Reply:
    """What a hook has to say. Nothing where this is no session of Claude Code's, or a worker's."""
    session = settings.claude_session()
    if session is None or session.pid is None:
        return Reply()
    try:
        here = sitting.at(settings.state_folder(), session.pid)
        return HOOKS[name](session, here, _read(text))
    except (AthenaError, OSError):
        return Reply()


def _read(text: str) -> Input:
    try:
        told = json.loads(text)
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def main(name: str) -> int:
    """Run a hook; gives its exit code."""
    said, last_word = run(name, sys.stdin.buffer.read(INPUT_BYTES_MAX).decode(errors="replace"))
    if said is not None:
        sys.stdout.write(json.dumps(said) + "\n")  # ASCII: no encoding can fail
    if last_word:
        sys.stderr.write(f"\n{last_word}\n")  # after what Claude Code says of the hook
    return 1 if last_word else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
