"""Server-sent events: bytes in, frames out.

Lines end at line feeds alone: a text in an event's JSON may hold the other characters (U+2028 and
its like) that line readers split at.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import NamedTuple

from claude_task_client.errors import NotAthena
from claude_task_client.transport import Json
from claude_task_client.wire import Event

FRAME_BYTES_MAX = 4 * 1024 * 1024


class Frame(NamedTuple):
    """One server-sent event."""

    id: str | None
    event: str
    data: str


class FrameReader:
    """Puts frames together from pieces cut anywhere."""

    def __init__(self, last_event_id: str | None = None) -> None:
        self.last_event_id = last_event_id
        self._rest = b""
        self._event = ""
        self._data: list[str] = []

    def feed(self, chunk: bytes) -> Iterator[Frame]:
        """The frames that this piece completes."""
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        if len(self._rest) > FRAME_BYTES_MAX:
            raise NotAthena("The event stream is not Athena's (a line without end).")
        for line in lines:
            frame = self._line(line.removesuffix(b"\r").decode("utf-8", "replace"))
            if frame is not None:
                yield frame

    def _line(self, line: str) -> Frame | None:
        if not line:
            return self._end()
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "id":
                self.last_event_id = value
            case "event":
                self._event = value
            case "data":
                self._data.append(value)
        return None

    def _end(self) -> Frame | None:
        event, data = self._event, self._data
        self._event, self._data = "", []
        # A frame without data says only where in the log we are.
        return Frame(self.last_event_id, event or "message", "\n".join(data)) if data else None


def event(frame: Frame) -> Event:
    """What the frame tells. Raises: NotAthena where it is not ours."""
    return Event.read({"type": frame.event, **content(frame)})


def content(frame: Frame) -> Json:
    """The JSON object in the frame. Raises: NotAthena where there is no JSON in it."""
    try:
        value = json.loads(frame.data)
    except ValueError as error:
        raise NotAthena("The event stream is not Athena's (no JSON in it).") from error
    return value if isinstance(value, dict) else {}
