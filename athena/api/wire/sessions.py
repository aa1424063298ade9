"""How sessions look in JSON."""

from __future__ import annotations

from typing_extensions import TypedDict

from athena.model.page import Page
from athena.model.session import Session
from athena.model.task import TaskId
from athena.model.text import iso


class SessionJson(TypedDict):
    """A Claude conversation; `tasks` is their number, cost and turns are those of all of them."""

    id: str
    project: str | None
    instance: str | None
    first_at: str
    last_at: str
    tasks: int
    cost_usd: float
    turns: int
    last_task: TaskId


class SessionPage(TypedDict):
    """Some sessions; `next_cursor` asks for the following ones, null at the end."""

    sessions: list[SessionJson]
    next_cursor: str | None


def session_json(session: Session) -> SessionJson:
    """A session."""
    return {
        "id": session.id,
        "project": session.project,
        "instance": session.instance,
        "first_at": iso(session.first_at),
        "last_at": iso(session.last_at),
        "tasks": session.tasks,
        "cost_usd": session.cost_usd,
        "turns": session.turns,
        "last_task": session.last_task,
    }


def session_page(page: Page[Session]) -> SessionPage:
    """A page of sessions."""
    return {
        "sessions": [session_json(session) for session in page.items],
        "next_cursor": page.next_cursor,
    }
