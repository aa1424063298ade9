"""The examples run as they stand."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
needs_curl = pytest.mark.skipif(
    not (shutil.which("curl") and shutil.which("jq") and shutil.which("sh")),
    reason="needs sh, curl and jq",
)


def start(terminal, *command):
    return subprocess.Popen(
        [*map(str, command)],
        env=terminal.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )


def test_the_worker_does_what_the_submitter_submits(laptop, desktop):
    worker = start(desktop, sys.executable, EXAMPLES / "worker.py", "1")

    submitter = start(laptop, sys.executable, EXAMPLES / "submitter.py", "Count these four words")
    told, _ = submitter.communicate(timeout=60)
    worked, _ = worker.communicate(timeout=60)

    assert (submitter.returncode, worker.returncode) == (0, 0), told + worked
    assert "succeeded: read 4 words" in told


@needs_curl
def test_the_same_with_curl(laptop, desktop):
    worker = start(desktop, "sh", EXAMPLES / "worker.sh", "1")

    hostile = "Count 'these' $(touch x) \"five\" words"
    submitter = start(laptop, "sh", EXAMPLES / "submit.sh", hostile)
    told, _ = submitter.communicate(timeout=60)
    worked, _ = worker.communicate(timeout=60)

    assert (submitter.returncode, worker.returncode) == (0, 0), told + worked
    assert "success: true" in told
    assert "output: read 6 words" in told


def test_the_worker_fails_a_task_that_it_cannot_do(laptop, athena, monkeypatch):
    """An exception in the work is told to Athena, and not swallowed."""
    laptop.run("add", "x")
    broken = (EXAMPLES / "worker.py").read_text().replace('return f"read', 'return 1 / 0, f"read')
    worker = start(laptop, sys.executable, "-c", broken, "1")

    output, _ = worker.communicate(timeout=60)

    assert worker.returncode == 1
    assert "ZeroDivisionError" in laptop.json("list")["tasks"][0]["error"], output
