"""Everything about a task."""

from __future__ import annotations

import click

from claude_task_client import describing, output, questions
from claude_task_client.connection import connect
from claude_task_client.options import athena_command, json_option, task_argument
from claude_task_client.sync import Athena
from claude_task_client.wire import Task


@athena_command()
@task_argument
@click.option("--history", is_flag=True, help="What happened to it instead of how it is now.")
@json_option
def command(task_id: int, history: bool, as_json: bool) -> None:
    """Show everything about a task."""
    athena = connect()
    if not history:
        task = athena.get(task_id)
        if as_json:
            output.print_json(task.raw)
        else:
            output.say(describing.text(task))
            _tell_of_questions(athena, task)
            if task.status == "failed":
                output.say(f"\nTry it again: claude-task-client retry {task.id}")
                output.say(f'Go on with it: claude-task-client reply {task.id} "what to do"')
        return
    page = athena.history(task_id)
    if as_json:
        output.print_json(page.raw)
        return
    for event in page.events:
        output.say(describing.event_line(event))


def _tell_of_questions(athena: Athena, task: Task) -> None:
    """Of a task that does not wait for a person there is none to ask for."""
    if describing.may_have_questions(task):
        for question in athena.questions(task=task.id).questions:
            output.say(f"\n{questions.text(question)}")
