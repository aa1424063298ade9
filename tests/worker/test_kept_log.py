"""Transcript lines on disk: numbered without gaps, bounded, sent once."""

from __future__ import annotations

from pathlib import Path

from claude_task_client.worker import kept_log
from claude_task_client.worker.kept_log import KeptLog


def texts(log: KeptLog) -> list[str]:
    """All that is to be sent, sent."""
    found: list[str] = []
    while (batch := log.batch()) is not None:
        found += [line["text"] for line in batch.lines]
        log.sent(batch)
    return found


def lines_of(*names: str) -> list[dict[str, str]]:
    return [{"kind": "text", "text": name} for name in names]


def filled(folder: Path, *names: str, attempt: int = 1) -> KeptLog:
    log = KeptLog(folder, attempt)
    for line in lines_of(*names):
        log.add(line)
    return log


def test_lines_come_in_order_and_once(tmp_path: Path):
    """What was sent is not to be sent again."""
    log = filled(tmp_path, "a", "b")

    assert texts(log) == ["a", "b"]
    log.add({"kind": "text", "text": "c"})
    batch = log.batch()

    assert batch is not None
    assert (batch.first, [line["text"] for line in batch.lines]) == (2, ["c"])


def test_after_a_crash_numbers_go_on(tmp_path: Path):
    """Unsent lines are there, and the torn one at the end is not."""
    filled(tmp_path, "a", "b")
    [file] = tmp_path.iterdir()
    with file.open("a") as torn:
        torn.write('{"kind": "te')

    log = KeptLog(tmp_path, 1)

    assert log.next == 2
    log.add({"kind": "text", "text": "c"})
    assert texts(log) == ["a", "b", "c"]


def test_after_a_crash_sent_lines_are_not_told_in_the_next_attempt(tmp_path: Path):
    """What Athena has of an attempt stays with it; the rest goes on with the task."""
    log = filled(tmp_path, "a", "b")
    texts(log)
    log.add({"kind": "text", "text": "c"})

    later = KeptLog(tmp_path, 2)

    assert texts(later) == ["c"]
    assert later.next == 1


def test_a_new_attempt_takes_the_unsent_lines_along(tmp_path: Path):
    """Numbers begin anew; a batch of before is not counted."""
    log = filled(tmp_path, "a", "b")
    before = log.batch()
    log.move_to(2)
    assert before is not None
    log.sent(before)

    assert texts(log) == ["a", "b"]
    assert [path.name for path in tmp_path.iterdir()] == ["log-2-2.jsonl"]


def test_many_lines_go_in_batches_and_segments(tmp_path: Path):
    """A segment goes once it is sent: the folder does not grow with the transcript."""
    names = [f"{number} {'x' * 1000}" for number in range(500)]
    log = filled(tmp_path, *names)
    assert len([*tmp_path.iterdir()]) > 1

    assert texts(log) == names
    assert len([*tmp_path.iterdir()]) == 1


def test_the_oldest_lines_go_where_athena_is_away_for_long(tmp_path: Path):
    """What is kept is bounded; the numbers tell of the gap."""
    count = kept_log.SEGMENTS_MAX * kept_log.SEGMENT_BYTES_MAX // 4000 + 100
    log = filled(tmp_path, *(f"{number} {'x' * 4000}" for number in range(count)))
    batch = log.batch()

    assert batch is not None
    assert batch.first == log.dropped > 0
    assert batch.lines[0]["text"].startswith(f"{batch.first} ")
    assert len(texts(log)) == count - log.dropped


def test_a_line_that_cannot_be_read_costs_only_itself(tmp_path: Path):
    """A power failure may leave anything in a file."""
    filled(tmp_path, "a", "b", "c")
    [file] = tmp_path.iterdir()
    file.write_bytes(file.read_bytes().replace(b'"text": "b"', b'"te\0\0": \0b'))

    assert texts(KeptLog(tmp_path, 1)) == ["a", "(unreadable)", "c"]
