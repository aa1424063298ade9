"""Who asks for work, what it can take, and which task that is."""

from __future__ import annotations

from dataclasses import dataclass

from athena.model.instance import Claimer, Instance
from athena.model.task import Task
from athena.store import instances, tasks
from athena.store.base import Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """An instance that asks; labels and projects that are None are those it last announced."""

    instance: str
    labels: tuple[str, ...] | None = None
    projects: tuple[str, ...] | None = None


def claimer_for(asker: Asker, known: Instance | None) -> Claimer:
    """What the asker can take, with what it announced in place of what it leaves out.

    Naming no project at all is the same as not naming any.
    """
    labels, projects = asker.labels, asker.projects
    if labels is None:
        labels = known.labels if known else ()
    if projects is None:
        projects = known.projects if known else None
    return Claimer(instance=asker.instance, labels=labels, projects=projects or None)


async def candidate_for(reading: Reading, claimer: Claimer) -> Task | None:
    """The task that the claimer would get now, pauses considered."""
    pauses = await instances.pauses(reading)
    if pauses.stop(claimer.instance):
        return None
    without = pauses.paused_projects(claimer.instance)
    return await tasks.claim_candidate(reading, claimer, without=without)
