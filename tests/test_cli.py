"""The `athena` command as its users run it: a process, an environment, a folder of its own."""

from __future__ import annotations

import json
import os
import pty
import re
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from athena import __version__
from tests.running import RunningServer
from tests.shell import Shell, until


def ended_tasks(server: RunningServer, number: int) -> None:
    for n in range(number):
        task = server.ask("POST", "/api/tasks", {"description": f"task {n}"}).body
        server.ask("POST", f"/api/tasks/{task['id']}/cancel")


# --- settings ---------------------------------------------------------------------------------

COMMANDS = [
    ["serve"],
    ["check"],
    ["keys", "create", "laptop"],
    ["keys", "list"],
    ["keys", "revoke", "1"],
    ["backup", "copy"],
    ["restore", "copy", "--yes"],
    ["migrate"],
    ["export", "-"],
    ["import", "copy"],
    ["purge"],
    ["healthcheck"],
]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_bad_setting_is_one_line(shell: Shell, command: list[str]):
    """Whatever the command: the setting's name and what is wrong, and no traceback."""
    (shell.folder / "copy").touch()

    line = shell.refuse(*command, PORT="http")

    assert line.startswith("Error: ATHENA_PORT: ")
    assert not shell.database.exists()


def test_every_bad_setting_is_named(shell: Shell):
    """A line each, so that all can be mended at once."""
    done = shell.run("check", PORT="http", MAX_ATTEMPTS="0")

    assert done.returncode == 1
    assert "ATHENA_PORT: " in done.stderr
    assert "ATHENA_MAX_ATTEMPTS: " in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_do_not_go_together(shell: Shell):
    """A fault of several settings names them."""
    assert "ATHENA_STALE_AFTER must be" in shell.refuse("check", STALE_AFTER="48h")


@pytest.mark.parametrize("command", [["migrate"], ["keys", "list"], ["serve"]], ids=" ".join)
def test_store_out_of_reach_is_one_line(shell: Shell, command: list[str]):
    """A path below a file: no traceback."""
    (shell.folder / "file").touch()

    line = shell.refuse(*command, DATABASE_URL="sqlite:///file/tasks.db")

    assert line.startswith("Error: ")


def test_version_and_help(shell: Shell):
    """Every command says what it does."""
    assert __version__ in shell.succeed("--version")
    listed = shell.succeed("--help")
    for command in COMMANDS:
        assert command[0] in listed
        assert "Usage:" in shell.succeed(command[0], "-h")


# --- check ------------------------------------------------------------------------------------


def test_check_shows_settings_without_secrets(shell: Shell):
    """What is set, and the store; a secret is only said to be there."""
    shown = shell.succeed(
        "check", API_KEY="a secret of some length", DISCORD_TOKEN="the.bots.token", PORT="6000"
    )

    assert "ATHENA_PORT = 6000" in shown
    assert shown.count("= (set)") == 2
    assert "some length" not in shown
    assert "bots.token" not in shown
    assert "does not exist yet" in shown
    assert not shell.database.exists()


def test_check_looks_at_the_store(shell: Shell):
    """Intact, or damaged and how."""
    shell.succeed("migrate")
    assert "is intact (schema " in shell.succeed("check")

    shell.database.write_bytes(b"dear diary " * 1000)

    assert "not a database" in shell.refuse("check")


# --- keys -------------------------------------------------------------------------------------


def test_keys_are_made_listed_and_revoked(shell: Shell):
    """The secret is shown once; the list has its beginning."""
    made = shell.succeed("keys", "create", "laptop", "--scope", "read", "--instance", "pi")
    secret = made.split()[-1]
    assert re.fullmatch(r"ath_[0-9a-f]{72}", secret)

    listed = shell.succeed("keys", "list")
    assert "laptop" in listed
    assert secret[:10] in listed
    assert secret not in listed
    assert "[read]" in listed
    assert "valid" in listed

    assert shell.succeed("keys", "revoke", "1") == "key 1 is revoked\n"
    (key,) = json.loads(shell.succeed("keys", "list", "--json"))
    assert (key["state"], key["scopes"], key["instance"]) == ("revoked", ["read"], "pi")


