"""The journals of tasks on disk."""

from __future__ import annotations

from pathlib import Path

from claude_task_client.worker.record import Record, clear_remains, journals, open_journal


def _record() -> Record:
    return Record(
        task_id=7,
        attempt=1,
        project="house",
        description="Mend the door",
        started_at="2026-11-22T11:00:00.000Z",
    )


def test_what_is_kept_is_read_back(tmp_path: Path):
    """A worker that starts finds what an earlier one has written."""
    journal = open_journal(tmp_path / "7", _record())
    journal.record.stage = "audit"
    journal.save()

    (found,) = journals(tmp_path)

    assert found.record == journal.record


def test_what_a_kill_left_of_a_journal_goes(tmp_path: Path):
    """Killed before its first record, or while it was removed; what has a record stays."""
    open_journal(tmp_path / "7", _record())
    (tmp_path / "8" / "tmp").mkdir(parents=True)
    (tmp_path / "9").mkdir()
    (tmp_path / "9" / "log-1.jsonl").write_text("{}")

    clear_remains(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["7"]
