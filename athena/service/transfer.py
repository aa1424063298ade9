"""Moving everything that a store holds into a file, and into another store, of either engine."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from typing import IO

from athena.model.errors import AthenaError
from athena.service.portable import (
    Contents,
    Counting,
    Head,
    Reader,
    Tally,
    Writer,
    line_of,
)
from athena.store import leadership, transfer
from athena.store.base import Reading, Store, Transaction
from athena.store.transfer import TABLES, Table

# The name of a table, and how many of its rows are done.
Progress = Callable[[str, int], None]


class CannotImport(AthenaError):
    """Nothing can be imported into this store."""

    code = "cannot_import"


def check(source: IO[bytes]) -> Contents:
    """Read a whole file, and give what it holds; nothing is written.

    Raises: NotPortable, where it is not whole and as it was written.
    """
    source.seek(0)
    reader = Reader(source)
    for table in TABLES:
        for _ in reader.pages(table):
            pass
    return reader.finish()


class Transfer:
    """Export and import of a whole store."""

    def __init__(self, store: Store, *, version: str) -> None:
        self._store = store
        self._version = version

    async def export(self, out: IO[bytes], told: Progress) -> Mapping[str, Tally]:
        """Write everything as it is at one moment, while others go on; gives each table's tally.

        Raises: Unavailable; NotPortable.
        """

        async def query(reading: Reading) -> Mapping[str, Tally]:
            writer = Writer(out)
            writer.head(
                Head(
                    athena=self._version,
                    origin=await transfer.origin(reading),
                    at=reading.now,
                    ids=await transfer.id_counters(reading),
                )
            )
            for table in TABLES:
                writer.begin(table)
                await _each_line(reading, table, writer.row, told)
                writer.end(table)
            writer.close()
            return writer.tallies

        return await self._store.read(query)

    async def import_(self, source: IO[bytes], told: Progress) -> Contents:
        """Bring everything in a file into an empty store, in one transaction.

        Before the commit it is read back: each table must have the file's count and checksum.
        Held tasks then get a fresh lease, as deadlines mean nothing on another machine.

        Raises: NotPortable; CannotImport; Unavailable. Nothing is written then.
        """
        # Before anything is written: a transaction that fails late has cost much for nothing.
        check(source)
        given_up = threading.Event()

        async def act(tx: Transaction) -> Contents:
            await _check_target(tx)
            source.seek(0)
            reader = Reader(source)
            for table in TABLES:
                done = 0
                for rows in reader.pages(table):
                    if given_up.is_set():
                        raise CannotImport("It was interrupted.")
                    await transfer.insert(tx, table, rows)
                    done += len(rows)
                    told(table.name, done)
            contents = reader.finish()
            await _compare(tx, contents)
            await leadership.renew_all_leases(tx)
            return contents

        try:
            return await self._store.run(act)
        except asyncio.CancelledError:
            # The engine would carry it out to its end all the same, for nobody.
            given_up.set()
            raise


async def tally_of(reading: Reading, table: Table) -> Tally:
    """The count and the checksum of a table as it stands in the store."""
    counting = Counting()
    await _each_line(reading, table, counting.add, lambda _name, _rows: None)
    return counting.tally


async def _each_line(
    reading: Reading, table: Table, take: Callable[[bytes], None], told: Progress
) -> None:
    last, done = None, 0
    while rows := await transfer.page(reading, table, after=last):
        for row in rows:
            take(line_of(row))
        last = rows[-1]
        done += len(rows)
        told(table.name, done)


async def _check_target(tx: Transaction) -> None:
    lease = await leadership.get(tx)
    if not lease.has_lapsed(tx.now):
        raise CannotImport(f"Athena serves this store ({lease.replica}): stop it first.")
    filled = await transfer.find_filled(tx)
    if filled is not None:
        raise CannotImport(
            f"The store is not empty (there are {filled}). An import goes only into one that no "
            "Athena has served yet: name a new file or a new database."
        )


async def _compare(tx: Transaction, contents: Contents) -> None:
    """See whether the store gives back what the file holds.

    Raises: CannotImport.
    """
    for table in TABLES:
        if await tally_of(tx, table) != contents.tallies[table.name]:
            raise CannotImport(f"What was written to {table.name} reads back differently.")
    # Last, as PostgreSQL does not take it back with the transaction.
    await transfer.set_id_counters(tx, contents.ids)
    if await transfer.id_counters(tx) != contents.ids:
        raise CannotImport("The store does not go on counting ids where the other one stopped.")
