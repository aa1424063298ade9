"""A project's own program in place of Claude Code; the task's text is data for it, never code."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from claude_task_client.worker.executor import End, LineKind, Turn
from claude_task_client.worker.executors.shell import ShellExecutor
from tests.worker.desk import FakeDesk

ENVIRONMENT = {"PATH": os.environ["PATH"]}


@pytest.fixture
def turn(tmp_path: Path) -> Callable[..., Turn]:
    folder, temporary = tmp_path / "work", tmp_path / "temporary"
    folder.mkdir()
    temporary.mkdir()

    def make(prompt: str, **more: Any) -> Turn:
        return Turn(task_id=7, prompt=prompt, folder=folder, temporary=temporary, **more)

    return make


def program(tmp_path: Path, script: str) -> ShellExecutor:
    file = tmp_path / "run-task.sh"
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return ShellExecutor([str(file)], ENVIRONMENT)


async def test_the_tasks_text_comes_in_as_data(tmp_path: Path, turn: Callable[..., Turn]):
    """On standard input and as a file; whatever it holds, no shell reads it."""
    text = 'Deploy "$(touch hacked)"; touch hacked `touch hacked` \n--help é'
    executor = program(
        tmp_path, 'cat > stdin.txt; cp "$ATHENA_TASK_FILE" file.txt; echo did $ATHENA_TASK_ID'
    )
    desk = FakeDesk()

    outcome = await executor.run(turn(text), desk)

    assert (outcome.end, outcome.text) == (End.FINISHED, "did 7")
    assert desk.said(LineKind.TEXT) == desk.progresses == ["did 7"]
    for name in ("stdin.txt", "file.txt"):
        assert (tmp_path / "work" / name).read_text() == text
    assert not (tmp_path / "work" / "hacked").exists()


async def test_another_exit_code_is_a_failure_with_the_end_of_the_output(
    tmp_path: Path, turn: Callable[..., Turn]
):
    """Both outputs, in order, as a person would have seen them."""
    outcome = await program(tmp_path, "echo one; echo two >&2; exit 3").run(turn("x"), FakeDesk())

    assert outcome.end is End.FAILED
    assert (outcome.error or "").endswith("run-task.sh ended with exit code 3:\none\ntwo")


@pytest.mark.parametrize(
    ("limit", "end"), [("silence_seconds", End.SILENT), ("timeout_seconds", End.TIMED_OUT)]
)
async def test_a_program_that_hangs_is_ended(
    tmp_path: Path, turn: Callable[..., Turn], limit: str, end: End
):
    """By the limits that hold for Claude as well."""
    executor = program(tmp_path, "echo begun; exec sleep 600")

    outcome = await executor.run(turn("x", **{limit: 3.0}), FakeDesk())

    assert (outcome.end, outcome.text) == (end, "begun\n")


async def test_a_missing_program_is_told(turn: Callable[..., Turn]):
    """It is the config that is wrong, not the task."""
    outcome = await ShellExecutor(["./none.sh"], ENVIRONMENT).run(turn("x"), FakeDesk())

    assert outcome.end is End.CRASHED
    assert "none.sh" in (outcome.error or "")
