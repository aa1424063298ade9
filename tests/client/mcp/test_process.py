"""`claude-task-client mcp` as a client starts it: a process, and lines of JSON."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.client.conftest import Terminal
from tests.client.mcp.model import LEGACY, MODERN, in_terminal
from tests.client.mcp.test_tools import submitted

TIMEOUT_SECONDS = 60
HELLO = {
    "protocolVersion": "2025-06-18",
    "capabilities": {},
    "clientInfo": {"name": "test", "version": "1"},
}


class Wire:
    """The server at the other end of two pipes."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process

    def send(self, line: str | bytes) -> None:
        """A line, whatever it is."""
        assert self.process.stdin
        self.process.stdin.write((line.encode() if isinstance(line, str) else line) + b"\n")
        self.process.stdin.flush()

    def answer(self) -> Any:
        """The next line, which must be a message."""
        assert self.process.stdout
        ready, _, _ = select.select([self.process.stdout], [], [], TIMEOUT_SECONDS)
        assert ready, "no answer"
        return json.loads(self.process.stdout.readline())

    def ask(self, method: str, params: object, number: int = 1) -> Any:
        """A request, and its answer."""
        self.send(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}))
        return self.answer()

    def leave(self) -> tuple[int, bytes, bytes]:
        """Close standard input: exit code, and what was still said."""
        assert self.process.stdin
        assert self.process.stdout
        assert self.process.stderr
        self.process.stdin.close()
        said, warned = self.process.stdout.read(), self.process.stderr.read()
        return self.process.wait(TIMEOUT_SECONDS), said, warned


@contextmanager
def wire(terminal: Terminal, **variables: str) -> Iterator[Wire]:
    """A server that has been greeted."""
    with subprocess.Popen(
        terminal.command("mcp"),
        env={**terminal.environment(), **variables},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
    ) as process:
        assert process.stdin
        try:
            talk = Wire(process)
            assert talk.ask("initialize", HELLO, 0)["result"]["serverInfo"]["name"] == "athena"
            talk.send('{"jsonrpc":"2.0","method":"notifications/initialized"}')
            yield talk
            process.stdin.close()  # peaceful where the test has left that to us
            process.wait(TIMEOUT_SECONDS)
        finally:
            process.kill()


def called(tool: str, arguments: str, number: int = 7) -> str:
    """The line of a call, with arguments word for word."""
    params = f'{{"name":"{tool}","arguments":{arguments}}}'
    return f'{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{params}}}'


@pytest.mark.parametrize("mode", [LEGACY, MODERN])
async def test_the_official_client_lists_and_calls_the_tools(athena, laptop, mode):
    """Over standard input and output, as Claude Code does."""
    submitted(athena, "Deploy new service")
    async with in_terminal(laptop, mode) as model:
        tools = (await model.client.list_tools()).tools
        taken = await model.call("take_next")
        number = taken.content["task"]["id"]
        done = await model.call("complete_task", task_id=number, notes="done")

    assert len(tools) == 11
    assert taken.content["task"]["description"] == "Deploy new service"
    assert done.content["status"] == "completed"


def test_a_claim_is_ended_in_the_terminal(athena, laptop):
    """Tools and commands share what this machine holds."""
    number = submitted(athena)
    with wire(laptop) as talk:
        talk.send(called("take_next", "{}"))
        talk.answer()
        done = laptop.run("complete")

    assert done.stdout == f"Completed #{number}.\n", done


NO_MESSAGES: list[tuple[str | bytes, int | str | None, int]] = [
    ("no json", None, -32700),
    (b"\xff\xfe\x00", None, -32700),
    ("[" * 50_000, None, -32700),
    ("[]", None, -32600),
    ('"text"', None, -32600),
    ('{"jsonrpc":"2.0","id":3}', 3, -32600),
    ('{"jsonrpc":"2.0","id":"three","method":5}', "three", -32600),
    ('{"jsonrpc":"2.0","id":3,"method":"tools/call","params":[1]}', 3, -32600),
    ('{"jsonrpc":"2.0","id":3,"method":"no/such/method"}', 3, -32601),
    ('{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{}}', 3, -32602),
    (called("show_task", '"text"', 3), 3, -32602),
]


def test_a_line_that_is_no_message_is_answered(laptop):
    """A client that waits for an answer would wait for ever; the next call works as ever."""
    with wire(laptop) as talk:
        for line, number, code in NO_MESSAGES:
            talk.send(line)
            answer = talk.answer()
            assert (answer["id"], answer["error"]["code"]) == (number, code), line
        talk.send(called("list_tasks", "{}"))
        assert talk.answer()["result"]["structuredContent"]["tasks"] == []


