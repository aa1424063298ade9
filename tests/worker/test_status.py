"""`work status`: what the workers of this account do, and what waits here."""

from __future__ import annotations

import json
import os
from pathlib import Path

import click.testing
import pytest

from claude_task_client.cli import group
from claude_task_client.worker import locking, places
from claude_task_client.worker.record import Ending, EndingKind, Record, open_journal
from claude_task_client.worker.status import StatusFile, TaskStatus, WorkerStatus


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "worker"


def shown(state: Path, *words: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(
        group, ["work", "--state", str(state), "status", *words]
    )


def journal(state: Path, task_id: int, **further: object) -> None:
    record = Record(
        task_id=task_id,
        attempt=1,
        project="app",
        description="x",
        started_at="2026-11-22T09:00:00.000Z",
        iterations=3,
        stage="audit",
    )
    for name, value in further.items():
        setattr(record, name, value)
    open_journal(state / places.JOBS / str(task_id), record)


def said(folder: Path, **further: object) -> None:
    status = {
        "pid": os.getpid(),
        "instance": "pi",
        "url": "http://athena",
        "started_at": "2026-11-22T08:00:00.000Z",
        "state": "working",
        "slots": 1,
        "projects": ["app"],
        "health": {"ok": True},
        **further,
    }
    StatusFile(folder).write(WorkerStatus(**status))  # type: ignore[arg-type]  # by their names


def test_a_worker_at_work_says_what_it_does(state):
    """Who it is, since when, each task with its stage and round."""
    journal(state, 12)
    task = TaskStatus(
        task_id=12, attempt=1, project="app", stage="audit", state="running", started_at="x"
    )
    said(state, tasks=[task])

    with locking.held(state):
        done = shown(state)

    assert done.exit_code == 0
    assert f"working: pid {os.getpid()} since" in done.output
    assert "pi at http://athena\n  in " in done.output
    assert done.output.split("#12")[1].split()[:5] == ["1", "app", "running", "audit", "3"]


def test_what_holds_it_up_is_said(state):
    """A limit, an Athena that is away, and what is wrong with what to do."""
    said(
        state,
        state="sick",
        limited_until="2999-01-01T00:00:00.000Z",
        away_since="2026-11-22T09:00:00.000Z",
        why_away="No answer.",
        health={"ok": False, "problems": [{"code": "x", "detail": "Bad\x1b.", "advice": "Do y."}]},
    )

    with locking.held(state):
        done = shown(state)

    assert "usage limit until 2999-01-01" in done.output
    assert "without Athena since" in done.output
    assert "sick: Bad\\x1b. Do y." in done.output


def test_what_a_killed_worker_left_is_shown(state):
    """Nothing is running, and a result waits to be told."""
    ending = Ending(kind=EndingKind.COMPLETED, body={})
    journal(state, 5, ending=ending)
    journal(state, 6, question_id=9)
    said(state)

    done = shown(state)
    answer = json.loads(shown(state, "--json").output)["workers"][0]

    assert done.exit_code == 4
    assert "not running, pi at http://athena" in done.output
    assert "not yet told to Athena: #5 completed" in done.output
    assert "waiting (question 9)" in done.output
    assert (answer["running"], answer["state"], answer["pid"]) == (False, "stopped", None)
    assert answer["undelivered"] == [{"id": 5, "kind": "completed"}]
    assert [task["id"] for task in answer["tasks"]] == [5, 6]


def test_without_a_worker_the_next_command_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr(places, "default_state", lambda: tmp_path / "worker")

    done = click.testing.CliRunner().invoke(group, ["work", "status"])

    assert (done.exit_code, "work init" in done.output) == (4, True)


def test_services_are_shown_beside_the_worker(tmp_path, monkeypatch):
    """Each has a folder of its own, so that each has a lock of its own."""
    monkeypatch.setattr(places, "default_state", lambda: tmp_path / "worker")
    service = places.service_state(tmp_path / "worker", "app")
    said(tmp_path / "worker")
    said(service)

    with locking.held(service):
        done = click.testing.CliRunner().invoke(group, ["work", "status", "--json"])

    found = [(each["state_folder"], each["running"]) for each in json.loads(done.output)["workers"]]
    assert found == [(str(tmp_path / "worker"), False), (str(service), True)]
    assert done.exit_code == 0


def test_sources_are_told_with_what_is_wrong(state):
    """What the worker watches, by its own word; nothing of it once the worker is gone."""
    state.mkdir(parents=True)
    sources = [
        {"id": "ad-hoc", "path": "/tasks/ad-hoc", "trouble": None},
        {"id": "share", "path": "/mnt/share", "trouble": "Read-only file system: '/mnt/share'"},
    ]
    told = {"sources": sources, "trouble": None}
    (state / "sources.json").write_text(json.dumps(told))
    said(state)
    with locking.held(state):
        text = shown(state).stdout
        answer = json.loads(shown(state, "--json").stdout)

    assert "  watches the sources ad-hoc, share\n" in text
    assert "  source share: Read-only file system: '/mnt/share'" in text
    assert "claude-task-client sources list" in text
    assert answer["workers"][0]["sources"] == sources
    assert json.loads(shown(state, "--json").stdout)["workers"][0]["sources"] == []


def test_sources_of_which_none_can_be_watched_are_told(state):
    state.mkdir(parents=True)
    told = {"sources": [], "trouble": "sources.json is damaged."}
    (state / "sources.json").write_text(json.dumps(told))
    said(state)

    with locking.held(state):
        text = shown(state).stdout

    assert "  watches no source for now: sources.json is damaged.\n" in text
