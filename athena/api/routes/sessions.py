"""Sessions: Claude's conversations, and what was done in each."""

from __future__ import annotations

from athena.api.call import Call
from athena.api.endpoint import endpoint
from athena.api.fields import Cursor, Query, QueryLimit, Slug
from athena.api.wire.sessions import SessionJson, SessionPage, session_json, session_page
from athena.api.wire.tasks import TaskPage, task_page
from athena.model import limits
from athena.model.key import Scope


class SessionQuery(Query):
    """Which sessions."""

    project: Slug | None = None
    limit: QueryLimit = limits.PAGE_DEFAULT
    cursor: Cursor | None = None


@endpoint("GET", "/api/sessions", scope=Scope.READ)
async def list_sessions(call: Call, query: SessionQuery) -> SessionPage:
    """List Claude's sessions, that with the newest use first.

    A session comes with the first task that names it, and goes with the last one that is kept.
    Cost and turns are those that the results of its tasks told.
    """
    page = await call.services.sessions.list(
        project=query.project, limit=query.limit, cursor=query.cursor
    )
    return session_page(page)


@endpoint("GET", "/api/sessions/{id}", scope=Scope.READ)
async def get_session(call: Call, session_id: str) -> SessionJson:
    """Show a session."""
    return session_json(await call.services.sessions.get(session_id))


class SessionTasksQuery(Query):
    """Which of its tasks."""

    limit: QueryLimit = limits.PAGE_DEFAULT
    cursor: Cursor | None = None


@endpoint("GET", "/api/sessions/{id}/tasks", scope=Scope.READ)
async def list_session_tasks(call: Call, session_id: str, query: SessionTasksQuery) -> TaskPage:
    """List the tasks of a session, oldest first; also those that are to continue it."""
    page = await call.services.sessions.tasks(session_id, limit=query.limit, cursor=query.cursor)
    return task_page(page)
