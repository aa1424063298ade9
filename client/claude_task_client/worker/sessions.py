"""The Claude conversations on this machine: none is ever resumed twice at once.

Two runs that resume one conversation both succeed, and one branch of it is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from weakref import WeakValueDictionary

POLL_SECONDS: Final = 0.2


class HeldSessions:
    """Locks by session id: within this worker, and by files in `folder` for all of the account."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def hold(self, session_id: str) -> AsyncIterator[None]:
        """Keep others out of the conversation for the length of the block; waits its turn."""
        lock = self._locks.get(session_id) or asyncio.Lock()
        self._locks[session_id] = lock
        async with lock:
            # The id may be any text that somebody has submitted.
            name = hashlib.sha256(session_id.encode(errors="replace")).hexdigest()[:32]
            with contextlib.ExitStack() as held:
                while not _take(self._folder / name, held):  # noqa: ASYNC110  another process has it
                    await asyncio.sleep(POLL_SECONDS)
                yield


def _take(path: Path, held: contextlib.ExitStack) -> bool:
    """Lock the file until `held` ends, which removes it; false where another process has it.

    Where nothing can be locked, those of other processes are not kept out.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError:
        return True
    with contextlib.ExitStack() as opened:
        opened.callback(os.close, descriptor)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if not os.path.samestat(os.fstat(descriptor), path.stat()):
                return False  # of one whose holder has just removed it
        except (BlockingIOError, FileNotFoundError):
            return False
        except OSError:
            return True
        opened.callback(path.unlink, missing_ok=True)
        held.push(opened.pop_all())
        return True
