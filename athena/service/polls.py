"""Long polling for work: try, wait to be woken, try again."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta

from athena.model.event import Actor
from athena.model.instance import Asker
from athena.model.task import Task
from athena.service.claims import Claims, Finish
from athena.service.once import Once
from athena.service.waking import Poller, Wake, Waking


class Polls:
    """Claims that wait."""

    def __init__(self, claims: Claims, waking: Waking) -> None:
        self._claims = claims
        self._waking = waking

    def close(self) -> None:
        """End all waiting; who waits gets nothing any more."""
        self._waking.close()

    async def claim(
        self,
        asker: Asker,
        *,
        lease: timedelta | None,
        wait: timedelta,
        by: Actor,
        is_gone: Callable[[], bool],
        finish: Finish | None = None,
        once: Once | None = None,
    ) -> Task | None:
        """The best task that fits, waiting for one; None when the time is over.

        `finish` is carried out at once, before any waiting. A client that has gone takes
        nothing: what was claimed for it is given back.

        Raises: what `Claims.attempt` raises.
        """
        if wait:
            deadline = asyncio.get_running_loop().time() + wait.total_seconds()
            task = await self._poll(
                asker,
                lease=lease,
                by=by,
                deadline=deadline,
                is_gone=is_gone,
                finish=finish,
                once=once,
            )
        else:
            # Who does not wait need not be woken: what others leave goes to those who do.
            task = await self._claims.claim_next(
                asker, lease=lease, by=by, finish=finish, once=once
            )
        if task is not None and is_gone():
            await self._claims.undo(task, once=once)
            return None
        return task

    async def _poll(
        self,
        asker: Asker,
        *,
        lease: timedelta | None,
        by: Actor,
        deadline: float,
        is_gone: Callable[[], bool],
        finish: Finish | None,
        once: Once | None,
    ) -> Task | None:
        def is_over() -> bool:
            return self._waking.stopping or is_gone()

        with self._waking.registered() as poller:
            task = await self._try(poller, asker, lease=lease, by=by, finish=finish, once=once)
            while task is None and await poller.wait(deadline=deadline, is_gone=is_over):
                task = await self._try(poller, asker, lease=lease, by=by, once=once)
        return task

    async def _try(
        self,
        poller: Poller,
        asker: Asker,
        *,
        lease: timedelta | None,
        by: Actor,
        finish: Finish | None = None,
        once: Once | None = None,
    ) -> Task | None:
        wakes = poller.take_wakes()
        try:
            attempt = await self._claims.attempt(
                asker,
                lease=lease,
                by=by,
                finish=finish,
                once=once,
                offers=tuple(wake.offer for wake in wakes),
            )
        except BaseException:
            self._waking.pass_on(poller, wakes)
            raise
        poller.claimer = attempt.claimer
        self._waking.pass_on(poller, _of(wakes, attempt.left))
        return attempt.task


def _of(wakes: tuple[Wake, ...], left: tuple[object, ...]) -> tuple[Wake, ...]:
    return tuple(wake for wake in wakes if wake.offer in left)
