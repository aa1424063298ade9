"""What the person is told when Claude Code ends with a task open. The claim is kept."""

from __future__ import annotations

from typing import Final

from claude_task_client.plugin.sitting import Sitting
from claude_task_client.settings import APP

# Reasons for which a session ends while its process goes on with another.
GOES_ON: Final = frozenset({"clear", "resume"})


def say(here: Sitting) -> str:
    """A last word on what is open, empty where nothing is; from now on nobody renews it."""
    claims = here.claims()
    here.end()
    return "\n".join(
        f"Athena: #{claim.task_id} is still claimed by this session, until its lease runs out."
        f" If it is done: {APP} complete {claim.task_id}; to give it back: {APP} release"
        f" {claim.task_id}"
        for claim in claims
    )
