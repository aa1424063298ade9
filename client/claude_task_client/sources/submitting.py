"""What Athena is told of a document, and how she is recognised to have it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from claude_task_client import AsyncAthena
from claude_task_client.sources.documents import Document
from claude_task_client.sources.layout import Mark
from claude_task_client.sources.records import Record
from claude_task_client.sources.registry import Source
from claude_task_client.wire import Task

OPEN_STATUSES: Final = "pending,in_progress"
ALL_STATUSES: Final = "all"
PAGE: Final = 500
PAGES_MAX: Final = 200
# Athena keeps the names of requests for a day. An answer that did not come within half of that may
# have been given; one from the future was noted by another clock.
NAME_COUNTS: Final = timedelta(hours=12)
CLOCKS_DIFFER: Final = timedelta(minutes=5)
# What a request says of its document, as it is kept until it is answered.
BODY: Final = frozenset(
    "created_by depends_on description lane metadata not_before priority project target".split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Submitter:
    """Whose documents these are."""

    source: Source
    mark: Mark

    @property
    def name(self) -> str:
        """Who submits, as Athena shows it."""
        return f"source/{self.mark.id}"

    def body(self, document: Document, record: Record, depends_on: Sequence[int]) -> dict[str, Any]:
        """The whole request; JSON, since it is kept until it is answered."""
        return {
            **self.changeable(document, record, depends_on),
            "lane": self.mark.id,
            "created_by": self.name,
        }

    def changeable(
        self, document: Document, record: Record, depends_on: Sequence[int]
    ) -> dict[str, Any]:
        """What may change while nobody works on it."""
        return {
            "description": document.description,
            "project": document.project or self.source.project,
            "target": document.target,
            "priority": document.priority or "medium",
            "not_before": document.not_before,
            "depends_on": sorted(set(depends_on)),
            "metadata": self.metadata(record, document.title),
        }

    def metadata(self, record: Record, title: str) -> dict[str, Any]:
        """By which the task is recognised, even where every record is lost."""
        return {
            "source": self.mark.id,
            "document": record.stem,
            "title": title,
            "folder": self.mark.uuid,
            "generation": record.generation,
            "submission": record.key,
        }

    def is_from_here(self, task: Task) -> bool:
        """Whether the task is of a document of this folder."""
        return task.metadata.get("folder") == self.mark.uuid

    def is_for(self, task: Task, record: Record) -> bool:
        """As `is_of`, for a task known by its number: somebody may have put other metadata on it,
        and what runs must not be taken for lost and done again.
        """
        is_bare = "submission" not in task.metadata
        ours = (self.name, self.mark.id)
        return is_of(task, record) or (is_bare and (task.created_by, task.lane) == ours)


def is_of(task: Task, record: Record) -> bool:
    """Whether it is the document's task. After a loss of the store, numbers begin anew."""
    return task.metadata.get("submission") == record.key


def is_fresh(record: Record, now: datetime) -> bool:
    """Whether Athena surely still knows the name of the submission, if ever she got it."""
    try:
        age = now - datetime.fromisoformat(record.submitted_at)
    except (ValueError, TypeError):
        return False
    return -CLOCKS_DIFFER < age < NAME_COUNTS


async def tasks_of(athena: AsyncAthena, created_by: str, *, status: str) -> list[Task]:
    """The tasks of a source, as many as are ever looked through."""
    found: list[Task] = []
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        page = await athena.list(status=status, created_by=created_by, limit=PAGE, cursor=cursor)
        found += page.tasks
        cursor = page.next_cursor
        if cursor is None:
            break
    return found


async def search(athena: AsyncAthena, created_by: str, record: Record) -> Task | None:
    """The task of a submission whose answer was lost, whatever became of it since."""
    cursor: str | None = None
    for _ in range(PAGES_MAX):
        page = await athena.list(
            status=ALL_STATUSES, created_by=created_by, limit=PAGE, cursor=cursor
        )
        for task in page.tasks:
            if is_of(task, record):
                return task
        cursor = page.next_cursor
        if cursor is None:
            break
    return None
