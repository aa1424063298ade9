"""Heartbeats of a session, against a real Athena."""

import os
import threading
import time
from datetime import timedelta

import pytest

from claude_task_client import clock
from claude_task_client.plugin import locking, pulse, sitting
from claude_task_client.plugin.pulse import Pulse
from claude_task_client.state import Claims, Holder
from tests.client import strangers


@pytest.fixture
def here(laptop, tmp_path, monkeypatch):
    """This process as Claude Code, signed in."""
    for name, value in laptop.variables.items():
        monkeypatch.setenv(name, value)
    there = sitting.at(tmp_path / "state", os.getpid())
    there.begin("session")
    return there


@pytest.fixture
def claims(here, laptop):
    """What it remembers."""
    holder = Holder(
        url=laptop.variables["ATHENA_API_URL"], instance=laptop.variables["CLAUDE_INSTANCE"]
    )
    return Claims(here.folder, holder)


def claimed(laptop, *options):
    laptop.run("add", "x")
    return laptop.json("claim", *options)


def until(condition):
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_claim_is_renewed_three_times_in_its_lease(here, laptop, claims):
    """At most once a minute; how long the lease is, Athena's answer tells."""
    short, long = claimed(laptop, "--lease", "30"), claimed(laptop)
    claims.remember(short["id"], short["attempt"], session="session")
    claims.remember(long["id"], long["attempt"], session="session")
    beats = Pulse(here)

    for claim in beats.claims():
        beats._beat(claim)  # one round, without the waiting between two

    seconds = {claim.task_id: beats._seconds[claim] for claim in beats.claims()}
    assert 9 <= seconds[short["id"]] <= 11
    assert seconds[long["id"]] == pulse.BEAT_SECONDS_MAX
    renewed = laptop.json("show", str(short["id"]))
    assert renewed["lease_expires_at"] > short["lease_expires_at"]


def test_it_ends_with_the_last_claim(here, laptop, claims):
    task = claimed(laptop)
    claims.remember(task["id"], task["attempt"], session="session")
    thread = threading.Thread(target=Pulse(here).run)
    thread.start()

    claims.forget(task["id"])

    thread.join(60)
    assert not thread.is_alive()


def test_it_ends_with_the_session(here, laptop, claims):
    task = claimed(laptop)
    claims.remember(task["id"], task["attempt"], session="session")
    thread = threading.Thread(target=Pulse(here).run)
    thread.start()

    here.end()

    thread.join(60)
    assert not thread.is_alive()
    assert claims.all() == {task["id"]: task["attempt"]}


def test_a_claim_with_a_shorter_lease_is_renewed_sooner(here, laptop, claims):
    """Claimed anew in the same attempt: nothing else tells of it."""
    task = claimed(laptop)
    claims.remember(task["id"], task["attempt"], session="session")
    beats = Pulse(here)
    thread = threading.Thread(target=beats.run)
    thread.start()
    until(lambda: beats._seconds)

    laptop.run("claim", str(task["id"]), "--lease", "5")
    claims.remember(task["id"], task["attempt"], session="session")

    until(lambda: min(beats._seconds.values()) < 3)
    here.end()
    thread.join(60)


def test_a_lost_claim_is_forgotten_and_told(here, laptop, claims):
    task = claimed(laptop)
    claims.remember(task["id"], task["attempt"], session="session")
    laptop.run("cancel", str(task["id"]))

    Pulse(here).run()

    told = here.read()
    assert told is not None
    assert list(told.lost) == [(task["id"], "task_cancelled")]
    assert claims.all() == {}


def test_what_is_just_being_ended_is_not_lost(here, laptop, claims):
    """Athena knows of an end a moment before this machine does: that is no news for Claude."""
    task = claimed(laptop)
    claims.remember(task["id"], task["attempt"], session="session")
    beats = Pulse(here)
    (claim,) = beats.claims()
    laptop.run("cancel", str(task["id"]))

    beats._beat(claim)
    claims.forget(task["id"])
    beats.run()

    told = here.read()
    assert told is not None
    assert list(told.lost) == []


def test_files_that_cannot_be_read_for_now_are_no_end(here, laptop, claims, tmp_path):
    """Somebody edits them, or a share is away for a moment; the claim is renewed all the same."""
    task = claimed(laptop, "--lease", "3")
    claims.remember(task["id"], task["attempt"], session="session")
    beats = Pulse(here)
    kept = claims.path.rename(tmp_path / "kept")
    claims.path.mkdir()

    assert beats._has_claims()
    assert beats._beat_all() == pulse.TRY_AGAIN_SECONDS
    claims.path.rmdir()
    kept.rename(claims.path)
    assert beats._beat_all() < pulse.TRY_AGAIN_SECONDS


def test_a_key_that_is_taken_away_for_a_while_is_no_end(here, laptop, claims, monkeypatch):
    task = claimed(laptop)
    claims.remember(task["id"], task["attempt"], session="session")
    beats = Pulse(here)

    with monkeypatch.context() as without:
        without.delenv("ATHENA_API_KEY")
        without.setenv("HOME", str(here.folder))
        assert beats._beat_all() == pulse.TRY_AGAIN_SECONDS

    assert beats._has_claims()
    assert beats._beat_all() == pulse.BEAT_SECONDS_MAX


def test_a_laptop_that_wakes_up_renews_at_once(here, laptop, claims, monkeypatch):
    """The clock that waits are measured by has stood still meanwhile; the lease has not."""
    task = claimed(laptop)
    claims.remember(task["id"], task["attempt"], session="session")
    slept = [timedelta()]
    beats = Pulse(here, now=lambda: clock.now() + slept[0])
    beaten: list[object] = []
    monkeypatch.setattr(pulse, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(beats, "_beat", beaten.append)
    beats._seconds = dict.fromkeys(beats.claims(), 3600.0)
    thread = threading.Thread(target=beats.run)
    thread.start()
    until(lambda: beaten)

    slept[0] = timedelta(hours=2)

    until(lambda: len(beaten) > 1)
    here.end()
    thread.join(60)


def test_an_athena_that_is_away_is_asked_again(here, claims, monkeypatch):
    """Nothing is given up meanwhile."""
    with strangers.stranger(strangers.answer("502 Bad Gateway", "text/html", "<p>Soon</p>")) as url:
        monkeypatch.setenv("ATHENA_API_URL", url)
        Claims(here.folder, Holder(url=url, instance="x")).remember(5, 1, session="session")
        beats = Pulse(here)
        (claim,) = beats.claims()

        beats._beat(claim)

    assert beats._seconds[claim] <= pulse.BEAT_SECONDS_MAX
    assert beats.claims() == [claim]


def test_the_key_goes_to_no_other_athena(here):
    """A claim may have been made at another one, by a command with its address."""
    elsewhere = Holder(url="http://127.0.0.1:1", instance="x")
    Claims(here.folder, elsewhere).remember(5, 1, session="session")

    assert Pulse(here).claims() == []


def test_a_lock_is_had_by_one(tmp_path):
    with locking.attempt(tmp_path / "lock") as first:
        assert first
        assert locking.is_held(tmp_path / "lock")
        with locking.attempt(tmp_path / "lock") as second:
            assert not second
    assert not locking.is_held(tmp_path / "lock")
    assert not locking.is_held(tmp_path / "none")
    with locking.attempt(tmp_path / "no folder" / "lock") as nothing:
        assert not nothing
