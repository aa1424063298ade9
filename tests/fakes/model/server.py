"""The scripted model: an HTTP server on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Self

from aiohttp import web

from tests.fakes.model import stream
from tests.fakes.model.conversation import Request, understand
from tests.fakes.model.script import (
    DONE,
    Cut,
    Fail,
    Hold,
    Reply,
    Script,
    Silence,
    Step,
    Turn,
    Wait,
    plain,
)

DEADLINE_SECONDS = 30.0


def wants_a_verdict(request: Request) -> bool:
    """Whether this looks like the auditor."""
    return "StructuredOutput" in request.tools or "auditor" in request.system.lower()


class ScriptedModel:
    """See the package's docstring. `with` starts and stops it; `url` is where it is."""

    def __init__(
        self, *, port: int = 0, is_auditor: Callable[[Request], bool] = wants_a_verdict
    ) -> None:
        self.requests: list[Request] = []
        self.is_auditor = is_auditor
        self._port = port
        self._scripts: dict[str, Script] = {}
        self._places: Counter[tuple[object, ...]] = Counter()
        self._audits: dict[str | None, list[str | None]] = {}
        self._gates: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._changed = threading.Condition()
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, name="scripted model", daemon=True)

    # --- for the test ------------------------------------------------------------------------

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def script(self, tag: str, *turns: Turn, auditor: Sequence[Turn] = ()) -> None:
        """Say what the model does for prompts with this tag (again: from now on)."""
        self._scripts[tag] = Script(turns, auditor)

    def release(self, name: str) -> None:
        """Let what is held by this name go on, now and later."""
        self._loop.call_soon_threadsafe(self._open, name)

    def requests_of(self, tag: str, *, auditor: bool | None = None) -> list[Request]:
        """The requests for this tag; with `auditor`, only those of the one or the other."""
        wanted = [request for request in list(self.requests) if request.tag == tag]
        return [each for each in wanted if auditor is None or each.is_auditor is auditor]

    def prompts_of(self, tag: str, *, auditor: bool = False) -> list[str]:
        """Each prompt once, in order."""
        prompts = (request.prompt for request in self.requests_of(tag, auditor=auditor))
        return list(dict.fromkeys(prompts))

    def first_at(self, tag: str) -> float:
        """When the first request for this tag came, on the monotonic clock."""
        return self.requests_of(tag)[0].at

    def wait_for(
        self, condition: Callable[[], object], *, timeout: float = DEADLINE_SECONDS
    ) -> None:
        """Wait until the condition holds; it is looked at after every request."""
        with self._changed:
            if not self._changed.wait_for(condition, timeout):
                raise TimeoutError(f"the model saw {self.describe()}")

    async def reached(
        self,
        tag: str,
        *,
        step: int = 0,
        turn: int = 0,
        auditor: bool = False,
        timeout: float = DEADLINE_SECONDS,
    ) -> Request:
        """The first request for this place of the script."""

        def there() -> list[Request]:
            wanted = self.requests_of(tag, auditor=auditor)
            return [each for each in wanted if (each.turn, each.step) == (turn, step)]

        await asyncio.to_thread(self.wait_for, there, timeout=timeout)
        return there()[0]

    def describe(self) -> list[str]:
        """The requests so far, one line each."""
        return [
            f"{each.tag} {'auditor ' if each.is_auditor else ''}turn {each.turn} step {each.step}"
            f" round {each.round} tries {each.tries}: {each.prompt[:80]!r} {each.results!r:.200}"
            for each in list(self.requests)
        ]

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._up.wait(DEADLINE_SECONDS):
            raise TimeoutError("the scripted model does not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(DEADLINE_SECONDS)
        self._loop.close()

    def _open(self, name: str) -> None:
        self._gates[name].set()

    # --- the server --------------------------------------------------------------------------

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        app = web.Application(client_max_size=64 * 1024 * 1024)
        app.router.add_post("/v1/messages", self._messages)
        app.router.add_post("/v1/messages/count_tokens", self._count_tokens)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/scripted/requests", self._listed)
        app.router.add_post("/scripted/release/{name}", self._release)
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self._port)
        await site.start()
        self._port = runner.addresses[0][1]
        self._up.set()
        await self._stop.wait()
        await runner.cleanup()
        # Those whose client has gone are waited for by nobody.
        held = asyncio.all_tasks() - {asyncio.current_task()}
        for task in held:
            task.cancel()
        await asyncio.gather(*held, return_exceptions=True)

    async def _messages(self, http: web.Request) -> web.StreamResponse:
        request = self._note(understand(await http.json(), http.headers, at=time.monotonic()))
        script = self._scripts.get(request.tag or "default") or self._scripts.get("default")
        return await self._answer(http, request, script.step(request) if script else DONE)

    def _note(self, request: Request) -> Request:
        """Complete the request with what came before it, and keep it."""
        auditor = self.is_auditor(request)
        rounds = self._audits.setdefault(request.tag, [])
        if auditor and request.session_id not in rounds:
            rounds.append(request.session_id)
        place = (request.session_id, request.agent_id, len(request.prompts), request.step)
        request = replace(
            request,
            is_auditor=auditor,
            round=rounds.index(request.session_id) if auditor else 0,
            tries=self._places[place],
        )
        self._places[place] += 1
        with self._changed:
            self.requests.append(request)
            self._changed.notify_all()
        return request

    async def _answer(
        self, http: web.Request, request: Request, wanted: Step
    ) -> web.StreamResponse:
        step = plain(wanted, request)
        while isinstance(step, Wait | Hold):
            await self._pause(step)
            step = plain(step.step, request)
        if isinstance(step, Fail):
            body = stream.error(step.kind, step.message)
            return web.json_response(body, status=step.status, headers=step.headers)
        if isinstance(step, Silence):
            return await self._say_nothing(http, started=step.started)
        if isinstance(step, Cut):
            return await self._cut(http, request, step)
        if not request.streams:
            return web.json_response(stream.message(step, request.model))
        response = await _begin(http)
        for event in stream.events(step, request.model):
            await response.write(event)
        return response

    async def _pause(self, step: Wait | Hold) -> None:
        if isinstance(step, Wait):
            await asyncio.sleep(step.seconds)
            return
        await self._gates[step.name].wait()

    async def _say_nothing(self, http: web.Request, *, started: bool) -> web.StreamResponse:
        response = await _begin(http) if started else web.StreamResponse()
        if started:
            await response.write(next(stream.events(Reply(()), "silent")))
        await self._stop.wait()
        return response

    async def _cut(self, http: web.Request, request: Request, step: Cut) -> web.StreamResponse:
        reply = plain(step.step, request)
        if not isinstance(reply, Reply):
            raise TypeError("only a message can be cut")
        response = await _begin(http)
        half = list(stream.events(reply, request.model))
        for event in half[: len(half) // 2]:
            await response.write(event)
        if http.transport is not None:
            http.transport.abort()
        return response

    async def _count_tokens(self, _http: web.Request) -> web.Response:
        return web.json_response({"input_tokens": 100})

    async def _models(self, _http: web.Request) -> web.Response:
        return web.json_response({"data": [], "has_more": False})

    # --- for a test in another process -------------------------------------------------------

    async def _listed(self, _http: web.Request) -> web.Response:
        return web.json_response({"requests": [_summary(each) for each in self.requests]})

    async def _release(self, http: web.Request) -> web.Response:
        self.release(http.match_info["name"])
        return web.json_response({})


async def _begin(http: web.Request) -> web.StreamResponse:
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    with contextlib.suppress(ConnectionResetError):
        await response.prepare(http)
    return response


def _summary(request: Request) -> dict[str, Any]:
    names = "at tag is_auditor turn step round tries prompt results session_id model".split()
    return {name: getattr(request, name) for name in names}
