"""Messages: a person's word to a task, or after its end the start of one that follows it."""

from __future__ import annotations

from collections.abc import Sequence

from athena.model import limits
from athena.model.errors import FieldError, Invalid, TooManyMessages
from athena.model.event import Actor, MessageSent
from athena.model.message import Message, MessageId, Sent
from athena.model.task import Task, TaskId
from athena.model.text import fault_in_text
from athena.service import submitting
from athena.service.drafts import Draft, fault_in_prose
from athena.store import events, messages, tasks
from athena.store.base import Reading, Store, Transaction


class Messages:
    """Use cases around messages."""

    def __init__(self, store: Store, *, max_attempts: int) -> None:
        self._store = store
        self._max_attempts = max_attempts

    async def send(
        self,
        task_id: TaskId,
        text: str,
        *,
        by: Actor,
        sent_by: str | None = None,
        via: str = "api",
        submitter: str = "",
    ) -> Sent:
        """Say something to a task: its holder, or the next one, reads it.

        To one that has ended it is a new task, which continues its session; the instance that has
        the session gets that one first. `sent_by`: who says it, where `by` alone does not say;
        `submitter`: who is told the end of a follow-up, as `kind:name`.

        Raises: Invalid; TaskNotFound; TooManyMessages.
        """
        _check(text, sent_by)

        async def act(tx: Transaction) -> Sent:
            task = await tasks.lock(tx, task_id)
            if await messages.count(tx, task_id) >= limits.MESSAGES_OF_A_TASK_MAX:
                raise TooManyMessages
            follow_up = None
            if task.status.is_end:
                draft = _follow_up_of(task, text, sent_by, via, submitter)
                follow_up = await submitting.insert(
                    tx,
                    draft,
                    max_attempts=self._max_attempts,
                    by=by,
                    offered_first_to=task.claimed_by if task.session_id else None,
                )
            message = await messages.insert(
                tx,
                Message(
                    id=MessageId(0),
                    task_id=task_id,
                    text=text,
                    sent_by=sent_by or by.name,
                    sent_via=via,
                    sent_at=tx.now,
                    follow_up=follow_up.id if follow_up else None,
                ),
            )
            event = MessageSent(
                message=message.id,
                instance=task.claimed_by if task.is_running else None,
                follow_up=message.follow_up,
            )
            await events.append(tx, event, by, task_id=task_id)
            return Sent(message=message, follow_up=follow_up)

        return await self._store.run(act)

    async def list(
        self, task_id: TaskId, *, after: int = 0, limit: int = limits.PAGE_DEFAULT
    ) -> Sequence[Sent]:
        """The task's messages behind the one of id `after`, the oldest first.

        Raises: TaskNotFound.
        """

        async def look(reading: Reading) -> Sequence[Sent]:
            found = await messages.of_task(reading, task_id, after=after, limit=limit)
            if not found:
                await tasks.get(reading, task_id)
            return found

        return await self._store.read(look)


def _follow_up_of(task: Task, text: str, sent_by: str | None, via: str, submitter: str) -> Draft:
    return Draft(
        description=text,
        priority=task.priority,
        project=task.project,
        target=task.target,
        lane=task.lane,
        metadata={"follows": task.id},
        continues=task.session_id,
        created_by=sent_by,
        created_via=via,
        submitter=submitter,
    )


def _check(text: str, sent_by: str | None) -> None:
    found = {
        "text": fault_in_prose(text, limits.DESCRIPTION_CHARACTERS_MAX),
        "created_by": fault_in_text(sent_by or "", limits.LABEL_CHARACTERS_MAX),
    }
    faults = [FieldError(field, fault) for field, fault in found.items() if fault]
    if faults:
        raise Invalid(errors=faults)
