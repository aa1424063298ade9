"""Commands that are run as proof: their end, their output, and nothing of them left behind."""

from __future__ import annotations

import os
from pathlib import Path

import psutil
import pytest

from claude_task_client.worker.checks import ProcessChecks

ENVIRONMENT = {"PATH": os.environ["PATH"], "GREETING": "hello"}


@pytest.fixture
def checks() -> ProcessChecks:
    return ProcessChecks(ENVIRONMENT, run_id="test-checks")


async def test_a_line_runs_in_the_shell_and_a_list_does_not(checks, tmp_path):
    """The owner of the project writes either."""
    line = await checks.run("echo $GREETING && pwd", folder=tmp_path, timeout_seconds=30)
    words = await checks.run(["echo", "$GREETING"], folder=tmp_path, timeout_seconds=30)

    assert (line.exit_code, line.tail) == (0, f"hello\n{tmp_path.resolve()}")
    assert (words.exit_code, words.tail, words.command) == (0, "$GREETING", "echo $GREETING")
    assert line.has_passed


async def test_both_outputs_are_kept_in_order(checks, tmp_path):
    """What a test says on either is one story."""
    check = await checks.run(
        "echo 1; echo 2 >&2; echo 3; exit 4", folder=tmp_path, timeout_seconds=30
    )

    assert (check.exit_code, check.tail) == (4, "1\n2\n3")
    assert not check.has_passed


async def test_the_end_of_a_long_output_is_kept(checks, tmp_path):
    """That is where the failure stands."""
    check = await checks.run("seq 1 200000", folder=tmp_path, timeout_seconds=30)

    assert check.tail.startswith("[…]\n19")
    assert check.tail.endswith("\n199999\n200000")
    assert len(check.tail) < 7_000


async def test_the_output_is_plain_text(checks, tmp_path):
    """No colours, no control characters, no bytes that are no text."""
    output = r"\033[31mred\033[0m \033]0;title\007bell\007 10%%\r100%%\r\nbad\377byte\000\n"
    check = await checks.run(f"printf '{output}'", folder=tmp_path, timeout_seconds=30)

    assert check.tail == "100%\nbad\ufffdbyte"


async def test_what_takes_too_long_is_ended_with_all_it_started(checks, tmp_path):
    """Also what has left the process group; the exit code is None, and the output is there."""
    mark = tmp_path / "pid"
    command = f"echo begun; setsid sh -c 'echo $$ > {mark}; exec sleep 1000' & sleep 1000"

    check = await checks.run(command, folder=tmp_path, timeout_seconds=5.0)

    assert (check.exit_code, check.tail) == (None, "begun")
    assert not _lives(mark)


async def test_what_is_left_in_the_background_is_ended(checks, tmp_path):
    """A test that starts a server and forgets it does not hold up the task."""
    mark = tmp_path / "pid"
    is_there = f"until [ -s {mark} ]; do sleep 0.05; done"
    command = f"sh -c 'echo $$ > {mark}; exec sleep 1000' & {is_there}; echo done"

    check = await checks.run(command, folder=tmp_path, timeout_seconds=60)

    assert (check.exit_code, check.tail) == (0, "done")
    assert not _lives(mark)


async def test_a_program_that_is_not_there_has_not_passed(checks, tmp_path):
    """It is told like any other failure."""
    check = await checks.run(["no-such-program"], folder=tmp_path, timeout_seconds=30)

    assert check.exit_code == 127
    assert "no-such-program" in check.tail


async def test_a_check_sees_the_task_s_environment_alone(checks, tmp_path, monkeypatch):
    """Nothing of the worker's own."""
    monkeypatch.setenv("ATHENA_API_KEY", "ath_of_the_worker")

    check = await checks.run("env", folder=tmp_path, timeout_seconds=30)

    assert "GREETING=hello" in check.tail
    assert "ath_of_the_worker" not in check.tail


def _lives(mark: Path) -> bool:
    """Whether the process that has left its number there runs; one that has ended may be shown."""
    try:
        return psutil.Process(int(mark.read_text())).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
