"""The PostgreSQL that tests start: what it bears, and that nothing of it stays behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import postgres_guard
from tests.postgres import PostgresServer, databases

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
USES_ONE = """
import sys, time
from tests import postgres_guard
from tests.postgres import PostgresServer
server = PostgresServer().start()
print(server.data, server.query("SELECT pg_backend_pid()")[0][0], flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """One that outlives what the tests do to it."""
    with PostgresServer(is_durable=True) as server:
        server.make_template()
        yield server


@pytest.mark.parametrize("end", [PostgresServer.stop, PostgresServer.kill])
def test_what_was_committed_survives(server: PostgresServer, end):
    """On the same port, so that its clients find it again."""
    database, port = server.create_database(), server.port
    server.execute("INSERT INTO sink_cursors VALUES ('discord', 7)", database=database)

    end(server)
    with pytest.raises(OSError, match="Connect"):
        server.query("SELECT 1")
    server.start()

    assert server.port == port
    assert server.query("SELECT position FROM sink_cursors", database=database)[0][0] == 7


def test_databases_know_nothing_of_each_other(server: PostgresServer):
    """Each is a copy of the template as it was migrated."""
    first, second = server.create_database(), server.create_database()
    server.execute("INSERT INTO sink_cursors VALUES ('discord', 7)", database=first)

    assert server.query("SELECT * FROM sink_cursors", database=second) == []
    server.drop(first)
    server.drop(first)
    assert server.query(f"SELECT 1 FROM pg_database WHERE datname = '{first}'") == []


def test_durable_server_waits_for_the_disk(server: PostgresServer):
    """Only the shared one, which nothing outlives, may forget."""
    assert server.query("SHOW fsync")[0][0] == "on"


def test_server_that_is_shared_is_one():
    """Begun once, and used by every test that asks."""
    assert databases() is databases()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_behind(number: signal.Signals):
    """However the tests end, the server ends and its folder goes."""
    with subprocess.Popen(
        [sys.executable, "-c", USES_ONE],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as tests:
        assert tests.stdout is not None
        data = Path(tests.stdout.readline().split()[0])
        pid = int((data / "postmaster.pid").read_text().split()[0])
        assert data.is_dir()

        tests.send_signal(number)
        tests.wait()

        deadline = time.monotonic() + 60
        while data.parent.exists() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert not data.parent.exists()
    assert not postgres_guard.is_running(pid, data)
