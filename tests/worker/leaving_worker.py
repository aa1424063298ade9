"""A process that leaves the owner's folder and comes back for ever, to be killed at any moment.

Run as `python -m tests.worker.leaving_worker ROOT`.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from tests.worker.repositories import Project


async def run(root: Path) -> None:
    """Leave and come back."""
    workspace = Project(root).in_place()
    while True:
        await workspace.prepare()
        await workspace.set_aside()


if __name__ == "__main__":
    print("begun", flush=True)
    asyncio.run(run(Path(sys.argv[1])))
