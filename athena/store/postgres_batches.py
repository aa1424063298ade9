"""Carries out a statement for many rows at once: by a list of values for each of its parameters.

Measured on PostgreSQL 15: 17 to 28 µs of the server's time for a row of an UPDATE instead of 75, 14
instead of 23 for an event.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from athena.store.batches import batched
from athena.store.statements import parameters_of

if TYPE_CHECKING:
    from asyncpg import Connection
    from asyncpg.pool import PoolConnectionProxy


def for_lists(sql: str, types: Sequence[str], *, lock: int | None = None) -> str:
    """The named statement with a list for each of its parameters, which have these types.

    `lock`: of an INSERT, an advisory lock that is taken before the first row gets its id.

    Raises: ValueError, as `batched`.
    """
    lists = ", ".join(f"${number}::{type_}[]" for number, type_ in enumerate(types, 1))
    columns = ", ".join(f"new_{name}" for name in parameters_of(sql))
    rows = f"unnest({lists}) WITH ORDINALITY AS given ({columns}, place)"
    if lock is not None:
        rows = f"(SELECT pg_advisory_xact_lock({lock})) AS locked CROSS JOIN {rows}"
    # In their order, which is that of the ids that they get.
    return batched(sql, rows, "given.new_{}".format, insert_end="ORDER BY given.place")


class Batches:
    """The statements of a store as they are carried out for many rows.

    `locks`: by statement, the advisory lock under which it gives ids.
    """

    def __init__(self, statements: Mapping[str, str], locks: Mapping[str, int]) -> None:
        self._statements = statements
        self._locks = locks
        self._batched: dict[str, str] = {}

    async def sql(
        self, connection: Connection[Any] | PoolConnectionProxy[Any], name: str, one: str
    ) -> str:
        """The statement for lists; `one`, for one row, tells the types of its parameters."""
        try:
            return self._batched[name]
        except KeyError:
            prepared = await connection.prepare(one)
            types = [type_.name for type_ in prepared.get_parameters()]
            lock = self._locks.get(name)
            self._batched[name] = sql = for_lists(self._statements[name], types, lock=lock)
            return sql
