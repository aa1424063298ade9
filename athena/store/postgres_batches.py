"""Carries out a statement for many rows at once.

It is written for one row; here its parameters become the columns of a list of rows: `UPDATE ...
FROM` and `INSERT ... SELECT`. Measured on PostgreSQL 15: 17 to 28 µs of the server's time for a row
of an UPDATE instead of 75, 14 instead of 23 for an event.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from athena.store.statements import parameters_of, with_parameters

if TYPE_CHECKING:
    from asyncpg import Connection
    from asyncpg.pool import PoolConnectionProxy

_VALUES: Final = re.compile(r"\bVALUES\s*\((?P<values>[^()]*)\)")


def batched(sql: str, types: Sequence[str], *, lock: int | None = None) -> str:
    """The named statement with a list for each of its parameters, which have these types.

    `lock`: of an INSERT, an advisory lock that is taken before the first row gets its id.

    Raises: ValueError, for a statement that is no INSERT of values and no UPDATE with a condition.
    """
    names = parameters_of(sql)
    lists = ", ".join(f"${number}::{type_}[]" for number, type_ in enumerate(types, 1))
    columns = ", ".join(f"new_{name}" for name in names)
    rows = f"unnest({lists}) WITH ORDINALITY AS given ({columns}, place)"
    text = with_parameters(sql, lambda name: f"given.new_{name}")
    if text.startswith("UPDATE"):
        change, where, condition = text.rpartition("\nWHERE ")
        if where:
            return f"{change}\nFROM {rows}{where}{condition}"
    elif text.startswith("INSERT"):
        found = _VALUES.search(text)
        if found:
            # In their order, which is that of the ids that they get.
            if lock is not None:
                rows = f"(SELECT pg_advisory_xact_lock({lock})) AS locked CROSS JOIN {rows}"
            rows = f"FROM {rows} ORDER BY given.place"
            return f"{text[: found.start()]}SELECT {found['values']} {rows}{text[found.end() :]}"
    raise ValueError(f"this cannot be done for many rows at once: {sql}")


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
            text = _without_comments(self._statements[name])
            lock = self._locks.get(name)
            self._batched[name] = sql = batched(text, types, lock=lock)
            return sql


def _without_comments(sql: str) -> str:
    return "\n".join(line for line in sql.splitlines() if not line.lstrip().startswith("--"))
