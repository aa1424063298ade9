"""The event log: as a stream, or page by page."""

from __future__ import annotations

from typing import Final

from aiohttp import hdrs, web

from athena.api.call import Call
from athena.api.endpoint import Header, endpoint
from athena.api.event_stream import EventFilter, EventSource
from athena.api.fields import (
    Label,
    Query,
    QueryId,
    QueryLimit,
    QueryPosition,
    QueryWords,
    Slug,
)
from athena.api.reply import Reply
from athena.api.streams import last_event_id
from athena.api.wire.events import EventPage, event_json
from athena.model import limits
from athena.model.event import Event
from athena.model.key import Scope

_READ_AT_ONCE: Final = 500
# A page that fits nothing ends after so many events; `next_after` leads on from there.
_LOOKED_AT_MAX: Final = 10_000

RESUME: Final = Header(
    name="Last-Event-ID",
    summary="Goes on after this event; without it, and without `after`, a stream starts now.",
    example="1042",
)


class EventQuery(Query):
    """Which events, and from where; `type` takes several by comma."""

    task: QueryId | None = None
    type: QueryWords | None = None
    instance: Slug | None = None
    actor: Label | None = None
    after: QueryPosition | None = None
    limit: QueryLimit = limits.PAGE_DEFAULT


@endpoint(
    "GET",
    "/api/events",
    scope=Scope.READ,
    headers=(RESUME,),
    media_types=("text/event-stream", "application/json"),
)
async def follow_events(call: Call, query: EventQuery) -> EventPage | Reply | web.StreamResponse:
    """Follow the event log.

    Server-sent events: `id`, `event` (the type) and `data` (the event as JSON), and a comment line
    at least every 15 seconds. A `Last-Event-ID` that is older than what is kept starts with an
    event `reset`. With `Accept: application/json` the answer is a page of the log after `after`.
    """
    wanted = EventFilter(
        task=query.task,
        types=None if query.type is None else frozenset(query.type),
        instance=query.instance,
        actor=query.actor,
    )
    if "application/json" in call.request.headers.get(hdrs.ACCEPT, ""):
        return await _page(call, wanted, query)
    return await _stream(call, wanted, query)


async def _page(call: Call, wanted: EventFilter, query: EventQuery) -> EventPage:
    found: list[Event] = []
    after, looked_at = query.after or 0, 0
    while looked_at < _LOOKED_AT_MAX and after < call.services.feed.position:
        events = await call.services.feed.read(after, limit=_READ_AT_ONCE)
        looked_at += len(events)
        for event in events:
            if len(found) == query.limit:
                break
            after = event.id
            if wanted.wants(event):
                found.append(event)
        if len(found) == query.limit or len(events) < _READ_AT_ONCE:
            break
    return {"events": [event_json(event) for event in found], "next_after": after}


async def _stream(call: Call, wanted: EventFilter, query: EventQuery) -> Reply | web.StreamResponse:
    after = last_event_id(call.request)
    if after is None:
        after = query.after
    if call.request.method == hdrs.METH_HEAD:
        return Reply(200, b"", media_type="text/event-stream; charset=utf-8")
    return await call.around.streams.serve(
        call.request,
        key_id=call.key.id,
        source=EventSource(call.services.feed, wanted, after=after),
        is_valid=lambda: call.around.gate.is_valid(call.request),
    )
