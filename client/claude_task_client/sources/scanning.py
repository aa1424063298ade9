"""What lies in `pending/` at a moment, and which of it is complete.

Whoever can should write into `staging/` and rename. For all others, a file counts as complete once
its size and time have been still for a moment.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from claude_task_client.sources.documents import SUFFIX
from claude_task_client.sources.layout import Layout, Mark
from claude_task_client.sources.records import Record, Records

STILL_SECONDS: Final = 1.0
# Documents of later names wait for one that is still being written, but not for ever.
HOLDS_UP_SECONDS: Final = 15.0

Signature = tuple[int, int, int]


class Entry(NamedTuple):
    """A file of `pending/` that may be a document."""

    name: str
    is_file: bool
    signature: Signature
    was_renamed: bool

    @property
    def stem(self) -> str:
        """The name without `.md`, as it is spelt on this disk."""
        return self.name.removesuffix(SUFFIX)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A source as it is found: entries in the order of their names, and the open records.

    `fresh`: names that came while it was looked at; whatever sorts behind one is to wait for it.
    `is_mount`: `pending/` lies on another disk than the rest of the source.
    """

    mark: Mark
    entries: Sequence[Entry]
    fresh: Collection[str]
    records: Mapping[str, Record]
    pending: tuple[int, int]
    is_mount: bool


def scan(layout: Layout, records: Records) -> Snapshot:
    """Look at a source. Raises: SourceAway, OSError."""
    mark = layout.mark()
    status = layout.pending.lstat()
    # A name that comes during a listing may be missed by it, and one that came still later may be
    # in it. What is in the first listing came after nothing that is missing in the second.
    before = set(os.listdir(layout.pending))  # noqa: PTH208  names alone, and fast
    entries = _entries(layout)
    # After the documents: what another watcher has taken in between shows up as its record.
    found = records.all_open()
    # A mount may have gone in between, and an empty folder must not look like deleted documents.
    layout.mark()
    return Snapshot(
        mark=mark,
        entries=entries,
        fresh=frozenset(entry.name for entry in entries if entry.name not in before),
        records=found,
        pending=(status.st_dev, status.st_ino),
        is_mount=status.st_dev != layout.root.stat().st_dev,
    )


def _entries(layout: Layout) -> Sequence[Entry]:
    found = []
    with os.scandir(layout.pending) as entries:
        for entry in entries:
            if entry.name.startswith(".") or not entry.name.endswith(SUFFIX):
                continue
            try:
                status = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            found.append(_entry(entry.name, status))
    return sorted(found)


def _entry(name: str, status: os.stat_result) -> Entry:
    return Entry(
        name,
        stat.S_ISREG(status.st_mode),
        (status.st_ino, status.st_size, status.st_mtime_ns),
        # Writing sets both; a later change of the entry alone is a rename, or the finish of a copy.
        status.st_ctime_ns > status.st_mtime_ns,
    )


class Stillness:
    """Which files have been as they are for long enough. Its clock runs on this machine alone."""

    def __init__(self, clock: Callable[[], float], *, trusts_times: Callable[[], bool]) -> None:
        self._clock = clock
        self._trusts_times = trusts_times
        self._since: dict[str, tuple[Signature, float, float]] = {}

    def look(self, entries: Sequence[Entry]) -> None:
        """Take note of how the files are now."""
        now = self._clock()
        noted = {}
        for each in entries:
            signature, since, first = self._since.get(each.name, (None, now, now))
            since = since if signature == each.signature else now
            noted[each.name] = (each.signature, since, first)
        self._since = noted

    def seconds_left(self, entry: Entry, *, seconds: float = STILL_SECONDS) -> float:
        """How long until it counts as complete; 0: it is."""
        if not entry.is_file or (entry.was_renamed and self._trusts_times()):
            return 0.0
        return self.seconds_until_still(entry, seconds)

    def seconds_until_still(self, entry: Entry, seconds: float) -> float:
        """How long until it has been as it is for so long; 0: it has."""
        _, since, _ = self._since[entry.name]
        return max(0.0, since + seconds - self._clock())

    def holds_up(self, entry: Entry) -> bool:
        """Whether those of later names should wait for it."""
        _, _, first = self._since[entry.name]
        return self._clock() - first < HOLDS_UP_SECONDS
