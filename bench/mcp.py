"""How long Claude Code waits for `claude-task-client mcp`, and what it takes in a session."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from bench import check_startup
from bench.processes import memory_mb
from bench.report import Options, Report, Table, percentile, steps

_HELLO = {
    "protocolVersion": "2025-11-25",
    "capabilities": {},
    "clientInfo": {"name": "bench", "version": "1"},
}
_CALLS = 50


class Session(NamedTuple):
    """One session: until the greeting is answered, a call, and what it took."""

    ready_ms: float
    cpu_ms: float
    call_ms: float
    memory_mb: float


def measure(options: Options) -> Report:
    runs = 5 if options.quick else 15
    table = Table(
        f"MCP server, {runs} sessions",
        ("what", "median", "p90"),
        notes=[f"Memory: resident, after {_CALLS} times list_tasks with 100 tasks in the queue."],
    )
    with check_startup.own_home() as home, check_startup.athena() as (url, key):
        for _ in range(100):
            check_startup.submit(url, key)
        environment = {
            **os.environ,
            "HOME": str(home),
            "ATHENA_API_URL": url,
            "ATHENA_API_KEY": key,
            "CLAUDE_INSTANCE": "bench",
        }
        # The first fills caches.
        sessions = [_session(environment) for _ in steps("mcp", ["session"] * (runs + 1))][1:]
    figures = {}
    for name, unit in (("ready", "ms"), ("cpu", "ms"), ("call", "ms"), ("memory", "mb")):
        values = [getattr(session, f"{name}_{unit}") for session in sessions]
        figures[f"mcp_{name}_{unit}"] = statistics.median(values)
        row = (_WHAT[name], f"{statistics.median(values):.1f}", f"{percentile(values, 0.9):.1f}")
        table.rows.append(row)
    return Report([table], figures)


_WHAT = {
    "ready": "until initialize is answered, ms",
    "cpu": "CPU time of that, ms",
    "call": "a call of list_tasks, 20 of 100 tasks, ms",
    "memory": "memory, MB",
}


def _session(environment: Mapping[str, str]) -> Session:
    started = time.perf_counter()
    with subprocess.Popen(
        [sys.executable, "-m", "claude_task_client.cli", "mcp"],
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as process:
        _ask(process, "initialize", _HELLO)
        ready = time.perf_counter() - started
        cpu = _cpu_seconds(process.pid)
        _say(process, {"jsonrpc": "2.0", "method": "notifications/initialized"})
        calls = []
        for _ in range(_CALLS):
            began = time.perf_counter()
            _ask(process, "tools/call", {"name": "list_tasks", "arguments": {}})
            calls.append(time.perf_counter() - began)
        resident, _highest = memory_mb(process.pid)
        assert process.stdin
        process.stdin.close()
        process.wait(30)
    return Session(ready * 1000, cpu * 1000, statistics.median(calls) * 1000, resident)


def _ask(process: subprocess.Popen[bytes], method: str, params: object) -> None:
    _say(process, {"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
    assert process.stdout
    assert "result" in json.loads(process.stdout.readline())


def _say(process: subprocess.Popen[bytes], message: object) -> None:
    assert process.stdin
    process.stdin.write(json.dumps(message).encode() + b"\n")
    process.stdin.flush()


def _cpu_seconds(pid: int) -> float:
    """User and system time so far. Linux only."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
