"""Arguments and options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TypeVar

import click

from claude_task_client.errors import AthenaError

F = TypeVar("F", bound=Callable[..., Any])

ID_MAX: Final = 2**63 - 1
PRIORITIES: Final = ("urgent", "high", "medium", "normal", "low")

json_option = click.option("--json", "as_json", is_flag=True, help="Print Athena's answer as JSON.")


class AthenaCommand(click.Command):
    """A command for which an error of Athena's is a message and an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run it."""
        try:
            return super().invoke(ctx)
        except AthenaError as error:
            from claude_task_client.advice import complain

            complain(error, task_id=ctx.params.get("task_id"))
            ctx.exit(error.exit_code)


athena_command = functools.partial(click.command, cls=AthenaCommand)


def task_number(text: str) -> int:
    """A task's number, as in `5` or `#5`."""
    digits = text.removeprefix("#")
    if not (digits.isascii() and digits.isdecimal() and 0 < int(digits) <= ID_MAX):
        raise click.BadParameter(f"{text!r} is no task number: that looks like 5 or #5.")
    return int(digits)


def future(text: str) -> datetime:
    """A time ahead: a span, a time of day, or ISO 8601."""
    return _moment(text, past=False)


def past(text: str) -> datetime:
    """A time behind: a span ago, or ISO 8601."""
    return _moment(text, past=True)


def task_argument(function: F) -> F:
    """The task to do it with."""
    return click.argument("task_id", metavar="ID", type=task_number)(function)


def held_argument(function: F) -> F:
    """The task to do it with: without one, the one that this instance holds."""
    return click.argument("task_id", metavar="[ID]", type=task_number, required=False)(function)


def question_argument(function: F) -> F:
    """The question that it is about, if one is."""
    number = click.IntRange(1, ID_MAX)
    return click.argument("question_id", metavar="[QUESTION]", type=number, required=False)(
        function
    )


def _moment(text: str, *, past: bool) -> datetime:
    from claude_task_client import clock

    read, examples = (
        (clock.read_past, "30d or 2026-11-22") if past else (clock.read_future, clock.EXAMPLES)
    )
    try:
        return read(text, at=clock.now())
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(f"{text!r} is no time: that looks like {examples}.") from error
