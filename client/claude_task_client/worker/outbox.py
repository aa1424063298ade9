"""Delivering how an attempt ended: again and again until Athena has it, or wants it no more."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Final

from claude_task_client import AsyncAthena
from claude_task_client.errors import Conflict, Denied, NotFound, Refused
from claude_task_client.wire import Task
from claude_task_client.worker.line import Line
from claude_task_client.worker.record import Ending, EndingKind, Record
from claude_task_client.worker.sending import cleaned, cut, shortened

# What a result is reduced to, step by step, where Athena finds it too large or otherwise wrong.
TEXT_CUTS: Final = (16_000, 2_000)
PROSE_CHARACTERS_MAX: Final = 4_000
_FIGURES: Final = (
    "success",
    "error",
    "started_at",
    "completed_at",
    "duration_ms",
    "duration_api_ms",
    "total_cost_usd",
    "earlier_cost_usd",
    "usage",
    "session_id",
    "num_turns",
    "branch",
    "commit",
    "pushed",
    "pull_request_url",
)

log = logging.getLogger(__name__)


class Outbox:
    """Tells Athena the endings of this worker's tasks."""

    def __init__(self, athena: AsyncAthena, line: Line) -> None:
        self._athena = athena
        self._line = line

    async def deliver(self, record: Record) -> Task:
        """Tell the record's ending, for as long as it takes; the task as it is afterwards.

        Raises: Conflict or NotFound, where Athena takes no ending of this attempt: cancelled,
            deleted, claimed by another, or told before. Another Refused, where she takes it in no
            form at all.
        """
        ending = record.ending
        if ending is None:
            raise ValueError(f"task #{record.task_id} has not ended")
        refusal: Refused | None = None
        for kind, body in _versions(ending):
            try:
                return await self._line.insist(partial(self._tell, record, kind, body))
            except (Conflict, NotFound, Denied):
                raise
            except Refused as error:
                log.warning("Athena does not take the end of #%s: %s", record.task_id, error)
                refusal = error
        raise refusal or AssertionError("there is always a version")

    async def _tell(self, record: Record, kind: EndingKind, body: Mapping[str, Any]) -> Task:
        # The attempt is that of the moment: the task may have been claimed anew meanwhile.
        task_id, attempt = record.task_id, record.attempt
        match kind:
            case EndingKind.COMPLETED:
                return await self._athena.complete(task_id, attempt=attempt, **body)
            case EndingKind.FAILED:
                return await self._athena.fail(task_id, attempt=attempt, **body)
            case EndingKind.PARKED:
                return await self._athena.park(task_id, attempt=attempt, **body)
            case EndingKind.RELEASED:
                return await self._athena.release(task_id, attempt=attempt, **body)
            case EndingKind.ABANDONED:
                raise ValueError("Athena is told nothing of an abandoned task")


def _versions(ending: Ending) -> Iterator[tuple[EndingKind, Mapping[str, Any]]]:
    """What is told, and what is told instead where Athena will not have it: less and less."""
    body = cleaned(ending.body)
    yield ending.kind, body
    for characters in TEXT_CUTS:
        yield ending.kind, cut(body, characters)
    prose = {
        name: shortened(body[name], PROSE_CHARACTERS_MAX)
        for name in ("notes", "error")
        if isinstance(body.get(name), str)
    }
    result = body.get("result")
    if isinstance(result, dict):
        figures = {name: result[name] for name in _FIGURES if name in result}
        short = {key: value for key, value in body.items() if key != "result"} | prose
        yield ending.kind, {**short, "result": cut(figures, 500)}
    match ending.kind:
        case EndingKind.COMPLETED:
            yield ending.kind, prose
        case EndingKind.FAILED:
            yield ending.kind, {"error": "The attempt failed.", **prose}
        case _:
            # What it was to wait for is not to be had: it goes back into the queue.
            yield EndingKind.RELEASED, {}
