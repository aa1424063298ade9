"""The end of a project's logs, and what is added to it."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO, Final

from claude_task_client.worker.project_logs import parts_of

POLL_SECONDS: Final = 0.2


def last_lines(path: Path, count: int, *, end: int | None = None) -> Sequence[str]:
    """The last lines of a log, from as many of its parts as that takes.

    `end`: how much there is of the part that is being written; None: all that is there now.
    """
    found: deque[str] = deque()
    for part in reversed(parts_of(path)):
        content = part.read_bytes()[: end if part == path else None]
        lines = content.decode("utf-8", "replace").removesuffix("\n").split("\n")
        wanted = min(len(lines), count - len(found)) if content else 0
        found.extendleft(reversed(lines[len(lines) - wanted :]))
        if len(found) >= count:
            break
    return list(found)


class Follower:
    """What is added to a log after this was made, through its being turned over.

    `start`: how long the log was then.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rest = b""
        self._file = self._opened()
        self.start = 0 if self._file is None else self._file.seek(0, os.SEEK_END)

    def new_lines(self) -> Sequence[str]:
        """The whole lines that were added since this was last asked."""
        found = self._read()
        if self._is_turned_over():
            found += self._read()  # what came between the two looks
            self.close()
            self._file = self._opened()
            found += self._read()
        return found

    def close(self) -> None:
        """Let go of the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _read(self) -> list[str]:
        if self._file is None:
            return []
        *lines, self._rest = (self._rest + self._file.read()).split(b"\n")
        return [line.decode("utf-8", "replace") for line in lines]

    def _is_turned_over(self) -> bool:
        try:
            there = self._path.stat()
        except FileNotFoundError:
            return False
        if self._file is None:
            return True
        mine = os.fstat(self._file.fileno())
        return (there.st_ino, there.st_dev) != (mine.st_ino, mine.st_dev)

    def _opened(self) -> BinaryIO | None:
        try:
            return self._path.open("rb")
        except FileNotFoundError:
            return None


def follow(
    followers: Mapping[Path, Follower], *, pause: Callable[[float], None] = time.sleep
) -> Iterator[tuple[Path, str]]:
    """The lines that are added to any of these logs, without end."""
    while True:
        for path, follower in followers.items():
            for line in follower.new_lines():
                yield path, line
        pause(POLL_SECONDS)
