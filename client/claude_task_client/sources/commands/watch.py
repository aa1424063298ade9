"""Watching sources in the foreground."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Callable, Sequence
from typing import Final

import click

from claude_task_client import clock, output, settings
from claude_task_client.client import AsyncAthena
from claude_task_client.connection import RETRY_SECONDS
from claude_task_client.errors import BadSettings, NothingToDo, TooMany, Unavailable, Unreachable
from claude_task_client.options import athena_command, json_option
from claude_task_client.sources import presence, registry, surveying, tending
from claude_task_client.sources.registry import Source
from claude_task_client.wire import time_text

KIND: Final = "sources watch"


@athena_command()
@click.argument("names", metavar="[ID]...", nargs=-1)
@click.option("--once", is_flag=True, help="Do what is to be done now, and exit.")
@click.option("--poll", is_flag=True, help="Look into all regularly: the system tells no changes.")
@json_option
def command(*, names: tuple[str, ...], once: bool, poll: bool, as_json: bool) -> None:
    """Watch these sources, or all, until Ctrl-C: submit documents, write what came of them.

    A worker does that by itself. Several may watch the same source: each document becomes one task.
    With --once no end is waited for: what has ended since is written, what is new is submitted.
    """
    told = settings.load()
    key = told.signed_in()
    sources = [registry.get(name) for name in dict.fromkeys(names)] or registry.load()
    _check(sources)

    def tell(text: str) -> None:
        now = clock.now()
        if as_json:
            output.print_json_line({"at": time_text(now), "message": text})
        else:
            output.say(f"{output.moment(now)} {output.line(text, None)}")

    async def run() -> None:
        _end_on_term()
        async with AsyncAthena(
            told.url, key, instance=told.instance, retry_seconds=RETRY_SECONDS
        ) as athena:
            await _check_key(athena)
            if once:
                await _watch_once(athena, sources, poll=poll, tell=tell)
            else:
                await tending.tend(athena, _manner(names, poll=poll, tell=tell))

    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(run())


async def _check_key(athena: AsyncAthena) -> None:
    """Whoever may not watch at all is told so at once; an Athena that is away is waited for."""
    with contextlib.suppress(Unreachable, TooMany, Unavailable):
        await athena.list(limit=1)


def _end_on_term() -> None:
    """As with Ctrl-C, so that a service that is stopped leaves nothing behind."""
    task = asyncio.current_task()
    if task is not None:
        with contextlib.suppress(NotImplementedError):  # Windows
            asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)


def _check(sources: Sequence[Source]) -> None:
    if not sources:
        raise NothingToDo("There is no source yet. Make two: claude-task-client sources init PATH")
    seen = [surveying.survey(source) for source in sources]
    away = [each for each in seen if each.why_away is not None]
    for each in away:
        problem = each.problems[0]
        output.warn(output.line(f"{each.source.id}: {problem.detail} {problem.advice}", None))
    if len(away) == len(seen):
        raise BadSettings("None of the sources is there.")


def _manner(names: Sequence[str], *, poll: bool, tell: Callable[[str], None]) -> tending.Manner:
    def picks(source: Source) -> bool:
        return not names or source.id in names

    return tending.Manner(picks=picks, kind=KIND, is_polling=poll, tell=tell)


async def _watch_once(
    athena: AsyncAthena, sources: Sequence[Source], *, poll: bool, tell: Callable[[str], None]
) -> None:
    # Watching brings what reads documents with it, which help and mistakes do without.
    from claude_task_client.sources import watching

    async with presence.announced(sources, kind=KIND):
        await watching.watch(sources, athena, poll=poll, once=True, tell=tell)
