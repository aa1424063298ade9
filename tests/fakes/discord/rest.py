"""The way of every request: recorded, hit by a mishap, limited, signed, judged, carried out."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable
from typing import Final

from aiohttp import web

from tests.fakes.discord.call import API, Call, Reply, Route, read_body, strings
from tests.fakes.discord.errors import DiscordError, Problem, Refused
from tests.fakes.discord.faults import Fault, Faults, Mishap
from tests.fakes.discord.jsontypes import Body
from tests.fakes.discord.limits import RateLimits, Verdict
from tests.fakes.discord.openapi import OpenApi
from tests.fakes.discord.state import Refusal, Request, State

Endpoint = Callable[[web.Request], Awaitable[web.StreamResponse]]
BODY_BYTES_MAX: Final = 64 * 1024 * 1024
# Refusals that no correct request meets, whatever the state of the guild.
_ALWAYS_WRONG: Final = frozenset({Refused.EMPTY_MESSAGE, Refused.INVALID_JSON, Refused.TOO_LARGE})


class Rest:
    """Discord's REST API on an aiohttp application."""

    def __init__(
        self,
        state: State,
        faults: Faults,
        limits: RateLimits,
        openapi: OpenApi | None,
        routes: Iterable[Route],
    ) -> None:
        self._state = state
        self._faults = faults
        self._limits = limits
        self._openapi = openapi
        self._routes = list(routes)

    def mount(self, app: web.Application) -> None:
        app.router.add_get("/attachments/{place}/{id}/{name}", self._file)
        for route in self._routes:
            app.router.add_route(route.method, API + route.template, self._endpoint(route))
        app.router.add_route("*", "/{anything:.*}", self._unknown)

    def _endpoint(self, route: Route) -> Endpoint:
        async def handle(request: web.Request) -> web.StreamResponse:
            return await self._handle(request, route)

        return handle

    async def _file(self, request: web.Request) -> web.StreamResponse:
        """The CDN: unsigned links, which die with the service."""
        found = self._state.attachments.get(int(request.match_info["id"]))
        if found is None or found.filename != request.match_info["name"]:
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=found.content, content_type=found.content_type.split(";")[0])

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        record = self._record(request, "?")
        await request.read()
        where = f"{record.method} {record.path}"
        self._state.violate("route", where, "the stand-in (or Discord) has no such route")
        return self._refuse(record, DiscordError(Refused.NOT_FOUND), {})

    def _record(self, request: web.Request, template: str) -> Request:
        path = request.path.removeprefix(API)
        now = self._state.clock.now()
        record = Request(request.method, path, template, dict(request.query), at=now)
        self._state.requests.append(record)
        return record

    async def _handle(self, request: web.Request, route: Route) -> web.StreamResponse:
        record = self._record(request, route.template)
        faults = {f.mishap: f for f in self._faults.take(record.method, record.path)}
        if Mishap.DELAY in faults:
            await asyncio.sleep(faults[Mishap.DELAY].seconds)
        refused = self._refused_by_fault(request, faults)
        if refused is not None:
            record.status = refused.status if Mishap.DROP not in faults else 0
            return refused
        answer = await self._answer(request, route, record)
        self._state.changed()
        if Mishap.DELAY_ANSWER in faults:
            await asyncio.sleep(faults[Mishap.DELAY_ANSWER].seconds)
        if Mishap.LOSE_ANSWER in faults:
            return _lost(request, record, faults[Mishap.LOSE_ANSWER])
        return answer

    def _refused_by_fault(
        self, request: web.Request, faults: dict[Mishap, Fault]
    ) -> web.Response | None:
        if Mishap.DROP in faults:
            return _broken(request)
        if Mishap.STATUS in faults:
            status = faults[Mishap.STATUS].status
            return web.Response(status=status, text="<html>upstream connect error</html>")
        if Mishap.RATE_LIMIT in faults:
            return _too_many(faults[Mishap.RATE_LIMIT].seconds, {})
        return None

    async def _answer(
        self, request: web.Request, route: Route, record: Request
    ) -> web.StreamResponse:
        verdict = Verdict({}, 0.0)
        try:
            call = Call(self._state, record, dict(request.match_info))
            call.body, call.files = await read_body(request)
            record.body, record.files = call.body, [f.filename for f in call.files.values()]
            self._find_secrets(call)
            verdict = self._limit(route, call)
            if verdict.retry_after:
                record.status = 429
                return _too_many(verdict.retry_after, verdict.headers)
            self._authorise(request, route)
            self._judge(route, call)
            return self._reply(record, route.handler(call), verdict.headers)
        except DiscordError as error:
            if error.refused in _ALWAYS_WRONG:
                self._state.violate("body", f"{record.method} {record.path}", str(error))
            return self._refuse(record, error, verdict.headers)

    def _limit(self, route: Route, call: Call) -> Verdict:
        if not route.signed:
            # Answers to interactions count towards no limit of the bot.
            return Verdict({}, 0.0)
        major = call.params.get("channel_id") or call.params.get("guild_id") or ""
        changes = route.method == "PATCH" and route.template == "/channels/{channel_id}"
        renames = changes and bool({"name", "topic"} & set(call.json))
        return self._limits.count(route.method, route.template, major, renames=renames)

    def _authorise(self, request: web.Request, route: Route) -> None:
        if route.signed and request.headers.get("Authorization") != f"Bot {self._state.token}":
            raise DiscordError(Refused.UNAUTHORIZED)

    def _find_secrets(self, call: Call) -> None:
        said = "\n".join([*strings(call.body), *call.query.values(), *call.record.files])
        where = f"{call.record.method} {call.record.route}"
        self._state.find_secrets(said, where, (file.content for file in call.files.values()))

    def _judge(self, route: Route, call: Call) -> None:
        """The form of a body, by the rules and then by Discord's document."""
        where = f"{call.record.method} {call.record.path}"
        problems, rule = _by_rules(route, call.body), "body"
        if not problems and self._openapi is not None and call.body is not None:
            problems = self._openapi.check(route.method, route.template, call.body)
            rule = "openapi"
        for problem in problems:
            self._state.violate(rule, where, str(problem))
        if problems:
            raise DiscordError(Refused.INVALID_FORM_BODY, problems)

    def _reply(self, record: Request, result: Body, headers: dict[str, str]) -> web.Response:
        if isinstance(result, Reply):
            record.status, result = result.status, result.body
        else:
            record.status = 204 if result is None else 200
        record.answer = result
        return _json(record.status, result, headers)

    def _refuse(
        self, record: Request, error: DiscordError, headers: dict[str, str]
    ) -> web.Response:
        refused = error.refused
        record.status, record.code = refused.status, refused.code
        self._state.refusals.append(Refusal(refused.code, refused.message, record))
        self._state.changed()
        if refused.status == 429:
            headers = {**headers, "Retry-After": "3600"}
            body = {**error.body(), "retry_after": 3600.0, "global": False}
            return _json(429, body, headers)
        return _json(refused.status, error.body(), headers)


def _by_rules(route: Route, body: Body) -> list[Problem]:
    if route.rules is None:
        return []
    try:
        return route.rules(body)
    except (TypeError, AttributeError, ValueError, KeyError, IndexError) as error:
        # The rules take the shape for granted; a body that breaks them has another shape.
        return [Problem((), "DICT_TYPE_CONVERT", f"The body has an impossible shape: {error!r}")]


def _json(status: int, body: Body, headers: dict[str, str]) -> web.Response:
    everything = {"Via": "1.1 google", **headers}
    if status == 204:
        return web.Response(status=204, headers=everything)
    # As bytes: with a charset in its content type discord.py takes an answer for plain text.
    everything["Content-Type"] = "application/json"
    return web.Response(status=status, body=json.dumps(body).encode(), headers=everything)


def _too_many(retry_after: float, headers: dict[str, str]) -> web.Response:
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": False}
    told = {"Retry-After": str(max(1, round(retry_after))), "X-RateLimit-Scope": "user"}
    return _json(429, body, {**headers, **told})


def _broken(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


def _lost(request: web.Request, record: Request, fault: Fault) -> web.Response:
    record.status = fault.status
    if fault.status:
        return web.Response(status=fault.status, text="<html>bad gateway</html>")
    return _broken(request)
