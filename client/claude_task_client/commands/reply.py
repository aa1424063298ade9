"""A person's word to a task."""

from __future__ import annotations

import contextlib

import click

from claude_task_client import output, questions
from claude_task_client.connection import connect
from claude_task_client.errors import AthenaError
from claude_task_client.options import athena_command, json_option, task_argument
from claude_task_client.reading import read_words
from claude_task_client.sync import Athena
from claude_task_client.wire import Message


@athena_command()
@task_argument
@click.argument("words", metavar="TEXT", nargs=-1, required=True)
@json_option
def command(task_id: int, words: tuple[str, ...], as_json: bool) -> None:
    """Tell the holder of a task something; of a task that has ended, make a follow-up.

    A follow-up is a new task that goes on in the same Claude session.
    """
    athena = connect()
    message = athena.send_message(task_id, read_words(words, what="message"))
    if as_json:
        output.print_json(message.raw)
        return
    output.say(_done(message))
    if message.follow_up is None:
        _tell_of_questions(athena, task_id)


def _done(message: Message) -> str:
    if message.follow_up is None:
        return f"Sent: whoever works on #{message.task_id} gets it."
    return f"Task #{message.follow_up.id} queued, continuing #{message.task_id}."


def _tell_of_questions(athena: Athena, task_id: int) -> None:
    """A message is no answer: whoever meant it as one should know."""
    with contextlib.suppress(AthenaError):  # it was sent, whatever this key may read
        for question in athena.questions(task=task_id).questions:
            output.warn(f"Still open: {questions.brief(question)}")
