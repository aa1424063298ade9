"""A process that takes one task through its workspace, to be killed at any moment and begun again.

Run as `python -m tests.worker.workspace_worker ROOT TASK`. What it has done is noted after each
step, as the worker's journal is.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from claude_task_client.files import replace_file
from tests.worker.repositories import Project, write

STEPS = ["prepare", "work", "judge", "commit", "push", "remove"]


async def run(root: Path, task_id: int) -> None:
    """Go on from where it stands to the end."""
    project, journal = Project(root), root / f"journal-{task_id}.json"
    done: dict[str, Any] = json.loads(journal.read_text()) if journal.exists() else {}
    for step in STEPS[len(done) :]:
        workspace = project.workspace(task_id, push=True)
        match step:
            case "prepare":
                done[step] = str((await workspace.prepare()).folder)
            case "work":
                write(Path(done["prepare"]), {f"{n}/{task_id}.py": "x\n" * n for n in range(40)})
                done[step] = True
            case "judge":
                done[step] = await workspace.snapshot()
            case "commit":
                done[step] = await workspace.commit("Do it", "", tree=done["judge"])
            case "push":
                await workspace.push()
                done[step] = True
            case _:
                await workspace.remove()
                done[step] = True
        replace_file(journal, json.dumps(done))


if __name__ == "__main__":
    print("begun", flush=True)
    asyncio.run(run(Path(sys.argv[1]), int(sys.argv[2])))
