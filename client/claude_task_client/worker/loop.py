"""The loop around the pipeline: what may be claimed when, and how it comes to an end."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from claude_task_client import AsyncAthena
from claude_task_client.errors import (
    EXIT_DONE,
    EXIT_NOTHING_TO_DO,
    EXIT_REFUSED,
    EXIT_UNREACHABLE,
    BadSettings,
    Refused,
    TooMany,
    Unreachable,
)
from claude_task_client.wire import Task
from claude_task_client.worker.assignment import Assignment, Office, RunJob, Workshop
from claude_task_client.worker.changes import Changes
from claude_task_client.worker.claiming import Claimed, Claiming
from claude_task_client.worker.config import ExecutorName, WorkerConfig
from claude_task_client.worker.endings import PROJECT_MISSING
from claude_task_client.worker.hands import Hands
from claude_task_client.worker.health_watch import Examine, HealthWatch
from claude_task_client.worker.holdback import Holdback
from claude_task_client.worker.holding import Holding
from claude_task_client.worker.line import Line
from claude_task_client.worker.options import WorkOptions
from claude_task_client.worker.outbox import Outbox
from claude_task_client.worker.record import Ending, EndingKind
from claude_task_client.worker.reviewing import Reviewing
from claude_task_client.worker.rousing import Rousing
from claude_task_client.worker.showing import Parts, Showing
from claude_task_client.worker.stopping import Stopping, WindingUp

POLL_SECONDS: Final = 60.0

SIGN_IN: Final = "Sign in as the worker's user (claude auth login), and send the worker a SIGHUP."

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a worker works with, and a test may have otherwise.

    - `workshop`: makes the one that puts together what a task needs
    - `introduction`: what the heartbeats say of this instance, besides what changes
    - `limit_file`: where the usage limit of Claude's account is kept, for all that use it
    """

    athena: AsyncAthena
    run_job: RunJob
    workshop: Callable[[Line], Workshop]
    examine: Examine
    introduction: Mapping[str, Any]
    limit_file: Path
    now: Callable[[], datetime]


