"""Claude's conversations, as the tasks tell of them."""

from __future__ import annotations

from athena.model import limits
from athena.model.page import Page, event_position_of
from athena.model.session import Session, SessionUse, is_session_id, turns_of
from athena.model.task import Task, cost_usd_of
from athena.store import sessions
from athena.store.base import Reading, Store, Transaction


class Sessions:
    """What was done in each session."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def list(
        self,
        *,
        project: str | None = None,
        limit: int = limits.PAGE_DEFAULT,
        cursor: str | None = None,
    ) -> Page[Session]:
        """A page of sessions, that with the newest use first.

        Raises: Invalid, for a foreign cursor.
        """
        return await self._store.read(
            lambda reading: sessions.list_sessions(
                reading, project=project, limit=limit, cursor=cursor
            )
        )

    async def get(self, session_id: str) -> Session:
        """The session.

        Raises: SessionNotFound.
        """
        return await self._store.read(lambda reading: sessions.get(reading, session_id))

    async def tasks(
        self, session_id: str, *, limit: int = limits.PAGE_DEFAULT, cursor: str | None = None
    ) -> Page[Task]:
        """The tasks of the session, also those that are to continue it, oldest first.

        Raises: SessionNotFound; Invalid, for a foreign cursor.
        """
        after = event_position_of(cursor)

        async def look(reading: Reading) -> Page[Task]:
            await sessions.get(reading, session_id)
            return await sessions.tasks_of(reading, session_id, after=after, limit=limit)

        return await self._store.read(look)


async def note_submitted(tx: Transaction, task: Task) -> None:
    """A new task is part of the session that it is to continue."""
    if task.continues is None or not is_session_id(task.continues):
        return
    use = SessionUse(
        session_id=task.continues,
        task_id=task.id,
        project=task.project,
        instance=None,
        first_at=tx.now,
        last_at=tx.now,
    )
    await sessions.note_use(tx, use)


async def note(tx: Transaction, before: Task, after: Task) -> None:
    """Keep what a move of the task tells of its session.

    That is: that it is used (a claim, the end of a hold, a new name), and what an attempt took.
    """
    session_id = after.session_id or after.continues
    if session_id is None:
        return
    is_told = after.result is not None and after.result is not before.result
    is_used = before.is_running is not after.is_running or before.session_id != after.session_id
    if not (is_told or is_used) or not is_session_id(session_id):
        return
    told = after.result if is_told else None
    use = SessionUse(
        session_id=session_id,
        task_id=after.id,
        project=after.project,
        instance=after.claimed_by or before.claimed_by,
        first_at=before.claimed_at or tx.now,
        last_at=tx.now,
        cost_usd=cost_usd_of(told) or 0.0,
        turns=turns_of(told),
    )
    await sessions.note_use(tx, use)
