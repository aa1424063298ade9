"""The portable file: a whole store as lines of JSON, each table and the whole with its checksum.

    {"athena_export": 1, "athena": "0.1.0", "engine": "sqlite", "schema": 3, "at": ..., "ids": ...}
    {"table": "tasks", "columns": ["id", "description", ...]}
    [1, "Deploy new service", ...]                              a row, in the order of its key
    {"end": "tasks", "rows": 1, "sha256": ...}                  over the lines of the rows
    ...                                                         the other tables
    {"end": "export", "rows": 7, "sha256": ...}                 over all lines before

A row's line is the same whichever engine it came from, so that equal checksums mean equal tables.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import IO, Any, Final

import orjson

from athena.model.errors import AthenaError
from athena.model.text import iso
from athena.store.transfer import PAGE_ROWS, TABLES, Cells, Origin, Table

FORMAT: Final = 1
_LINE_BYTES_MAX: Final = 16 * 1024 * 1024
_INTEGER_MAX: Final = 2**63 - 1


class NotPortable(AthenaError):
    """This is not what `athena export` wrote."""

    code = "not_portable"


@dataclass(frozen=True, slots=True)
class Tally:
    """How many rows, and the SHA-256 of their lines in hex."""

    rows: int
    sha256: str


class Counting:
    """A tally that grows with each line."""

    def __init__(self) -> None:
        self._rows = 0
        self._hash = hashlib.sha256()

    def add(self, line: bytes) -> None:
        """Take in one row's line."""
        self._rows += 1
        self._hash.update(line)

    @property
    def tally(self) -> Tally:
        """What it is by now."""
        return Tally(self._rows, self._hash.hexdigest())


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where the rows come from; `ids`: the highest id that each table has ever given."""

    athena: str
    origin: Origin
    at: datetime
    ids: Mapping[str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What a whole file holds: a tally for each table, by its name."""

    athena: str
    engine: str
    at: str
    ids: Mapping[str, int]
    tallies: Mapping[str, Tally]


def line_of(cells: Cells) -> bytes:
    """The one line that stands for the row.

    Raises: NotPortable, for what some engine could not hold.
    """
    for cell in cells:
        if type(cell) is float and not math.isfinite(cell):
            raise NotPortable(f"The row of {cells[0]!r} holds a number that is none.")
    # SQLite keeps no sign of a zero.
    line = _line([0.0 if cell == 0.0 and type(cell) is float else cell for cell in cells])
    if _holds_nul(line, cells):
        raise NotPortable(f"The row of {cells[0]!r} holds a NUL, which PostgreSQL cannot.")
    return line


def _holds_nul(line: bytes, cells: Cells) -> bool:
    return rb"\u0000" in line and any(type(cell) is str and "\x00" in cell for cell in cells)


def _line(value: object) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


