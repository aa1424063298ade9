"""Following a stream of Athena's over lost connections: made again, it goes on where it was."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncGenerator, Callable
from typing import Final, NamedTuple

from claude_task_client.errors import AthenaError, Refused, Unreachable
from claude_task_client.streaming import Frame, FrameReader
from claude_task_client.transport import Call, Transport

RECONNECT_PAUSE_SECONDS_MAX: Final = 15.0
# Refusals that pass by themselves: too many requests, and a server that is starting or stopping.
PASSING: Final = frozenset({429, 503})


class Start(NamedTuple):
    """The request that a stream begins with, and the id that it goes on behind."""

    call: Call
    last_event_id: str | None = None


async def frames(
    transport: Transport,
    start: Callable[[str | None], Start],
    *,
    last: str | None = None,
    on_lost: Callable[[AthenaError], None] | None = None,
) -> AsyncGenerator[Frame, None]:
    """The frames of a stream, without end; `start` says how to begin it behind the id `last`.

    `on_lost` is told once when a connection is lost, and again only after one has worked.
    Raises: Refused, where Athena's no is for good.
    """
    failures, is_told = 0, False
    while True:
        reader = FrameReader(last)
        request = start(last)
        stream = transport.stream(request.call, last_event_id=request.last_event_id)
        try:
            async with contextlib.aclosing(stream):
                async for chunk in stream:
                    failures, is_told = 0, False
                    for frame in reader.feed(chunk):
                        last = reader.last_event_id
                        yield frame
                    last = reader.last_event_id  # a frame without data moves on as well
        except (Unreachable, Refused) as error:
            if isinstance(error, Refused) and error.status not in PASSING:
                raise
            if on_lost is not None and not is_told:
                on_lost(error)
            is_told = True
        failures += 1
        await transport.sleep(min(2.0 ** (failures - 2), RECONNECT_PAUSE_SECONDS_MAX))
