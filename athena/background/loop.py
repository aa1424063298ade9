"""Runs a duty again and again, whatever happens to it."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final, Protocol

import structlog

from athena.model.errors import Unavailable

_log: Final = structlog.get_logger(__name__)
# A failing duty is tried again soon, but does not fill the log.
_AFTER_A_FAILURE: Final = timedelta(seconds=5)


class Duty(Protocol):
    """Something that is to be done from time to time; one run can be called by a test."""

    @property
    def name(self) -> str:
        """What the log calls it."""

    @property
    def every(self) -> timedelta:
        """The pause between two runs."""

    async def run_once(self) -> None:
        """Do it."""


async def run_forever(duty: Duty) -> None:
    """Do the duty until cancelled; a failure is logged, and the next run comes all the same."""
    this, waits = asyncio.current_task(), False
    while True:
        pause = duty.every
        try:
            await duty.run_once()
            waits = False
        except Unavailable as error:
            if not waits:
                _log.warning("duty waits", duty=duty.name, reason=error.detail)
            waits = True
            pause = max(pause, _AFTER_A_FAILURE)
        except asyncio.CancelledError:
            # Nobody meant us: a library has leaked one of its own.
            if this is None or this.cancelling():
                raise
            _log.warning("duty was cut off", duty=duty.name)
            pause = max(pause, _AFTER_A_FAILURE)
        except Exception:  # noqa: BLE001  (the loop must live on; the log has the traceback)
            _log.exception("duty failed", duty=duty.name)
            pause = max(pause, _AFTER_A_FAILURE)
        # A library may swallow a cancellation, over a connection that hangs; it was meant to count.
        if this is not None and this.cancelling():
            return
        await asyncio.sleep(pause.total_seconds())
