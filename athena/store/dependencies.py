"""What tasks depend on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from athena.model.task import TaskId
from athena.store.base import Reading, Row, Transaction, Values


async def of_tasks(reading: Reading, ids: Iterable[TaskId]) -> dict[TaskId, dict[TaskId, str]]:
    """For each of the tasks that has any: its dependencies and their statuses."""
    rows = await reading.fetch_all("dependencies_of", {"task_ids": json.dumps(list(ids))})
    found: dict[TaskId, dict[TaskId, str]] = {}
    for row in rows:
        found.setdefault(TaskId(row["task_id"]), {})[TaskId(row["depends_on"])] = row["status"]
    return found


@dataclass(frozen=True, slots=True)
class _Undepended:
    """Nothing depends on the task of this number."""


_UNDEPENDED: Final = _Undepended()


async def keep_undepended(tx: Transaction, ids: Iterable[TaskId]) -> None:
    """Have in memory which of the tasks nothing depends on: hardly any task has dependents."""
    unknown = sorted(i for i in ids if tx.memory.find(_Undepended, i) is None)
    if not unknown:
        return
    rows = await tx.fetch_all("depended_on", {"ids": json.dumps(unknown)})
    depended_on = {row["id"] for row in rows}
    for task_id in unknown:
        if task_id not in depended_on:
            tx.memory.keep(task_id, _UNDEPENDED)


async def insert(tx: Transaction, task_id: TaskId, depends_on: Sequence[TaskId]) -> None:
    """Have the task depend on these as well."""
    for dependency in depends_on:
        tx.memory.drop(_Undepended, dependency)
        await tx.execute("insert_dependency", {"task_id": task_id, "depends_on": dependency})


async def replace_all(tx: Transaction, task_id: TaskId, depends_on: Sequence[TaskId]) -> None:
    """Have the task depend on these and no others."""
    await tx.execute("delete_dependencies", {"task_id": task_id})
    await insert(tx, task_id, depends_on)


async def is_depended_on(tx: Transaction, task_id: TaskId) -> bool:
    """Whether any task, an ended one too, depends on the task."""
    await keep_undepended(tx, [task_id])
    return tx.memory.find(_Undepended, task_id) is None


async def count_dependents(reading: Reading, task_id: TaskId, *, limit: int) -> int:
    """How many tasks, ended ones too, depend on the task; not counted beyond `limit`."""
    row = await reading.fetch_one("count_dependents", {"task_id": task_id, "limit": limit})
    return int((row or {"dependents": 0})["dependents"])


async def pending_dependents(reading: Reading, task_id: TaskId) -> Sequence[Row]:
    """The rows of the pending tasks that depend on the task, by id."""
    return await reading.fetch_all("dependents_of", {"task_id": task_id})


async def count_unmet(reading: Reading, task_id: TaskId) -> int:
    """How many of the task's dependencies are not completed."""
    row = await reading.fetch_one("unmet_of", {"task_id": task_id})
    return int((row or {"unmet": 0})["unmet"])


async def would_close_a_cycle(
    reading: Reading, task_id: TaskId, depends_on: Sequence[TaskId]
) -> bool:
    """Whether the task would depend on itself, over any number of steps."""
    values: Values = {"task_id": task_id, "depends_on": json.dumps(list(depends_on))}
    return await reading.fetch_one("would_close_a_cycle", values) is not None