class Worker:
    """One worker on one state folder, which it has to itself."""

    def __init__(self, config: WorkerConfig, options: WorkOptions, around: Surroundings) -> None:
        self._config = config
        self._options = options
        self._around = around
        self._changes = Changes()
        self._line = Line(self._changes, now=around.now)
        self._health = HealthWatch(
            around.examine,
            self._changes,
            on_news=self._hurry,
            now=around.now,
        )
        self._holdback = Holdback(around.limit_file, now=around.now)
        self._claiming = Claiming(
            around.athena,
            options.state / "claim.json",
            labels=config.labels,
            lease_seconds=config.lease_seconds,
        )
        self._reviewing = Reviewing(self._review)
        self._holding = Holding(
            around.athena,
            self._line,
            in_hand=lambda: self._hands.all,
            introduction=self._introduce,
            on_taken=self._doubt,
            on_missed=self._reviewing.soon,
            lease_seconds=config.lease_seconds,
        )
        self._group = asyncio.TaskGroup()
        self._hands = Hands(
            self._office(),
            config,
            options.state / "jobs",
            group=self._group,
            now=around.now,
        )
        self._stopping = Stopping(self._changes)
        self._rousing = Rousing(self._holding, self._line, self._changes, now=around.now)
        self._showing = Showing(
            Parts(
                instance=around.athena.instance,
                url=around.athena.url,
                labels=config.labels,
                options=options,
                line=self._line,
                health=self._health,
                holdback=self._holdback,
                hands=self._hands,
                is_stopping=lambda: self._stopping.is_told,
            ),
            around.introduction,
            now=around.now,
        )
        self._code = EXIT_DONE

    def _office(self) -> Office:
        return Office(
            athena=self._around.athena,
            line=self._line,
            outbox=Outbox(self._around.athena, self._line),
            workshop=self._around.workshop(self._line),
            run_job=self._around.run_job,
            changes=self._changes,
            beat_soon=self._holding.beat_soon,
            on_ending=self._learn,
            projects=self._config.projects,
        )

    def _hurry(self) -> None:
        self._holding.beat_soon()

    def _doubt(self, task_id: int) -> None:
        self._hands.doubt(task_id)

    async def _review(self) -> None:
        await self._hands.review()

    def _introduce(self) -> Mapping[str, Any]:
        return self._showing.introduction()

    async def run(self) -> int:
        """Work until it is told to stop, or has done what it was started for; the exit code."""
        athena = self._around.athena
        log.info(
            "%s serves %s for %s.", athena.instance, ", ".join(self._options.projects), athena.url
        )
        async with self._group as group:
            background = [
                group.create_task(each)
                for each in (
                    self._holding.beat_for_ever(),
                    self._holding.follow_for_ever(),
                    self._health.watch_for_ever(),
                    self._rousing.watch_for_ever(),
                    self._showing.show_for_ever(self._changes),
                )
            ]
            await self._stopping.unless_told(self._hands.recover(self._holding))
            background.append(group.create_task(self._reviewing.review_for_ever()))
            await self._claim_for_ever()
            if not await self._winding_up().run():
                self._code = EXIT_UNREACHABLE
            for each in background:
                each.cancel()
            self._hands.drop()
        self._showing.show()
        return self._exit_code

    def _winding_up(self) -> WindingUp:
        return WindingUp(
            hands=self._hands,
            line=self._line,
            changes=self._changes,
            stopping=self._stopping,
            grace_seconds=self._config.grace_seconds,
            settle=self._settle,
        )

    @property
    def _exit_code(self) -> int:
        """Of one that was to do one task: whether that is done. Others are done when they end."""
        hands = self._hands
        if self._options.once and self._code == EXIT_DONE and hands.begun > hands.completed:
            return EXIT_REFUSED
        return self._code

    def stop(self) -> None:
        """Claim nothing more, and hand back what does not end within the grace period."""
        self._stopping.tell()

    def look_now(self) -> None:
        """Somebody says that what was wrong is put right."""
        self._health.look_now()
        self._line.ask_again()

    # --- claiming

    def _claimable(self) -> Sequence[str]:
        """The projects of which a task may be claimed now."""
        taken = len(self._hands.running)
        if (
            self._is_done
            or taken >= self._options.jobs
            or not self._health.is_fit
            or self._line.is_away
            or self._rousing.is_rousing
        ):
            return ()
        is_limited = self._holdback.until is not None
        return tuple(
            name
            for name in self._options.projects
            if not self._hands.is_busy(name)
            and name not in self._health.sick_projects
            and not (is_limited and self._config.projects[name].executor is ExecutorName.CLAUDE)
        )

    @property
    def _is_done(self) -> bool:
        cycles = 1 if self._options.once else self._options.cycles
        return self._stopping.is_told or (cycles is not None and self._hands.begun >= cycles)

    async def _claim_for_ever(self) -> None:
        while not self._is_done:
            await self._changes.until(
                lambda: self._is_done or bool(self._claimable()) or self._has_no_chance
            )
            projects = self._claimable()
            claimed = await self._next(projects) if projects else None
            if claimed is not None:
                await self._take(claimed)
            elif self._options.once:
                self._code = self._why_nothing()
                return
            elif projects and self._options.interval_seconds is not None:
                await self._stopping.unless_told(asyncio.sleep(self._options.interval_seconds))

    @property
    def _has_no_chance(self) -> bool:
        """Whether one who takes one task, and does not wait for it, cannot have it now."""
        if not self._options.once:
            return False
        is_limited = self._holdback.until is not None
        return self._line.is_away or (
            self._health.is_known and (is_limited or not self._health.is_fit)
        )

    def _why_nothing(self) -> int:
        if self._line.is_away:
            log.error("Nothing was claimed. %s", self._line.advice)
            return EXIT_REFUSED if self._line.is_refused else EXIT_UNREACHABLE
        if not self._health.is_fit:
            return EXIT_REFUSED
        until = self._holdback.until
        log.info(
            "Nothing to do: no task waits for this worker."
            if until is None
            else f"A usage limit holds until {until:%Y-%m-%d %H:%M} UTC: nothing is claimed."
        )
        return EXIT_NOTHING_TO_DO

    async def _next(self, projects: Sequence[str]) -> Claimed | None:
        """The next task; None if none came, or what may be claimed is something else by now."""
        waits = not (self._options.once or self._options.interval_seconds)
        poll = asyncio.create_task(
            self._claiming.next(projects, wait_seconds=POLL_SECONDS if waits else 0.0)
        )
        other = asyncio.create_task(self._changes.until(lambda: self._claimable() != projects))
        try:
            await asyncio.wait({poll, other}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            other.cancel()
            poll.cancel()
        await asyncio.wait({poll})
        if poll.cancelled():
            return None
        try:
            claimed = poll.result()
        except (Unreachable, Refused) as error:
            await self._not_claimed(error)
            return None
        except BadSettings as error:
            self._health.note_trouble(str(error))  # nothing can be kept here
            return None
        self._line.note_answer()
        return claimed

    async def _not_claimed(self, error: Unreachable | Refused) -> None:
        if not isinstance(error, TooMany):
            # The heartbeat finds out when she is back.
            self._line.note_trouble(error)
            self._holding.beat_soon()
        if isinstance(error, Refused):
            await self._stopping.unless_told(asyncio.sleep(self._line.pause_after(error, tries=6)))

    async def _take(self, claimed: Claimed) -> None:
        task = claimed.task
        held = self._hands.find(task.id)
        if held is not None:
            held.reclaim(task)
            await self._place_left_over(held)
        elif not claimed.is_certain and not await self._holding.holds(task.id, task.attempt):
            log.info("Task #%s, claimed before, is no longer held.", task.id)
        elif not self._hands.has_ended(task):
            await self._place(task)
        self._claiming.settled()

    async def _settle(self) -> None:
        claimed = await self._claiming.settle()
        if claimed is not None:
            await self._take(claimed)

    async def _place_left_over(self, held: Assignment) -> None:
        """What has ended and came again at once goes on once it is off this worker's hands."""
        if held.left_over is not None:
            await self._changes.until(lambda: self._hands.find(held.task_id) is not held)
        if held.left_over is not None:
            await self._place(held.left_over)

    async def _place(self, task: Task) -> None:
        """Begin a task that this worker holds, or give it back.

        The answer to a poll that was broken off may be of a project that is sick by now.
        """
        served = self._config.projects.keys() - self._health.sick_projects
        if self._stopping.is_told or task.project not in served:
            await self._give_back(task)
            return
        try:
            await self._hands.begin(task)
        except (BadSettings, OSError) as error:
            self._health.note_trouble(f"Task #{task.id} cannot be kept here: {error}")
            await self._give_back(task)

    async def _give_back(self, task: Task) -> None:
        with contextlib.suppress(Refused):
            await self._line.insist(lambda: self._around.athena.release(task))

    def _learn(self, ending: Ending) -> None:
        """What the end of a task says about the next one."""
        until = ending.body.get("until")
        if ending.trouble == "usage_limit" and isinstance(until, str):
            with contextlib.suppress(BadSettings):
                self._holdback.note(datetime.fromisoformat(until))
            log.warning("A usage limit is reached: nothing is claimed until %s.", until)
            self._holding.beat_soon()
        elif ending.trouble == PROJECT_MISSING:
            self._health.doubt()
        elif ending.kind is EndingKind.RELEASED:
            advice = SIGN_IN if ending.trouble == "signed_out" else ""
            self._health.note_trouble(f"{ending.body.get('notes')} {advice}".strip())
        elif ending.kind is EndingKind.FAILED:
            self._health.doubt()
        elif ending.kind is EndingKind.COMPLETED:
            self._health.note_success()
