"""Questions of a task's holder to a person, their answers, and a person's word to the holder."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence

from claude_task_client.calls import (
    Calls,
    deadline_after,
    is_over,
    path_of,
    poll_seconds,
    query_of,
    told,
)
from claude_task_client.transport import Call, Json
from claude_task_client.wire import Message, MessagePage, Question, QuestionPage, Task


class Conversing(Calls):
    """What a task's holder and people say to each other."""

    async def ask(
        self,
        task: Task | int,
        text: str,
        *,
        kind: str = "text",
        choices: Sequence[str] | None = None,
        action: Mapping[str, object] | None = None,
        key: str | None = None,
        attempt: int | None = None,
    ) -> Question:
        """Ask a person about the task in hand; the answer comes by `question`.

        `kind` is `text`, `choice` (of `choices`) or `approval` (of `action`: `{"tool", "input"}`).
        With a `key` of your own, asking again gives the same question, whatever became of it, also
        in another process; without one, each call asks anew.
        """
        body = self._held(
            task,
            attempt,
            kind=kind,
            text=text,
            choices=None if choices is None else [*choices],
            action=action,
            key=key or str(uuid.uuid4()),
        )
        return await self._question(
            Call("POST", path_of(task, "questions"), body=body, repeatable=True)
        )

    async def question(self, question_id: int, *, wait: float | None = 0.0) -> Question:
        """The question as it stands once it is answered or withdrawn, or `wait` seconds are over.

        `wait=None` waits for as long as it takes.
        """
        deadline = deadline_after(wait)
        while True:
            seconds = poll_seconds(deadline)
            query = query_of(wait=seconds or None)
            call = Call("GET", _path(question_id), query, wait_seconds=seconds)
            answer = await self._poll(call, brought=_is_settled)
            question = self._read(Question, answer.body or {}, needs="status")
            if not question.is_open or is_over(deadline):
                return question

    async def questions(
        self,
        *,
        status: str | None = None,
        task: int | None = None,
        project: str | None = None,
        limit: int | None = None,
        cursor: str | None = None,
    ) -> QuestionPage:
        """A page of questions, the oldest first: open ones, or those that the filters name."""
        query = query_of(status=status, task=task, project=project, limit=limit, cursor=cursor)
        call = Call("GET", "/api/questions", query)
        return await self._value(QuestionPage, call, needs="questions")

    async def answer(
        self,
        question_id: int,
        answer: str,
        *,
        note: str | None = None,
        answered_by: str | None = None,
    ) -> Question:
        """Answer a question; an approval with `allow`, `allow_project` or `deny`.

        The first answer counts: after it this is a `Conflict`. A `note` goes along with a `deny`.
        """
        body = told(answer=answer, note=note, answered_by=answered_by)
        return await self._question(Call("POST", _path(question_id, "answer"), body=body))

    async def withdraw(self, question_id: int) -> Question:
        """Take a question back that this instance asked and needs no answer to any more."""
        body = told(instance=self.instance)
        call = Call("POST", _path(question_id, "withdraw"), body=body, repeatable=True)
        return await self._question(call)

    async def send_message(
        self, task_id: int, text: str, *, created_by: str | None = None
    ) -> Message:
        """Tell the holder of a task something; of a task that has ended, make a follow-up."""
        body = told(text=text, created_by=created_by)
        return await self._value(
            Message, Call("POST", path_of(task_id, "messages"), body=body), needs="id"
        )

    async def messages(
        self, task_id: int, *, after: int = 0, limit: int | None = None
    ) -> MessagePage:
        """What people said about a task, from behind message `after`, the oldest first."""
        call = Call("GET", path_of(task_id, "messages"), query_of(after=after, limit=limit))
        return await self._value(MessagePage, call, needs="messages")

    async def _question(self, call: Call) -> Question:
        return await self._value(Question, call, needs="status")


def _path(question_id: int, action: str | None = None) -> str:
    return f"/api/questions/{question_id}" + (f"/{action}" if action else "")


def _is_settled(question: Json) -> bool:
    return question.get("status") != "open"
