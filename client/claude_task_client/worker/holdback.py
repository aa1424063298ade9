"""A usage limit that was reached: until its end nothing is claimed that needs the same account.

Its end stands in a file of the account, which all workers of this user share: one that reaches the
limit keeps the others from finding it out by a task each.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final

from claude_task_client import settings
from claude_task_client.files import lock, replace_file
from claude_task_client.wire import time_text
from claude_task_client.worker.claude_health import CREDENTIALS
from claude_task_client.worker.environment import claude_environment

FOLDER: Final = "limits"
_DIGEST_CHARACTERS: Final = 16
_CONFIG_FOLDER: Final = "CLAUDE_CONFIG_DIR"

log = logging.getLogger(__name__)


class Holdback:
    """The end of the limit, kept on disk: a worker that starts again does not ask in vain.

    Removing the file lifts the limit.
    """

    def __init__(self, file: Path, *, now: Callable[[], datetime]) -> None:
        self._file = file
        self._now = now
        self._until: datetime | None = None
        self._seen: tuple[int, int] | None = None

    @property
    def until(self) -> datetime | None:
        """When the account can be used again; None: now."""
        self._look()
        if self._until is not None and self._until <= self._now():
            self._until = None
        return self._until

    def note(self, until: datetime) -> None:
        """Nothing goes before this time. Raises: BadSettings where only this worker can know."""
        if self.until is not None and until <= self.until:
            return
        self._until = until
        with lock(self._file):
            told = _read(self._file)
            if told is None or until > told:
                content = {"claude": {"until": time_text(until)}}
                replace_file(self._file, json.dumps(content) + "\n")

    def _look(self) -> None:
        """See what the file says, if it is another one than before."""
        found = _identity(self._file)
        if found == self._seen:
            return
        self._seen = found
        before, self._until = self._until, _read(self._file)
        if self._until not in {None, before}:
            log.info("The account's usage limit holds until %s.", self._until)


def shared_file(environment: Mapping[str, str], names: Sequence[str]) -> Path:
    """Where the limit of the account stands that `claude` would use.

    `environment` is the worker's own, of which `names` are passed on. The account is known by a
    digest: no credential can be read from it.
    """
    told = claude_environment(environment, names)
    if CREDENTIALS & told.keys():
        told.pop(_CONFIG_FOLDER, None)  # what is signed in there is not used
    else:
        home = Path(environment.get("HOME") or Path.home())
        told.setdefault(_CONFIG_FOLDER, str(home / ".claude"))
    account = json.dumps(told, sort_keys=True).encode()
    digest = hashlib.sha256(account).hexdigest()[:_DIGEST_CHARACTERS]
    return settings.state_folder() / FOLDER / f"{digest}.json"


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns


def _read(file: Path) -> datetime | None:
    try:
        until = datetime.fromisoformat(
            json.loads(file.read_text(encoding="utf-8"))["claude"]["until"]
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return None if until.tzinfo is None else until
