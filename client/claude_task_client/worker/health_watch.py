"""Whether this worker is fit to claim: examined now and then, sooner while something is wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from claude_task_client.worker.changes import Changes
from claude_task_client.worker.sending import shortened

WELL_SECONDS: Final = 600.0
SICK_SECONDS: Final = 30.0
# After a task that Claude's sign-in or its like has kept from running, before the next is tried.
TROUBLE_FIRST: Final = timedelta(minutes=1)
TROUBLE_MAX: Final = timedelta(hours=1)

MESSAGE_CHARACTERS_MAX: Final = 500
PROBLEMS_MAX: Final = 4
PROJECTS_MAX: Final = 10
# Athena takes 4 KiB, in which the end of a usage limit has room as well.
REPORT_BYTES_MAX: Final = 3_500

log = logging.getLogger(__name__)


class Problem(Protocol):
    """Something that is wrong here, and what to do."""

    @property
    def code(self) -> str: ...
    @property
    def detail(self) -> str: ...
    @property
    def advice(self) -> str: ...


class Health(Protocol):
    """What an examination has found."""

    @property
    def ok(self) -> bool: ...
    @property
    def message(self) -> str | None: ...
    @property
    def problems(self) -> Sequence[Problem]: ...
    @property
    def sick_projects(self) -> Collection[str]: ...


Examine = Callable[[], Awaitable[Health]]


class HealthWatch:
    """The health of one worker. `on_news` is called when Athena has to hear of it."""

    def __init__(
        self,
        examine: Examine,
        changes: Changes,
        *,
        on_news: Callable[[], None],
        now: Callable[[], datetime],
    ) -> None:
        self._examine = examine
        self._on_news = on_news
        self._changes = changes
        self._now = now
        self._health: Health | None = None
        self._is_doubted = True
        self._wanted = Changes()
        self._trouble: str | None = None
        self._trouble_until: datetime | None = None
        self._troubles = 0

    @property
    def sick_projects(self) -> frozenset[str]:
        """Those of which nothing may be claimed, while others are served."""
        return frozenset() if self._health is None else frozenset(self._health.sick_projects)

    @property
    def is_fit(self) -> bool:
        """Whether a task may be claimed, of those projects that are not sick by themselves."""
        is_well = self._health is not None and self._health.ok and not self._is_doubted
        return is_well and not self._is_troubled

    @property
    def is_known(self) -> bool:
        """Whether there was an examination since the last doubt."""
        return self._health is not None and not self._is_doubted

    @property
    def report(self) -> dict[str, Any] | None:
        """What Athena and people are told; None: it is not known yet."""
        if self._is_troubled:
            return {"ok": False, "message": self._trouble, "problems": []}
        if self._health is None:
            return None
        if self._health.ok and not self._health.message:
            return {"ok": True}
        return _report(self._health)

    def doubt(self) -> None:
        """Something went wrong: an examination comes before the next claim."""
        self._is_doubted = True
        self._wanted.tell()
        self._changes.tell()

    def note_trouble(self, what: str) -> None:
        """Nothing can be worked on. An examination may not see why: so wait a while as well."""
        span = min(TROUBLE_FIRST * 2**self._troubles, TROUBLE_MAX)
        self._troubles = min(self._troubles + 1, 10)
        self._trouble, self._trouble_until = _short(what), self._now() + span
        self._tell()

    def note_success(self) -> None:
        """Claude has worked."""
        self._troubles = 0

    def look_now(self) -> None:
        """Somebody says that it is put right."""
        self._trouble_until = None
        self.doubt()

    async def watch_for_ever(self) -> None:
        """Examine at once, and then as often as it is worth it."""
        while True:
            await self.look()
            is_well = self.report == {"ok": True}
            seconds = WELL_SECONDS if is_well else SICK_SECONDS
            if not self._is_doubted:
                await self._wanted.within(seconds)

    async def look(self) -> None:
        """Examine."""
        before = self.report
        self._is_doubted = False
        try:
            self._health = await self._examine()
        except Exception as error:
            log.exception("the examination failed")
            self._health = _Broken(f"The examination of this worker failed: {error}")
        if self.report == before:
            self._changes.tell()
        else:
            self._tell()

    def _tell(self) -> None:
        report = self.report or {}
        if not report.get("ok"):
            log.error("This worker claims nothing: %s", report.get("message"))
        elif self.sick_projects:
            projects = ", ".join(sorted(self.sick_projects))
            log.error("Nothing of %s is claimed: %s", projects, report.get("message"))
        else:
            log.info("This worker is well.")
        self._on_news()
        self._changes.tell()

    @property
    def _is_troubled(self) -> bool:
        return self._trouble_until is not None and self._now() < self._trouble_until


class _Broken:
    """The health of a worker whose examination fails."""

    ok = False
    problems: Sequence[Problem] = ()
    sick_projects: Collection[str] = ()

    def __init__(self, message: str) -> None:
        self.message = message


def _report(health: Health) -> dict[str, Any]:
    """What is wrong, as much of it as Athena takes; the first is the most fundamental."""
    problems = [
        {"code": each.code, "detail": _short(each.detail), "advice": _short(each.advice)}
        for each in health.problems[:PROBLEMS_MAX]
    ]
    report = {"ok": health.ok, "message": _short(health.message or ""), "problems": problems}
    if health.ok:
        report["sick_projects"] = sorted(health.sick_projects)[:PROJECTS_MAX]
    while problems and len(json.dumps(report)) > REPORT_BYTES_MAX:
        problems.pop()
    return report


def _short(text: str) -> str:
    return shortened(text, MESSAGE_CHARACTERS_MAX)