def test_key_as_json(shell: Shell):
    """For scripts; default scopes are all but admin."""
    made = json.loads(shell.succeed("keys", "create", "ci", "--json", "--expires-days", "0.5"))

    (key,) = json.loads(shell.succeed("keys", "list", "--json"))
    assert made.keys() == {"id", "name", "secret"}
    assert key["scopes"] == ["read", "submit", "work"]
    assert key["expires_at"] is not None
    assert key["state"] == "valid"


def test_keys_that_make_no_sense(shell: Shell):
    """One line, or how the command is used."""
    assert "There is no key 7" in shell.refuse("keys", "revoke", "7")
    assert "instance: is not a slug" in shell.refuse("keys", "create", "x", "--instance", "a b")
    assert shell.run("keys", "create", "x", "--scope", "root").returncode == 2
    assert shell.run("keys", "create", "x", "--expires-days", "0").returncode == 2
    assert shell.run("keys", "create", "x", "--expires-days", "1e12").returncode == 2
    assert shell.run("keys", "revoke", "0").returncode == 2


@pytest.mark.slow
def test_keys_beside_a_running_server(beside: Shell, server: RunningServer):
    """A key made by the command opens; revoked, it opens no more, within a moment."""
    made = json.loads(beside.succeed("keys", "create", "laptop", "--json"))

    assert server.ask("GET", "/api/tasks", key=made["secret"]).status == 200
    beside.succeed("keys", "revoke", str(made["id"]))

    until(lambda: server.ask("GET", "/api/tasks", key=made["secret"]).status == 401)


# --- copies -----------------------------------------------------------------------------------


def test_backup_of_nothing(shell: Shell):
    """There must be a store; and none is made by asking."""
    assert "does not exist" in shell.refuse("backup", "copy")
    assert not shell.database.parent.exists()


def test_backup_replaces_nothing_unasked(shell: Shell):
    """Only where `--force` says so."""
    shell.succeed("migrate")
    shell.succeed("backup", "copy")

    assert "--force" in shell.refuse("backup", "copy")
    assert "checked" in shell.succeed("backup", "copy", "--force")


def test_restore_asks_whoever_sits_at_a_terminal(shell: Shell):
    """No is no."""
    shell.succeed("migrate")
    shell.succeed("backup", "copy")
    before = shell.database.read_bytes()

    ours, theirs = pty.openpty()
    try:
        os.write(ours, b"n\n")
        shell.stdin = theirs
        done = shell.run("restore", "copy")
    finally:
        os.close(ours)
        os.close(theirs)

    assert (done.returncode, "Replace" in done.stdout) == (1, True)
    assert shell.database.read_bytes() == before


def test_restore_of_what_is_no_backup(shell: Shell):
    """One line; the store stays."""
    shell.succeed("keys", "create", "laptop")
    (shell.folder / "copy").write_bytes(b"dear diary " * 1000)

    assert "not an intact database" in shell.refuse("restore", "copy", "--yes")

    assert shell.query("SELECT name FROM api_keys") == [("laptop",)]


@pytest.mark.slow
def test_backup_and_restore_around_a_server(beside: Shell, server: RunningServer):
    """Copied while it runs, refused while it runs, and put back once it does not."""
    server.ask("POST", "/api/tasks", {"description": "before"})
    beside.succeed("backup", "copy")
    server.ask("POST", "/api/tasks", {"description": "after"})

    assert server.process is not None
    assert f"pid {server.process.pid}" in beside.refuse("restore", "copy", "--yes")
    server.stop()
    shown = beside.succeed("restore", "copy", "--yes")
    server.start()

    listed = server.ask("GET", "/api/tasks").body["tasks"]
    assert [task["description"] for task in listed] == ["before"]
    former = Path(shown.split()[-1])
    with closing(sqlite3.connect(former)) as connection:
        assert connection.execute("SELECT count(*) FROM tasks").fetchone() == (2,)


# --- schema -----------------------------------------------------------------------------------


def test_migrate_makes_and_keeps_the_store(shell: Shell):
    """It may be repeated."""
    first, second = shell.succeed("migrate"), shell.succeed("migrate")

    assert first == second
    assert "has schema" in first


@pytest.mark.slow
def test_migrate_is_refused_beside_a_server(beside: Shell, server: RunningServer):
    """The server has done it."""
    assert server.process is not None
    assert f"pid {server.process.pid}" in beside.refuse("migrate")


