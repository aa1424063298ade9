"""Tasks that are done: with edits and a commit, sent back and mended, nudged, several at once."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.fakes.model import Say
from tests.scenario.worker.workshop import (
    CANARY,
    PROJECT,
    Workshop,
    approves,
    reads,
    rejects,
    runs,
    writes,
)

pytestmark = pytest.mark.slow

WINDOW = "def is_open():\n    return True\n"
WINDOW_TEST = (
    "import unittest\n\nimport window\n\n\nclass Window(unittest.TestCase):\n"
    "    def test_it_opens(self):\n        self.assertTrue(window.is_open())\n"
)


def test_a_task_is_done_committed_pushed_and_answered_for(workshop: Workshop):
    """From the queue to a commit at the remote, with the proof in the result."""
    workshop.project = {"push": True}
    workshop.script("window", [writes("window.py", WINDOW), Say("There is a window now.")])
    task_id = workshop.add("window")

    workshop.work("--once").wait(120)

    task = workshop.ended(task_id)
    result = task["result"]
    assert task["status"] == "completed", workshop.story(task_id)
    assert result["success"] is True
    assert result["output"] == "There is a window now."
    assert result["branch"] == f"athena/task-{task_id}"
    assert result["commit"] == workshop.git("rev-parse", result["branch"])
    assert result["commit"] == workshop.git("rev-parse", result["branch"], folder=workshop.origin)
    assert result["pushed"] is True
    assert workshop.file(result["branch"], "window.py") == WINDOW.strip()
    assert result["audit"]["verdict"] == "approved"
    assert (result["tests"]["exit_code"], result["tests"]["failed"]) == (0, 0)
    assert result["num_turns"] >= 2
    assert result["total_cost_usd"] > 0
    assert result["usage"]["output_tokens"] > 0
    assert result["session_id"] == task["session_id"]
    assert "window.py" in workshop.transcript(task_id)
    assert workshop.events(task_id).count("task.completed") == 1
    workshop.check_nothing_is_left()


def test_rejected_twice_then_approved(workshop: Workshop):
    """Findings go back into the same conversation."""
    workshop.script(
        "window",
        [writes("window.py", "x = 1\n"), Say("Done.")],
        [reads("window.py"), writes("window.py", "x = 2\n"), Say("Mended.")],
        [reads("window.py"), writes("window.py", WINDOW), Say("Mended again.")],
        auditor=[rejects("it does not open"), rejects("it still does not"), approves()],
    )
    task_id = workshop.add("window")

    workshop.work("--once").wait(120)

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert task["result"]["audit"]["iterations"] == 3
    prompts = workshop.model.prompts_of("window")
    assert "it does not open" in prompts[1]
    assert "it still does not" in prompts[2]
    assert workshop.file(task["result"]["branch"], "window.py") == WINDOW.strip()
    assert workshop.git("rev-list", "--count", f"main..{task['result']['branch']}") == "1"
    workshop.check_nothing_is_left()


def test_failing_tests_are_mended(workshop: Workshop):
    """The output of the project's own tests goes back; the last run of them is the proof."""
    command = f"{sys.executable} -m unittest discover -q -p 'test_*.py'"
    workshop.project = {"test_command": command}
    broken = WINDOW.replace("True", "False")
    workshop.script(
        "window",
        [writes("window.py", broken), writes("test_window.py", WINDOW_TEST), Say("Done.")],
        [reads("window.py"), writes("window.py", WINDOW), Say("Mended.")],
    )
    task_id = workshop.add("window")

    workshop.work("--once").wait(120)

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert "test_it_opens" in workshop.model.prompts_of("window")[1]
    assert task["result"]["tests"]["exit_code"] == 0
    assert task["result"]["tests"]["command"] == command
    workshop.check_nothing_is_left()


def test_tests_that_stay_broken_fail_the_task(workshop: Workshop):
    """After three rounds; the work stays on its branch, and the reason is told."""
    broken = "def is_open():\n    return True\n"
    turn = [reads("door.py"), writes("door.py", broken), Say("Done.")]
    workshop.script("door", turn, turn, turn)
    task_id = workshop.add("door", max_attempts=1)

    workshop.work("--once").wait(120)

    task = workshop.ended(task_id)
    assert task["status"] == "failed", workshop.story(task_id)
    assert "test_it_is_closed" in task["error"]
    assert task["result"]["tests"]["exit_code"] == 1
    assert workshop.file(task["result"]["branch"], "door.py") == broken.strip()
    workshop.check_nothing_is_left()


def test_what_stops_short_is_nudged(workshop: Workshop):
    """A question to nobody is answered by the worker; the conversation goes on."""
    workshop.script(
        "window",
        [Say("I could add a window. Shall I go on?")],
        [writes("window.py", WINDOW), Say("Would you like me to continue?")],
        [Say("Done.")],
    )
    task_id = workshop.add("window")

    workshop.work("--once").wait(120)

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert len(workshop.model.requests_of("window", auditor=False)) == 4
    assert "Decide yourself" in workshop.model.prompts_of("window")[1]
    workshop.check_nothing_is_left()


def test_a_dirty_workspace_is_left_as_it_is(workshop: Workshop):
    """Somebody works in the project's folder: neither side sees the other."""
    (workshop.repository / "door.py").write_text("# half a thought\n", "utf-8")
    (workshop.repository / "note.txt").write_text("mine\n", "utf-8")
    workshop.script("window", [writes("window.py", WINDOW), Say("Done.")])
    task_id = workshop.add("window")

    workshop.work("--once").wait(120)

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert (workshop.repository / "door.py").read_text("utf-8") == "# half a thought\n"
    assert workshop.git("status", "--porcelain").splitlines() == ["M door.py", "?? note.txt"]
    changed = workshop.git("diff", "--name-only", "main", task["result"]["branch"])
    assert changed == "window.py"


