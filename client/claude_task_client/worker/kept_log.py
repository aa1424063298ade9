"""The lines of a transcript on their way to Athena: on disk first, bounded, numbered.

They stand in segments `log-<attempt>-<first number>.jsonl` of the task's folder. A segment goes
once Athena has all of it; the last one stays, and tells the next number after a crash. Lines that
are sent twice are recognised by their number; only what was sent right before a crash, and after it
belongs to another attempt, may be there twice.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

# Together as much as Athena keeps of a task's transcript.
SEGMENT_BYTES_MAX: Final = 64 * 1024
SEGMENTS_MAX: Final = 64
# What goes in one request: see `recording`.
BATCH_LINES_MAX: Final = 200
BATCH_BYTES_MAX: Final = 128 * 1024

_NAME: Final = re.compile(r"log-(\d+)-(\d+)\.jsonl")

Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Batch:
    """Lines to be sent: the number of the first, and where in the segment they end."""

    attempt: int
    first: int
    lines: Sequence[Line]
    end: int


@dataclass(slots=True)
class _Segment:
    path: Path
    first: int
    size: int
    lines: int


class KeptLog:
    """The lines of one attempt."""

    def __init__(self, folder: Path, attempt: int) -> None:
        self._folder = folder
        self._attempt = attempt
        self.dropped = 0
        earlier = [path for path, number, _ in _segments(folder) if number != attempt]
        self._kept = [
            _look_at(path, first) for path, number, first in _segments(folder) if number == attempt
        ]
        self._sent_bytes = 0  # of the first segment
        if not self._kept:
            self._kept.append(self._begin(0))
        self._sent = self._kept[0].first
        self._descriptor = self._open()
        for path in earlier:
            self._take_over(path)

    @property
    def next(self) -> int:
        """The number of the line that comes next."""
        return self._kept[-1].first + self._kept[-1].lines

    @property
    def is_sent(self) -> bool:
        """Whether Athena has everything."""
        return self._sent == self.next

    def add(self, line: Line) -> None:
        """Keep a line. It survives a crash of this program. Raises: OSError (the disk is full)."""
        self._write(json.dumps(line).encode() + b"\n")

    def batch(self) -> Batch | None:
        """What is to be sent next; None where there is nothing."""
        if self.is_sent:
            return None
        segment = self._kept[0]
        with segment.path.open("rb") as file:
            file.seek(self._sent_bytes)
            content = file.read(BATCH_BYTES_MAX)
        whole = content.split(b"\n")[:-1][:BATCH_LINES_MAX]
        end = self._sent_bytes + sum(len(line) + 1 for line in whole)
        return Batch(self._attempt, self._sent, [_parsed(line) for line in whole], end)

    def sent(self, batch: Batch) -> None:
        """Athena has these."""
        if (batch.attempt, batch.first) != (self._attempt, self._sent):
            return  # dropped meanwhile, or moved
        self._sent += len(batch.lines)
        self._sent_bytes = batch.end
        if self.is_sent:
            self._rotate()  # an empty one stays: the next attempt has nothing to take over
        elif self._sent_bytes >= self._kept[0].size:
            self._drop_first()

    def move_to(self, attempt: int) -> None:
        """From now on the lines belong to another attempt, those unsent included."""
        rest = list(self._unsent())
        self.close()
        for segment in self._kept:
            segment.path.unlink(missing_ok=True)
        self._attempt = attempt
        self._kept = [self._begin(0)]
        self._sent = self._sent_bytes = 0
        self._descriptor = self._open()
        for line in rest:
            self._write(line)

    def close(self) -> None:
        """No more lines come."""
        os.close(self._descriptor)

    def _write(self, line: bytes) -> None:
        if self._kept[-1].size >= SEGMENT_BYTES_MAX:
            self._rotate()
        segment = self._kept[-1]
        if os.write(self._descriptor, line) != len(line):
            os.ftruncate(self._descriptor, segment.size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        segment.size += len(line)
        segment.lines += 1

    def _rotate(self) -> None:
        self._kept.append(self._begin(self.next))
        os.close(self._descriptor)
        self._descriptor = self._open()
        if self._sent_bytes >= self._kept[0].size:
            self._drop_first()
        if len(self._kept) > SEGMENTS_MAX:
            self.dropped += self._kept[1].first - self._sent
            self._drop_first()

    def _drop_first(self) -> None:
        self._kept.pop(0).path.unlink(missing_ok=True)
        self._sent, self._sent_bytes = self._kept[0].first, 0

    def _begin(self, first: int) -> _Segment:
        path = self._folder / f"log-{self._attempt}-{first}.jsonl"
        path.touch(mode=0o600)
        return _Segment(path, first, 0, 0)

    def _open(self) -> int:
        return os.open(self._kept[-1].path, os.O_WRONLY | os.O_APPEND)

    def _unsent(self) -> Iterator[bytes]:
        skipped = self._sent_bytes
        for segment in self._kept:
            content = segment.path.read_bytes()[skipped:]
            yield from content.splitlines(keepends=True)
            skipped = 0

    def _take_over(self, path: Path) -> None:
        """Lines of an attempt that Athena takes no more lines of."""
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                self._write(line)
        path.unlink(missing_ok=True)


def _parsed(line: bytes) -> Line:
    try:
        parsed = json.loads(line)
    except ValueError:  # a power failure may leave anything
        parsed = None
    return parsed if isinstance(parsed, dict) else {"kind": "error", "text": "(unreadable)"}


def _segments(folder: Path) -> list[tuple[Path, int, int]]:
    found = [
        (path, int(match[1]), int(match[2]))
        for path in folder.iterdir()
        if (match := _NAME.fullmatch(path.name))
    ]
    return sorted(found, key=lambda each: each[1:])


def _look_at(path: Path, first: int) -> _Segment:
    """The segment as a crash may have left it: without the torn line at its end."""
    content = path.read_bytes()
    size = content.rfind(b"\n") + 1
    if size != len(content):
        os.truncate(path, size)
    return _Segment(path, first, size, content.count(b"\n"))
