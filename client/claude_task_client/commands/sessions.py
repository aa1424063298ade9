"""Claude's conversations."""

from __future__ import annotations

import click

from claude_task_client import clock, describing, output
from claude_task_client.connection import connect
from claude_task_client.options import athena_command, json_option
from claude_task_client.sync import Athena
from claude_task_client.wire import Session, Task


@athena_command()
@click.argument("session_id", metavar="[ID]", required=False)
@click.option("--project", "-p", help="Only this project's.")
@click.option("--limit", type=click.IntRange(1, 500), help="How many at most (50).")
@click.option("--cursor", help="Go on where the last page ended.")
@json_option
def command(
    *,
    session_id: str | None,
    project: str | None,
    limit: int | None,
    cursor: str | None,
    as_json: bool,
) -> None:
    """List Claude's conversations, the one used last first; or show one, with its tasks."""
    athena = connect()
    if session_id is not None:
        if project:
            raise click.UsageError("--project is for the list: leave out the ID.")
        _show(athena, session_id, limit=limit, cursor=cursor, as_json=as_json)
        return
    page = athena.sessions(project=project, limit=limit, cursor=cursor)
    if as_json:
        output.print_json(page.raw)
    elif not page.sessions:
        output.say("No session yet: the first task that Claude works on makes one.")
    else:
        _table(page.sessions)
        _more("sessions", page.next_cursor)


def _show(
    athena: Athena, session_id: str, *, limit: int | None, cursor: str | None, as_json: bool
) -> None:
    session = athena.session(session_id)
    page = athena.session_tasks(session_id, limit=limit, cursor=cursor)
    if as_json:
        output.print_json({"session": session.raw, **page.raw})
        return
    _table([session])
    output.say("")
    output.table(["ID", "STATUS", "AGE", "DESCRIPTION"], [_task(each) for each in page.tasks])
    _more(f"sessions {session.id}", page.next_cursor)


def _table(sessions: tuple[Session, ...] | list[Session]) -> None:
    columns = ["SESSION", "PROJECT", "INSTANCE", "TASKS", "COST", "TURNS", "LAST USED", "LAST TASK"]
    output.table(columns, [_row(each) for each in sessions])


def _row(session: Session) -> list[str]:
    used = "-"
    if session.last_at is not None:
        used = output.span((clock.now() - session.last_at).total_seconds()) + " ago"
    return [
        session.id,
        session.project or "-",
        session.instance or "-",
        str(session.tasks),
        "-" if session.cost_usd is None else describing.dollars(session.cost_usd),
        "-" if session.turns is None else str(session.turns),
        used,
        "-" if session.last_task is None else f"#{session.last_task}",
    ]


def _task(task: Task) -> list[str]:
    return [f"#{task.id}", describing.state(task), describing.age(task), task.description]


def _more(command: str, cursor: str | None) -> None:
    if cursor:
        output.say(
            f"More: claude-task-client {output.line(command)} --cursor {output.line(cursor)}"
        )
