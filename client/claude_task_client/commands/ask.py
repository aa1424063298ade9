"""A question to a person."""

from __future__ import annotations

import click

from claude_task_client import output
from claude_task_client.holding import held
from claude_task_client.options import athena_command, json_option, task_number
from claude_task_client.reading import read_words


@athena_command()
@click.argument("words", metavar="[ID] TEXT", nargs=-1, required=True)
@click.option(
    "--choice",
    "choices",
    multiple=True,
    metavar="TEXT",
    help="Offer an answer; several if need be.",
)
@click.option("--wait", is_flag=True, help="Wait for the answer and print it.")
@click.option(
    "--timeout",
    type=click.FloatRange(0),
    metavar="SECONDS",
    help="How long to wait at most (as long as it takes). Exit code 4 where nobody has answered.",
)
@json_option
def command(
    *,
    words: tuple[str, ...],
    choices: tuple[str, ...],
    wait: bool,
    timeout: float | None,
    as_json: bool,
) -> None:
    """Ask a person about the task in hand, or about the one with this number.

    It is asked where people are: in Discord, on the dashboard, in `claude-task-client answer`.
    While this waits, it keeps the hold on the task.
    """
    if timeout is not None and not wait:
        raise click.UsageError("--timeout is for --wait.")
    task_id, text = _read(words)
    click.get_current_context().params["task_id"] = task_id  # for the advice, should it be refused
    task = held(task_id)
    question = task.athena.ask(
        task.id,
        text,
        kind="choice" if choices else "text",
        choices=choices or None,
        attempt=task.attempt,
    )
    if wait:
        from claude_task_client.waiting import wait_for_answer

        output.warn(f"Asked as question {question.id}; waiting for the answer.")
        wait_for_answer(task, question, timeout=timeout, as_json=as_json)
    elif as_json:
        output.print_json(question.raw)
    else:
        output.say(
            f"Asked as question {question.id} of #{task.id}."
            f" See its answer: claude-task-client answer {question.id}"
        )


def _read(words: tuple[str, ...]) -> tuple[int | None, str]:
    """A number in front of the text is the task's."""
    first = words[0].removeprefix("#")
    if not (first.isascii() and first.isdecimal()):
        return None, read_words(words, what="question")
    if len(words) == 1:
        raise click.UsageError(
            f'What is the question? Ask it: claude-task-client ask {first} "Which port?"'
        )
    return task_number(first), read_words(words[1:], what="question")
