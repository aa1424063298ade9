"""What the workers of this account have in hand, for whoever goes by the same instance's name."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

from claude_task_client.state import Holder

# Read by `check` at the start of every session: nothing else of the worker is imported for it.
STATES = "worker*/status.json"


def tasks_in_hand(folder: Path, holder: Holder) -> set[int]:
    """The tasks of this holder that a worker with its state below this folder is at.

    What one that was killed had said counts as well: it goes on with that when it starts again.
    """
    found: set[int] = set()
    for file in folder.glob(STATES):
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            told = json.loads(file.read_text(encoding="utf-8"))
            if Holder(url=told["url"], instance=told["instance"]) == holder:
                found |= {int(task["task_id"]) for task in told["tasks"]}
    return found
