"""The API, in process, on a real store: asked over real HTTP, in domain words."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiohttp

from athena.api.server import Api
from athena.model.event import SYSTEM
from athena.model.key import Scope
from athena.service.services import Services, build_services
from athena.store.base import Store
from tests.store.clock import ManualClock
from tests.store.engines import Engine

ADMIN = "the-admin-key-of-the-tests"
DEADLINE_SECONDS = 30.0


@dataclass(slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        """The code of a problem."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self
        problem = self.body
        assert problem["status"] == self.status
        assert problem["type"]
        assert problem["title"]
        assert problem["detail"]
        return str(problem["code"])


class ApiDriver:
    """One running API, and a client that holds the admin key."""

    def __init__(
        self, api: Api, services: Services, clock: ManualClock, session: aiohttp.ClientSession
    ) -> None:
        self.api = api
        self.services = services
        self.clock = clock
        self.session = session
        self.store: Store | None = None

    @property
    def port(self) -> int:
        return self.api.port

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = ADMIN,
        headers: Mapping[str, str] | None = None,
        content: bytes | None = None,
    ) -> Answer:
        """One request, with a JSON body or with these very bytes."""
        sent = {"Content-Type": "application/json"} if body is not None or content else {}
        if key is not None:
            sent["X-API-Key"] = key
        data = content if body is None else json.dumps(body).encode()
        async with self.session.request(
            method, self.url + path, data=data, headers={**sent, **(headers or {})}
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def key_for(self, *scopes: Scope, instance: str | None = None) -> str:
        """The secret of a new key."""
        new = await self.services.keys.create(
            name="-".join(scopes), scopes=frozenset(scopes), instance=instance, by=SYSTEM
        )
        return new.secret

    async def submitted(self, **fields: object) -> dict[str, Any]:
        """A task in the queue."""
        answer = await self.ask("POST", "/api/tasks", {"description": "Water the plants", **fields})
        assert answer.status == 201, answer
        return dict(answer.body)

    async def claimed(self, by: str = "pi", **fields: object) -> dict[str, Any]:
        """A task that an instance holds."""
        task = await self.submitted(**fields)
        answer = await self.ask("POST", f"/api/tasks/{task['id']}/claim", {"instance": by})
        assert answer.status == 200, answer
        return dict(answer.body)

    async def completed(self, by: str = "pi", **fields: object) -> dict[str, Any]:
        """A task that is done."""
        task = await self.claimed(by)
        answer = await self.ask(
            "POST", f"/api/tasks/{task['id']}/complete", {"instance": by, **fields}
        )
        assert answer.status == 200, answer
        return dict(answer.body)

    async def asked(self, by: str = "pi", **fields: object) -> dict[str, Any]:
        """An open question of a task that an instance holds."""
        task = await self.claimed(by)
        body = {"instance": by, "text": "Which database?", **fields}
        answer = await self.ask("POST", f"/api/tasks/{task['id']}/questions", body)
        assert answer.status == 201, answer
        return dict(answer.body)

    async def status_of(self, task: Mapping[str, Any]) -> str:
        return str((await self.ask("GET", f"/api/tasks/{task['id']}")).body["status"])


@asynccontextmanager
async def running_api(
    engine: Engine, folder: Path, *, clock: ManualClock | None = None, **options: Any
) -> AsyncIterator[ApiDriver]:
    """An API on a new store for the folder, and its admin key."""
    clock = clock or ManualClock()
    store = engine.build(folder, clock)
    async with store:
        services = build_services(
            store,
            clock,
            lease=timedelta(hours=2),
            max_attempts=3,
            version="0.0.1",
            replica="here",
        )
        await services.feed.catch_up()
        await services.keys.ensure_first(ADMIN)
        api = Api(services, version="0.0.1", **{"rate_limit": 0, **options})
        await api.start("127.0.0.1", 0)
        timeout = aiohttp.ClientTimeout(total=60)
        connector = aiohttp.TCPConnector(limit=0)
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=timeout) as session:
                driver = ApiDriver(api, services, clock, session)
                driver.store = store
                yield driver
        finally:
            await api.stop()


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for a condition, with a deadline."""
    async with asyncio.timeout(DEADLINE_SECONDS):
        while not is_so():  # noqa: ASYNC110  (what is waited for has no event of its own)
            await asyncio.sleep(0.005)
