"""What goes wrong around a task: it is delayed, or stopped, and nothing is lost or left behind."""

from __future__ import annotations

import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from tests.fakes.model import (
    Fail,
    Hold,
    Request,
    Say,
    Silence,
    Step,
    overloaded,
    rate_limited,
    signed_out,
    write,
)
from tests.scenario.worker.workshop import Workshop, eventually, runs, writes

pytestmark = pytest.mark.slow

LONG = f"{sys.executable} -c 'import time; time.sleep(600)'"


def test_cancelled_during_a_tool_call(workshop: Workshop):
    """The command and all that it started end at once; the worker takes the next task."""
    workshop.project = {"allowed_tools": ["Bash"]}
    workshop.script("long", [runs(f"(setsid {LONG} &); {LONG}"), Say("Done.")])
    workshop.script("window", [writes("window.py", "x = 1\n"), Say("Done.")])
    task_id = workshop.add("long")
    workshop.work()
    eventually(lambda: len(_sleepers(workshop)) >= 2, what="the command runs")

    workshop.server.ask("POST", f"/api/tasks/{task_id}/cancel")

    eventually(lambda: not _sleepers(workshop), what="it has ended", seconds=30)
    other = workshop.add("window")
    assert workshop.ended(other)["status"] == "completed", workshop.story(other)
    assert workshop.task(task_id)["status"] == "cancelled"
    workshop.check_nothing_is_left()


def _sleepers(workshop: Workshop) -> list[int]:
    """Those of this place: other tests have such processes as well, at the same time."""
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "cwd"])
        if "time.sleep(600)" in " ".join(process.info["cmdline"] or ())
        and "python" in (process.info["cmdline"] or [""])[0]
        and str(workshop.folder) in (process.info["cwd"] or "")
    ]


def test_a_usage_limit_parks_the_task_and_holds_back_the_rest(workshop: Workshop):
    """No attempt is spent; after the reset both are done."""
    # Only to a subscription the program tells when its limit resets.
    workshop.environment = {
        "ANTHROPIC_API_KEY": "",
        "CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-dummy-token-of-a-test",
    }
    resets: list[datetime] = []

    def limited(_: Request) -> Step:
        # From the moment on in which it is told: until then the program may take its time to start.
        resets.append(datetime.now(UTC) + timedelta(seconds=10))
        return rate_limited(resets[0], times=1, then=writes("window.py", "x = 1\n"))

    workshop.script("window", [limited, Say("Done.")], [writes("window.py", "x = 1\n")])
    workshop.script("other", [writes("other.py", "x = 1\n"), Say("Done.")])
    task_id = workshop.add("window")
    other = workshop.add("other")
    workshop.work()

    eventually(lambda: workshop.task(task_id)["readiness"] == "parked", what="parked")
    assert workshop.task(other)["status"] == "pending"
    task = workshop.ended(task_id)

    assert task["status"] == "completed", workshop.story(task_id)
    assert task["failures"] == 0
    assert workshop.ended(other)["status"] == "completed"
    assert min(r.at for r in workshop.model.requests_of("other")) > 0
    assert datetime.now(UTC) >= resets[0].replace(microsecond=0)
    workshop.check_nothing_is_left()


def test_the_models_api_is_away_for_a_while(workshop: Workshop):
    """Retried, shown as progress, and the task goes on by itself."""
    workshop.environment = {"CLAUDE_CODE_MAX_RETRIES": "5"}
    workshop.script(
        "window", [overloaded(times=2, then=writes("window.py", "x = 1\n")), Say("Done.")]
    )
    task_id = workshop.add("window")

    workshop.work("--once").wait(120)

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert "529" in workshop.transcript(task_id) or "overloaded" in workshop.transcript(task_id)
    workshop.check_nothing_is_left()


def test_the_models_api_stays_away(workshop: Workshop):
    """The task is parked, no attempt is spent, and the worker does not burn through the queue."""
    workshop.script("window", [Fail(status=500)])
    task_id = workshop.add("window")
    workshop.work()

    eventually(lambda: workshop.task(task_id)["readiness"] == "parked", what="parked")

    task = workshop.task(task_id)
    assert (task["failures"], task["status"]) == (0, "pending")
    assert "API" in task["notes"]
    workshop.check_nothing_is_left(jobs=[task_id])


def test_a_worker_that_is_signed_out_is_sick(workshop: Workshop):
    """It hands the task back, claims nothing more, and says what to do."""
    workshop.script("window", [signed_out()])
    task_id = workshop.add("window")
    workshop.work()

    def is_sick() -> bool:
        found = workshop.server.ask("GET", "/api/instances").body["instances"]
        return any(instance["health"].get("ok") is False for instance in found)

    eventually(is_sick, what="the worker is sick")

    task = workshop.until(task_id, "pending")
    assert task["failures"] == 0
    assert workshop.events(task_id).count("task.claimed") == 1


