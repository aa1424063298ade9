"""What is known of a running Claude Code."""

import os
import subprocess
import sys

import pytest

from claude_task_client import settings
from claude_task_client.plugin import processes, reminding, sitting
from claude_task_client.settings import ClaudeSession
from claude_task_client.state import Claims, Holder

HOLDER = Holder(url="http://a", instance="pi")


@pytest.fixture
def here(tmp_path):
    """A sitting whose Claude Code is this very process."""
    there = sitting.at(tmp_path, os.getpid())
    there.begin("first")
    return there


@pytest.fixture
def gone_pid():
    """The number of a process that has ended."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def session(name="first", pid=None):
    return ClaudeSession(name, pid, None)


def test_a_process_is_known_by_its_number_and_its_beginning(gone_pid):
    """A number is given to somebody else in time."""
    own = os.getpid()

    assert processes.is_alive(own, processes.began(own))
    assert not processes.is_alive(gone_pid, "")
    if sys.platform in {"linux", "darwin", "win32"}:
        assert not processes.is_alive(own, "1")
    if sys.platform == "linux":
        assert processes.began(gone_pid) == ""


def test_the_claims_of_all_its_sessions_are_its_own(here, tmp_path):
    """`/clear` begins a session in the same process; an MCP server knows only the first."""
    Claims(tmp_path, HOLDER).remember(5, 1, session="first")
    here.begin("second")
    Claims(tmp_path, HOLDER).remember(7, 2, session="second")
    Claims(tmp_path, HOLDER).remember(8, 1, session="somebody else's")
    Claims(tmp_path, HOLDER).remember(9, 1)

    assert [claim.task_id for claim in here.claims()] == [5, 7]
    assert Claims(tmp_path, HOLDER).all() == {5: 1, 7: 2, 8: 1, 9: 1}


def test_it_is_found_by_its_process_or_by_a_session(here, tmp_path):
    here.begin("second")

    assert sitting.of(tmp_path, session("whatever", pid=os.getpid())) == here
    assert sitting.of(tmp_path, session("first")) == here
    assert sitting.of(tmp_path, session("second")) == here
    assert sitting.of(tmp_path, session("unknown")) is None
    assert sitting.of(tmp_path, session("first", pid=1)) is None


def test_a_tool_server_is_told_apart_by_its_parent(here, tmp_path, monkeypatch):
    """Two may have the same session: one went on with another, the second resumed the first."""
    second = sitting.at(tmp_path, os.getppid())
    second.begin("first")
    here.begin("after a clear")

    assert sitting.of(tmp_path, session("first")) == second
    monkeypatch.setattr(os, "getppid", os.getpid)
    assert sitting.of(tmp_path, session("first")) == here


def test_a_laptop_in_another_network_is_still_the_same(here, tmp_path, monkeypatch):
    """Its name changes there (macOS), and Claude Code goes on; another machine is another."""
    if not processes.began(os.getpid()):
        pytest.skip("here a process has its number alone")
    elsewhere = here._replace(host="another-machine")
    elsewhere.path.write_text(here.path.read_text().replace('"began": "', '"began": "9'))
    Claims(tmp_path, HOLDER).remember(5, 1, session="first")

    monkeypatch.setattr(settings, "host_name", lambda: "guest-7.example.org")

    assert sitting.of(tmp_path, session("first", pid=os.getpid())) == here
    assert sitting.of(tmp_path, session("first")) == here
    assert here.is_there()
    assert [claim.task_id for claim in here.claims()] == [5]
    sitting.sweep(tmp_path)
    assert here.path.exists()
    assert elsewhere.path.exists()


def test_a_claim_belongs_to_the_conversation_that_goes_on(here, tmp_path, monkeypatch):
    """An MCP server keeps the session it was started with; what is resumed later is the last."""
    here.begin("after a clear")
    assert sitting.current(tmp_path, session("first")) == "first"  # nobody's child here
    monkeypatch.setattr(os, "getppid", os.getpid)

    assert sitting.current(tmp_path, session("first")) == "after a clear"
    assert sitting.current(tmp_path, session("first", pid=os.getpid())) == "first"
    assert sitting.current(tmp_path, session("unknown")) == "unknown"


def test_those_that_were_killed_are_swept_away(here, tmp_path, gone_pid):
    sitting.at(tmp_path, gone_pid).begin("lost")

    sitting.sweep(tmp_path)

    assert list(sitting.everyone(tmp_path)) == [here]


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere a process has its number alone")
def test_a_number_that_is_used_again_is_another_sitting(here, tmp_path):
    here.path.write_text(here.path.read_text().replace('"began": "', '"began": "9'))

    assert not here.is_there()
    here.begin("new")

    told = here.read()
    assert told is not None
    assert list(told.sessions) == ["new"]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"began": 1}'])
def test_a_damaged_file_is_none(here, content):
    here.path.write_text(content)

    assert here.read() is None
    assert not here.is_there()
    assert list(here.claims()) == []


def test_it_is_reminded_of_each_claim_once(here, tmp_path):
    """A task that is claimed anew is another claim."""
    Claims(tmp_path, HOLDER).remember(5, 1, session="first")

    first, second = reminding.say(here), reminding.say(here)
    Claims(tmp_path, HOLDER).remember(5, 2, session="first")
    third = reminding.say(here)

    assert "still holds #5" in str(first)
    assert second is None
    assert "still holds #5" in str(third)


def test_it_hears_of_what_it_lost_once(here):
    here.change(lambda told: told._replace(lost=[(5, "task_cancelled"), (6, "not_holder")]))

    said = str(reminding.say(here))

    assert "#5 was cancelled" in said
    assert "no longer holds #6 (not_holder)" in said
    assert reminding.say(here) is None


def test_what_it_remembers_is_bounded(here):
    for number in range(sitting.REMEMBERED_MAX + 5):
        here.begin(f"session {number}")

    told = here.read()
    assert told is not None
    assert len(told.sessions) == sitting.REMEMBERED_MAX


def test_a_session_is_known_by_the_environment():
    """Hooks and Bash are told the process as well, an MCP server is not; a worker's is none."""
    told = {"CLAUDE_CODE_SESSION_ID": "abc", "CLAUDE_PID": "12", "CLAUDE_ENV_FILE": "/e"}

    assert settings.claude_session({}) is None
    assert settings.claude_session(told) == ClaudeSession("abc", 12, "/e")
    assert settings.claude_session({"CLAUDE_CODE_SESSION_ID": "abc"}) == session("abc")
    assert settings.claude_session({**told, "CLAUDE_PID": "x"}) == ClaudeSession("abc", None, "/e")
    assert settings.claude_session({**told, "ATHENA_RUN": "1"}) is None
