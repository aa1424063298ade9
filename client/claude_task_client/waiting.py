"""Waiting for a person's answer, with the task in hand."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from typing import Final

from claude_task_client import output
from claude_task_client.calls import deadline_after, is_over, seconds_left
from claude_task_client.connection import PATIENT_RETRY_SECONDS, connect
from claude_task_client.errors import AthenaError, NothingToDo
from claude_task_client.holding import Held
from claude_task_client.wire import Question

# A hold lasts longer than this; the person may take all day.
RENEW_EVERY_SECONDS: Final = 30.0


class Withdrawn(AthenaError):
    """Nobody can answer the question any more: its task has ended or was given back."""


def wait_for_answer(
    task: Held,
    question: Question,
    *,
    timeout: float | None,
    as_json: bool,
    renew_every_seconds: float = RENEW_EVERY_SECONDS,
) -> None:
    """Print the answer once there is one.

    Raises: NothingToDo where nobody has answered in `timeout` seconds; Withdrawn.
    """
    with _shown():
        settled = _settled(task, question, timeout, renew_every_seconds)
    if as_json:
        output.print_json(settled.raw)
    if settled.is_open:
        raise NothingToDo(
            f"Nobody has answered question {question.id} yet. See whether somebody has:"
            f" claude-task-client answer {question.id}; give the task back until then:"
            f" claude-task-client park {task.id} --question {question.id}"
        )
    if settled.answer is None:
        raise Withdrawn(f"Question {question.id} was withdrawn: its task has moved on.")
    if not as_json:
        output.say(output.clean(settled.answer))
        output.warn(f"Answered by {output.line(settled.answered_by or '-')}.")


def _settled(
    task: Held, question: Question, timeout: float | None, renew_every_seconds: float
) -> Question:
    deadline = deadline_after(timeout)
    with connect(retry_seconds=PATIENT_RETRY_SECONDS) as athena:
        while True:
            wait = min(seconds_left(deadline), renew_every_seconds)
            now = athena.question(question.id, wait=wait)
            if not now.is_open or is_over(deadline):
                return now
            athena.renew(task.id, attempt=task.attempt)


@contextlib.contextmanager
def _shown() -> Iterator[None]:
    """Something that moves, where a person looks on."""
    if not sys.stderr.isatty():
        yield
        return
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("Waiting for an answer"), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        progress.add_task("", total=None)
        yield
