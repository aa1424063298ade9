"""The live view."""

import json
from typing import Any

import pytest

from tests.client.conftest import at


@pytest.fixture
def watching(laptop):
    """Starts `watch`, and ends it with the test."""
    started = []

    def start(*words):
        process = laptop.start("watch", *words)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_each_event_is_a_line(laptop, watching):
    task = laptop.json("add", "Watched")
    laptop.run("claim")
    laptop.run("complete", "-n", "all \x1b[2J good")

    watch = watching("--task", str(task["id"]), "--after", "0")
    lines = [watch.stdout.readline() for _ in range(3)]

    assert [line.split()[2:4] for line in lines] == [
        ["task.submitted", f"#{task['id']}"],
        ["task.claimed", f"#{task['id']}"],
        ["task.completed", f"#{task['id']}"],
    ]
    assert "\x1b" not in "".join(lines)


def test_json_is_an_event_a_line_as_it_was_sent(laptop, athena, watching):
    task = laptop.json("add", "Watched")
    sent = athena.ask("GET", f"/api/tasks/{task['id']}/events").body["events"][0]

    watch = watching("--json", "--task", str(task["id"]), "--after", "0")

    assert json.loads(watch.stdout.readline()) == sent


def test_a_restart_of_athena_loses_nothing(start_server, tmp_path):
    """The connection is made again, and nothing is missed."""
    server = start_server()
    laptop = at(server, tmp_path / "laptop")
    watch: Any = laptop.start("watch", "--json", "--type", "task.submitted", "--after", "0")
    first = laptop.json("add", "one")
    seen = [json.loads(watch.stdout.readline())]
    server.restart()
    second = laptop.json("add", "two")
    seen.append(json.loads(watch.stdout.readline()))
    watch.kill()
    _, errors = watch.communicate()

    assert [event["task_id"] for event in seen] == [first["id"], second["id"]]
    assert len(errors.splitlines()) <= 1


def test_a_wrong_key_is_refused(laptop):
    done = laptop.run("watch", extra={"ATHENA_API_KEY": "ath_wrong_wrong_wrong"})

    assert done.returncode == 1
    assert "claude-task-client login" in done.stderr
