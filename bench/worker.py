"""What the worker adds to a task that Claude Code does by itself, and what it takes while it waits.

The real `claude` program against the tests' scripted model, which answers at once: what is left is
the program's own time, and the worker's.
"""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Final

import psutil

from bench.processes import athena
from bench.report import Options, Report, Table, percentile, steps
from tests.fakes.model import Hold, Say, ScriptedModel, claude_environment, claude_program, write
from tests.scenario.worker.workshop import Workshop, eventually, writes

_IDLE_SECONDS: Final = 10.0
_MB: Final = 2**20


def measure(options: Options) -> Report:
    rounds = 8 if options.quick else 30
    with _place() as workshop:
        first, whole = _times(workshop, rounds)
    with _place() as workshop:
        memory, figures = _memory(workshop)
    table = Table(
        f"A task of one edit, done by `claude -p` itself and by the worker ({rounds} rounds)",
        ("what", "p50 ms", "p90 ms", "ratio of p50"),
        goal="submit to Claude's first request at most 1.3 times that of `claude -p`",
        notes=[
            "The worker waits in its long poll, makes a worktree, and commits; audit and tests are",
            "off in the first two rows, and on in the last (the audit is a second run of Claude).",
        ],
    )
    for title, times in (
        ("start or submit to Claude's first request", first),
        ("to the end", whole),
    ):
        bare = median(times["claude -p"])
        for name, took in times.items():
            row = (f"{title}: {name}", f"{median(took):.0f}", f"{percentile(took, 0.9):.0f}")
            table.rows.append((*row, f"{median(took) / bare:.2f}"))
    figures["worker_first_request_ratio"] = median(first["worker"]) / median(first["claude -p"])
    figures["worker_overhead_ms"] = median(whole["worker"]) - median(whole["claude -p"])
    return Report([table, memory], figures)


@contextmanager
def _place() -> Iterator[Workshop]:
    with tempfile.TemporaryDirectory() as name, ScriptedModel() as model:
        folder = Path(name)
        with athena(folder) as server:
            workshop = Workshop(folder / "place", server, model)
            workshop.project = {"test_command": "true"}
            try:
                yield workshop
            finally:
                workshop.end()


def _times(
    workshop: Workshop, rounds: int
) -> tuple[dict[str, list[float]], dict[str, list[float]]]:
    """Milliseconds to the first request, and to the end, of each way."""
    ways: dict[str, Callable[[str], tuple[float, float]]] = {
        "claude -p": lambda tag: _bare(workshop, tag),
        "worker": lambda tag: _worked(workshop, tag, "plain"),
        "worker with audit and tests": lambda tag: _worked(workshop, tag, "house"),
    }
    first: dict[str, list[float]] = {name: [] for name in ways}
    whole: dict[str, list[float]] = {name: [] for name in ways}
    _start(workshop)
    for number in steps("worker", [f"round {n + 1}" for n in range(rounds)]):
        for place, (name, way) in enumerate(ways.items()):
            asked, ended = way(f"{number}-{place}".replace(" ", "-"))
            first[name].append(asked * 1000)
            whole[name].append(ended * 1000)
    del first["worker with audit and tests"]
    return first, whole


def _start(workshop: Workshop) -> None:
    """A worker for two projects on one repository: with everything on, and with nothing."""
    plain = {"path": str(workshop.repository), "audit": False}
    workshop.more_projects = {"plain": plain}
    workshop.work()
    workshop.script("warm", [Say("Done.")])
    for project in ("plain", "house"):
        workshop.ended(workshop.add("warm", project=project))


def _bare(workshop: Workshop, tag: str) -> tuple[float, float]:
    target = workshop.folder / f"bare-{tag}.py"
    workshop.script(tag, [write(target, "x = 1\n"), Say("Done.")])
    environment = claude_environment(
        workshop.model, home=workshop.home, temporary=workshop.folder / "temporary"
    )
    command = [str(claude_program()), "-p", "--output-format", "json"]
    began = time.monotonic()
    done = subprocess.run(
        [*command, "--permission-mode", "acceptEdits", "--add-dir", str(workshop.folder)],
        input=f"[script: {tag}] Open the door",
        cwd=workshop.repository,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    ended = time.monotonic()
    assert json.loads(done.stdout)["is_error"] is False
    assert target.exists(), done.stdout
    return workshop.model.first_at(tag) - began, ended - began


def _worked(workshop: Workshop, tag: str, project: str) -> tuple[float, float]:
    workshop.script(tag, [writes("window.py", "x = 1\n"), Say("Done.")])
    began = time.monotonic()
    task_id = workshop.add(tag, project=project)
    answer = workshop.server.ask("GET", f"/api/tasks/{task_id}/result?wait=60")
    ended = time.monotonic()
    assert answer.body["success"], workshop.story(task_id)
    return workshop.model.first_at(tag) - began, ended - began


def _memory(workshop: Workshop) -> tuple[Table, dict[str, float]]:
    """The worker's memory while it waits and while it works, and its CPU while it waits."""
    table = Table(
        "The worker's memory and CPU",
        ("what", "worker MB", "claude and its keeper, MB", "CPU s/h"),
        goal="idle at most 60 MB",
        notes=["Resident memory of each process; pages that they share count in each."],
    )
    worker = psutil.Process(workshop.work().pid)
    workshop.script("warm", [Say("Done.")])
    workshop.ended(workshop.add("warm"))
    eventually(lambda: not workshop.runs(), what="the run has ended")
    before = worker.cpu_times()
    time.sleep(_IDLE_SECONDS)
    after = worker.cpu_times()
    spent = (after.user + after.system - before.user - before.system) * 3600 / _IDLE_SECONDS
    idle = worker.memory_info().rss / _MB
    table.rows.append(("waiting for work", f"{idle:.1f}", "0", f"{spent:.1f}"))
    workshop.script("busy", [writes("a.py", "x = 1\n"), Hold("go", Say("Done."))])
    task_id = workshop.add("busy")
    eventually(lambda: len(workshop.model.requests_of("busy")) >= 2, what="it works")
    claude = sum(process.memory_info().rss for process in workshop.runs()) / _MB
    busy = worker.memory_info().rss / _MB
    table.rows.append(("with one task at work", f"{busy:.1f}", f"{claude:.0f}", ""))
    workshop.model.release("go")
    workshop.ended(task_id)
    return table, {"worker_idle_mb": idle, "worker_busy_mb": busy, "worker_idle_cpu_s_h": spent}
