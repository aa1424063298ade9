"""The lease of the replica that leads, and its row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from athena.model import limits
from athena.model.text import epoch_milliseconds, from_epoch_milliseconds, milliseconds
from athena.store.base import Reading, Transaction, Values

_NOBODY: Final = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who leads, for which time in all (`term`), and when it was last seen."""

    replica: str
    term: int
    seen_at: datetime

    def has_lapsed(self, now: datetime) -> bool:
        """Whether the leader is gone: it has resigned, or was not seen for long.

        A time of its last sighting that lies far ahead says that the clock was set back.
        """
        return self.replica == _NOBODY or abs(now - self.seen_at) > limits.LEADER_LEASE

    def had_outage(self, now: datetime) -> bool:
        """Whether nobody has led for so long that holders could not be heard, or time jumped."""
        return abs(now - self.seen_at) > limits.LEADER_OUTAGE


async def get(reading: Reading) -> Lease:
    """The lease as it is; where nobody has ever led, one that lapsed long ago."""
    row = await reading.fetch_one("get_leader")
    if row is None:
        return Lease(replica=_NOBODY, term=0, seen_at=from_epoch_milliseconds(0))
    return Lease(
        replica=row["replica"], term=row["term"], seen_at=from_epoch_milliseconds(row["seen_at"])
    )


async def take(tx: Transaction, replica: str, *, term: int) -> bool:
    """Have the replica lead, for a new term, which must be the last one's next."""
    values: Values = {"replica": replica, "term": term, "now": epoch_milliseconds(tx.now)}
    return await tx.execute("take_leadership", values) == 1


async def renew(tx: Transaction, term: int) -> bool:
    """Have the leader be seen now; False where another has taken over."""
    values = {"term": term, "now": epoch_milliseconds(tx.now)}
    return await tx.execute("renew_leadership", values) == 1


async def resign(tx: Transaction, term: int) -> None:
    """Have the next who looks take over, if this term is still the one."""
    values = {"term": term, "now": epoch_milliseconds(tx.now)}
    await tx.execute("resign_leadership", values)


async def renew_all_leases(tx: Transaction) -> None:
    """Give every held task one fresh lease: nobody could have renewed his meanwhile."""
    values = {"steady": milliseconds(tx.steady), "now": epoch_milliseconds(tx.now)}
    await tx.execute("renew_all_leases", values)
    tx.memory.clear()
