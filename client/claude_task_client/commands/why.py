"""Why a task is not running."""

from __future__ import annotations

from claude_task_client import output
from claude_task_client.connection import connect
from claude_task_client.options import athena_command, json_option, task_argument


@athena_command()
@task_argument
@json_option
def command(task_id: int, as_json: bool) -> None:
    """Say why a task is not running: its place in the queue, and whatever holds it."""
    why = connect().why(task_id)
    if as_json:
        output.print_json(why.raw)
        return
    if why.position is not None:
        output.say(f"#{task_id} is number {why.position} in the queue.")
    for reason in why.reasons:
        output.say(f"{reason.code}: {output.line(reason.detail or '-', None)}")
        if reason.code == "question_open":
            output.say("Answer it: claude-task-client answer")
    if why.position is None:
        output.say(f"#{task_id} does not wait. See how it is: claude-task-client show {task_id}")
    elif not why.reasons:
        output.say(f"Nothing holds #{task_id}.")
