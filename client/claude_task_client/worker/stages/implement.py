"""Claude works on the task, or goes on with it; how that ended is noted for the next stage."""

from __future__ import annotations

import uuid

from claude_task_client.worker import endings, putting_off
from claude_task_client.worker.config import ExecutorName
from claude_task_client.worker.executor import End, Outcome, Turn
from claude_task_client.worker.job import Finish, GoOn, Job, Verdict
from claude_task_client.worker.prompts import WORKING_RULES, moved, task_prompt, with_messages
from claude_task_client.worker.spending import exhausted, left, note_run


async def implement(job: Job) -> Verdict:
    """One run of Claude, in the task's conversation."""
    record = job.record
    reason = exhausted(job)
    if reason is not None:
        return Finish(await endings.failed_with_work(job, reason, retry=False))
    if record.is_deferred and await _still_open(job):
        return Finish(endings.parked_on(job, record.question_id or 0))
    turn = await _next_turn(job)
    record.iterations += 1
    record.is_running = True
    job.journal.save()
    async with job.sessions.hold(record.session_id or ""):
        outcome = await job.executor.run(turn, job.desk)
    record.is_running = False
    if turn.prompt is not None and outcome.end not in putting_off.ENDS:
        record.notice = None  # it was heard
    note_run(job, outcome)
    return await _judged(job, outcome)


async def _still_open(job: Job) -> bool:
    question_id = job.record.question_id
    return question_id is not None and await job.people.answer_to(question_id) is None


async def _next_turn(job: Job) -> Turn:
    """Start the conversation, go on in it with a reply, or with the call that was answered."""
    record = job.record
    resumed = record.session_id
    prompt: str | None
    if record.is_running or not record.is_deferred:
        _take_messages(job)
    if resumed is None:
        resumed = job.task.continues if record.iterations == 0 else None
        record.session_id = resumed or str(uuid.uuid4())
        prompt = record.reply or task_prompt(job)
        if resumed is not None:
            prompt = f"{moved(job)}\n\n{prompt}"
    elif record.is_running:
        # Killed in the middle: whether the last prompt was heard is not known, so it is repeated.
        # A deferred call that was being resumed shows up again by itself, or as interrupted.
        prompt = await _after_a_kill(job)
    elif record.is_deferred:
        prompt = None
    else:
        prompt = record.reply or job.texts.interrupted
    if prompt is not None and job.project.executor is ExecutorName.SHELL:
        prompt = _with_the_task(job, prompt)
    if prompt is not None and record.notice is not None:
        prompt = f"{record.notice}\n\n{prompt}"
    return Turn(
        task_id=job.task.id,
        prompt=prompt,
        folder=job.folder,
        temporary=job.journal.temporary,
        session_id=resumed,
        new_session_id=None if resumed else record.session_id,
        system_append=WORKING_RULES,
        model=job.project.model,
        permission_mode=job.project.permission_mode,
        allowed_tools=job.project.allowed_tools,
        allow_project_settings=job.project.allow_project_settings,
        **left(job),
    )


def _with_the_task(job: Job, prompt: str) -> str:
    """For a program: it has no conversation in which the task was said before."""
    task = task_prompt(job)
    return prompt if task in prompt else f"{task}\n\n{prompt}"


def _take_messages(job: Job) -> None:
    """Have the reply hold what people have said: it is kept, and said again after a kill."""
    record = job.record
    messages = job.people.take_messages()
    if messages:
        is_begun = record.session_id is not None and not record.is_running
        told = job.texts.interrupted if is_begun else task_prompt(job)
        record.reply = with_messages(record.reply or told, messages)


async def _after_a_kill(job: Job) -> str:
    reply = job.record.reply
    what = task_prompt(job) if reply is None else reply
    told = f"{job.texts.interrupted}\n\nWhat you were told last:\n\n{what}"
    question_id = job.record.question_id
    answer = None if question_id is None else await job.people.answer_to(question_id)
    if answer is None:
        return told
    note = f" ({answer.note})" if answer.note else ""
    return f"{told}\n\nWhat you had asked a person has been answered: {answer.text}{note}"


async def _judged(job: Job, outcome: Outcome) -> Verdict:
    """What ends the attempt, or lets it wait; all else is the next stage's to look at."""
    record = job.record
    if outcome.end in putting_off.ENDS or outcome.end is End.DEFERRED:
        record.iterations -= 1  # it goes on later: what waits is no round
    if outcome.end in putting_off.ENDS:
        # Whether what was said last was heard is not known: it is said again.
        record.is_running = True
        return await putting_off.put_off(job, outcome)
    if outcome.end is End.DEFERRED:
        record.is_deferred = True
        return Finish(endings.parked_on(job, record.question_id or 0))
    record.is_deferred = False
    record.question_id = None
    record.outages = 0
    if outcome.end in {End.MAX_TURNS, End.MAX_COST, End.TIMED_OUT}:
        reason = exhausted(job) or outcome.error or f"A limit was reached: {outcome.end.value}."
        return Finish(await endings.failed_with_work(job, reason, retry=False))
    return GoOn()
