"""What every call has in common: building its query and body, and reading its answer."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Final, Self, TypeVar

from claude_task_client import settings
from claude_task_client.transport import Answer, Call, Json, Transport, wrong_shape
from claude_task_client.wire import Task, Value

# The longest that one request may wait at the server.
POLL_SECONDS_MAX: Final = 60.0
# A poll answered much earlier than asked (the server is stopping) is not repeated at once.
EARLY_ANSWER_PAUSE_SECONDS: Final = 1.0

V = TypeVar("V", bound=Value)


class Calls:
    """A transport, and who calls over it."""

    def __init__(
        self,
        url: str | None = None,
        key: str | None = None,
        *,
        instance: str | None = None,
        timeout_seconds: float = 10.0,
        retry_seconds: float = 45.0,
        transport: Transport | None = None,
    ) -> None:
        told = settings.load()
        self.url = settings.normal_url(url) if url else told.url
        self.instance = instance or told.instance
        self._key = key or told.key
        self._transport = transport or self._own_transport(
            self.url,
            self._key,
            timeout_seconds=timeout_seconds,
            retry_seconds=retry_seconds,
        )

    @staticmethod
    def _own_transport(
        url: str, key: str | None, *, timeout_seconds: float, retry_seconds: float
    ) -> Transport:
        from claude_task_client.transports import AsyncTransport

        return AsyncTransport(
            url, key, timeout_seconds=timeout_seconds, retry_seconds=retry_seconds
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Let go of the connections."""
        await self._transport.close()

    async def _send(self, call: Call) -> Answer:
        return await self._transport.send(call)

    async def _poll(
        self, call: Call, *, brought: Callable[[Json], bool] = lambda _: True
    ) -> Answer:
        """Wait at the server; `brought` says whether an answer with a body is what was waited for.

        One that is not, and came early, is held back a moment.
        """
        started = time.monotonic()
        answer = await self._send(call)
        early = call.wait_seconds / 2 - (time.monotonic() - started)
        has_come = answer.body is not None and brought(answer.body)
        if not has_come and early > 0:
            await self._transport.sleep(min(early, EARLY_ANSWER_PAUSE_SECONDS))
        return answer

    async def _json(self, call: Call) -> Json:
        answer = await self._send(call)
        return {} if answer.body is None else answer.body

    async def _value(self, kind: type[V], call: Call, *, needs: str) -> V:
        return self._read(kind, await self._json(call), needs=needs)

    async def _task(self, call: Call) -> Task:
        return await self._value(Task, call, needs="id")

    async def _task_if_any(self, call: Call) -> Task | None:
        answer = await self._send(call)
        return None if answer.body is None else self._read(Task, answer.body, needs="id")

    def _held(self, task: Task | int, attempt: int | None, **fields: object) -> Json:
        return told(instance=self.instance, attempt=attempt_of(task, attempt), **fields)

    def _read(self, kind: type[V], body: Json, *, needs: str) -> V:
        if needs not in body:
            raise wrong_shape(self.url, needs)
        return kind.read(body)


def told(**fields: object) -> dict[str, object]:
    """Only what was said: the server tells a field left out from one that is null."""
    return {
        name: [*value] if isinstance(value, tuple) else value
        for name, value in fields.items()
        if value is not None
    }


def query_of(**fields: object) -> dict[str, str]:
    return {name: str(value) for name, value in fields.items() if value is not None}


def joined(names: Sequence[str] | None) -> str | None:
    return None if names is None else ",".join(names)


def path_of(task: Task | int, action: str | None = None) -> str:
    return f"/api/tasks/{id_of(task)}" + (f"/{action}" if action else "")


def id_of(task: Task | int) -> int:
    return task.id if isinstance(task, Task) else task


def attempt_of(task: Task | int, attempt: int | None) -> int | None:
    return task.attempt if attempt is None and isinstance(task, Task) else attempt


def deadline_after(seconds: float | None) -> float | None:
    return None if seconds is None else time.monotonic() + seconds


def seconds_left(deadline: float | None) -> float:
    """Until then; without a deadline there is always more."""
    return math.inf if deadline is None else max(0.0, deadline - time.monotonic())


def poll_seconds(deadline: float | None) -> int:
    """How long the next request may wait: whole seconds, at least what is left."""
    return math.ceil(min(seconds_left(deadline), POLL_SECONDS_MAX))


def is_over(deadline: float | None) -> bool:
    return deadline is not None and time.monotonic() >= deadline


def caller_of(calls: Calls, salt: str) -> str:
    """What tells a caller from others that share files with it: instance and key.

    Athena keeps the names of repeatable requests by key. Of the key nothing can be learned.
    """
    import hashlib

    secret = f"{salt}\n{calls._key or ''}"  # noqa: SLF001  nobody else is to have it
    return f"{calls.instance} {hashlib.sha256(secret.encode()).hexdigest()[:12]}"
