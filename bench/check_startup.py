"""How long `claude-task-client check` takes, beside a Python that does nothing.

    python bench/check_startup.py [RUNS]

Asks the Athena of ATHENA_API_URL and ATHENA_API_KEY; without them, one of its own on loopback. The
runs are interleaved, so that whatever else the machine does meets all of them alike.
"""

from __future__ import annotations

import compileall
import json
import os
import statistics
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

RUNS = 25
TARGET = 9.0
SCRIPT = Path(sysconfig.get_path("scripts")) / "claude-task-client"
REPOSITORY = Path(__file__).resolve().parents[1]


def main(runs: int) -> None:
    with own_home() as home, athena() as (url, key):
        # Installed packages are compiled; a checkout that never ran is not.
        compileall.compile_dir(REPOSITORY / "client", quiet=2)
        plain = {**os.environ, "HOME": str(home)}
        signed_in = {**plain, "ATHENA_API_URL": url, "ATHENA_API_KEY": key}
        complete = {**signed_in, "CLAUDE_INSTANCE": "bench"}
        cases = {
            "python -c pass": ([sys.executable, "-c", "pass"], plain),
            "python -c 'import click'": ([sys.executable, "-c", "import click"], plain),
            "check, nothing pending": ([str(SCRIPT), "check"], complete),
        }
        report("nothing pending", measure(cases, runs))
        submit(url, key)
        cases.pop("check, nothing pending")
        cases["check"] = ([str(SCRIPT), "check"], complete)
        cases["check, slug from the host"] = ([str(SCRIPT), "check"], signed_in)
        sign_in(url, key, plain)
        cases["check, all from the file"] = ([str(SCRIPT), "check"], plain)
        cases["check --json"] = ([str(SCRIPT), "check", "--json"], complete)
        report("one task pending", measure(cases, runs))


def measure(
    cases: Mapping[str, tuple[list[str], Mapping[str, str]]], runs: int
) -> dict[str, list[float]]:
    """Milliseconds of each run; the first of each, which fills caches, is left out."""
    took: dict[str, list[float]] = {name: [] for name in cases}
    for run in range(runs + 1):
        for name, (command, environment) in cases.items():
            started = time.perf_counter()
            subprocess.run(command, env=dict(environment), check=True, capture_output=True)
            if run:
                took[name].append((time.perf_counter() - started) * 1000)
    return took


def report(title: str, took: Mapping[str, list[float]]) -> None:
    base = statistics.median(took["python -c pass"])
    print(f"\n{title}, {len(next(iter(took.values())))} interleaved runs (target: <= {TARGET} x)\n")
    print(f"{'command':<28}{'median ms':>10}{'p90 ms':>9}{'ratio':>7}")
    for name, times in took.items():
        p90 = sorted(times)[int(len(times) * 0.9)]
        median = statistics.median(times)
        print(f"{name:<28}{median:>10.1f}{p90:>9.1f}{median / base:>7.2f}")


def submit(url: str, key: str) -> None:
    ask(url, key, "/api/tasks", {"description": "Deploy new monitoring stack"})


def sign_in(url: str, key: str, environment: Mapping[str, str]) -> None:
    command = [str(SCRIPT), "login", "--url", url, "--key-stdin", "--instance", "bench"]
    subprocess.run(
        command, env=dict(environment), input=key.encode(), check=True, capture_output=True
    )


def ask(url: str, key: str, path: str, body: Mapping[str, object]) -> None:
    headers = {"X-API-Key": key, "Content-Type": "application/json"}
    request = urllib.request.Request(url + path, json.dumps(body).encode(), headers)
    urllib.request.urlopen(request, timeout=10).close()


@contextmanager
def own_home() -> Iterator[Path]:
    """Nobody's settings, and bytecode is kept as it is for users."""
    for name in [name for name in os.environ if name.startswith(("CLAUDE_", "XDG_"))]:
        del os.environ[name]
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextmanager
def athena() -> Iterator[tuple[str, str]]:
    """The Athena that the environment names, or one of our own."""
    url, key = os.environ.pop("ATHENA_API_URL", ""), os.environ.pop("ATHENA_API_KEY", "")
    if url and key:
        yield url, key
        return
    sys.path.insert(0, str(REPOSITORY))
    from tests.running import RunningServer

    with tempfile.TemporaryDirectory() as folder:
        server = RunningServer(Path(folder)).start()
        try:
            yield server.url, server.key
        finally:
            server.kill()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS)
