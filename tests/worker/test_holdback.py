"""The end of a usage limit: kept, and shared by all workers of an account."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from claude_task_client.errors import BadSettings
from claude_task_client.worker.config import WorkerConfig
from claude_task_client.worker.holdback import Holdback, shared_file
from tests.worker.test_parts import START, Clock


def test_a_usage_limit_outlives_the_worker(tmp_path: Path):
    """It ends by itself; a shorter one does not shorten it."""
    clock, file = Clock(), tmp_path / "limits.json"
    limit = Holdback(file, now=clock)
    limit.note(START + timedelta(hours=2))
    limit.note(START + timedelta(hours=1))

    again = Holdback(file, now=clock)
    assert again.until == START + timedelta(hours=2)
    clock.advance(hours=2)
    assert again.until is None


def test_a_limit_is_shared_by_all_workers_of_an_account(tmp_path: Path):
    """Whoever reaches it tells the others; the later end counts; removing the file lifts it."""
    clock, file = Clock(), tmp_path / "limits" / "account.json"
    one, other = Holdback(file, now=clock), Holdback(file, now=clock)
    before = other.until
    one.note(START + timedelta(hours=2))
    shared = other.until
    other.note(START + timedelta(hours=1))
    other.note(START + timedelta(hours=3))
    later = one.until
    file.unlink()

    assert (before, shared, later) == (
        None,
        START + timedelta(hours=2),
        START + timedelta(hours=3),
    )
    assert (one.until, other.until) == (None, None)


def test_a_limit_that_cannot_be_kept_holds_this_worker_back_all_the_same(tmp_path: Path):
    """The folder of limits is a file."""
    (tmp_path / "limits").touch()
    limit = Holdback(tmp_path / "limits" / "account.json", now=Clock())

    with pytest.raises(BadSettings):
        limit.note(START + timedelta(hours=2))

    assert limit.until == START + timedelta(hours=2)


def test_an_account_is_known_by_what_claude_signs_in_with():
    """A credential goes before the folder that somebody signed in to; no file names a secret."""
    names = WorkerConfig(projects={}).claude_environment
    home = {"HOME": "/home/ada", "ATHENA_API_KEY": "one"}

    def file(**own: str) -> Path:
        return shared_file({**home, **own}, names)

    key = file(ANTHROPIC_API_KEY="secret-1")
    assert key == file(ANTHROPIC_API_KEY="secret-1", CLAUDE_CONFIG_DIR="/x", ATHENA_API_KEY="two")
    assert file() == file(CLAUDE_CONFIG_DIR="/home/ada/.claude")
    accounts = {key, file(), file(CLAUDE_CONFIG_DIR="/x"), file(ANTHROPIC_API_KEY="secret-2")}
    assert len({each.name for each in accounts}) == 4
    assert "secret" not in str(key)


@pytest.mark.parametrize("text", ["", "{}", '{"claude": {"until": "2026-01-01T00:00:00"}}'])
def test_a_damaged_limit_holds_nothing_back(tmp_path: Path, text: str):
    """Better asked in vain once."""
    (tmp_path / "limits.json").write_text(text)

    assert Holdback(tmp_path / "limits.json", now=Clock()).until is None