def test_a_dirty_workspace_in_place_is_kept_by_a_commit(workshop: Workshop):
    """In place, what was not committed is kept safe before anything else happens."""
    workshop.project = {"isolation": "in-place"}
    (workshop.repository / "note.txt").write_text("mine\n", "utf-8")
    place = workshop.repository / "window.py"
    from tests.fakes.model import write

    workshop.script("window", [write(place, WINDOW), Say("Done.")])
    task_id = workshop.add("window")

    workshop.work("--once").wait(120)

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    names = workshop.git("show", "--name-only", "--format=", f"{task['result']['commit']}~1")
    assert names == "note.txt"
    names = workshop.git("show", "--name-only", "--format=", task["result"]["commit"])
    assert names == "window.py"


def test_tampered_tests_are_seen(workshop: Workshop):
    """A deleted test goes back at once, without an auditor; put back, the task goes on."""
    workshop.script(
        "door",
        [runs("git rm -q test_door.py || rm test_door.py"), Say("Done.")],
        [runs("git checkout -q HEAD -- test_door.py"), Say("Put back.")],
    )
    workshop.project = {"allowed_tools": ["Bash"]}
    task_id = workshop.add("door")

    workshop.work("--once").wait(120)

    task = workshop.ended(task_id)
    assert task["status"] == "completed", workshop.story(task_id)
    assert "test_door.py" in workshop.model.prompts_of("door")[1]
    assert len(workshop.model.prompts_of("door", auditor=True)) == 1
    workshop.check_nothing_is_left()


def test_four_at_once_on_one_repository(workshop: Workshop):
    """Each in its own worktree and branch; none sees the others."""
    workshop.worker_keys = {"jobs": 4}
    workshop.project = {"push": True}
    for number in range(4):
        workshop.script(f"room{number}", [writes("room.py", f"n = {number}\n"), Say("Done.")])
    tasks = [workshop.add(f"room{number}") for number in range(4)]

    workshop.work("--cycles", "4").wait(180)

    for number, task_id in enumerate(tasks):
        task = workshop.ended(task_id)
        assert task["status"] == "completed", workshop.story(task_id)
        assert workshop.file(task["result"]["branch"], "room.py") == f"n = {number}"
        assert task["result"]["pushed"] is True
    workshop.check_nothing_is_left()


def test_a_task_sees_none_of_the_workers_secrets(workshop: Workshop):
    """Claude prints its environment: neither Athena's key nor anything else of the worker's."""
    workshop.project = {"allowed_tools": ["Bash"]}
    workshop.environment = {"ATHENA_FORGE_TOKEN": f"{CANARY}-forge"}
    workshop.script("look", [runs("env; cat /proc/$PPID/environ | tr '\\0' '\\n'"), Say("Seen.")])
    task_id = workshop.add("look")

    workshop.work("--once").wait(120)

    workshop.ended(task_id)
    (shown,) = [
        text for request in workshop.model.requests_of("look") for text, _ in request.results
    ][:1]
    assert "PATH=" in shown
    assert CANARY not in shown
    assert workshop.server.key not in shown
    names = {line.partition("=")[0] for line in shown.splitlines()}
    assert not {name for name in names if name.startswith("ATHENA_") and name != "ATHENA_RUN"}


def test_a_follow_up_goes_on_in_the_same_conversation(workshop: Workshop):
    """A message to a task that is done is a new task, which remembers."""
    workshop.script("window", [writes("window.py", WINDOW), Say("Done.")])
    first = workshop.add("window")
    workshop.work("--cycles", "2")
    session = workshop.ended(first)["session_id"]
    workshop.script("more", [Say("I remember the window.")])

    answer = workshop.server.ask(
        "POST", f"/api/tasks/{first}/messages", {"text": "[script: more] Paint it"}
    )

    task = workshop.ended(answer.body["follow_up"]["id"])
    assert task["status"] == "completed", workshop.story(task["id"])
    assert task["continues"] == task["session_id"] == session
    (request,) = workshop.model.requests_of("more", auditor=False)[:1]
    assert len(request.prompts) == 2
    assert Path(workshop.state / "worktrees" / PROJECT).is_dir()


def test_a_follow_up_builds_upon_the_branch_of_the_task_before(workshop: Workshop):
    """Nobody has merged it: its file is there, and Claude need not ask for leave to fetch it."""
    from tests.fakes.model import write

    workshop.script("window", [writes("window.py", WINDOW), Say("Done.")])
    first = workshop.add("window")
    workshop.work("--cycles", "2")
    commit = workshop.ended(first)["result"]["commit"]
    second = workshop.state / "worktrees" / PROJECT / f"task-{first + 1}"
    workshop.script("more", [write(second / "new.py", "y = 1\n"), Say("Added.")])

    answer = workshop.server.ask(
        "POST", f"/api/tasks/{first}/messages", {"text": "[script: more] Add to it"}
    )

    task = workshop.ended(answer.body["follow_up"]["id"])
    assert task["status"] == "completed", workshop.story(task["id"])
    branch = f"athena/task-{task['id']}"
    assert workshop.git("rev-list", f"main..{branch}").split() == [task["result"]["commit"], commit]
    (request,) = workshop.model.requests_of("more", auditor=False)[:1]
    assert "starts from what was done there" in request.prompts[-1]
    (audit,) = workshop.model.requests_of("more", auditor=True)[:1]
    assert "new.py" in "\n".join(audit.prompts)
    assert "window.py" not in "\n".join(audit.prompts).partition("<diff>")[2]
    workshop.check_nothing_is_left()
