"""Why a pending task is not running: every reason at once, from the facts that a claim uses."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from athena.model import limits
from athena.model.instance import Claimer, Presence
from athena.model.pause import Pause
from athena.model.question import QuestionId
from athena.model.reason import Reason, ReasonCode, Why
from athena.model.task import Readiness, Task, TaskId
from athena.model.text import iso
from athena.store import dependencies, instances, questions, tasks
from athena.store.base import Reading

_INSTANCES_LOOKED_AT: Final = 1_000
_NAMED_MAX: Final = 20


async def why(reading: Reading, task_id: TaskId) -> Why:
    """All that holds the task.

    Raises: TaskNotFound.
    """
    task = await tasks.get(reading, task_id)
    if not task.is_pending:
        return Why(readiness=None, position=None)
    reasons = [
        *await _pauses(reading, task),
        *_parked(task),
        *await _question(reading, task),
        *await _blocked(reading, task),
        *_scheduled(reading, task),
        *await _lane(reading, task),
        *await _instances(reading, task),
    ]
    return Why(
        readiness=task.readiness,
        position=await tasks.place_in_queue(reading, task),
        reasons=tuple(reasons),
    )


async def _pauses(reading: Reading, task: Task) -> list[Reason]:
    pauses = await instances.pauses(reading)
    return [Reason(ReasonCode.PAUSED, _paused_text(pause)) for pause in pauses.holding(task)]


def _paused_text(pause: Pause) -> str:
    what = "The queue" if pause.is_of_everything else f"The project {pause.project}"
    return f"{what} is paused."


def _parked(task: Task) -> list[Reason]:
    if task.affinity is not None and task.affinity_until is not None:
        until = iso(task.affinity_until)
        return [Reason(ReasonCode.PARKED_UNTIL, f"Kept for {task.affinity} until {until}.")]
    if task.readiness is not Readiness.PARKED or task.parked_until is None:
        return []
    return [Reason(ReasonCode.PARKED_UNTIL, f"Parked until {iso(task.parked_until)}.")]


async def _question(reading: Reading, task: Task) -> list[Reason]:
    question_id = task.parked_question
    question = await questions.find(reading, QuestionId(question_id)) if question_id else None
    if question is None:
        return []
    text = question.text[: limits.EXCERPT_CHARACTERS_MAX]
    more = "…" if len(text) < len(question.text) else ""
    detail = f"Waits for the answer to question {question.id}: {text}{more}"
    return [Reason(ReasonCode.QUESTION_OPEN, detail)]


async def _blocked(reading: Reading, task: Task) -> list[Reason]:
    if not task.blocked_by:
        return []
    statuses = (await dependencies.of_tasks(reading, [task.id])).get(task.id, {})
    named = ", ".join(
        f"#{dependency} ({statuses[dependency]})" for dependency in task.blocked_by[:_NAMED_MAX]
    )
    more = len(task.blocked_by) - _NAMED_MAX
    others = f" and {more} more" if more > 0 else ""
    return [Reason(ReasonCode.BLOCKED_BY, f"Waits for {named}{others} to be completed.")]


def _scheduled(reading: Reading, task: Task) -> list[Reason]:
    if task.not_before is None or task.not_before <= reading.now:
        return []
    return [Reason(ReasonCode.SCHEDULED, f"Not before {iso(task.not_before)}.")]


async def _lane(reading: Reading, task: Task) -> list[Reason]:
    """Also for a task that something else holds first; a lane has one in progress at most."""
    if task.lane is None:
        return []
    running = await reading.fetch_one("running_in_lane", {"lane": task.lane})
    if running is not None:
        text = f"Task #{running['id']} of the lane {task.lane} is in progress."
    elif task.readiness is Readiness.HELD:
        text = f"An earlier task of the lane {task.lane} comes first."
    else:
        return []
    return [Reason(ReasonCode.LANE_BUSY, text)]


async def _instances(reading: Reading, task: Task) -> list[Reason]:
    """Whether anybody who is online could take it, and whether they all have something to do."""
    everyone = await instances.list_all(reading, limit=_INSTANCES_LOOKED_AT)
    held = await tasks.all_held(reading)
    fitting = [
        Presence(instance=instance, tasks=tuple(held.get(instance.slug, ())))
        for instance in everyone
        if instance.online
        and Claimer(
            instance=instance.slug, labels=instance.labels, projects=instance.projects
        ).fits(task)
    ]
    if not fitting:
        return [Reason(ReasonCode.NO_INSTANCE_SERVES, _nobody_text(task))]
    pauses = await instances.pauses(reading)
    able = [one for one in fitting if not pauses.keep_from(one.instance.slug, task)]
    if not able and not any(pauses.holding(task)):
        return [Reason(ReasonCode.PAUSED, f"Instances that are paused: {_names(fitting)}.")]
    return _nobody_free(able or fitting, reading.now)


def _nobody_free(fitting: Sequence[Presence], now: datetime) -> list[Reason]:
    """Why none of them comes for it, by what they hold and what they say of themselves."""
    sick = [one for one in fitting if one.instance.is_sick]
    well = [one for one in fitting if one not in sick]
    limited = [one for one in well if _is_limited(one, now)]
    claiming = [one for one in well if one not in limited]
    busy = [one for one in claiming if len(one.tasks) >= (one.instance.slots or 1)]
    if len(busy) < len(claiming):
        return []
    reasons = []
    if busy:
        reasons.append(Reason(ReasonCode.ALL_BUSY, f"At work on other tasks: {_names(busy)}."))
    if limited:
        text = f"Held back by a usage limit: {_names(limited)}."
        reasons.append(Reason(ReasonCode.ALL_BUSY, text))
    if sick:
        text = f"Sick, and claiming nothing: {_names(sick)}."
        reasons.append(Reason(ReasonCode.NO_INSTANCE_SERVES, text))
    return reasons


def _is_limited(one: Presence, now: datetime) -> bool:
    """Whether it said that it claims nothing until some time to come."""
    until = one.instance.health.get("limited_until")
    return isinstance(until, str) and until > iso(now)  # both in the one form of times


def _names(present: Sequence[Presence]) -> str:
    return ", ".join(one.instance.slug for one in present[:_NAMED_MAX])


def _nobody_text(task: Task) -> str:
    wanted = []
    if task.offered_to:
        wanted.append(f"is or is labelled {task.offered_to}")
    if task.project:
        wanted.append(f"serves the project {task.project}")
    return f"No instance is online that {' and '.join(wanted) or 'could take it'}."
