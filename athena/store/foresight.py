"""Fetches at once what the use cases of a group have said they need.

What is found goes into the transaction's memory, where the use cases look first. Whatever is not
there is fetched when it is asked for: foresight saves round trips and decides nothing but this,
which of the askers gets which of the foremost tasks, in the order in which they ask.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from athena.model.instance import Asker, Claimer
from athena.model.task import TaskId
from athena.store import dependencies, instances, tasks
from athena.store.base import Needs, Transaction

# Beyond this many places to look at, each claim looks for itself.
_PLACES_MAX: Final = 2_000

# Where the index of claimable tasks is entered: an offer, and a project or None for any.
_Place = tuple[str, str | None]


async def foresee(tx: Transaction, needs: Sequence[Needs]) -> dict[Claimer, deque[TaskId]]:
    """Bring into memory what the needs name; gives the tasks that their claims get."""
    askers = [need.asker for need in needs if need.asker is not None]
    ids = {task_id for need in needs for task_id in need.tasks}
    chosen = await _choose(tx, askers) if askers else {}
    await tasks.keep_locked(tx, [*ids, *(i for line in chosen.values() for i in line)])
    await dependencies.keep_undepended(tx, ids)
    return chosen


async def _choose(tx: Transaction, askers: Sequence[Asker]) -> dict[Claimer, deque[TaskId]]:
    """For each claimer the tasks that its claims will get, in their order."""
    if (await instances.recall_pauses(tx)).items:
        return {}
    known = await instances.recall_all(tx, {asker.instance for asker in askers})
    claimers = [asker.claimer(known.get(asker.instance)) for asker in askers]
    places = [_places_of(claimer) for claimer in claimers]
    wanted = Counter(place for its in places for place in its)
    if len(wanted) > _PLACES_MAX:
        return {}
    heads = await _heads(tx, wanted)
    chosen: dict[Claimer, deque[TaskId]] = {}
    taken: set[TaskId] = set()
    for claimer, its in zip(claimers, places, strict=True):
        line = chosen.setdefault(claimer, deque())
        best = _take_best(its, heads, taken)
        if best is not None:
            line.append(best)
    return chosen


def _places_of(claimer: Claimer) -> list[_Place]:
    if claimer.projects is None:
        return [(offer, None) for offer in claimer.offers]
    return [(offer, project) for offer in claimer.offers for project in claimer.projects]


async def _heads(
    tx: Transaction, wanted: Mapping[_Place, int]
) -> dict[_Place, deque[tuple[int, TaskId]]]:
    """The foremost claimable tasks of each place, as priority and id.

    No more of one place can be taken than there are claims that look there (`wanted`).
    """
    heads: dict[_Place, deque[tuple[int, TaskId]]] = {place: deque() for place in wanted}
    limit = max(wanted.values())
    counted = [(offer, count, project) for (offer, project), count in wanted.items()]
    offers = [place for place in counted if place[2] is None]
    pairs = [place for place in counted if place[2] is not None]
    if offers:
        for row in await tx.fetch_all(
            "claim_heads", {"places": json.dumps(offers), "limit": limit}
        ):
            heads[row["offered_to"], None].append((row["priority"], row["id"]))
    if pairs:
        for row in await tx.fetch_all(
            "claim_heads_of_projects", {"places": json.dumps(pairs), "limit": limit}
        ):
            heads[row["offered_to"], row["project"]].append((row["priority"], row["id"]))
    return heads


def _take_best(
    places: Iterable[_Place],
    heads: dict[_Place, deque[tuple[int, TaskId]]],
    taken: set[TaskId],
) -> TaskId | None:
    """The best of the heads, which then belongs to nobody else."""
    best: tuple[int, TaskId] | None = None
    for place in places:
        line = heads[place]
        # Another place may have led to the same task.
        while line and line[0][1] in taken:
            line.popleft()
        if line and (best is None or line[0] < best):
            best = line[0]
    if best is None:
        return None
    taken.add(best[1])
    return best[1]
