"""Which task an instance would get now."""

from __future__ import annotations

from athena.model.instance import Claimer
from athena.model.task import Task
from athena.store import instances, tasks
from athena.store.base import Reading, Transaction


async def candidate_for(reading: Reading, claimer: Claimer) -> Task | None:
    """The task that the claimer would get now, pauses considered."""
    pauses = await instances.pauses(reading)
    if pauses.stop(claimer.instance):
        return None
    without = pauses.paused_projects(claimer.instance)
    return await tasks.claim_candidate(reading, claimer, without=without)


async def take_candidate(tx: Transaction, claimer: Claimer) -> Task | None:
    """As `candidate_for`, and the task is locked for being claimed."""
    pauses = await instances.recall_pauses(tx)
    if pauses.stop(claimer.instance):
        return None
    without = pauses.paused_projects(claimer.instance)
    return await tasks.take_candidate(tx, claimer, without=without)
