"""Documents that a real worker works off: dropped into a source of its project, and found done."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from claude_task_client.sources import locks
from claude_task_client.sources.layout import Layout
from tests.fakes.model import Say, ScriptedModel
from tests.running import RunningServer
from tests.scenario.worker.workshop import (
    PROJECT,
    Workshop,
    eventually,
    runs,
    writes,
)

pytestmark = pytest.mark.slow

WINDOW = "def is_open():\n    return True\n"
DOCUMENT = """\
---
priority: high
---
# Task: [script: {script}] Open the house

## Task

Make a module `{script}.py`.

## Expected Outcome

`is_open()` says True.
"""


@dataclass
class House:
    """A place of work with a source of its project."""

    workshop: Workshop
    layout: Layout

    def drop(self, stem: str, text: str) -> None:
        """A document appears, as an editor writes it."""
        self.layout.document("pending", stem).write_text(text)

    def ended(self, stem: str) -> dict[str, Any]:
        """The result of a document, once it has ended."""

        def look() -> dict[str, Any] | None:
            there = self.layout.result(stem)
            is_moved = not self.layout.document("pending", stem).exists()
            found: dict[str, Any] | None = None
            if is_moved and there.exists():
                found = json.loads(there.read_text())
            return found

        try:
            return eventually(look, what=f"{stem} has ended")
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.workshop.log.read_text()[-6000:]}") from None

    def run(self, *words: str) -> str:
        """What a command says, run by whom the worker runs as."""
        done = subprocess.run(
            [sys.executable, "-m", "claude_task_client.cli", *words],
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self.workshop.home),
                "ATHENA_API_URL": self.workshop.server.url,
                "ATHENA_API_KEY": self.workshop.server.key,
            },
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def house(tmp_path: Path, server: RunningServer) -> Iterator[House]:
    with ScriptedModel() as model:
        workshop = Workshop(tmp_path / "place", server, model)
        house = House(workshop, Layout(tmp_path / "tasks/ad-hoc"))
        house.run("sources", "init", str(tmp_path / "tasks"), "--project", PROJECT)
        yield house
        workshop.end()


def test_documents_come_out_with_result_and_report(house: House):
    """One after another, in the order of their names; each with its commit and the proof."""
    workshop = house.workshop
    workshop.script("window", [writes("window.py", WINDOW), Say("There is a window now.")])
    workshop.script("gate", [writes("gate.py", WINDOW), Say("There is a gate now.")])
    first, second = "task-20261122-120000-window", "task-20261122-130000-gate"
    house.drop(second, DOCUMENT.format(script="gate"))
    house.drop(first, DOCUMENT.format(script="window"))

    worker = workshop.work()
    one, two = house.ended(first), house.ended(second)

    for stem, result, script in ((first, one, "window"), (second, two, "gate")):
        branch = f"athena/task-{result['task_id']}"
        assert (result["status"], result["document"]) == ("completed", stem)
        assert result["commit"] == workshop.git("rev-parse", branch)
        assert workshop.file(branch, f"{script}.py") == WINDOW.strip()
        report = house.layout.report(stem).read_text()
        assert f"There is a {script} now." in report
        assert result["commit"] in report
        assert "approved" in report
        assert house.layout.document("completed", stem).exists()
        assert workshop.task(result["task_id"])["priority"] == "high"
    assert one["task_id"] < two["task_id"]
    assert one["completed_at"] <= two["started_at"]
    assert "There is a window now." in house.run("tasks", "logs", first)
    shown = json.loads(house.run("tasks", "show", "20261122-130000", "--json"))
    assert shown["id"] == two["task_id"]
    [status] = json.loads(house.run("work", "--state", str(workshop.state), "status", "--json"))[
        "workers"
    ]
    assert [each["id"] for each in status["sources"]] == ["ad-hoc", "planned"]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(60) == 0
    assert list((house.layout.own / "watchers").iterdir()) == []
    workshop.check_nothing_is_left()


def test_a_lock_stands_while_it_runs_and_a_cancelled_one_is_put_away(house: House):
    """Whoever looks into the folder sees who works on what; a wrong document holds up no other."""
    workshop = house.workshop
    workshop.project = {"allowed_tools": ["Bash"]}
    workshop.script("window", [runs("sleep 300"), Say("Done.")])
    stem, wrong = "task-20261122-120000-window", "task-20261122-110000-wrong"
    house.drop(wrong, "# Task: nothing to do\n")
    house.drop(stem, DOCUMENT.format(script="window"))

    worker = workshop.work()
    lock = eventually(lambda: locks.read(house.layout, stem), what="there is a lock")
    detail = house.run("status", "--detailed")
    house.run("tasks", "cancel", "20261122-120000")
    ended, refused = house.ended(stem), house.ended(wrong)

    assert (lock.worker, lock.pid) == ("pi", worker.pid)
    assert f"running     {stem} as #{lock.task_id} by pi" in detail
    assert (ended["status"], refused["status"]) == ("cancelled", "rejected")
    assert "'## Task' is missing" in house.layout.report(wrong).read_text()
    assert house.layout.document("failed", stem).exists()
    assert house.layout.document("failed", wrong).exists()
    eventually(lambda: locks.read(house.layout, stem) is None, what="the lock is gone")
    workshop.check_nothing_is_left()
