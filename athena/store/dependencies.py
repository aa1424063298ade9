"""What tasks depend on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence

from athena.model.task import TaskId
from athena.store.base import Reading, Row, Transaction, Values


async def of_tasks(reading: Reading, ids: Iterable[TaskId]) -> dict[TaskId, dict[TaskId, str]]:
    """For each of the tasks that has any: its dependencies and their statuses."""
    rows = await reading.fetch_all("dependencies_of", {"task_ids": json.dumps(list(ids))})
    found: dict[TaskId, dict[TaskId, str]] = {}
    for row in rows:
        found.setdefault(TaskId(row["task_id"]), {})[TaskId(row["depends_on"])] = row["status"]
    return found


async def replace_all(tx: Transaction, task_id: TaskId, depends_on: Sequence[TaskId]) -> None:
    """Have the task depend on these and no others."""
    await tx.execute("delete_dependencies", {"task_id": task_id})
    for dependency in depends_on:
        await tx.execute("insert_dependency", {"task_id": task_id, "depends_on": dependency})


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
