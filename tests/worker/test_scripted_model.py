"""The scripted model says to the real program what a test wants it to hear."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.model import (
    Cut,
    Fail,
    Say,
    ScriptedModel,
    bash,
    claude_program,
    overloaded,
    structured,
    write,
)

pytestmark = pytest.mark.slow


def claude(
    prompt: str, *more: str, environment: dict[str, str], folder: Path
) -> list[dict[str, Any]]:
    """The messages of one run of the program, to its end."""
    ended = subprocess.run(
        [claude_program(), "-p", "--output-format", "stream-json", "--verbose", *more],
        input=prompt,
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return [json.loads(line) for line in ended.stdout.splitlines()]


def test_the_program_does_what_the_script_says(
    model: ScriptedModel, claude_env: dict[str, str], tmp_path: Path
):
    """A script's steps are made by the real tools, one after the other, and recorded."""
    file = tmp_path / "a.txt"
    model.script("make", [(Say("I write."), write(file, "one\n")), bash(f"cat {file}"), Say("Ok.")])

    *_, result = claude(
        "[script: make] Do it",
        "--allowedTools=Write,Bash",
        environment=claude_env,
        folder=tmp_path,
    )

    assert (result["result"], result["is_error"]) == ("Ok.", False)
    assert file.read_text() == "one\n"
    seen = model.requests_of("make")
    assert [request.step for request in seen] == [0, 1, 2]
    assert seen[2].results[0][0].strip() == "one"
    assert model.prompts_of("make") == ["[script: make] Do it"]


def test_a_resumed_conversation_goes_on_with_the_next_turn(
    model: ScriptedModel, claude_env: dict[str, str], tmp_path: Path
):
    """The server keeps no state: the conversation says where it stands."""
    model.script("talk", [Say("First.")], [Say("Second.")])
    *_, first = claude("[script: talk] Go", environment=claude_env, folder=tmp_path)

    *_, second = claude(
        "And now?", "--resume", first["session_id"], environment=claude_env, folder=tmp_path
    )

    assert (first["result"], second["result"]) == ("First.", "Second.")
    assert model.prompts_of("talk") == ["[script: talk] Go", "And now?"]


def test_trouble_passes_after_its_times(
    model: ScriptedModel, claude_env: dict[str, str], tmp_path: Path
):
    """A step may fail or break off a few times before it succeeds, as the real service does."""
    model.script(
        "trouble",
        [overloaded(times=1, then=bash("echo hi")), Cut(Say("Half"), times=1, then=Say("Whole."))],
    )

    *_, result = claude(
        "[script: trouble] Go", "--allowedTools=Bash", environment=claude_env, folder=tmp_path
    )

    assert result["result"] == "Whole."


def test_an_error_of_the_service_ends_the_run(
    model: ScriptedModel, claude_env: dict[str, str], tmp_path: Path
):
    """An error that stays reaches the program's result."""
    model.script("bad", [Fail(status=400, kind="invalid_request_error", message="No such thing")])

    *_, result = claude("[script: bad] Go", environment=claude_env, folder=tmp_path)

    assert (result["is_error"], result["api_error_status"]) == (True, 400)


def test_the_auditor_is_told_from_the_implementer(
    model: ScriptedModel, claude_env: dict[str, str], tmp_path: Path
):
    """Who is to give a structured answer gets the auditor's lists, one a round."""
    verdicts = [[structured(ok=False)], [structured(ok=True)]]
    model.script("judge", [Say("Not asked.")], auditor=verdicts)
    schema = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}

    results = [
        claude(
            "[script: judge] Is it good?",
            "--json-schema",
            json.dumps(schema),
            environment=claude_env,
            folder=tmp_path,
        )[-1]
        for _ in range(2)
    ]

    assert [result["structured_output"] for result in results] == [{"ok": False}, {"ok": True}]
    assert model.requests_of("judge", auditor=True)[-1].round == 1


def test_it_runs_by_itself_for_tests_of_other_processes(tmp_path: Path):
    """With scripts from a file; what was asked is listed, what is held can be released."""
    script = tmp_path / "script.py"
    script.write_text(
        "from tests.fakes.model import Hold, Say\n"
        "def define(model): model.script('slow', [Hold('go', Say('Hello.'))])\n"
    )
    started = subprocess.Popen(
        [sys.executable, "-m", "tests.fakes.model", "--script", str(script)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[2],
    )
    try:
        assert started.stdout is not None
        url = started.stdout.readline().strip().removeprefix("ANTHROPIC_BASE_URL=")
        body = {"messages": [{"role": "user", "content": "[script: slow] Go"}], "model": "m"}
        post(f"{url}/scripted/release/go", {})

        answer = post(f"{url}/v1/messages", body)

        assert answer["content"] == [{"type": "text", "text": "Hello."}]
        with urllib.request.urlopen(f"{url}/scripted/requests") as response:
            [request] = json.load(response)["requests"]
        assert (request["tag"], request["step"], request["prompt"]) == (
            "slow",
            0,
            "[script: slow] Go",
        )
    finally:
        started.terminate()
        started.communicate(timeout=60)


def post(url: str, body: object) -> Any:
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        return json.load(response)
