"""What is under the cursor, and so what a key is about."""

from __future__ import annotations

from textual.screen import Screen

from claude_task_client.view.lists import Lists
from claude_task_client.view.picture import Picture
from claude_task_client.view.reading import OfTask
from claude_task_client.wire import Question, Task


class Selection:
    """The selected row of the lists; on a screen about one task, that task."""

    def __init__(self, lists: Lists, picture: Picture) -> None:
        self._lists = lists
        self._picture = picture

    @property
    def is_question(self) -> bool:
        """Whether the cursor stands on a question."""
        return self._key is not None and self._key[0] == "question"

    @property
    def instance(self) -> str | None:
        """The instance under the cursor."""
        match self._key:
            case ("instance", str(name)):
                return name
        return None

    @property
    def task_id(self) -> int | None:
        """The task, or that of the question or event."""
        screen = self._screen
        if isinstance(screen, OfTask):
            return screen.task_id
        match self._key:
            case ("task", int(task_id)):
                return task_id
            case ("question", int(question_id)):
                asked = self._lists.find_question(question_id)
                return asked.task_id if asked else None
            case ("event", event_id):
                of_event = (each.task_id for each in self._picture.events if each.id == event_id)
                return next(of_event, None)
        return None

    @property
    def task(self) -> Task | None:
        """The task, as far as a list has it."""
        return None if self.task_id is None else self._lists.find_task(self.task_id)

    @property
    def question(self) -> Question | None:
        """The question under the cursor, else one of the task, else the oldest one."""
        of_task = [each for each in self._picture.questions if each.task_id == self.task_id]
        if isinstance(self._screen, OfTask):
            return of_task[0] if of_task else None
        match self._key:
            case ("question", int(question_id)):
                return self._lists.find_question(question_id)
        return next(iter([*of_task, *self._picture.questions]), None)

    @property
    def _key(self) -> tuple[str, int | str] | None:
        return self._lists.selected

    @property
    def _screen(self) -> Screen[object] | None:
        """What is in front; None while the view ends."""
        stack = self._lists.app.screen_stack
        return stack[-1] if stack else None
