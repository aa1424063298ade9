"""How much memory the server takes, with and without Discord."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bench.processes import REPOSITORY, athena, database_in, memory_mb
from bench.report import Options, Report, Table, steps
from bench.seeding import add_done, add_ready, filling_sqlite
from tests.running import RunningServer

_PAGES: Final = 20
_CLAIMS: Final = 500
_CONNECT_SECONDS: Final = 30.0


def measure(options: Options) -> Report:
    count = 10_000 if options.quick else 100_000
    table = Table(
        "Memory of the server (resident)",
        ("what", "idle MB", f"in use, {count:,} tasks, MB", "highest MB"),
        goal="at most 90 MB with 100,000 tasks",
        notes=[
            f"In use: {_PAGES} pages of 500 each of pending and ended tasks, events, statistics,",
            f"{_CLAIMS} claims and completions.",
        ],
    )
    report = Report([table])
    for name in steps("memory", ["without Discord", "with Discord"]):
        with discord() if name == "with Discord" else nothing() as settings:
            idle, used, highest = _measure(settings, count)
        table.rows.append((name, f"{idle:.1f}", f"{used:.1f}", f"{highest:.1f}"))
        short = name.replace(" ", "_").lower()
        report.figures |= {f"memory_idle_{short}_mb": idle, f"memory_used_{short}_mb": used}
    return report


def _measure(settings: Mapping[str, str], count: int) -> tuple[float, float, float]:
    with tempfile.TemporaryDirectory() as folder:
        with athena(Path(folder), settings) as server:
            _wait_for_discord(server)
            assert server.process is not None
            idle, _ = memory_mb(server.process.pid)
            server.stop()
        with filling_sqlite(database_in(Path(folder))) as filling:
            add_done(filling, count // 2)
            add_ready(filling, count // 2)
        with athena(Path(folder), settings) as server:
            _wait_for_discord(server)
            _use(server)
            assert server.process is not None
            return (idle, *memory_mb(server.process.pid))


def _wait_for_discord(server: RunningServer) -> None:
    deadline = time.monotonic() + _CONNECT_SECONDS
    while server.ask("GET", "/health").body["discord"] == "connecting":
        if time.monotonic() > deadline:
            raise TimeoutError("the bot did not connect to the stand-in")
        time.sleep(0.1)


def _use(server: RunningServer) -> None:
    for status in ("pending", "completed,failed,cancelled"):
        path = f"/api/tasks?status={status}&limit=500"
        cursor = ""
        for _ in range(_PAGES):
            page = server.ask("GET", path + cursor).body
            if page["next_cursor"] is None:
                break
            cursor = f"&cursor={page['next_cursor']}"
    for _ in range(_CLAIMS):
        task = server.ask("POST", "/api/claim", {"instance": "bench"}).body
        body = {"instance": "bench", "attempt": task["attempt"], "notes": "Done."}
        server.ask("POST", f"/api/tasks/{task['id']}/complete", body)
    for path in ("/api/events?after=0&limit=500", "/api/stats", "/metrics", "/openapi.json"):
        server.ask("GET", path, headers={"Accept": "application/json"})


@contextmanager
def nothing() -> Iterator[Mapping[str, str]]:
    yield {}


@contextmanager
def discord() -> Iterator[Mapping[str, str]]:
    """The tests' stand-in for Discord in a process of its own; the settings that lead to it."""
    command = [sys.executable, "-m", "tests.fakes.discord", "--port", "0"]
    with subprocess.Popen(
        command, cwd=REPOSITORY, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            settings = {}
            for line in process.stdout:
                if not line.startswith("export "):
                    break
                name, _, value = line.removeprefix("export ").strip().partition("=")
                settings[name] = value
            yield settings
        finally:
            process.kill()
