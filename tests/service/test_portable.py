"""The portable file: whatever was lost or changed on its way is noticed."""

from __future__ import annotations

import gzip
import io
import json
import math
from pathlib import Path
from typing import IO, Any, cast

import pytest

from athena.service.portable import NotPortable, line_of
from athena.service.transfer import Transfer, check
from athena.store.sqlite import SQLiteStore
from athena.store.transfer import TABLES
from tests.store.clock import ManualClock
from tests.store.everything import fill

COUNTERS = {"tasks": 15, "events": 82, "api_keys": 107, "questions": 15, "messages": 22}


@pytest.fixture
async def lines(clock: ManualClock, tmp_path: Path) -> list[bytes]:
    """A file of a small store, line by line."""
    file = io.BytesIO()
    async with SQLiteStore(tmp_path / "tasks.db", clock) as store:
        await fill(store, tasks=15)
        await Transfer(store, version="1.2.3").export(file, lambda _table, _rows: None)
    return file.getvalue().splitlines(keepends=True)


def fault_in(contents: bytes) -> str | None:
    """What is said of a file with these contents; None where it is taken."""
    try:
        check(io.BytesIO(contents))
    except NotPortable as refusal:
        return refusal.detail
    return None


def changed(line: bytes, **said: Any) -> bytes:
    return json.dumps({**json.loads(line), **said}).encode() + b"\n"


def test_whole_file_is_taken(lines: list[bytes]):
    """It says where it comes from, and how much of what is in it."""
    contents = check(io.BytesIO(b"".join(lines)))

    assert (contents.athena, contents.engine, contents.at) == (
        "1.2.3",
        "sqlite",
        "2026-11-21T20:00:00.000Z",
    )
    assert contents.ids == COUNTERS
    assert list(contents.tallies) == [table.name for table in TABLES]
    assert sum(tally.rows for tally in contents.tallies.values()) == json.loads(lines[-1])["rows"]


def test_every_cut_is_noticed(lines: list[bytes]):
    """Between two lines, in the middle of one, and just before the last byte."""
    whole = b"".join(lines)
    cuts = {len(whole) - 1, len(whole) - 2}
    for number in range(len(lines)):
        start = len(b"".join(lines[:number]))
        cuts |= {start, start + len(lines[number]) // 2}

    assert [cut for cut in cuts if fault_in(whole[:cut]) is None] == []


def test_every_changed_byte_is_noticed(lines: list[bytes]):
    """Wherever it stands, also where it is JSON as before."""
    whole = b"".join(lines)
    taken = []
    for place in range(0, len(whole), 101):
        other = b"1" if whole[place : place + 1] != b"1" else b"2"
        if fault_in(whole[:place] + other + whole[place + 1 :]) is None:
            taken.append(place)

    assert taken == []


def test_every_lost_doubled_or_moved_line_is_noticed(lines: list[bytes]):
    """A checksum over all lines in their order lets none of this through."""
    for number in range(len(lines)):
        before, line, after = lines[:number], lines[number], lines[number + 1 :]
        assert fault_in(b"".join([*before, *after])), f"line {number} was taken away"
        assert fault_in(b"".join([*before, line, line, *after])), f"line {number} was doubled"
        if after:
            moved = [*before, after[0], line, *after[1:]]
            assert fault_in(b"".join(moved)), f"line {number} was moved"


@pytest.mark.parametrize(
    ("contents", "fault"),
    [
        (b"", "not a file that `athena export` wrote"),
        (b"dear diary\n", "not a file that `athena export` wrote"),
        (b"SQLite format 3\x00" * 100, "not a file that `athena export` wrote"),
        (b"[1]\n", "not a file that `athena export` wrote"),
        (b'{"athena_export": 2}\n', "another version's"),
        (b'{"athena_export": 1}\n', "head is incomplete"),
        (b"[" * 20_000_000, "not a file that `athena export` wrote"),
    ],
    ids=range(7),
)
def test_other_files_are_refused(contents: bytes, fault: str):
    """In words that say what is needed, and without reading an endless line to its end."""
    assert fault in (fault_in(contents) or "")


@pytest.mark.parametrize(
    "ids",
    [None, [], {}, {"tasks": 1}]
    + [{**COUNTERS, "tasks": value} for value in (-1, "9", 1.5, True, 2**63)],
)
def test_head_without_its_counters_is_refused(lines: list[bytes], ids: object):
    """Without them ids would be given again."""
    assert "head is incomplete" in (fault_in(changed(lines[0], ids=ids) + lines[1]) or "")


def test_other_columns_are_told_with_the_version_that_knows_them(lines: list[bytes]):
    """A file of an older or newer Athena is not guessed at."""
    fault = fault_in(lines[0] + changed(lines[1], columns=["id", "colour"]))

    assert "the columns of tasks are not those of this Athena" in (fault or "")
    assert "1.2.3" in (fault or "")


def test_what_follows_the_end_is_refused(lines: list[bytes]):
    """Two files in one are none."""
    assert "something follows" in (fault_in(b"".join(lines) + b"\n") or "")


@pytest.mark.parametrize(
    "row",
    [
        [],
        ["pi"],
        ["pi", *[None] * 10, True],
        ["pi", *[None] * 10, {}],
        ["pi", *[None] * 10, 2**63],
        ["pi", *[None] * 10, "a\x00b"],
    ],
    ids=str,
)
def test_row_that_no_table_could_hold_is_refused(lines: list[bytes], row: list[object]):
    """Before it comes near a store."""
    place = next(n for n, line in enumerate(lines) if line.startswith(b'{"table":"instances"'))
    forged = [*lines[: place + 1], json.dumps(row).encode() + b"\n", *lines[place + 1 :]]

    assert f"at line {place + 2}" in (fault_in(b"".join(forged)) or "")


def test_id_above_the_counter_is_refused(lines: list[bytes]):
    """The next task would get the id of another."""
    ids = {**COUNTERS, "tasks": 3}

    assert "its id is above" in (fault_in(b"".join([changed(lines[0], ids=ids), *lines[1:]])) or "")


def test_cut_compressed_file_is_noticed(lines: list[bytes]):
    """What the compression cannot give back is no end of the file."""
    packed = gzip.compress(b"".join(lines))
    for cut in (len(packed) - 1, len(packed) // 2, 30):
        with gzip.GzipFile(fileobj=io.BytesIO(packed[:cut])) as source, pytest.raises(NotPortable):
            check(cast("IO[bytes]", source))


@pytest.mark.parametrize("number", [math.inf, -math.inf, math.nan])
def test_number_that_is_none_is_not_written(number: float):
    """JSON has no word for it; it would come back as nothing."""
    with pytest.raises(NotPortable, match="a number that is none"):
        line_of([1, number])


def test_zero_has_no_sign():
    """SQLite keeps none, so that it must not make two stores differ."""
    assert line_of([1, -0.0]) == line_of([1, 0.0]) == b"[1,0.0]\n"