# --- purge ------------------------------------------------------------------------------------


def test_purge_with_retention_off_wants_a_number(shell: Shell):
    """What is kept for ever is removed only on request."""
    done = shell.run("purge", RETENTION_DAYS="0")

    assert done.returncode == 2
    assert "--older-than-days" in done.stderr
    assert shell.succeed("purge", "--older-than-days", "0", RETENTION_DAYS="0").startswith("0 ")


@pytest.mark.parametrize("days", ["-1", "1e12", "nan"])
def test_purge_of_no_age(shell: Shell, days: str):
    """An age that is none is wrong usage."""
    assert shell.run("purge", "--older-than-days", days).returncode == 2


@pytest.mark.slow
def test_purge_and_compact_beside_a_server(beside: Shell, server: RunningServer):
    """Ended tasks go, the file shrinks, the server goes on."""
    ended_tasks(server, 3)
    server.ask("POST", "/api/tasks", {"description": "stays"})

    assert beside.succeed("purge") == "0 tasks removed\n"
    assert beside.succeed("purge", "--older-than-days", "0", "--status", "failed")[0] == "0"
    shown = beside.succeed("purge", "--older-than-days", "0", "--compact")

    assert shown.startswith("3 tasks removed\n")
    assert "given back" in shown
    listed = server.ask("GET", "/api/tasks?status=all").body["tasks"]
    assert [task["description"] for task in listed] == ["stays"]
    assert server.ask("POST", "/api/tasks", {"description": "next"}).status == 201


# --- serve and healthcheck --------------------------------------------------------------------


def test_healthcheck_without_a_server(shell: Shell):
    """One line, and a failure for the container."""
    assert "no answer from 127.0.0.1:" in shell.refuse("healthcheck", PORT="1")


def test_healthcheck_of_something_else(shell: Shell):
    """An answer that is not 200 is a failure, and is shown."""
    with answering_503() as port:
        done = shell.run("healthcheck", PORT=str(port))

    assert (done.returncode, done.stdout) == (1, "not well\n")


@contextmanager
def answering_503() -> Iterator[int]:
    """A server on loopback that is not well."""

    class Unwell(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(503)
            self.end_headers()
            self.wfile.write(b"not well")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Unwell) as server:
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        yield server.server_port
        thread.join()


@pytest.mark.slow
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_healthcheck_of_a_server(start_server: Callable[..., RunningServer], host: str):
    """It asks on this machine, also where the server listens everywhere."""
    server = start_server()
    shell = Shell(server.folder)

    shown = json.loads(shell.succeed("healthcheck", HOST=host, PORT=str(server.port)))

    assert (shown["status"], shown["database"]) == ("ok", "ok")


@pytest.mark.slow
def test_second_server_names_the_first(beside: Shell, server: RunningServer):
    """One line with the process that holds the store."""
    assert server.process is not None

    assert f"pid {server.process.pid}" in _last_line(beside.run("serve", PORT="0"))
    assert server.ask("GET", "/health").status == 200


@pytest.mark.slow
def test_port_that_is_taken(shell: Shell, server: RunningServer):
    """One line; the store is let go again."""
    line = _last_line(shell.run("serve", PORT=str(server.port)))

    assert str(server.port) in line
    shell.succeed("migrate")


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 1, done
    assert "Traceback" not in done.stderr + done.stdout
    return done.stderr.splitlines()[-1]


@pytest.mark.slow
def test_first_key_is_shown_once(start_server: Callable[..., RunningServer]):
    """Where there is none and none is set, one is made, with what to try next."""
    server = start_server(API_KEY="")
    until(lambda: "claude-task-client claim" in server.log.read_text())
    secret = re.findall(r"ath_[0-9a-f]{72}", server.log.read_text())[0]

    assert server.ask("GET", "/api/keys", key=secret).status == 200
    shown = server.log.read_text()
    assert f"export ATHENA_API_URL={server.url} ATHENA_API_KEY={secret}" in shown
    server.restart()

    assert len(server.log.read_text().split(secret)) == len(shown.split(secret))
    assert server.ask("GET", "/api/keys", key=secret).status == 200
