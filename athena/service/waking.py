"""Wakes the right poller when a task becomes claimable: one for each task, and none is forgotten.

A poller registers before its first try, and tries again if it was woken meanwhile. A wake whose
poller took another task, found nothing, or turned out dead, is passed on to the next that fits.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from athena.model.instance import Claimer
from athena.store.base import Committed, Offer, Store

_WAKES_MAX: Final = 100
# How soon a waiting poller notices that its client has gone.
_LOOK_UP_SECONDS: Final = 1.0


@dataclass(slots=True, eq=False)
class Wake:
    """An offer on its way through the pollers; `tried` keeps it from going round for ever."""

    offer: Offer
    tried: set[Poller] = field(default_factory=set)


@dataclass(slots=True, eq=False)
class Poller:
    """One request that waits for work. While its claimer is unknown, anything may fit it."""

    claimer: Claimer | None = None
    wakes: list[Wake] = field(default_factory=list)
    woken: asyncio.Event = field(default_factory=asyncio.Event)

    def may_take(self, offer: Offer) -> bool:
        """Whether the offered task would fit."""
        if self.claimer is None:
            return True
        return (offer.offered_to or "") in self.claimer.offers and self.claimer.serves(
            offer.project
        )

    def take_wakes(self) -> tuple[Wake, ...]:
        """What woke it since the last time; from here on it can be woken anew."""
        wakes, self.wakes = tuple(self.wakes), []
        self.woken.clear()
        return wakes

    async def wait(self, *, deadline: float, is_gone: Callable[[], bool]) -> bool:
        """Wait to be woken; False when the time is over or nobody listens any more."""
        loop = asyncio.get_running_loop()
        while not self.woken.is_set():
            remaining = deadline - loop.time()
            if remaining <= 0 or is_gone():
                return False
            try:
                async with asyncio.timeout(min(remaining, _LOOK_UP_SECONDS)):
                    await self.woken.wait()
            except TimeoutError:
                continue
        return not is_gone()


class Waking:
    """All pollers, in the order of their coming."""

    def __init__(self, store: Store) -> None:
        self._pollers: dict[Poller, None] = {}
        self._stopping = False
        store.on_commit(self._on_commit)

    @property
    def stopping(self) -> bool:
        """Whether the server is about to stop: polls end without a task."""
        return self._stopping

    def close(self) -> None:
        """Let every poller go."""
        self._stopping = True
        self._wake_all()

    @contextmanager
    def registered(self) -> Iterator[Poller]:
        """A poller for the length of the block; what it leaves undone goes to the others."""
        poller = Poller()
        self._pollers[poller] = None
        try:
            yield poller
        finally:
            del self._pollers[poller]
            self.pass_on(poller, poller.take_wakes())

    def pass_on(self, poller: Poller, wakes: tuple[Wake, ...]) -> None:
        """Have others look at what this poller did not take."""
        for wake in wakes:
            wake.tried.add(poller)
            self._wake_one(wake)

    def _on_commit(self, committed: Committed) -> None:
        for offer in committed.ready:
            self._wake_one(Wake(offer))
        if committed.wake_all:
            self._wake_all()

    def _wake_one(self, wake: Wake) -> None:
        busy: Poller | None = None
        for poller in self._pollers:
            if poller in wake.tried or not poller.may_take(wake.offer):
                continue
            if not poller.woken.is_set():
                self._give(poller, wake)
                return
            busy = busy or poller
        if busy is not None:
            self._give(busy, wake)

    def _give(self, poller: Poller, wake: Wake) -> None:
        # Beyond the bound nothing is lost: the woken poller leaves more than it can take, and
        # whoever comes next tries before it waits.
        if len(poller.wakes) < _WAKES_MAX:
            poller.wakes.append(wake)
        poller.woken.set()

    def _wake_all(self) -> None:
        for poller in self._pollers:
            poller.woken.set()
