"""What instances do with tasks: claim, renew, report, give back, end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from athena.model import errors, holding
from athena.model.event import (
    SYSTEM,
    Actor,
    TaskClaimed,
    TaskParked,
    TaskReleased,
)
from athena.model.instance import Asker, Claimer
from athena.model.lifecycle import Action
from athena.model.question import QuestionId
from athena.model.task import Phase, Progress, Readiness, Task, TaskId, replace
from athena.service import endings, presence, settling
from athena.service.asking import take_candidate
from athena.service.gates import check_gates
from athena.service.once import Once, answer_once
from athena.store import instances, keys, questions, tasks
from athena.store.base import Needs, Offer, Store, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Finish:
    """The task in hand, to be completed in the transaction that claims the next one."""

    task_id: TaskId
    attempt: int
    notes: str | None = None
    result: Mapping[str, object] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What came of asking for work: a task or none, and what is known for the next time.

    `left`: those of the offers that led here which are still to be had.
    """

    task: Task | None
    claimer: Claimer
    left: tuple[Offer, ...] = ()


class Claims:
    """Use cases of instances. `by` is the key that speaks; the events name the instance."""

    def __init__(self, store: Store, *, lease: timedelta) -> None:
        self._store = store
        self._lease = lease

    async def claim(
        self, task_id: TaskId, *, instance: str, lease: timedelta | None, by: Actor
    ) -> Task:
        """Give `instance` the exclusive hold of the task until `lease` from now.

        Claiming what one already holds renews it. A first claim raises `attempt`, the fencing
        number.

        Raises: TaskNotFound; AlreadyClaimed, InvalidTransition, QueueIsPaused, TaskIsParked,
            TaskBlocked, TaskScheduled, LaneBusy, WrongTarget (the first closed gate).
        Source: specification, section 3.
        """

        async def act(tx: Transaction) -> Task:
            task = await tasks.lock(tx, task_id)
            if holding.is_held_by(task, instance):
                await presence.seen(tx, instance)
                return await _renew(tx, task, lease)
            if task.is_running:
                raise errors.AlreadyClaimed(f"Task #{task.id} is held by {task.claimed_by}.")
            known = await instances.find(tx, instance)
            claimer = Asker(instance=instance, projects=()).claimer(known)
            await check_gates(tx, task, claimer)
            # Only now: a refusal that has written something costs the whole group a second run.
            await presence.seen(tx, instance)
            return await self._take(tx, task, claimer, lease, by)

        return await self._store.run(act, needs=Needs(tasks=(task_id,)), beside=True)

    async def claim_next(
        self,
        asker: Asker,
        *,
        lease: timedelta | None,
        by: Actor,
        finish: Finish | None = None,
        once: Once | None = None,
    ) -> Task | None:
        """Claim the best task that fits, without waiting; see `attempt`."""
        attempt = await self.attempt(asker, lease=lease, by=by, finish=finish, once=once)
        return attempt.task

    async def attempt(
        self,
        asker: Asker,
        *,
        lease: timedelta | None,
        by: Actor,
        finish: Finish | None = None,
        once: Once | None = None,
        offers: tuple[Offer, ...] = (),
    ) -> Attempt:
        """Complete the task in hand, if one is given, and claim the next, all or nothing.

        Raises: what `complete` raises, and then nothing is claimed; IdempotencyKeyReused.
        """

        async def act(tx: Transaction) -> Attempt:
            claimer = asker.claimer(await presence.seen(tx, asker.instance))

            async def take() -> Task | None:
                if finish is not None:
                    await endings.complete(
                        tx,
                        finish.task_id,
                        instance=asker.instance,
                        attempt=finish.attempt,
                        notes=finish.notes,
                        result=finish.result,
                        by=by,
                    )
                task = await take_candidate(tx, claimer)
                return None if task is None else await self._take(tx, task, claimer, lease, by)

            task = await answer_once(tx, once, take)
            return Attempt(task=task, claimer=claimer, left=await _still_ready(tx, offers, task))

        in_hand = () if finish is None else (finish.task_id,)
        needs = Needs(tasks=in_hand, asker=asker)
        return await self._store.run(act, needs=needs, beside=True)

    async def _take(
        self, tx: Transaction, task: Task, claimer: Claimer, lease: timedelta | None, by: Actor
    ) -> Task:
        after = holding.claimed(
            task,
            instance=claimer.instance,
            lease=lease or self._lease,
            now=tx.now,
            steady=tx.steady,
        )
        event = TaskClaimed(
            instance=claimer.instance,
            attempt=after.attempt,
            lease_expires_at=after.lease_expires_at or tx.now,
        )
        return await settling.save(tx, task, after, event, by)

    async def undo(self, task: Task, *, once: Once | None = None) -> None:
        """Take back a claim whose answer never reached the claimer.

        A claim that was merely renewed stays: its holder had it before.
        """

        async def act(tx: Transaction) -> None:
            before = await tasks.lock(tx, task.id)
            if once is not None:
                await keys.delete_answer(tx, owner=once.owner, key=once.key)
            same = before.is_running and before.attempt == task.attempt
            if not same or not holding.is_fresh(before):
                return
            after = holding.given_back(before, Action.RELEASE, now=tx.now)
            # Nobody has released it: what it asked in an earlier attempt is as it was.
            after = replace(after, asker=before.asker)
            event = TaskReleased(
                instance=before.claimed_by or "",
                attempt=before.attempt,
                reason="the connection closed before the answer",
            )
            await settling.save(tx, before, after, event, SYSTEM)

        await self._store.run(act)

    async def progress(
        self,
        task_id: TaskId,
        *,
        instance: str,
        attempt: int | None,
        by: Actor,
        phase: Phase | None = None,
        notes: str | None = None,
        progress: Progress | None = None,
        session_id: str | None = None,
    ) -> Task:
        """Note how far the holder is, and renew its lease; with nothing to say only the latter.

        Raises: TaskNotFound, TaskWasCancelled, NotHolder, InvalidTransition.
        """
        if phase is None and notes is None and progress is None and not session_id:
            return await self.renew(task_id, instance=instance, attempt=attempt, lease=None, by=by)

        async def act(tx: Transaction) -> Task:
            before = await _held(tx, task_id, instance, attempt)
            told = holding.progressed(
                before,
                phase=phase,
                notes=notes,
                progress=progress,
                session_id=session_id,
                now=tx.now,
            )
            after = holding.renewed(told, lease=None, now=tx.now, steady=tx.steady)
            await presence.seen(tx, instance)
            return await settling.save(tx, before, after, holding.report_of(after), by)

        return await self._store.run(act, needs=Needs(tasks=(task_id,)), beside=True)

    async def renew(
        self,
        task_id: TaskId,
        *,
        instance: str,
        attempt: int | None,
        lease: timedelta | None,
        by: Actor,  # noqa: ARG002  (a renewal writes no event, but has the shape of all the others)
    ) -> Task:
        """Renew the holder's lease.

        Raises: TaskNotFound, TaskWasCancelled, NotHolder, InvalidTransition.
        """

        async def act(tx: Transaction) -> Task:
            task = await _held(tx, task_id, instance, attempt)
            await presence.seen(tx, instance)
            return await _renew(tx, task, lease)

        return await self._store.run(act, needs=Needs(tasks=(task_id,)), beside=True)

    async def release(
        self,
        task_id: TaskId,
        *,
        instance: str,
        attempt: int | None,
        notes: str | None,
        by: Actor,
    ) -> Task:
        """Give the task back without a failure; its time has come already, so it may go at once.

        Raises: TaskNotFound, TaskWasCancelled, NotHolder, InvalidTransition.
        """

        async def act(tx: Transaction) -> Task:
            before = await _held(tx, task_id, instance, attempt)
            after = holding.given_back(before, Action.RELEASE, now=tx.now)
            after = replace(after, notes=before.notes if notes is None else notes)
            event = TaskReleased(instance=instance, attempt=before.attempt)
            return await settling.save(tx, before, after, event, by)

        return await self._store.run(act, needs=Needs(tasks=(task_id,)), beside=True)

    async def park(
        self,
        task_id: TaskId,
        *,
        instance: str,
        attempt: int | None,
        until: datetime | None = None,
        question: QuestionId | None = None,
        session_id: str | None,
        notes: str | None,
        by: Actor,
    ) -> Task:
        """Give the task back to wait until a time, or for an answer; the holder gets it back first.

        With a question that is no longer open there is nothing to wait for.

        Raises: Invalid (also for a question that is not of this task); TaskNotFound,
            TaskWasCancelled, NotHolder, InvalidTransition.
        """
        if (until is None) is (question is None):
            fault = errors.FieldError("until", "either this or question is wanted, and not both")
            raise errors.Invalid(errors=[fault])

        async def act(tx: Transaction) -> Task:
            before = await _held(tx, task_id, instance, attempt)
            is_open = question is not None and await _is_open(tx, before, question)
            after = holding.parked(
                before,
                until=until,
                question=question if is_open else None,
                session_id=session_id,
                now=tx.now,
            )
            after = replace(after, notes=before.notes if notes is None else notes)
            event = TaskParked(
                instance=instance,
                attempt=before.attempt,
                until=until,
                session_id=after.session_id,
                question=question,
            )
            return await settling.save(tx, before, after, event, by)

        return await self._store.run(act, needs=Needs(tasks=(task_id,)), beside=True)

    async def complete(
        self,
        task_id: TaskId,
        *,
        instance: str,
        attempt: int | None,
        notes: str | None,
        result: Mapping[str, object] | None,
        by: Actor,
    ) -> Task:
        """End the task as done.

        Also where its lease ran out, while nobody has claimed it since; doing it again changes
        nothing.

        Raises: TaskNotFound, TaskWasCancelled, NotHolder, InvalidTransition.
        """
        return await self._store.run(
            lambda tx: endings.complete(
                tx,
                task_id,
                instance=instance,
                attempt=attempt,
                notes=notes,
                result=result,
                by=by,
            ),
            needs=Needs(tasks=(task_id,)),
            beside=True,
        )

    async def fail(
        self,
        task_id: TaskId,
        *,
        instance: str,
        attempt: int | None,
        error: str,
        for_good: bool,
        result: Mapping[str, object] | None,
        by: Actor,
    ) -> Task:
        """End the attempt as failed: the task waits for its next attempt, or has none left.

        A failure reported after the lease ran out is the one that was counted then.

        Raises: TaskNotFound, TaskWasCancelled, NotHolder, InvalidTransition.
        """

        async def act(tx: Transaction) -> Task:
            before = await tasks.lock(tx, task_id)
            if holding.may_finish_late(before, instance=instance, attempt=attempt):
                return await endings.fail_late(tx, before, error=error, result=result, by=by)
            holding.check_holder(before, instance=instance, attempt=attempt)
            if for_good or before.failures + 1 >= before.max_attempts:
                return await endings.fail_for_good(tx, before, error=error, result=result, by=by)
            return await endings.fail_for_now(tx, before, error=error, result=result, by=by)

        return await self._store.run(act, needs=Needs(tasks=(task_id,)), beside=True)


async def _is_open(tx: Transaction, task: Task, question_id: QuestionId) -> bool:
    """Whether the task's question still waits for an answer."""
    question = await questions.find(tx, question_id)
    if question is None or question.task_id != task.id:
        fault = errors.FieldError("question", "names no question of this task")
        raise errors.Invalid(errors=[fault])
    return question.is_open


async def _still_ready(
    tx: Transaction, offers: tuple[Offer, ...], taken: Task | None
) -> tuple[Offer, ...]:
    left = []
    for offer in offers:
        if taken is not None and offer.task_id == taken.id:
            continue
        row = await tx.fetch_one("get_task", {"id": offer.task_id})
        if row is not None and row["readiness"] == Readiness.READY.value:
            left.append(offer)
    return tuple(left)


async def _held(tx: Transaction, task_id: TaskId, instance: str, attempt: int | None) -> Task:
    """The task, where the instance holds it or is the one that ended it."""
    task = await tasks.lock(tx, task_id)
    holding.check_running_holder(task, instance=instance, attempt=attempt)
    return task


async def _renew(tx: Transaction, task: Task, lease: timedelta | None) -> Task:
    after = holding.renewed(task, lease=lease, now=tx.now, steady=tx.steady)
    await tasks.renew(tx, after)
    return after
