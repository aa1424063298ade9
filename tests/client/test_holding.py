"""Which task a command without a number is about, and which attempt it carries."""

import json
import os
import time

from claude_task_client.plugin import locking, sitting

REFUSED, WRONG_USAGE = 1, 2
DEADLINE_SECONDS = 60


def until(condition):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_complete_carries_the_attempt_that_was_claimed(laptop, athena):
    """A newer claim in this instance's own name is not ended by the older work."""
    task = laptop.json("add", "x")
    laptop.run("claim")
    instance = laptop.variables["CLAUDE_INSTANCE"]
    athena.ask("POST", f"/api/tasks/{task['id']}/release", {"instance": instance})
    athena.ask("POST", f"/api/tasks/{task['id']}/claim", {"instance": instance})

    done = laptop.run("complete", str(task["id"]))

    assert done.returncode == REFUSED
    assert laptop.json("show", str(task["id"]))["status"] == "in_progress"


def test_what_was_ended_is_forgotten(laptop):
    laptop.run("add", "x")
    laptop.run("claim")
    remembered = json.loads(laptop.claims_file().read_text())
    laptop.run("complete")

    assert list(remembered.values()) == [{str(next(iter(*remembered.values()))): 1}]
    assert json.loads(laptop.claims_file().read_text()) == {}


def test_a_cancelled_task_is_forgotten_when_its_holder_learns_of_it(laptop):
    task = laptop.json("add", "x")
    laptop.run("claim")
    laptop.run("cancel", str(task["id"]))

    done = laptop.run("complete")

    assert done.returncode == REFUSED
    assert "claude-task-client claim" in done.stderr
    assert json.loads(laptop.claims_file().read_text()) == {}


def test_with_several_in_hand_one_must_be_named(laptop):
    for _ in range(2):
        laptop.run("add", "x")
        laptop.run("claim")

    done = laptop.run("complete")

    assert done.returncode == WRONG_USAGE
    assert "say which one" in done.stderr


def test_what_has_ended_elsewhere_is_no_longer_in_hand(laptop, athena):
    """Athena knows what is in hand; this machine only remembers the attempts."""
    tasks = [laptop.json("add", "x") for _ in range(2)]
    for _ in tasks:
        laptop.run("claim")
    athena.ask("POST", f"/api/tasks/{tasks[0]['id']}/cancel")

    done = laptop.run("complete")

    assert done.stdout == f"Completed #{tasks[1]['id']}.\n"


def test_a_claim_made_elsewhere_in_this_instances_name_counts(laptop, athena):
    """Athena is asked where this machine remembers nothing."""
    task = laptop.json("add", "x")
    instance = laptop.variables["CLAUDE_INSTANCE"]
    athena.ask("POST", f"/api/tasks/{task['id']}/claim", {"instance": instance})

    done = laptop.run("complete")

    assert done.stdout == f"Completed #{task['id']}.\n"


def test_a_claim_stands_even_where_it_cannot_be_remembered(laptop):
    laptop.claims_file().parent.parent.mkdir(parents=True)
    laptop.claims_file().parent.write_text("a file where the folder should be")
    task = laptop.json("add", "x")

    done = laptop.run("claim")

    assert done.returncode == 0
    assert "Warning" in done.stderr
    assert laptop.json("show", str(task["id"]))["status"] == "in_progress"


def test_what_another_session_is_at_must_be_named(laptop):
    """Two sessions of Claude are one instance: neither may end unnamed what is the other's."""
    folder = laptop.claims_file().parent
    for pid, session in ((os.getpid(), "this"), (os.getppid(), "that")):
        sitting.at(folder, pid).begin(session)
    this = {"CLAUDE_CODE_SESSION_ID": "this", "CLAUDE_PID": str(os.getpid())}
    that = {"CLAUDE_CODE_SESSION_ID": "that", "CLAUDE_PID": str(os.getppid())}
    theirs, ours = (laptop.json("add", "x")["id"] for _ in range(2))
    laptop.run("claim", str(theirs), extra=that)

    refused = laptop.run("complete", extra=this)
    laptop.run("claim", str(ours), extra=this)
    done = laptop.run("complete", extra=this)
    named = laptop.run("complete", str(theirs), extra=this)
    for each in [*sitting.everyone(folder)]:
        each.path.unlink()
        until(lambda lock=each.beat_lock: not locking.is_held(lock))  # its heartbeats have ended

    assert (refused.returncode, f"#{theirs}: say which one" in refused.stderr) == (
        WRONG_USAGE,
        True,
    )
    assert f"Completed #{ours}" in done.stdout
    assert f"Completed #{theirs}" in named.stdout


def a_worker_is_at(laptop, athena, task_id):
    """What `work` leaves on disk while it does this task in the same instance's name."""
    told = {
        "url": athena.url,
        "instance": laptop.variables["CLAUDE_INSTANCE"],
        "tasks": [{"task_id": task_id}],
    }
    folder = laptop.claims_file().parent / "worker"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "status.json").write_text(json.dumps(told))


def test_a_task_of_the_worker_is_ended_by_nobody_who_does_not_name_it(laptop, athena):
    """A worker that is started by hand has the name of the person at the machine."""
    theirs = laptop.json("add", "x")
    instance = laptop.variables["CLAUDE_INSTANCE"]
    athena.ask("POST", f"/api/tasks/{theirs['id']}/claim", {"instance": instance})
    a_worker_is_at(laptop, athena, theirs["id"])

    done = laptop.run("complete")
    checked = laptop.run("check")

    assert done.returncode == WRONG_USAGE
    assert f"The worker on this machine is at work on #{theirs['id']}" in done.stderr
    assert laptop.json("show", str(theirs["id"]))["status"] == "in_progress"
    assert checked.stdout.endswith(" - the worker on this machine is at it\n")


def test_the_task_of_a_person_is_told_from_that_of_the_worker(laptop, athena):
    """Two are in hand, and only one of them was claimed here."""
    theirs = laptop.json("add", "x")
    instance = laptop.variables["CLAUDE_INSTANCE"]
    athena.ask("POST", f"/api/tasks/{theirs['id']}/claim", {"instance": instance})
    a_worker_is_at(laptop, athena, theirs["id"])
    ours = laptop.json("add", "y")
    athena.ask("POST", f"/api/tasks/{ours['id']}/claim", {"instance": instance})

    done = laptop.run("complete")

    assert done.returncode == 0, done
    assert laptop.json("show", str(ours["id"]))["status"] == "completed"
    assert laptop.json("show", str(theirs["id"]))["status"] == "in_progress"
