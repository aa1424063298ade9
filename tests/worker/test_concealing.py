"""The worker's environment is its own, though tasks run as the same user."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

READ = """
import subprocess, sys
from claude_task_client.worker.concealing import conceal
look = [sys.executable, "-c", "import os; print(open(f'/proc/{os.getppid()}/environ').read())"]
before = subprocess.run(look, env={}, capture_output=True, text=True)
conceal()
after = subprocess.run(look, env={}, capture_output=True, text=True)
seen = ["ath_secret" in look.stdout for look in (before, after)]
print(*seen, "PermissionError" in after.stderr)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/proc")
@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_child_cannot_read_the_workers_environment():
    """Tests that a task has written are run by the worker itself."""
    done = subprocess.run(
        [sys.executable, "-c", READ],
        env={**os.environ, "ATHENA_API_KEY": "ath_secret"},
        capture_output=True,
        text=True,
    )

    assert done.stdout == "True False True\n", done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="prctl")
def test_the_worker_is_concealed_and_its_programs_are_not():
    """What a task starts can be traced and dumped by its own developer tools."""
    dumpable = "import ctypes; print(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))"
    code = (
        "import subprocess, sys; from claude_task_client.worker.concealing import conceal;"
        f"conceal(); exec({dumpable!r}); sys.stdout.flush();"
        f"subprocess.run([sys.executable, '-c', {dumpable!r}])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "0\n1\n", done.stderr
