"""Many clients at once: what they ask, and what they were answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import aiohttp

_PATIENCE_SECONDS = 60.0
# What a client sees of a server that is killed, or not there yet.
GONE = (aiohttp.ClientError, ConnectionError, asyncio.IncompleteReadError)


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer as one of the crowd got it."""

    status: int
    body: Any
    headers: Mapping[str, str]


class Crowd:
    """Asks over connections that are kept open, as many as there are questions at a time."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        headers: Mapping[str, str] | None = None,
        seconds: float = 90,
    ) -> Heard:
        """One request; no answer within `seconds` is a hang."""
        async with (
            asyncio.timeout(seconds),
            self._session.request(method, path, json=body, headers=headers) as response,
        ):
            raw = await response.read()
            is_json = "json" in response.headers.get("Content-Type", "")
            return Heard(response.status, json.loads(raw) if is_json else None, response.headers)

    async def submit(self, **fields: Any) -> int:
        """Queue a task; gives its id."""
        answer = await self.ask("POST", "/api/tasks", {"description": "a task", **fields})
        assert answer.status == 201, answer
        return int(answer.body["id"])

    async def submit_many(self, count: int, **fields: Any) -> list[int]:
        """Queue tasks, some at a time; gives their ids in the order of the queue."""
        few = asyncio.Semaphore(16)

        async def submit() -> int:
            async with few:
                return await self.submit(**fields)

        return sorted(await asyncio.gather(*(submit() for _ in range(count))))

    async def claim_next(self, instance: str, *, wait: float = 0, **fields: Any) -> Any:
        """The next task, or None."""
        body = {"instance": instance, "wait": wait, **fields}
        answer = await self.ask("POST", "/api/claim", body)
        assert answer.status in {200, 204}, answer
        return answer.body

    async def complete(self, task: Mapping[str, Any], instance: str) -> Heard:
        """End a claimed task."""
        body = {"instance": instance, "attempt": task["attempt"]}
        return await self.ask("POST", f"/api/tasks/{task['id']}/complete", body)


class Server(Protocol):
    """What a crowd has to know of a server."""

    @property
    def url(self) -> str:
        """Where it serves."""

    @property
    def key(self) -> str:
        """A key that may do everything."""


@asynccontextmanager
async def crowd_of(server: Server) -> AsyncIterator[Crowd]:
    """A crowd around a server; it may be killed and started again meanwhile."""
    async with aiohttp.ClientSession(
        server.url,
        headers={"X-API-Key": server.key},
        connector=aiohttp.TCPConnector(limit=0),
        timeout=aiohttp.ClientTimeout(total=None),
    ) as session:
        yield Crowd(session)


async def all_of(acts: Iterable[Awaitable[Any]], *, seconds: float = 100) -> list[Any]:
    """Everything at once; the first failure ends them all, and so does the deadline."""
    async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
        tasks = [group.create_task(_as_coroutine(act)) for act in acts]
    return [task.result() for task in tasks]


async def _as_coroutine(act: Awaitable[Any]) -> Any:
    return await act


async def until(
    holds: Callable[[], Awaitable[object]] | Callable[[], object],
    *,
    seconds: float = _PATIENCE_SECONDS,
) -> Any:
    """Ask again and again until something is true; gives it."""
    async with asyncio.timeout(seconds):
        while True:
            found = holds()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(0.01)
