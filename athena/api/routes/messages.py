"""What people write to tasks."""

from __future__ import annotations

from athena.api.call import Call
from athena.api.endpoint import endpoint
from athena.api.fields import Body, Description, Label, Query, QueryLimit, QueryPosition
from athena.api.wire.messages import MessageJson, MessagePage, message_json, message_page
from athena.model import limits
from athena.model.errors import TooManyMessages
from athena.model.key import Scope
from athena.model.task import TaskId


class MessageBody(Body):
    """What is said, and by whom."""

    text: Description
    created_by: Label | None = None


@endpoint(
    "POST", "/api/tasks/{id}/messages", scope=Scope.SUBMIT, status=201, errors=(TooManyMessages,)
)
async def send_message(call: Call, task_id: TaskId, body: MessageBody) -> MessageJson:
    """Say something to a task.

    Its holder, or whoever holds it next, reads it. To a task that has ended it is a follow-up: a
    new task with this text that continues its session, offered first to the instance that has it.
    """
    sent = await call.services.messages.send(
        task_id,
        body.text,
        sent_by=body.created_by,
        submitter=f"key:{call.key.id}",
        by=call.actor,
    )
    return message_json(sent)


class MessagesQuery(Query):
    """Which part: those behind the message of id `after`."""

    after: QueryPosition = 0
    limit: QueryLimit = limits.PAGE_DEFAULT


@endpoint("GET", "/api/tasks/{id}/messages", scope=Scope.READ)
async def list_messages(call: Call, task_id: TaskId, query: MessagesQuery) -> MessagePage:
    """Show what a task was told, the oldest first."""
    sent = await call.services.messages.list(task_id, after=query.after, limit=query.limit)
    return message_page(sent, after=query.after)
