"""With the real `claude` program and a scripted model: what reaches the model, and the queue."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.client.mcp.test_tools import submitted, task_of
from tests.fakes.model import Call, Say, ScriptedModel, claude_environment, claude_program

PREFIX = "mcp__athena__"


@pytest.mark.slow
def test_claude_takes_a_task_and_completes_it(athena, laptop, tmp_path: Path):
    """The instructions, each answer and each refusal reach the model; nothing hangs."""
    number = submitted(athena, "Deploy new service")
    wrong = {"task_id": number, "note": "done"}
    half = {"task_id": number, "message": "writing \ud83d tests"}
    command, *arguments = laptop.command("mcp")
    server = {"command": command, "args": arguments, "env": laptop.variables}
    for folder in ("claude", "temporary"):
        (tmp_path / folder).mkdir()
    with ScriptedModel() as model:
        model.script(
            "take",
            [
                Call(f"{PREFIX}take_next", {}),
                Call(f"{PREFIX}report_progress", half),
                Call(f"{PREFIX}complete_task", wrong),
                Call(f"{PREFIX}complete_task", {"task_id": number, "notes": "done"}),
                Say("Done."),
            ],
        )
        done = subprocess.run(
            [
                claude_program(),
                "-p",
                *("--mcp-config", json.dumps({"mcpServers": {"athena": server}})),
                *("--allowedTools", "mcp__athena"),
            ],
            input="[script: take] Take the next task",
            env=claude_environment(
                model, home=tmp_path / "claude", temporary=tmp_path / "temporary"
            ),
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
        )
        asked = model.requests_of("take")

    taken, progress, refused, completed = (request.results[0] for request in asked[1:])
    assert done.stdout == "Done.\n"
    assert "Athena is a queue of tasks" in " ".join([asked[0].system, *asked[0].texts])
    assert json.loads(taken[0])["task"]["description"] == "Deploy new service"
    assert json.loads(progress[0])["summary"] == f"Told, and #{number} stays yours."
    assert refused[1]
    assert refused[0].startswith("complete_task has no argument 'note'. Did you mean notes?")
    assert json.loads(completed[0])["status"] == "completed"
    assert task_of(athena, number)["notes"] == "done"
