"""What others do to a store while a server serves it: commands, copies, a second server."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import RunningServer
from tests.scenario.crowd import all_of, crowd_of, until
from tests.scenario.history import history_in_file
from tests.scenario.wire import Line, request_bytes
from tests.store.engines import Engine, only_on

pytestmark = pytest.mark.slow


def athena(server: RunningServer, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The `athena` command, with the server's own settings."""
    return subprocess.run(
        [sys.executable, "-m", "athena", *arguments],
        cwd=server.folder,
        env=server.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def new_key(server: RunningServer) -> tuple[int, str]:
    made = json.loads(athena(server, "keys", "create", "beside", "--json").stdout)
    return made["id"], made["secret"]


async def test_a_stream_misses_nothing_that_another_process_wrote(server: RunningServer) -> None:
    """Events of `athena keys create` reach the listeners, in order, between the server's own."""
    line = Line(server)
    line.send(request_bytes(server, "GET", "/api/events"))
    assert b"200 OK" in line.read_some()
    async with crowd_of(server) as crowd:
        for _ in range(3):
            made = athena(server, "keys", "create", "beside")
            assert made.returncode == 0, made.stderr
            # At once, so that the server commits before it has noticed.
            await crowd.submit()

        last = (await crowd.ask("GET", "/api/events?limit=500", headers=JSON)).body["next_after"]
        heard = b""
        while f"id: {last}\n".encode() not in heard:
            heard += line.read_some()
    line.hang_up()

    ids = [int(row[4:]) for row in heard.decode().splitlines() if row.startswith("id: ")]
    assert ids == list(range(ids[0], last + 1))
    assert heard.count(b"event: key.created") == 3
    assert heard.count(b"event: task.submitted") == 3


JSON = {"Accept": "application/json"}


async def test_a_key_that_is_revoked_beside_the_server_is_refused_soon(
    server: RunningServer,
) -> None:
    """`athena keys revoke` ends requests and an open stream of the key."""
    key_id, secret = new_key(server)
    assert server.ask("GET", "/api/tasks", key=secret).status == 200
    line = Line(server)
    line.send(request_bytes(server, "GET", "/api/events", headers={"X-API-Key": secret}))
    assert b"200 OK" in line.read_some()

    assert athena(server, "keys", "revoke", str(key_id)).returncode == 0

    await until(lambda: server.ask("GET", "/api/tasks", key=secret).status == 401)
    line.read_to_end()
    line.hang_up()
    assert server.ask("GET", "/api/tasks").status == 200


@only_on("sqlite", "PostgreSQL is backed up by its own tools")
async def test_a_copy_made_under_load_can_be_restored(
    server: RunningServer, tmp_path: Path
) -> None:
    """`athena backup` beside a busy server holds one whole moment of it; `restore` goes back."""
    async with crowd_of(server) as crowd:
        early = await crowd.submit_many(50)
        is_over = False

        async def work(name: str) -> None:
            while not is_over:
                await crowd.submit()
                if task := await crowd.claim_next(name):
                    assert (await crowd.complete(task, name)).status == 200

        async def copy() -> None:
            nonlocal is_over
            for number in range(3):
                file = tmp_path / f"copy-{number}"
                made = await asyncio.to_thread(athena, server, "backup", str(file))
                assert made.returncode == 0, made.stderr
            is_over = True

        await all_of([*(work(f"w{number}") for number in range(8)), copy()])

    for number in range(3):
        copied = history_in_file(tmp_path / f"copy-{number}")
        copied.check()
        assert set(early) <= copied.tasks.keys()

    refused = athena(server, "restore", "--yes", str(tmp_path / "copy-1"))
    assert refused.returncode == 1
    assert "in use" in refused.stderr
    server.stop()
    restored = athena(server, "restore", "--yes", str(tmp_path / "copy-1"))
    assert restored.returncode == 0, restored.stderr
    server.start()
    kept = history_in_file(tmp_path / "copy-1").tasks
    listed = server.ask("GET", f"/api/tasks/{max(kept)}")
    assert listed.body["description"] == "a task"
    assert server.ask("GET", f"/api/tasks/{max(kept) + 1}").status == 404


@only_on("sqlite", "on PostgreSQL a second one is a replica")
def test_a_second_server_on_the_same_file_names_the_first(server: RunningServer) -> None:
    """One `serve` a file: the second says who has it, and harms nothing."""
    assert server.process is not None

    second = athena(server, "serve")

    assert second.returncode == 1
    assert str(server.process.pid) in second.stderr
    assert "Traceback" not in second.stderr
    assert server.ask("POST", "/api/tasks", {"description": "still here"}).status == 201


def test_the_key_stands_nowhere_in_clear(server: RunningServer, engine: Engine) -> None:
    """I16: neither the log nor anything that is stored has a key in it."""
    _, secret = new_key(server)
    server.ask("GET", "/api/tasks", key=secret)
    server.ask("GET", f"/api/tasks?q={secret}")
    server.ask("POST", "/api/tasks", {"description": "x"}, headers={"X-API-Key": "wrong-" + secret})

    server.kill()

    found = {path: path.read_bytes() for path in server.folder.rglob("*") if path.is_file()}
    if engine.name == "postgres":
        found[Path("rows")] = engine.contents(server.folder)
    for path, content in found.items():
        assert secret.encode() not in content, path
        assert server.key.encode() not in content, path


def test_only_four_paths_answer_without_a_key(server: RunningServer) -> None:
    """I16: every operation of the API's own document asks for a key, and a wrong one is no key."""
    open_paths = {"/health", "/ready", "/openapi.json", "/docs"}
    document = server.ask("GET", "/openapi.json", key=None).body

    answered = {
        path
        for path, operations in document["paths"].items()
        for method in operations
        for key in (None, "wrong", server.key[:-1], server.key + "x", server.key.upper())
        if server.ask(method.upper(), path.replace("{id}", "1"), key=key).status != 401
    }

    assert answered == open_paths & document["paths"].keys()