def test_half_a_character_does_not_lose_a_call(athena, laptop):
    """A client that cuts a text in the middle of an emoji sends what no parser takes."""
    with wire(laptop) as talk:
        talk.send(called("submit_task", '{"description":"half \\ud83d, whole \\ud83d\\ude00"}'))
        number = talk.answer()["result"]["structuredContent"]["id"]
        talk.send(called("submit_task", '{"description":"é"}').encode("latin-1"))
        other = talk.answer()["result"]["structuredContent"]["id"]

    described = [
        athena.ask("GET", f"/api/tasks/{each}").body["description"] for each in (number, other)
    ]
    assert described == ["half \ufffd, whole \U0001f600", "\ufffd"]


def test_a_number_without_end_is_refused(laptop):
    with wire(laptop) as talk:
        talk.send(called("show_task", f'{{"task_id":{"9" * 5000}}}'))
        result = talk.answer()["result"]

    assert result["isError"] is True
    assert "a number is wanted" in result["content"][0]["text"]


def test_closing_its_input_ends_it_in_the_middle_of_a_wait(athena, laptop):
    """No thread, no request and no message stays behind; what is claimed stays claimed."""
    number = submitted(athena)
    with wire(laptop) as talk:
        talk.send(called("take_next", "{}"))
        talk.answer()
        talk.send(called("task_result", f'{{"task_id":{number},"wait_seconds":60}}'))
        code, said, warned = talk.leave()

    assert code == 0
    assert warned == b""
    assert [json.loads(line)["id"] for line in said.splitlines()] in ([], [7])
    assert athena.ask("GET", f"/api/tasks/{number}").body["status"] == "in_progress"


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_at_once(laptop, sent):
    """Python would wait for the thread that reads; Claude Code begins with SIGINT."""
    with wire(laptop) as talk:
        talk.process.send_signal(sent)
        assert talk.process.wait(TIMEOUT_SECONDS) == -sent


def test_a_client_that_is_gone_leaves_no_traceback(laptop):
    with wire(laptop) as talk:
        assert talk.process.stdin
        assert talk.process.stdout
        assert talk.process.stderr
        talk.process.stdout.close()
        talk.send(called("list_tasks", "{}"))
        talk.process.stdin.close()
        assert talk.process.wait(TIMEOUT_SECONDS) == 0
        assert talk.process.stderr.read() == b""


def test_nothing_but_messages_stands_on_standard_output(athena, laptop):
    """Not even where something of ours warns."""
    submitted(athena)
    state = laptop.claims_file()
    state.parent.mkdir(parents=True)
    state.mkdir()
    with wire(laptop) as talk:
        talk.send(called("take_next", "{}"))
        answer = talk.answer()
        _, said, warned = talk.leave()

    assert answer["result"]["structuredContent"]["task"]["status"].startswith("in_progress")
    assert said == b""
    assert b"Warning: Cannot read" in warned


def test_without_athena_it_starts_and_each_call_says_so(terminal):
    """A session is not to fail for a queue that is away."""
    away = {"ATHENA_API_URL": "http://127.0.0.1:1", "ATHENA_API_KEY": "ath_key_of_nobody_at_all"}
    with wire(terminal, **away) as talk:
        talk.send(called("take_next", "{}"))
        result = talk.answer()["result"]

    assert result["isError"] is True
    assert "not reachable" in result["content"][0]["text"]


@pytest.mark.skipif(sys.platform == "win32", reason="a terminal of POSIX")
def test_a_person_who_starts_it_learns_who_should(terminal):
    """Typed into a terminal it would sit there without a word."""
    import pty

    main, side = pty.openpty()
    with subprocess.Popen(
        terminal.command("mcp"),
        env=terminal.environment(),
        stdin=side,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        os.close(side)
        assert process.stderr
        said = process.stderr.readline()
        os.close(main)
        process.wait(TIMEOUT_SECONDS)

    assert b"claude mcp add athena -- claude-task-client mcp" in said


@pytest.mark.parametrize("missing", ["mcp", "pydantic"])
def test_without_its_packages_it_says_how_to_get_them(terminal, tmp_path: Path, missing):
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.modules[{missing!r}] = None\n")
    done = terminal.run("mcp", extra={"PYTHONPATH": str(tmp_path)})

    assert done.returncode == 2
    assert "pip install 'claude-task-client[mcp]'" in done.stderr
    assert done.stdout == ""
