"""Answers to what instances ask."""

from __future__ import annotations

import contextlib
import socket

import click

from claude_task_client import output, questions
from claude_task_client.connection import connect
from claude_task_client.errors import Denied, NotSent, Unreachable
from claude_task_client.options import athena_command, json_option, question_argument
from claude_task_client.reading import read_words
from claude_task_client.sync import Athena
from claude_task_client.wire import Question

LISTED_MAX = 500  # of one page
_NEVER_SENT = (ConnectionRefusedError, socket.gaierror)


@athena_command()
@question_argument
@click.argument("words", metavar="[TEXT]", nargs=-1)
@click.option("--allow", "verdict", flag_value="allow", help="Allow the action, this once.")
@click.option(
    "--allow-project", "verdict", flag_value="allow_project", help="Allow such in this project."
)
@click.option("--deny", "verdict", flag_value="deny", help="Do not allow the action.")
@click.option("-n", "--note", help="What to say along with it, such as why not.")
@json_option
def command(
    *,
    question_id: int | None,
    words: tuple[str, ...],
    verdict: str | None,
    note: str | None,
    as_json: bool,
) -> None:
    """Answer a question; without an answer show it, without a number list what is open.

    The first answer counts, wherever it is given.
    """
    if words and verdict:
        raise click.UsageError("Answer in words, or with --allow, --allow-project or --deny.")
    if note and not (words or verdict):
        raise click.UsageError("--note goes along with an answer.")
    athena = connect()
    if question_id is None:
        if verdict:
            raise click.UsageError("Which question? See what is open: claude-task-client answer")
        _list(athena, as_json=as_json)
    elif words or verdict:
        if verdict:
            _check_approval(athena, question_id)
        text = verdict or read_words(words, what="answer")
        question = _answer(athena, question_id, text, note)
        done = f"Answered question {question.id} of #{question.task_id}."
        output.print_json(question.raw) if as_json else output.say(done)
    else:
        question = _find(athena, question_id)
        output.print_json(question.raw) if as_json else output.say(questions.text(question))


def _answer(athena: Athena, question_id: int, text: str, note: str | None) -> Question:
    try:
        return athena.answer(question_id, text, note=note)
    except Unreachable as error:
        if isinstance(error, NotSent) or isinstance(error.__cause__, _NEVER_SENT):
            raise
        raise Unreachable(
            f"{error} Your answer may have arrived all the same: see with claude-task-client answer"
            f" {question_id}, and answer again if the question is open still."
        ) from error


def _list(athena: Athena, *, as_json: bool) -> None:
    page = athena.questions()
    if as_json:
        output.print_json(page.raw)
        return
    if not page.questions:
        output.say("No question is open.")
    shown = [questions.text(q, lines_max=questions.LISTED_LINES_MAX) for q in page.questions]
    for each in shown:
        output.say(each + "\n")
    if page.next_cursor:
        output.say("More are open: answer these first.")


def _check_approval(athena: Athena, question_id: int) -> None:
    """A question for words would take `allow` for its answer."""
    with contextlib.suppress(Denied):  # a key that may answer need not be one that may look
        asked = _find(athena, question_id)
        if asked.is_open and asked.kind != questions.APPROVAL:
            raise click.UsageError(f"It asks for words.\n\n{questions.text(asked)}")


def _find(athena: Athena, question_id: int) -> Question:
    """The question. A person's key may list questions without being one that may work."""
    try:
        return athena.question(question_id)
    except Denied:
        for status in ("open", "all"):
            page = athena.questions(status=status, limit=LISTED_MAX)
            for question in page.questions:
                if question.id == question_id:
                    return question
        raise
