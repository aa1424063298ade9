"""Questions that instances ask people, and the answers."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Literal

from athena.api.call import Call
from athena.api.endpoint import endpoint
from athena.api.fields import (
    Answer,
    AnswerNote,
    Attempt,
    Body,
    Choices,
    Cursor,
    FreeObject,
    Label,
    Query,
    QueryId,
    QueryLimit,
    QueryWait,
    QuestionKey,
    QuestionText,
    Slug,
    Tool,
)
from athena.api.wire.questions import QuestionJson, QuestionPage, question_json, question_page
from athena.model import limits
from athena.model.errors import (
    AlreadyAnswered,
    InvalidTransition,
    NotHolder,
    QuestionWasWithdrawn,
    TaskWasCancelled,
    TooManyQuestions,
)
from athena.model.key import Scope
from athena.model.question import (
    ProposedAction,
    QuestionFilter,
    QuestionId,
    QuestionKind,
    QuestionStatus,
)
from athena.model.task import TaskId
from athena.service.questions import QuestionDraft

_ALL: Final = "all"


class ActionBody(Body):
    """What would be done: the tool, and exactly what it would be given."""

    tool: Tool
    input: FreeObject


class QuestionBody(Body):
    """Who asks, and what.

    `choices` belong to the kind `choice`, `action` to `approval`. `key` is the asker's own name for
    the question.
    """

    instance: Slug
    attempt: Attempt | None = None
    kind: QuestionKind = QuestionKind.TEXT
    text: QuestionText
    choices: Choices | None = None
    action: ActionBody | None = None
    key: QuestionKey | None = None


@endpoint(
    "POST",
    "/api/tasks/{id}/questions",
    scope=Scope.WORK,
    status=201,
    location="/api/questions/{id}",
    errors=(TaskWasCancelled, NotHolder, InvalidTransition, TooManyQuestions),
)
async def ask_question(call: Call, task_id: TaskId, body: QuestionBody) -> QuestionJson:
    """Ask a person, as the holder of a task.

    The task's phase is `waiting` until its last open question is answered; the lease is renewed.
    Asked again with the same `key` it is the same question, with its answer if it has one.
    """
    draft = QuestionDraft(
        text=body.text,
        kind=body.kind,
        choices=None if body.choices is None else tuple(body.choices),
        action=_action(body.action),
        key=body.key,
    )
    question = await call.services.questions.ask(
        task_id, draft, instance=body.instance, attempt=body.attempt, by=call.actor
    )
    return question_json(question)


def _action(body: ActionBody | None) -> ProposedAction | None:
    return None if body is None else ProposedAction(tool=body.tool, input=body.input)


class QuestionsQuery(Query):
    """Which questions: all that are given must fit; without `status` the open ones."""

    status: Literal["open", "answered", "withdrawn", "all"] = "open"
    task: QueryId | None = None
    project: Slug | None = None
    limit: QueryLimit = limits.PAGE_DEFAULT
    cursor: Cursor | None = None


@endpoint("GET", "/api/questions", scope=Scope.READ)
async def list_questions(call: Call, query: QuestionsQuery) -> QuestionPage:
    """List questions, the oldest first."""
    wanted = QuestionFilter(
        status=None if query.status == _ALL else QuestionStatus(query.status),
        task_id=None if query.task is None else TaskId(query.task),
        project=query.project,
    )
    page = await call.services.questions.list(wanted, limit=query.limit, cursor=query.cursor)
    return question_page(page)


class WaitQuery(Query):
    """How long to wait for an answer."""

    wait: QueryWait = 0.0


@endpoint("GET", "/api/questions/{id}", scope=Scope.WORK)
async def get_question(call: Call, question_id: QuestionId, query: WaitQuery) -> QuestionJson:
    """Show a question; with `wait` as soon as it is no longer open, else as it is then."""
    question = await call.services.questions.wait_for_answer(
        question_id, wait=timedelta(seconds=query.wait), is_gone=call.is_gone
    )
    return question_json(question)


class AnswerBody(Body):
    """What is answered, and by whom.

    An approval is answered with `allow`, `allow_project` or `deny`; a `note` says more about it.
    """

    answer: Answer
    note: AnswerNote | None = None
    answered_by: Label | None = None


@endpoint(
    "POST",
    "/api/questions/{id}/answer",
    scope=Scope.SUBMIT,
    errors=(AlreadyAnswered, QuestionWasWithdrawn),
)
async def answer_question(call: Call, question_id: QuestionId, body: AnswerBody) -> QuestionJson:
    """Answer a question. The first answer is the one that counts."""
    question = await call.services.questions.answer(
        question_id,
        body.answer,
        note=body.note,
        answered_by=body.answered_by,
        by=call.actor,
    )
    return question_json(question)


class WithdrawBody(Body):
    """Who has asked."""

    instance: Slug


@endpoint(
    "POST",
    "/api/questions/{id}/withdraw",
    scope=Scope.WORK,
    errors=(NotHolder, AlreadyAnswered),
)
async def withdraw_question(
    call: Call, question_id: QuestionId, body: WithdrawBody
) -> QuestionJson:
    """Withdraw a question that its asker no longer needs answered. It may be repeated."""
    question = await call.services.questions.withdraw(
        question_id, instance=body.instance, by=call.actor
    )
    return question_json(question)
