"""The transcript of a task: its holder writes numbered lines, others read and follow them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from claude_task_client import following, streaming
from claude_task_client.calls import Calls, path_of, query_of
from claude_task_client.errors import AthenaError
from claude_task_client.transport import Call, Json, wrong_shape
from claude_task_client.wire import LogLine, LogPage, Task, time_text

# What Athena takes at once, and the text that she keeps of a line.
LINES_MAX: Final = 200
LINE_CHARACTERS_MAX: Final = 4_000
# Well below the longest body that she reads: a line of 4,000 characters may be 48 KB of JSON.
BATCH_BYTES_MAX: Final = 128 * 1024
# The name of the frame that closes a followed transcript.
END: Final = "end"


class Recording(Calls):
    """What a task's transcript takes and gives."""

    async def append_log(
        self,
        task: Task | int,
        lines: Iterable[Mapping[str, object]],
        *,
        first: int,
        attempt: int | None = None,
    ) -> int:
        """Add lines to the transcript of the task in hand, or of the one held last.

        A line has `text`, `kind` (`text`, `tool`, `result`, `system`, `error`, `test` or `git`) and
        maybe `at`. The sender numbers the lines of an attempt from 0, and `first` is the number of
        the first one here: lines that Athena has already are ignored, so the same may be sent
        twice. Gives the number that she expects next. However many lines, they go in requests that
        she takes. A task named by its number needs its `attempt`.
        """
        number = first
        expected = first
        for batch in _batches(lines):
            body = self._held(task, attempt, first=number, lines=batch)
            # The attempt fences a repetition: it can never reach a newer claim's transcript.
            call = Call("POST", path_of(task, "log"), body=body, repeatable=True)
            expected = self._expected(await self._json(call))
            number += len(batch)
        return expected

    async def log(
        self,
        task_id: int,
        *,
        after: int | None = None,
        limit: int | None = None,
        tail: int | None = None,
    ) -> LogPage:
        """A page of the transcript, from behind line `after`; or its last `tail` lines."""
        query = query_of(after=after, limit=limit, tail=tail)
        return await self._value(
            LogPage, Call("GET", path_of(task_id, "log"), query), needs="lines"
        )

    async def follow_log(
        self,
        task_id: int,
        *,
        after: int = 0,
        on_lost: Callable[[AthenaError], None] | None = None,
    ) -> AsyncGenerator[LogLine, None]:
        """The lines behind line `after`, then each one as it comes, until the task has ended.

        A lost connection is made again and goes on behind the last line that came; `on_lost` is
        told of it.
        """
        frames = following.frames(
            self._transport,
            lambda last: following.Start(_follow(task_id, last)),
            last=str(after),
            on_lost=on_lost,
        )
        async with contextlib.aclosing(frames):
            async for frame in frames:
                if frame.event == END:
                    return
                yield LogLine.read(streaming.content(frame))

    def _expected(self, answer: Json) -> int:
        expected = answer.get("next")
        if not isinstance(expected, int):
            raise wrong_shape(self.url, "next")
        return expected


def _follow(task_id: int, last: str | None) -> Call:
    return Call("GET", path_of(task_id, "log"), query_of(follow="true", after=last))


def _batches(lines: Iterable[Mapping[str, object]]) -> Iterator[Sequence[Json]]:
    batch: list[Json] = []
    size = 0
    for line in map(_as_sent, lines):
        line_size = len(json.dumps(line))
        if batch and (len(batch) == LINES_MAX or size + line_size > BATCH_BYTES_MAX):
            yield batch
            batch, size = [], 0
        batch.append(line)
        size += line_size
    if batch:
        yield batch


def _as_sent(line: Mapping[str, object]) -> Json:
    """The line without what Athena would cut off, and without what no store keeps.

    A program may print anything; a line of it must not keep the rest from being recorded.
    """
    text = str(line["text"])[:LINE_CHARACTERS_MAX].replace("\0", "\ufffd")
    at = line.get("at")
    sent = {**line, "text": text.encode("utf-8", "replace").decode()}
    return {**sent, "at": time_text(at)} if isinstance(at, datetime) else sent
