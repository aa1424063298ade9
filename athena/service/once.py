"""Requests that may be repeated: the first answer is given again, and nothing is done twice."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from athena.model.errors import IdempotencyKeyReused
from athena.model.task import Task
from athena.store import keys
from athena.store.base import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Once:
    """The name that a client gave to a request.

    `owner`: whose names these are (`key:7`); `fingerprint`: a digest of the whole request.
    """

    owner: str
    key: str
    fingerprint: str


async def answer_once(
    tx: Transaction, once: Once | None, act: Callable[[], Awaitable[Task | None]]
) -> Task | None:
    """Do it, or give the task that it gave the first time, as it was then.

    Raises: IdempotencyKeyReused, where the name stood for another request; what `act` raises.
    """
    if once is None:
        return await act()
    answered = await keys.find_answer(tx, owner=once.owner, key=once.key)
    if answered is not None:
        if answered.fingerprint != once.fingerprint:
            raise IdempotencyKeyReused
        return answered.task
    task = await act()
    if task is not None:
        answered = keys.Answered(fingerprint=once.fingerprint, task=task)
        await keys.insert_answer(tx, answered, owner=once.owner, key=once.key)
    return task
