"""A usage limit that was reached: until its end nothing is claimed that needs the same account."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from claude_task_client.files import replace_file
from claude_task_client.wire import time_text


class Holdback:
    """The end of the limit, kept on disk: a worker that starts again does not ask in vain."""

    def __init__(self, file: Path, *, now: Callable[[], datetime]) -> None:
        self._file = file
        self._now = now
        self._until = _read(file)

    @property
    def until(self) -> datetime | None:
        """When the account can be used again; None: now."""
        if self._until is not None and self._until <= self._now():
            self._until = None
        return self._until

    def note(self, until: datetime) -> None:
        """Nothing goes before this time."""
        if self.until is None or until > self.until:
            self._until = until
            replace_file(self._file, json.dumps({"claude": {"until": time_text(until)}}) + "\n")


def _read(file: Path) -> datetime | None:
    try:
        until = datetime.fromisoformat(
            json.loads(file.read_text(encoding="utf-8"))["claude"]["until"]
        )
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return None if until.tzinfo is None else until
