"""Questions: an instance asks, one person answers, and the instance goes on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

from athena.model import holding, limits
from athena.model.errors import FieldError, Invalid, NotHolder, TooManyQuestions
from athena.model.event import Actor, QuestionAnswered, QuestionAsked, QuestionWithdrawn
from athena.model.page import Page
from athena.model.question import (
    VERDICTS,
    ProposedAction,
    Question,
    QuestionFilter,
    QuestionId,
    QuestionKind,
    QuestionStatus,
    answered,
    check_open,
)
from athena.model.task import Phase, Task, TaskId, replace
from athena.model.text import fault_in_text
from athena.service import presence, settling
from athena.service.drafts import fault_in_object, fault_in_prose
from athena.service.feed import Feed
from athena.store import events, questions, tasks
from athena.store.base import Needs, Store, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionDraft:
    """A question as its asker says it; see `Question`."""

    text: str
    kind: QuestionKind = QuestionKind.TEXT
    choices: tuple[str, ...] | None = None
    action: ProposedAction | None = None
    key: str | None = None


class Questions:
    """Use cases around questions."""

    def __init__(self, store: Store, feed: Feed) -> None:
        self._store = store
        self._feed = feed

    async def ask(
        self,
        task_id: TaskId,
        draft: QuestionDraft,
        *,
        instance: str,
        attempt: int | None,
        by: Actor,
    ) -> Question:
        """Ask a person on behalf of the task's holder, which waits from now on.

        A sign of life, as progress is: it renews the lease. Asked again with the same key it is
        the same question, answered ones too; only one that was withdrawn is asked anew.

        Raises: Invalid; TaskNotFound, TaskWasCancelled, NotHolder, InvalidTransition;
            TooManyQuestions.
        """
        _check(_faults_of(draft))

        async def act(tx: Transaction) -> Question:
            before = await tasks.lock(tx, task_id)
            holding.check_running_holder(before, instance=instance, attempt=attempt)
            known = draft.key and await questions.find_by_key(tx, task_id, draft.key)
            if known and not known.is_open:
                return known
            if not known:
                await _check_count(tx, task_id)
            await presence.seen(tx, instance)
            waiting = holding.renewed(
                replace(holding.asked(before), updated_at=tx.now),
                lease=None,
                now=tx.now,
                steady=tx.steady,
            )
            if known:
                return await _ask_on(tx, known, before, waiting, by)
            question = await questions.insert(tx, _new(tx, waiting, draft))
            asked = QuestionAsked(
                question=question.id,
                kind=question.kind.value,
                instance=instance,
                attempt=question.attempt,
            )
            await tasks.save(tx, before, waiting, asked, by)
            return question

        return await self._store.run(act, needs=Needs(tasks=(task_id,)), beside=True)

    async def get(self, question_id: QuestionId) -> Question:
        """The question.

        Raises: QuestionNotFound.
        """
        return await self._store.read(lambda reading: questions.get(reading, question_id))

    async def wait_for_answer(
        self, question_id: QuestionId, *, wait: timedelta, is_gone: Callable[[], bool]
    ) -> Question:
        """The question, as soon as it is no longer open; else as it is when the time is over.

        Raises: QuestionNotFound, also where it goes with its task meanwhile.
        """
        question = await self.get(question_id)
        if not question.is_open or not wait:
            return question
        with self._feed.watch(question.task_id, wait=wait, is_gone=is_gone) as watch:
            question = await self.get(question_id)
            while question.is_open and await watch.changed():
                question = await self.get(question_id)
        return question

    async def list(
        self,
        wanted: QuestionFilter,
        *,
        limit: int = limits.PAGE_DEFAULT,
        cursor: str | None = None,
    ) -> Page[Question]:
        """A page of questions, the oldest first.

        Raises: Invalid, for a foreign cursor.
        """
        return await self._store.read(
            lambda reading: questions.list_questions(reading, wanted, limit=limit, cursor=cursor)
        )

    async def answer(
        self,
        question_id: QuestionId,
        answer: str,
        *,
        by: Actor,
        note: str | None = None,
        answered_by: str | None = None,
        via: str = "api",
    ) -> Question:
        """Answer an open question; the first answer is the one that counts.

        `answered_by`: who it was, where `by` alone does not say. A holder that waits for no other
        answer works again; a task that is parked on the question is no longer.

        Raises: Invalid; QuestionNotFound; AlreadyAnswered, QuestionWasWithdrawn.
        """
        _check(_faults_of_answer(answer, note, answered_by))

        async def act(tx: Transaction) -> Question:
            open_one = await questions.get(tx, question_id)
            if open_one.kind is QuestionKind.APPROVAL and answer not in VERDICTS:
                _check([FieldError("answer", "must be allow, allow_project or deny")])
            question = answered(
                open_one,
                answer=answer,
                note=note,
                by=answered_by or by.name,
                via=via,
                now=tx.now,
            )
            await questions.save_answer(tx, question)
            event = QuestionAnswered(
                question=question.id,
                kind=question.kind.value,
                instance=question.instance,
                answer=answer[: limits.EXCERPT_CHARACTERS_MAX],
                answered_by=answered_by or by.name,
                answered_via=via,
            )
            await _go_on(tx, question, event, by)
            return question

        return await self._store.run(act)

    async def withdraw(self, question_id: QuestionId, *, instance: str, by: Actor) -> Question:
        """Take back a question that its asker no longer needs answered; may be repeated.

        Raises: QuestionNotFound; NotHolder, for anybody else; AlreadyAnswered.
        """

        async def act(tx: Transaction) -> Question:
            before = await questions.get(tx, question_id)
            if before.instance != instance:
                raise NotHolder(f"This instance has not asked question {question_id}.")
            if before.status is QuestionStatus.WITHDRAWN:
                return before
            check_open(before)
            question = await questions.withdraw(tx, before)
            event = QuestionWithdrawn(
                question=question.id, kind=question.kind.value, instance=instance
            )
            await _go_on(tx, question, event, by)
            return question

        return await self._store.run(act)


def _new(tx: Transaction, task: Task, draft: QuestionDraft) -> Question:
    return Question(
        id=QuestionId(0),
        task_id=task.id,
        attempt=task.attempt,
        instance=task.claimed_by or "",
        kind=draft.kind,
        text=draft.text,
        choices=draft.choices,
        action=draft.action,
        key=draft.key,
        asked_at=tx.now,
    )


async def _check_count(tx: Transaction, task_id: TaskId) -> None:
    count = await questions.count(tx, task_id)
    if count.open >= limits.QUESTIONS_OPEN_MAX:
        raise TooManyQuestions(f"Task #{task_id} waits for {count.open} answers already.")
    if count.all >= limits.QUESTIONS_OF_A_TASK_MAX:
        raise TooManyQuestions


async def _ask_on(
    tx: Transaction, question: Question, before: Task, waiting: Task, by: Actor
) -> Question:
    """Have the holder wait again, after a restart, for the answer to what is still open."""
    if before.phase is Phase.WAITING:
        await tasks.renew(tx, waiting)
        return question
    await tasks.save(tx, before, waiting, holding.report_of(waiting), by)
    return question


async def _go_on(
    tx: Transaction,
    question: Question,
    event: QuestionAnswered | QuestionWithdrawn,
    by: Actor,
) -> None:
    """Tell of a question's end, and let its task go on where that was the last it waited for."""
    task = await tasks.lock(tx, question.task_id)
    still_open = (await questions.count(tx, task.id)).open
    after = holding.unasked(task, question.id, still_open=still_open)
    if task.is_running:
        await tasks.save(tx, task, replace(after, updated_at=tx.now), event, by)
        return
    # A task that has ended has no open question: this one is pending.
    await events.append(tx, event, by, task_id=task.id)
    await settling.resettle(tx, task, changed=after)


