"""The live view before a real Athena, as somebody who looks at it and presses keys."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import pytest
from rich.segment import Segment
from textual.pilot import Pilot

from claude_task_client import Athena
from claude_task_client.view.app import View
from claude_task_client.view.looking import Options
from claude_task_client.wire import Task
from tests.running import RunningServer

SECONDS_MAX = 10.0
EVIL = "[bold]no markup[/bold] \x1b[2J\x1b]0;title\x07 \u202eturned [link=x]"


@dataclass
class Looker:
    """What is on the screen, and what is done at the keys."""

    app: View
    pilot: Pilot[None]

    def segments(self) -> list[Segment]:
        """What is on the screen, with its styles."""
        strips = self.app.screen._compositor.render_strips()
        return [segment for strip in strips for segment in strip]

    def lines(self) -> list[str]:
        """What is on the screen."""
        strips = self.app.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]

    def text(self) -> str:
        return "\n".join(line.rstrip() for line in self.lines())

    def line(self, *words: str) -> str:
        """The first line with these words."""
        return next(line for line in self.lines() if all(word in line for word in words))

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for what is to be seen."""
        deadline = time.monotonic() + SECONDS_MAX
        while not condition():
            assert time.monotonic() < deadline, f"it did not come about:\n{self.text()}"
            await asyncio.sleep(0.02)
            await self.pilot.pause()

    async def sees(self, *words: str) -> None:
        """Wait until all of this is on the screen, in whatever order."""
        await self.until(lambda: all(word in self.text() for word in words))

    async def misses(self, words: str) -> None:
        """Wait until this is no longer on the screen."""
        await self.until(lambda: words not in self.text())

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)

    async def goes_to(self, panel: str) -> None:
        """Put the cursor into a list that has rows."""
        await self.until(lambda: self.app.query_one(f"#{panel}").can_focus)
        self.app.query_one(f"#{panel}").focus()
        await self.pilot.pause()


Look = Callable[..., AbstractAsyncContextManager[Looker]]


@pytest.fixture
def look(athena: RunningServer) -> Look:
    """Opens the view: on Athena's own key, on a screen of a usual size, unless told otherwise."""

    @asynccontextmanager
    async def open_view(
        size: tuple[int, int] = (110, 40),
        *,
        at: RunningServer | None = None,
        key: str | None = None,
        options: Options | None = None,
    ) -> AsyncIterator[Looker]:
        server = at or athena
        app = View(server.url, key or server.key, options)
        async with app.run_test(size=size, notifications=True) as pilot:
            yield Looker(app, pilot)

    return open_view


def instance_of(server: RunningServer, name: str) -> Athena:
    """An instance that works for this Athena."""
    return Athena(server.url, server.key, instance=name)


@pytest.fixture
def pi(athena: RunningServer) -> Iterator[Athena]:
    """An instance."""
    with instance_of(athena, "pi") as pi:
        yield pi


@pytest.fixture
def person(athena: RunningServer) -> Iterator[Athena]:
    """Somebody who looks and answers elsewhere."""
    with instance_of(athena, "elsewhere") as person:
        yield person


def key_of(server: RunningServer, *scopes: str) -> tuple[int, str]:
    """A key with these scopes alone: its number and its secret."""
    made = server.ask("POST", "/api/keys", {"name": "viewer", "scopes": [*scopes]}).body
    return made["id"], made["secret"]


def claimed(instance: Athena) -> Task:
    """The next task, which the instance has in hand now."""
    task = instance.claim_next()
    assert task is not None
    return task
