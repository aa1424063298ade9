"""When to look again, and who was told what: the memory of one watcher, which a kill may take."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from claude_task_client.sources.desk import Desk
from claude_task_client.sources.scanning import Entry, Stillness

TOLD_MAX: Final = 10_000


class Pace:
    """Spans are measured here, by this machine's steady clock: those of others may differ."""

    def __init__(self, desk: Desk, clock: Callable[[], float]) -> None:
        self._desk = desk
        self._clock = clock
        self._since: dict[tuple[str, str], float] = {}
        self._told: set[str] = set()
        # What a mount says of times is its server's affair; of our own disk's we know how they go.
        self.still = Stillness(clock, trusts_times=lambda: not desk.is_polled)
        self.soon: float | None = None

    def again_in(self, seconds: float) -> None:
        """There will be something to see then."""
        self.soon = seconds if self.soon is None else min(self.soon, seconds)

    def has_waited(self, what: str, name: str, seconds: float) -> bool:
        """Whether this has been so for that long already; looks again when it will be."""
        since = self._since.setdefault((what, name), self._clock())
        left = since + seconds - self._clock()
        if left > 0:
            self.again_in(left)
        return left <= 0

    def is_complete(self, entry: Entry) -> bool:
        """Whether the file is written to its end; looks again when it may be."""
        left = self.still.seconds_left(entry, seconds=self._desk.timing.still)
        if left:
            self.again_in(left)
        return not left

    def is_left_alone(self, entry: Entry) -> bool:
        """Whether nobody seems to be at a file that is wrong."""
        left = self.still.seconds_until_still(entry, self._desk.timing.wrong)
        if entry.is_file and left:
            self.again_in(left)
            return False
        return True

    def begin_again(self, what: str, *, keep: Collection[str] = ()) -> None:
        """What is not so (any more) has not lasted: the next time it is measured anew."""
        self._since = {
            key: since for key, since in self._since.items() if key[0] != what or key[1] in keep
        }

    def forget_others(self, names: Collection[str]) -> None:
        """Remember only what is about these."""
        self._since = {key: since for key, since in self._since.items() if key[1] in names}

    def say_once(self, text: str) -> None:
        """Tell people what is so, not what happens."""
        if text not in self._told and len(self._told) < TOLD_MAX:
            self._told.add(text)
            self._desk.say(text)
