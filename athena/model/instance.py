"""What an instance is, and which tasks fit it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from athena.model import limits
from athena.model.task import Task, TaskId


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One Claude Code installation or worker.

    `projects` None means that it named none and is offered everything.
    """

    slug: str
    name: str | None = None
    host: str | None = None
    platform: str | None = None
    version: str | None = None
    labels: tuple[str, ...] = ()
    projects: tuple[str, ...] | None = None
    slots: int | None = None
    health: Mapping[str, object] = field(default_factory=dict)
    first_seen: datetime
    last_seen: datetime
    online: bool = True

    @property
    def display_name(self) -> str:
        """The name for people."""
        return self.name or self.slug

    @property
    def is_sick(self) -> bool:
        """Whether it says that it cannot work: `{"ok": false, "message": ...}`."""
        return self.health.get("ok") is False

    @property
    def sick_projects(self) -> frozenset[str]:
        """Those that it says it cannot work on, while it works on others."""
        named = self.health.get("sick_projects")
        listed = named if isinstance(named, list) and not self.is_sick else []
        return frozenset(name for name in listed if isinstance(name, str))

    def was_seen_lately(self, now: datetime) -> bool:
        """Whether the stored sighting is fresh enough not to be written again."""
        return self.online and abs(now - self.last_seen) < limits.SIGHTING_EVERY


@dataclass(frozen=True, slots=True, kw_only=True)
class Presence:
    """An instance as people see it: with the tasks it holds."""

    instance: Instance
    tasks: tuple[TaskId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimer:
    """Who asks for work, and what it can take.

    `projects` None means any task; a tuple means those projects only, and no task without one.
    """

    instance: str
    labels: tuple[str, ...] = ()
    projects: tuple[str, ...] | None = None

    @property
    def offers(self) -> tuple[str, ...]:
        """The values of `offered_to` that it can take; the empty one is everybody's."""
        return ("", self.instance, *self.labels)

    def fits(self, task: Task) -> bool:
        """Whether the task may run here at all, ready or not."""
        return (task.offered_to or "") in self.offers and self.serves(task.project)

    def serves(self, project: str | None) -> bool:
        """Whether it takes tasks of the project."""
        return self.projects is None or project in self.projects


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """An instance that asks; labels and projects that are None are those it last announced."""

    instance: str
    labels: tuple[str, ...] | None = None
    projects: tuple[str, ...] | None = None

    def claimer(self, known: Instance | None) -> Claimer:
        """What the asker can take, with what it announced in place of what it leaves out.

        Naming no project at all is the same as not naming any.
        """
        labels, projects = self.labels, self.projects
        if labels is None:
            labels = known.labels if known else ()
        if projects is None:
            projects = known.projects if known else None
        return Claimer(instance=self.instance, labels=labels, projects=projects or None)
