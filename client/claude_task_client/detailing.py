"""The queue in detail: sources with their documents, lanes, instances."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Final

from claude_task_client import clock, describing, output
from claude_task_client.sources import registry, showing, surveying
from claude_task_client.sources.surveying import Ended, Running, Survey
from claude_task_client.sync import Athena
from claude_task_client.transport import Json
from claude_task_client.wire import Task

PAGE: Final = 500
PAGES_MAX: Final = 10
WAITING_SHOWN: Final = 5
LANE_COLUMNS: Final = ["LANE", "RUNNING", "WAITING", "NEXT"]


@dataclass(slots=True)
class Lane:
    """One lane, as far as its open tasks are known."""

    name: str
    running: list[Task] = field(default_factory=list)
    waiting: list[Task] = field(default_factory=list)


@dataclass(frozen=True, slots=True, kw_only=True)
class Detail:
    """What there is to be told. `is_whole`: no lane had more open tasks than were looked at."""

    sources: Sequence[tuple[Survey, Ended | None]]
    lanes: Sequence[Lane]
    is_whole: bool


def look(athena: Athena) -> Detail:
    """Ask Athena, and look into the sources. Raises: AthenaError."""
    tasks, is_whole = _open_tasks(athena)
    sources = registry.load()
    return Detail(
        sources=[(surveying.survey(each), surveying.last_ended(each)) for each in sources],
        lanes=_lanes(tasks),
        is_whole=is_whole,
    )


def fields(detail: Detail) -> Json:
    """All of it as JSON."""
    return {
        "sources": [_source_fields(seen, ended) for seen, ended in detail.sources],
        "lanes": [
            {
                "lane": lane.name,
                "running": [task.id for task in lane.running],
                "waiting": [task.id for task in lane.waiting],
            }
            for lane in detail.lanes
        ],
        "lanes_whole": detail.is_whole,
    }


def tell(detail: Detail) -> None:
    """All of it for people; what there is nothing of is left out."""
    for seen, ended in detail.sources:
        output.say("")
        for line in _source_lines(seen, ended):
            output.say(line)
    if detail.lanes:
        output.say("")
        output.table(LANE_COLUMNS, [_lane_row(lane) for lane in detail.lanes])
    if not detail.is_whole:
        output.say(f"Of lanes, the first {PAGE * PAGES_MAX} open tasks were looked at.")


def _open_tasks(athena: Athena) -> tuple[Sequence[Task], bool]:
    tasks: list[Task] = []
    cursor = None
    for _ in range(PAGES_MAX):
        page = athena.list(status="pending,in_progress", limit=PAGE, cursor=cursor)
        tasks += page.tasks
        cursor = page.next_cursor
        if cursor is None:
            return tasks, True
    return tasks, False


def _lanes(tasks: Iterable[Task]) -> Sequence[Lane]:
    lanes: dict[str, Lane] = {}
    for task in sorted(tasks, key=lambda task: task.id):
        if task.lane is not None:
            lane = lanes.setdefault(task.lane, Lane(task.lane))
            (lane.waiting if task.status == "pending" else lane.running).append(task)
    return [lanes[name] for name in sorted(lanes)]


def _lane_row(lane: Lane) -> Sequence[str]:
    following = lane.waiting[0] if lane.waiting else None
    return [
        lane.name,
        ", ".join(f"#{task.id} by {task.claimed_by}" for task in lane.running) or "-",
        str(len(lane.waiting)),
        f"#{following.id} {describing.state(following)}" if following else "-",
    ]


def _source_fields(seen: Survey, ended: Ended | None) -> Json:
    return {
        **showing.standing(seen),
        "running_documents": [
            {"document": each.document, "lock": each.lock and asdict(each.lock)}
            for each in seen.running
        ],
        "waiting_documents": list(seen.waiting),
        "last_ended": ended
        and {"document": ended.document, "status": ended.status, "task_id": ended.task_id},
    }


def _source_lines(seen: Survey, ended: Ended | None) -> Iterator[str]:
    project = f", project {seen.source.project}" if seen.source.project else ""
    yield output.line(f"Source {seen.source.id}{project}: {seen.source.path}", None)
    rows = [
        *[("running", _running(each)) for each in seen.running],
        ("waiting", _waiting(seen.waiting)),
        ("ended", f"{seen.completed} completed, {seen.failed} failed"),
        ("last ended", _ended(ended) if ended else ""),
        *[("!", f"{each.detail} {each.advice}") for each in seen.problems],
    ]
    for name, text in rows:
        if text:
            yield f"  {name:<12}{output.line(text, None)}"


def _running(each: Running) -> str:
    lock = each.lock
    if lock is None:
        return each.document
    return f"{each.document} as #{lock.task_id} by {lock.worker}{_since(lock.started_at)}"


def _since(text: str | None) -> str:
    try:
        started = datetime.fromisoformat(text or "")
        return f", for {output.span((clock.now() - started).total_seconds())}"
    except (ValueError, TypeError):  # no time, or one without a zone
        return ""


def _waiting(documents: Sequence[str]) -> str:
    more = len(documents) - WAITING_SHOWN
    shown = ", ".join(documents[:WAITING_SHOWN])
    return f"{shown} and {more} more" if more > 0 else shown


def _ended(ended: Ended) -> str:
    task = f" as #{ended.task_id}" if ended.task_id else ""
    return f"{ended.document}{task}: {ended.status or 'no status'}"
