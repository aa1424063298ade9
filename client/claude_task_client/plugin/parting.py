"""What the person is told when Claude Code ends with a task open. The claim is kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from claude_task_client.plugin.sitting import Sitting

# Reasons for which a session ends while its process goes on with another.
GOES_ON: Final = frozenset({"clear", "resume"})


def say(here: Sitting) -> Mapping[str, object] | None:
    """A last word on what is open; from now on nobody renews it."""
    claims = here.claims()
    here.end()
    if not claims:
        return None
    lines = [
        f"Athena: #{claim.task_id} is still claimed by this session, and is kept until its lease"
        f" runs out. Done: claude-task-client complete {claim.task_id}; to give it back:"
        f" claude-task-client release {claim.task_id}"
        for claim in claims
    ]
    return {"systemMessage": "\n".join(lines)}