def _check(faults: list[FieldError]) -> None:
    if faults:
        raise Invalid(errors=faults)


def _faults_of(draft: QuestionDraft) -> list[FieldError]:
    return [FieldError(field, fault) for field, fault in _faults_by_field(draft) if fault]


def _faults_by_field(draft: QuestionDraft) -> Iterator[tuple[str, str | None]]:
    yield "text", fault_in_prose(draft.text, limits.QUESTION_CHARACTERS_MAX)
    if draft.key is not None:
        yield "key", fault_in_prose(draft.key, limits.QUESTION_KEY_CHARACTERS_MAX)
    yield "choices", _fault_in_choices(draft)
    if draft.action is not None:
        yield "action", _fault_in_action(draft, draft.action)


def _fault_in_choices(draft: QuestionDraft) -> str | None:
    if (draft.kind is QuestionKind.CHOICE) is not (draft.choices is not None):
        return "are what a question of the kind choice has, and no other"
    choices = draft.choices
    if choices is None:
        return None
    if not 1 <= len(choices) <= limits.CHOICES_MAX:
        return f"must be 1 to {limits.CHOICES_MAX}"
    faults = (fault_in_prose(choice, limits.CHOICE_CHARACTERS_MAX) for choice in choices)
    return next((fault for fault in faults if fault), None)


def _fault_in_action(draft: QuestionDraft, action: ProposedAction) -> str | None:
    if draft.kind is not QuestionKind.APPROVAL:
        return "is what a question of the kind approval has, and no other"
    return fault_in_prose(action.tool, limits.TOOL_CHARACTERS_MAX) or fault_in_object(
        {"tool": action.tool, "input": action.input}, limits.ACTION_BYTES_MAX
    )


def _faults_of_answer(answer: str, note: str | None, answered_by: str | None) -> list[FieldError]:
    found = {
        "answer": fault_in_prose(answer, limits.ANSWER_CHARACTERS_MAX),
        "note": fault_in_text(note or "", limits.ANSWER_CHARACTERS_MAX),
        "answered_by": fault_in_text(answered_by or "", limits.LABEL_CHARACTERS_MAX),
    }
    return [FieldError(field, fault) for field, fault in found.items() if fault]