class Writer:
    """Writes a file line by line, in the order that `Reader` wants."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._whole = hashlib.sha256()
        self._rows = 0
        self._counting = Counting()
        self.tallies: dict[str, Tally] = {}

    def head(self, head: Head) -> None:
        """The first line."""
        self._put(
            _line(
                {
                    "athena_export": FORMAT,
                    "athena": head.athena,
                    "engine": head.origin.engine,
                    "schema": head.origin.schema,
                    "at": iso(head.at),
                    "ids": dict(head.ids),
                }
            )
        )

    def begin(self, table: Table) -> None:
        """What follows are rows of this table."""
        self._counting = Counting()
        self._put(_line({"table": table.name, "columns": table.columns}))

    def row(self, line: bytes) -> None:
        """One row, as `line_of` gives it."""
        self._counting.add(line)
        self._put(line)

    def end(self, table: Table) -> Tally:
        """All rows of the table are written."""
        tally = self._counting.tally
        self.tallies[table.name] = tally
        self._rows += tally.rows
        self._put(_line({"end": table.name, "rows": tally.rows, "sha256": tally.sha256}))
        return tally

    def close(self) -> None:
        """The last line."""
        whole = self._whole.hexdigest()
        self._out.write(_line({"end": "export", "rows": self._rows, "sha256": whole}))

    def _put(self, line: bytes) -> None:
        self._whole.update(line)
        self._out.write(line)


class Reader:
    """Reads a file from its beginning, and refuses what is not as it was written.

    Raises, in each of its methods: NotPortable.
    """

    def __init__(self, source: IO[bytes]) -> None:
        self._source = source
        self._number = 0
        self._whole = hashlib.sha256()
        self._rows = 0
        self.tallies: dict[str, Tally] = {}
        self._head = self._read_head()

    @property
    def ids(self) -> Mapping[str, int]:
        """The highest id that each table has ever given."""
        ids: Mapping[str, int] = self._head["ids"]
        return ids

    def pages(self, table: Table) -> Iterator[list[Cells]]:
        """The rows of the next table, in pages; its tally is right when they end."""
        named = self._object()
        if named.get("table") != table.name:
            raise self._refusal(f"the table {table.name} is missing")
        if named.get("columns") != list(table.columns):
            raise self._refusal(
                f"the columns of {table.name} are not those of this Athena: import it with the "
                f"version that wrote it ({self._head['athena']}), and update then"
            )
        counting = Counting()
        rows: list[Cells] = []
        while isinstance(value := self._value(counting), list):
            rows.append(self._checked(value, table))
            if len(rows) == PAGE_ROWS:
                yield rows
                rows = []
        if rows:
            yield rows
        self._check_end(value, table.name, counting.tally)
        self.tallies[table.name] = counting.tally
        self._rows += counting.tally.rows

    def finish(self) -> Contents:
        """All tables are read; what the file holds."""
        whole = self._whole.hexdigest()
        self._check_end(self._object(), "export", Tally(self._rows, whole))
        if self._read(1):
            raise self._refusal("something follows its end")
        return Contents(
            athena=self._head["athena"],
            engine=self._head["engine"],
            at=self._head["at"],
            ids=self.ids,
            tallies=self.tallies,
        )

    def _read_head(self) -> Mapping[str, Any]:
        try:
            head = self._object()
        except NotPortable:
            raise NotPortable("This is not a file that `athena export` wrote.") from None
        if head.get("athena_export") != FORMAT:
            raise NotPortable(
                "This is not a file that `athena export` wrote, or one of another version's."
            )
        ids = head.get("ids")
        counted = sorted(table.name for table in TABLES if table.counts_ids)
        texts = all(isinstance(head.get(name), str) for name in ("athena", "engine", "at"))
        if not texts or not isinstance(ids, dict) or sorted(ids) != counted:
            raise self._refusal("its head is incomplete")
        if not all(type(last) is int and 0 <= last <= _INTEGER_MAX for last in ids.values()):
            raise self._refusal("its head is incomplete")
        return head

    def _object(self) -> Mapping[str, Any]:
        value = self._value()
        if not isinstance(value, dict):
            raise self._refusal("a table begins or ends where it should not")
        return value

    def _value(self, counting: Counting | None = None) -> object:
        """What the next line stands for; a row's line is counted."""
        line = self._read(_LINE_BYTES_MAX)
        self._number += 1
        if not line.endswith(b"\n"):
            raise self._refusal("it ends too early")
        try:
            value: object = orjson.loads(line)
        except orjson.JSONDecodeError:
            raise self._refusal("it is no JSON") from None
        if counting is not None and isinstance(value, list):
            if _holds_nul(line, value):
                raise self._refusal("a text holds a NUL")
            counting.add(line)
        self._whole.update(line)
        return value

    def _read(self, size: int) -> bytes:
        try:
            return self._source.readline(size)
        except (EOFError, OSError, zlib.error):
            raise self._refusal("it cannot be unpacked; perhaps its end is missing") from None

    def _checked(self, cells: list[Any], table: Table) -> Cells:
        if len(cells) != len(table.columns):
            raise self._refusal("the row has too few or too many columns")
        for cell in cells:
            if cell is not None and type(cell) not in {int, str, float}:
                raise self._refusal("a column holds what none can hold")
            if type(cell) is int and not -_INTEGER_MAX <= cell <= _INTEGER_MAX:
                raise self._refusal("a number is too large")
        if table.counts_ids and not cells[0] <= self.ids[table.name]:
            raise self._refusal("its id is above those that were given")
        return cells

    def _check_end(self, value: object, name: str, tally: Tally) -> None:
        expected = {"end": name, "rows": tally.rows, "sha256": tally.sha256}
        if not isinstance(value, dict) or value.get("end") != name:
            raise self._refusal(f"{name} does not end where it should")
        if value != expected:
            raise self._refusal(f"{name} is not as it was written: count or checksum differ")

    def _refusal(self, fault: str) -> NotPortable:
        return NotPortable(f"The file is damaged or was changed, at line {self._number}: {fault}.")
