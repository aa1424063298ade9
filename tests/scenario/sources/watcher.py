"""A watcher as a process of its own, to be killed: URL KEY INSTANCE POLL ID=PATH…"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from claude_task_client import AsyncAthena
from claude_task_client.sources.desk import Timing
from claude_task_client.sources.registry import Source
from claude_task_client.sources.watching import watch


async def main(url: str, key: str, instance: str, poll: str, *named: str) -> None:
    pairs = [each.partition("=") for each in named]
    sources = [Source(id=name, path=Path(path)) for name, _, path in pairs]
    async with AsyncAthena(url, key, instance=instance) as athena:
        # What is lost with a kill is found by the next review: here it must not take a minute.
        timing = Timing(rescan=5.0, review=5.0)
        await watch(
            sources,
            athena,
            poll=poll == "poll",
            once=False,
            tell=lambda text: print(text, flush=True),
            timing=timing,
        )


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
