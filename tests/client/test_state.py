"""What an instance remembers of its claims."""

import json
import multiprocessing

import pytest

from claude_task_client import files
from claude_task_client.errors import BadSettings
from claude_task_client.state import (
    CLAIMS_MAX,
    SESSIONS_MAX,
    Claim,
    Claims,
    Holder,
    claims_of_sessions,
)

PI = Holder(url="http://a", instance="pi")
MAC = Holder(url="http://a", instance="mac")


def test_a_claim_is_remembered_until_it_is_forgotten(tmp_path):
    claims = Claims(tmp_path, PI)

    claims.remember(5, 1)
    claims.remember(7, 3)
    claims.remember(5, 2)
    claims.forget(7)

    assert Claims(tmp_path, PI).all() == {5: 2}


def test_each_instance_at_each_athena_has_its_own(tmp_path):
    Claims(tmp_path, PI).remember(5, 1)

    Claims(tmp_path, MAC).forget(5)

    assert Claims(tmp_path, PI).attempt(5) == 1
    assert Claims(tmp_path, MAC).all() == {}


def test_only_so_many_are_kept(tmp_path):
    claims = Claims(tmp_path, PI)
    many = {str(task): 1 for task in range(1, CLAIMS_MAX + 1)}
    (tmp_path / "claims.json").write_text(json.dumps({PI.name: many}))

    claims.remember(9999, 1)

    assert len(claims.all()) == CLAIMS_MAX
    assert 1 not in claims.all()
    assert 9999 in claims.all()


@pytest.mark.parametrize(
    "content", ["", "{", "[1]", '{"pi http://a": 5}', '{"pi http://a": {"x": 1}}']
)
def test_a_damaged_file_is_an_empty_memory(tmp_path, content):
    """Athena knows who holds what; a lost memory must not stop anybody."""
    (tmp_path / "claims.json").write_text(content)
    claims = Claims(tmp_path, PI)

    assert claims.all() == {}
    claims.remember(5, 1)
    assert claims.all() == {5: 1}


def _remember_many(folder, first):
    for task in range(first, first + 20):
        Claims(folder, PI).remember(task, 1)


def test_claims_of_two_processes_do_not_overwrite_each_other(tmp_path):
    """Files that two processes may write are written under a lock."""
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=_remember_many, args=(tmp_path, n)) for n in (1, 101)]

    for process in processes:
        process.start()
    for process in processes:
        process.join(60)

    assert len(Claims(tmp_path, PI).all()) == 40
    assert [file.name for file in tmp_path.iterdir() if ".json." in file.name] == [
        "claims.json.lock"
    ]


def test_a_held_lock_is_named_after_a_while(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "LOCK_WAIT_SECONDS", 0.05)

    with (
        files.lock(tmp_path / "file"),
        pytest.raises(BadSettings, match=r"file\.lock"),
        files.lock(tmp_path / "file"),
    ):
        pass


def test_a_file_that_cannot_be_replaced_leaves_nothing_aside(tmp_path):
    (tmp_path / "file").mkdir()

    with pytest.raises(BadSettings, match="Cannot write"):
        files.replace_file(tmp_path / "file", "text")

    assert [each.name for each in tmp_path.iterdir()] == ["file"]


def test_a_claim_knows_its_session(tmp_path):
    """Beside those of files that were written before sessions were noted."""
    (tmp_path / "claims.json").write_text(json.dumps({PI.name: {"4": 2}}))
    Claims(tmp_path, PI).remember(5, 1, session="s")
    Claims(tmp_path, MAC).remember(6, 3, session="t")

    assert Claims(tmp_path, PI).all() == {4: 2, 5: 1}
    assert claims_of_sessions(tmp_path, {"s", "t"}) == [
        Claim(PI, 5, 1),
        Claim(MAC, 6, 3),
    ]
    assert claims_of_sessions(tmp_path, set()) == []


def test_a_claim_made_once_more_is_still_that_of_its_session(tmp_path):
    """By a person in a terminal, or in another session: the hold is the same, and lasts for all."""
    claims = Claims(tmp_path, PI)
    claims.remember(5, 1, session="s")

    claims.remember(5, 1)
    claims.remember(5, 1, session="t")

    assert claims_of_sessions(tmp_path, {"s"}) == [Claim(PI, 5, 1)]
    assert claims_of_sessions(tmp_path, {"s", "t"}) == [Claim(PI, 5, 1)]
    claims.remember(5, 2, session="t")
    assert claims_of_sessions(tmp_path, {"s"}) == []


def test_only_so_many_sessions_of_a_claim_are_kept(tmp_path):
    for number in range(SESSIONS_MAX + 1):
        Claims(tmp_path, PI).remember(5, 1, session=f"s{number}")

    assert claims_of_sessions(tmp_path, {"s0"}) == []
    assert claims_of_sessions(tmp_path, {"s1"}) == [Claim(PI, 5, 1)]


def test_the_end_of_an_attempt_is_not_that_of_a_newer_one(tmp_path):
    claims = Claims(tmp_path, PI)
    claims.remember(5, 2)

    claims.forget(5, attempt=1)
    assert claims.all() == {5: 2}
    claims.forget(5, attempt=2)
    assert claims.all() == {}


@pytest.mark.parametrize(
    "kept", [{}, {"attempt": "1"}, {"sessions": ["s"]}, {"attempt": None}, [1], None]
)
def test_a_damaged_claim_is_none(tmp_path, kept):
    (tmp_path / "claims.json").write_text(
        json.dumps({PI.name: {"4": kept, "5": {"attempt": 1, "sessions": 3}}})
    )

    assert Claims(tmp_path, PI).all() == {5: 1}
    assert claims_of_sessions(tmp_path, {"s"}) == []