def test_silence_is_ended_and_tried_again(workshop: Workshop):
    """A run that says nothing for too long is ended, and told to go on."""
    workshop.project = {"silence": 3}
    workshop.script(
        "window", [Silence()], [writes("window.py", "x = 1\n"), Say("Done.")], [Say("Done.")]
    )
    task_id = workshop.add("window")

    workshop.work("--once").wait(150)

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    workshop.check_nothing_is_left()


def test_the_server_is_away_when_the_task_ends(workshop: Workshop, is_full: bool):
    """The result waits on disk, and is told once, when Athena is back."""
    workshop.script("window", [writes("a.py", "x = 1\n"), Hold("go", Say("Done."))])
    task_id = workshop.add("window")
    worker = workshop.work("--once")
    eventually(lambda: workshop.model.requests_of("window"), what="it works")

    workshop.server.kill()
    workshop.model.release("go")
    record = workshop.state / "jobs" / str(task_id) / "record.json"
    eventually(lambda: '"kind": "completed"' in record.read_text("utf-8"), what="it is done")
    time.sleep(60 if is_full else 2)
    assert worker.poll() is None
    workshop.server.start()

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert workshop.events(task_id).count("task.completed") == 1
    assert "Done." in workshop.transcript(task_id)
    worker.wait(60)
    workshop.check_nothing_is_left()


def test_sigterm_hands_the_task_back(workshop: Workshop):
    """Without a failure; the next worker goes on in the same conversation."""
    workshop.worker_keys = {"grace": 1}
    workshop.script(
        "window",
        [writes("a.py", "x = 1\n"), Hold("go", Say("Done."))],
        [writes("b.py", "y = 1\n"), Say("Done.")],
    )
    task_id = workshop.add("window")
    worker = workshop.work()
    eventually(lambda: len(workshop.model.requests_of("window")) >= 2, what="it works")

    worker.send_signal(signal.SIGTERM)

    assert worker.wait(60) == 0
    task = workshop.task(task_id)
    assert (task["status"], task["failures"]) == ("pending", 0)
    assert not workshop.runs()
    workshop.work("--once")
    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    changed = workshop.git("diff", "--name-only", "main", task["result"]["branch"]).split()
    assert changed == ["a.py", "b.py"]
    workshop.check_nothing_is_left()


def test_a_task_that_another_has_taken_is_let_go(workshop: Workshop, tmp_path: Path):
    """A worker that slept too long stops; its work is kept as a rescue ref."""
    workshop.worker_keys = {"lease": 15}
    workshop.script("window", [writes("a.py", "x = 1\n"), Hold("go", Say("Done."))])
    task_id = workshop.add("window")
    worker = workshop.work()
    eventually(lambda: len(workshop.model.requests_of("window")) >= 2, what="it works")

    worker.send_signal(signal.SIGSTOP)
    eventually(lambda: workshop.task(task_id)["status"] == "pending", what="expired", seconds=40)
    body = {"instance": "other"}
    assert workshop.server.ask("POST", f"/api/tasks/{task_id}/claim", body).status == 200
    worker.send_signal(signal.SIGCONT)

    eventually(lambda: not workshop.runs(), what="the run has ended")
    eventually(lambda: workshop.git("for-each-ref", "refs/athena/rescue"), what="the work is kept")
    assert workshop.task(task_id)["claimed_by"] == "other"
    workshop.check_nothing_is_left()


@pytest.mark.parametrize("isolation", ["worktree", "in-place"])
def test_the_projects_folder_is_away_for_a_while(workshop: Workshop, isolation: str):
    """Claude has worked when it goes: nothing is lost or paid for, and it goes on by itself."""
    workshop.project = {"isolation": isolation, "push": True}
    here = write(workshop.repository / "window.py", "x = 1\n")
    first = here if isolation == "in-place" else writes("window.py", "x = 1\n")
    workshop.script("window", [first, Hold("go", Say("Done."))])
    task_id = workshop.add("window")
    worker = workshop.work()
    asked = workshop.model.requests_of
    eventually(lambda: len(asked("window", auditor=False)) > 1, what="Claude works")

    away = workshop.repository.rename(workshop.folder / "away")
    workshop.repository.mkdir()  # where the disk is mounted
    workshop.model.release("go")
    assert workshop.until(task_id, "pending", "failed")["status"] == "pending"
    away.rename(workshop.repository)
    worker.send_signal(signal.SIGHUP)

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert (task["failures"], task["result"]["pushed"]) == (0, True)
    assert len(workshop.model.prompts_of("window")) <= 2
    workshop.check_nothing_is_left()
