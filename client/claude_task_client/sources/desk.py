"""What the parts of one source's watcher share: its folder, Athena, and who is told what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from claude_task_client import AsyncAthena
from claude_task_client.calls import caller_of
from claude_task_client.sources import mounts, scanning
from claude_task_client.sources.disk_thread import DiskThread
from claude_task_client.sources.layout import Layout, SourceAway
from claude_task_client.sources.records import Record, Records
from claude_task_client.sources.registry import Source
from claude_task_client.sources.scanning import Snapshot
from claude_task_client.sources.submitting import Submitter

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """How long things take that have no event, in seconds.

    - `rescan`: looking into the folder, whatever events came or were lost; `review`: the same at
      Athena
    - `wrong`: how long a document must have been still before it is found wrong
    - `gone`: how long it must be missing before it counts as deleted
    - `takeover`: after so long, another instance's submission without an answer is this one's
    - `after`: how long a document waits for one that it names, and that is not there
    - `busy`: after so long, a lock that another watcher holds is taken for one that was left behind
    """

    rescan: float = 60.0
    review: float = 60.0
    still: float = scanning.STILL_SECONDS
    wrong: float = 5.0
    gone: float = 10.0
    takeover: float = 180.0
    after: float = 60.0
    busy: float = 30.0
    retry: float = 1.0
    retry_max: float = 30.0


class Desk:
    """One source, as one watcher sees it."""

    def __init__(
        self,
        source: Source,
        athena: AsyncAthena,
        *,
        tell: Callable[[str], None],
        timing: Timing,
        pid: int | None,
        sources: Sequence[Source],
        polls: bool = False,
    ) -> None:
        self.source = source
        self.athena = athena
        self.timing = timing
        self.pid = pid
        self.sources = sources
        self.layout = Layout(source.path)
        self.records = Records(self.layout)
        self.submitter: Submitter | None = None
        self.by_task: dict[int, Record] = {}
        self.is_polled = polls
        self._polls = polls
        self._has_mount = False
        self._pending: tuple[int, int] | None = None
        self._tell = tell
        # One thread: what a source does happens in order, and a mount that hangs holds up no other.
        self._thread = DiskThread(f"source-{source.id}")

    async def disk(self, act: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
        """Do something that may wait for a disk."""
        return await self._thread.do(lambda: act(*arguments, **named))

    async def scan(self) -> Snapshot:
        """Look at the folder. Raises: SourceAway, OSError."""
        snapshot = await self.disk(scanning.scan, self.layout, self.records)
        if self._has_mount and not snapshot.is_mount:
            raise SourceAway(f"{self.layout.pending} was a mount of its own, which is away.")
        self._has_mount = snapshot.is_mount
        if snapshot.pending != self._pending:
            # Also after a start: a network mount may come later than its watcher.
            self.is_polled = self._polls or await self.disk(
                mounts.needs_polling, self.layout.pending
            )
            self._pending = snapshot.pending
        self.submitter = Submitter(source=self.source, mark=snapshot.mark)
        self.by_task = {
            record.task_id: record
            for record in snapshot.records.values()
            if record.task_id is not None
        }
        return snapshot

    @property
    def known(self) -> Submitter:
        """Whose documents these are, once the folder was seen."""
        if self.submitter is None:
            raise ValueError("the source was not looked at yet")
        return self.submitter

    @property
    def by(self) -> str:
        """Whose submissions these are: of another's, Athena does not know the names."""
        return caller_of(self.athena, self.known.mark.uuid)

    def say(self, text: str) -> None:
        """Tell people what happened."""
        self._tell(f"{self.source.id}: {text}")

    def close(self) -> None:
        """Begin nothing more on the disk; what hangs there is not waited for."""
        self._thread.close()
