"""The transcript of a task: appended in batches, read page by page, followed as it grows."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Final

from aiohttp import hdrs, web
from pydantic import Field

from athena.api.call import Call
from athena.api.endpoint import Header, endpoint
from athena.api.fields import (
    Attempt,
    Body,
    LineNumber,
    Query,
    QueryFlag,
    QueryLimit,
    QueryPosition,
    Slug,
    Time,
)
from athena.api.reply import Reply, json_bytes
from athena.api.streams import COMMENT, Frames, last_event_id
from athena.api.wire.transcript import AppendedJson, LogPage, line_json, log_page
from athena.model import limits
from athena.model.errors import NotHolder
from athena.model.key import Scope
from athena.model.task import TaskId
from athena.model.transcript import Line, LineKind, Said, TranscriptPage

RESUME: Final = Header(
    name="Last-Event-ID",
    summary="With `follow`: goes on after this line, as `after` does.",
    example="120",
)
# How many lines are read and sent at once. With 200, and 20 who follow a long log from its
# beginning, the loop was held up for 50 ms.
_BATCH: Final = 50
# A task that was removed while it was followed has no status.
_DELETED: Final = "deleted"


class LineBody(Body):
    """One line. A text that is too long is cut."""

    at: Time | None = None
    kind: LineKind
    text: str


class LogBody(Body):
    """Lines of an attempt, which its holder numbers from 0; `first` is the number of the first."""

    instance: Slug
    attempt: Attempt
    first: LineNumber
    lines: Annotated[list[LineBody], Field(min_length=1, max_length=limits.LINES_AT_ONCE_MAX)]


@endpoint("POST", "/api/tasks/{id}/log", scope=Scope.WORK, errors=(NotHolder,))
async def append_to_log(call: Call, task_id: TaskId, body: LogBody) -> AppendedJson:
    """Append lines to the transcript of a task.

    The answer's `next` is the number of the attempt's next line: those below it are known and left
    out, so that a batch may be sent twice. Whoever held the attempt may send them, also after its
    end. Of a task the newest 10,000 lines are kept, of 4 MiB at most.
    """
    next_number = await call.services.transcript.append(
        task_id,
        instance=body.instance,
        attempt=body.attempt,
        first=body.first,
        lines=[Said(at=line.at, kind=line.kind, text=line.text) for line in body.lines],
    )
    return {"next": next_number}


class LogQuery(Query):
    """Which lines: after a position, the last so many, or all that are still to come."""

    after: QueryPosition | None = None
    limit: QueryLimit = limits.PAGE_MAX
    tail: QueryLimit | None = None
    follow: QueryFlag = False


@endpoint(
    "GET",
    "/api/tasks/{id}/log",
    scope=Scope.READ,
    headers=(RESUME,),
    media_types=("application/json", "text/event-stream"),
)
async def read_log(
    call: Call, task_id: TaskId, query: LogQuery
) -> LogPage | Reply | web.StreamResponse:
    """Read the transcript of a task, oldest line first.

    `tail` gives the last so many lines. With `follow` the answer is a stream of server-sent events:
    the lines so far, then each as it comes (`id`, the event `line`, and the line as JSON), and a
    comment at least every 15 seconds. An event `end` with the status comes last, once the task has
    ended.
    """
    transcript, after = call.services.transcript, query.after or 0
    if not query.follow:
        page = await transcript.page(task_id, after=after, limit=query.limit, tail=query.tail)
        return log_page(page)
    resumed, tail = last_event_id(call.request), query.tail
    if resumed is not None:
        after, tail = resumed, None
    page = await transcript.page(task_id, after=after, limit=_BATCH, tail=tail)
    if call.request.method == hdrs.METH_HEAD:
        return Reply(200, b"", media_type="text/event-stream; charset=utf-8")
    return await call.around.streams.serve(
        call.request,
        key_id=call.key.id,
        source=_LineSource(call, task_id, page),
        is_valid=lambda: call.around.gate.is_valid(call.request),
    )


class _LineSource:
    """The lines of a task behind a first page of them, until it has ended."""

    def __init__(self, call: Call, task_id: TaskId, first: TranscriptPage) -> None:
        self._call = call
        self._task_id = task_id
        self._first = first
        self._position = first.next_after

    async def begin(self) -> bytes:
        """See `Source`."""
        return COMMENT + _frames(self._first)

    async def more(self, wait: timedelta) -> Frames:
        """See `Source`."""
        page = await self._call.services.transcript.next_page(
            self._task_id,
            after=self._position,
            limit=_BATCH,
            wait=wait,
            is_gone=self._call.is_gone,
        )
        self._position = page.next_after
        return Frames(_end_frame(page), are_last=True) if page.is_end else Frames(_frames(page))


def _frames(page: TranscriptPage) -> bytes:
    return b"".join(_frame(line) for line in page.lines)


def _frame(line: Line) -> bytes:
    return b"id: %d\nevent: line\ndata: %b\n\n" % (line.id, json_bytes(line_json(line)))


def _end_frame(page: TranscriptPage) -> bytes:
    status = _DELETED if page.status is None else page.status
    return b"event: end\ndata: %b\n\n" % json_bytes({"status": status})
