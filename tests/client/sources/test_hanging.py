"""A mount whose server is dead answers nothing: what waits for it keeps nobody from ending."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
DEADLINE_SECONDS = 60.0
# Each look at the folder waits for ever, as on a dead mount.
PROGRAM = """
import asyncio, sys, threading
from pathlib import Path

from claude_task_client import AsyncAthena
from claude_task_client.sources import layout, presence, scanning, watching
from claude_task_client.sources.registry import Source

def hang(*_):
    hung.set()
    threading.Event().wait()

async def main():
    async with AsyncAthena("http://127.0.0.1:1", "no key", instance="pi") as athena:
        async with presence.announced([source], kind="worker"):
            watching_it = asyncio.create_task(
                watching.watch([source], athena, poll=False, once=False, tell=print)
            )
            while not hung.is_set():
                await asyncio.sleep(0.01)
            watching_it.cancel()
            await asyncio.wait({watching_it})

hung = threading.Event()
source = Source(id="inbox", path=Path(sys.argv[1]))
layout.prepare(source)
scanning.scan = presence._write = presence._file = hang
asyncio.run(main())
print("ended")
"""


def test_a_mount_that_hangs_keeps_no_watcher_from_ending(tmp_path):
    """Neither the loop, which a worker needs to hand back, nor the process waits for it."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path)],
        cwd=ROOT / "client",
        capture_output=True,
        text=True,
        timeout=DEADLINE_SECONDS,
        check=False,
    )

    assert (ended.returncode, ended.stdout) == (0, "ended\n"), ended.stderr
