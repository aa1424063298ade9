"""Sources at a real Athena."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.client.sources.folders import Watched
from tests.running import RunningServer


@pytest.fixture
async def watch_folder(
    athena: RunningServer, tmp_path: Path
) -> AsyncIterator[Callable[..., Watched]]:
    """Makes sources with a watcher each."""
    made: list[Watched] = []

    def make(name: str = "inbox", **options: Any) -> Watched:
        made.append(Watched(tmp_path / name, options.pop("server", athena), **options))
        return made[-1]

    yield make
    for each in made:
        await each.close()


@pytest.fixture
async def inbox(watch_folder: Callable[..., Watched]) -> Watched:
    """One source with a watcher."""
    return watch_folder()
