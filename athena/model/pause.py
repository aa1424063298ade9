"""What can be paused, and whether a pause holds a task."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from athena.model.task import Task


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Nothing of the project or instance is claimed; with neither, nothing at all."""

    project: str | None = None
    instance: str | None = None

    @property
    def is_of_everything(self) -> bool:
        """Whether the whole queue is paused."""
        return self.project is None and self.instance is None


@dataclass(frozen=True, slots=True)
class Pauses:
    """All pauses that are in force."""

    items: tuple[Pause, ...] = ()

    def stop(self, instance: str) -> bool:
        """Whether the instance gets nothing at all."""
        return any(
            pause.is_of_everything or (pause.instance == instance and pause.project is None)
            for pause in self.items
        )

    def paused_projects(self, instance: str | None) -> frozenset[str]:
        """The projects of which nothing is given out, to the instance in particular."""
        return frozenset(
            pause.project
            for pause in self.items
            if pause.project is not None and pause.instance in (None, instance)
        )

    def keep_from(self, instance: str, task: Task) -> bool:
        """Whether the instance does not get the task while they last."""
        return self.stop(instance) or task.project in self.paused_projects(instance)

    def holding(self, task: Task) -> Iterable[Pause]:
        """The pauses that keep the task from being claimed by anybody."""
        return (
            pause
            for pause in self.items
            if pause.is_of_everything or (pause.instance is None and pause.project == task.project)
        )
