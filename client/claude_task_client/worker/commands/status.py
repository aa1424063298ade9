"""What the workers of this account are doing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from claude_task_client import clock, output
from claude_task_client.options import athena_command, json_option
from claude_task_client.worker import source_duty
from claude_task_client.worker.allowed import all_rules
from claude_task_client.worker.places import JOBS, Places
from claude_task_client.worker.record import Record, journals
from claude_task_client.worker.status import WorkerStatus, read

COLUMNS = ["TASK", "ATTEMPT", "PROJECT", "STATE", "STAGE", "ROUND", "SINCE"]


@athena_command()
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Show what the worker and its services do, and what waits here.

    Exit code 4 where none is running.
    """
    places: Places = ctx.obj
    found = [look(state) for state in places.states()]
    if as_json:
        output.print_json({"workers": found})
    else:
        for worker in found:
            _show(worker)
        if not found:
            output.say("No worker has run here yet. Write its config: claude-task-client work init")
    ctx.exit(0 if any(worker["running"] for worker in found) else 4)


def look(state: Path) -> dict[str, Any]:
    """What is known of the worker of a state folder, also of one that was killed."""
    from claude_task_client.worker import (
        locking,
    )  # not on Windows, where help is shown all the same

    pid = locking.holder(state)
    said = read(state)
    records = [journal.record for journal in journals(state / JOBS)]
    return {
        "state_folder": str(state),
        "running": pid is not None,
        "pid": pid,
        "state": said.state if said and pid else "stopped",
        "instance": said.instance if said else None,
        "url": said.url if said else None,
        "since": said.started_at if said and pid else None,
        "projects": said.projects if said else [],
        "limited_until": said.limited_until if said else None,
        "away_since": said.away_since if said and pid else None,
        "why_away": said.why_away if said and pid else None,
        "health": said.health if said and pid else None,
        "done": said.done if said and pid else 0,
        "tasks": [_task(record, said if pid else None) for record in records],
        **source_duty.watched(state, is_alive=pid is not None),
        "undelivered": [_undelivered(record) for record in records if _is_undelivered(record)],
        "allowed": [{"project": project, **asdict(rule)} for project, rule in all_rules(state)],
    }


def _task(record: Record, said: WorkerStatus | None) -> dict[str, Any]:
    """A task by its journal, and by what the worker says that it does with it now."""
    live = {task.task_id: task for task in said.tasks} if said else {}
    now = live.get(record.task_id)
    return {
        "id": record.task_id,
        "attempt": record.attempt,
        "project": record.project,
        "state": now.state if now else "waiting",
        "stage": record.stage,
        "iterations": record.iterations,
        "question_id": record.question_id,
        "branch": record.branch,
        "folder": record.folder,
        "started_at": record.started_at,
    }


def _is_undelivered(record: Record) -> bool:
    return record.ending is not None and not record.ending.delivered


def _undelivered(record: Record) -> dict[str, Any]:
    return {"id": record.task_id, "kind": record.ending.kind.value if record.ending else None}


def _show(worker: Mapping[str, Any]) -> None:
    first, *others = (output.line(line, None) for line in _lines(worker))
    output.say("\n  ".join([first, *others]))
    if worker["tasks"]:
        output.table(COLUMNS, [_row(task) for task in worker["tasks"]])
    output.say("")


def _lines(worker: Mapping[str, Any]) -> Iterator[str]:
    who = f", {worker['instance']} at {worker['url']}" if worker["instance"] else ""
    if worker["running"]:
        since = f" since {_moment(worker['since'])}" if worker["since"] else ""
        yield f"{worker['state']}: pid {worker['pid']}{since}{who}"
    else:
        start = "; start it: claude-task-client work" if worker["tasks"] else ""
        yield f"not running{who}{start}"
    yield f"in {worker['state_folder']}"
    if worker["projects"]:
        yield f"serves {', '.join(worker['projects'])}"
    yield from _source_lines(worker)
    if _is_ahead(worker["limited_until"]):
        yield f"held back by a usage limit until {_moment(worker['limited_until'])}"
    if worker["away_since"]:
        yield f"without Athena since {_moment(worker['away_since'])}: {worker['why_away']}"
    for problem in _problems(worker["health"]):
        yield f"sick: {problem}"
    if worker["undelivered"]:
        kept = ", ".join(f"#{each['id']} {each['kind']}" for each in worker["undelivered"])
        yield f"not yet told to Athena: {kept}"
    for rule in worker["allowed"]:
        by = f" by {rule['allowed_by']}" if rule["allowed_by"] else ""
        yield f"allowed for {rule['project']}{by}: {rule['tool']} {rule['input']}"


def _source_lines(worker: Mapping[str, Any]) -> Iterator[str]:
    if worker["sources"]:
        yield f"watches the sources {', '.join(each['id'] for each in worker['sources'])}"
    if worker["sources_trouble"]:
        yield f"watches no source for now: {worker['sources_trouble']}"
    for source in worker["sources"]:
        if source["trouble"]:
            yield f"source {source['id']}: {source['trouble']} See: claude-task-client sources list"


def _problems(health: Mapping[str, Any] | None) -> Sequence[str]:
    if not health or (health.get("ok") and not health.get("problems")):
        return []
    problems = health.get("problems") or [{"detail": health.get("message", "")}]
    return [f"{each.get('detail', '')} {each.get('advice', '')}".strip() for each in problems]


def _row(task: Mapping[str, Any]) -> Sequence[str]:
    waits = f" (question {task['question_id']})" if task["question_id"] else ""
    return [
        f"#{task['id']}",
        str(task["attempt"]),
        task["project"],
        task["state"] + waits,
        task["stage"],
        str(task["iterations"]),
        _moment(task["started_at"]),
    ]


def _is_ahead(text: str | None) -> bool:
    return text is not None and datetime.fromisoformat(text) > clock.now()


def _moment(text: str) -> str:
    return output.moment(datetime.fromisoformat(text))
