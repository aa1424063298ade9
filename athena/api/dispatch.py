"""From a request to its answer: route, key, scope, body, endpoint, JSON; and every refusal.

The order of the checks is the specification's: 401, 403, 422, 404, then what the service says.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import secrets
from collections.abc import Awaitable, Callable, Iterable
from typing import Final, cast
from urllib.parse import unquote

import structlog
from aiohttp import web

from athena.api.auth import check_instance, check_scope
from athena.api.call import Call, Surroundings, Visit
from athena.api.endpoint import Endpoint, PathId
from athena.api.fields import INTEGER_MAX
from athena.api.problem import HttpError, InternalError, NoSuchMethod, NoSuchPath, reply_for
from athena.api.reading import body_as, body_of, parse, query_as
from athena.api.reply import Headers, Reply, json_bytes
from athena.model.errors import AthenaError
from athena.model.key import Key, Scope

Answer = Reply | web.StreamResponse
Serve = Callable[[web.BaseRequest, str], Awaitable[Answer]]

# The place of `{id}` in every path that has one: /api/<noun>/{id}/<verb>.
_ID_PLACE: Final = 3
_ID_DIGITS_MAX: Final = 19
_KEYED: Final = ("/api", "/metrics")
_UNKNOWN: Final = "(unknown)"

log = structlog.get_logger("athena.api")
_lines = logging.getLogger("athena.api")


class Route:
    """An endpoint, ready to serve."""

    __slots__ = ("path", "serve")

    def __init__(self, endpoint: Endpoint, around: Surroundings) -> None:
        self.path = endpoint.path
        self.serve = _serve_open(endpoint, around)
        if endpoint.scope is not None:
            self.serve = _serve_keyed(endpoint, endpoint.scope, around)


class Dispatcher:
    """Answers every request that is HTTP at all."""

    def __init__(self, endpoints: Iterable[Endpoint], around: Surroundings) -> None:
        self._gate = around.gate
        self._count = around.metrics.requests.count
        self._loop = asyncio.get_running_loop()
        self._ids = itertools.count(1)
        self._id_prefix = secrets.token_hex(4)
        # Setting the variable itself costs a tenth of binding by name.
        bound = structlog.contextvars.bind_contextvars(request_id="")
        self._request_id = bound["request_id"].var
        structlog.contextvars.unbind_contextvars("request_id")
        self._routes: dict[str, dict[str, Route]] = {}
        for endpoint in endpoints:
            methods = self._routes.setdefault(endpoint.path, {})
            methods[endpoint.method] = Route(endpoint, around)
            if endpoint.method == "GET":
                methods["HEAD"] = methods["GET"]

    async def __call__(self, request: web.BaseRequest) -> Answer:
        """Answer; whatever goes wrong is an answer too."""
        request_id = f"{self._id_prefix}-{next(self._ids):x}"
        self._request_id.set(request_id)
        started = self._loop.time()
        path = _UNKNOWN
        answer: Answer
        try:
            route, raw_id = self._find(request)
            path = route.path
            answer = await route.serve(request, raw_id)
        except (NoSuchPath, NoSuchMethod) as error:
            answer = await self._not_there(request, error)
        except AthenaError as error:
            answer = reply_for(error)
        except Exception as error:  # noqa: BLE001  (the last resort: a bug is one failed request)
            answer = _failed(request, error)
        if isinstance(answer, Reply):
            answer.request_id = request_id
        seconds = self._loop.time() - started
        method = request.method if path is not _UNKNOWN else _UNKNOWN
        self._count(method, path, answer.status, seconds)
        if _lines.isEnabledFor(logging.DEBUG):
            log.debug(
                "answered",
                method=method,
                path=path,
                status=answer.status,
                seconds=round(seconds, 6),
            )
        return answer

    async def _not_there(self, request: web.BaseRequest, error: HttpError) -> Reply:
        """Which paths and methods there are is told only to whoever has a key."""
        if request.path.startswith(_KEYED):
            try:
                await self._gate.admit(request)
            except AthenaError as refusal:
                return reply_for(refusal)
        return reply_for(error)

    def _find(self, request: web.BaseRequest) -> tuple[Route, str]:
        """The route, and the text that stands for `{id}`.

        Raises: NoSuchPath, NoSuchMethod.
        """
        path = request.raw_path
        if not path.startswith("/"):
            path = request.path  # the absolute form, as to a proxy
        path = path.partition("?")[0]
        raw_id = ""
        methods = self._routes.get(path)
        if methods is None:
            parts = path.split("/")
            if len(parts) > _ID_PLACE and parts[_ID_PLACE]:
                raw_id, parts[_ID_PLACE] = parts[_ID_PLACE], "{id}"
                methods = self._routes.get("/".join(parts))
        if methods is None:
            raise NoSuchPath
        route = methods.get(request.method)
        if route is None:
            raise NoSuchMethod(", ".join(sorted(methods)))
        return route, raw_id


def _failed(request: web.BaseRequest, error: Exception) -> Reply:
    """Tell the log of a bug, unless it is only that nobody waits for the answer any more."""
    transport = request.transport
    if transport is None or transport.is_closing():
        log.debug("the client has gone", kind=type(error).__name__)
    else:
        log.error("a request failed", exc_info=error)
    return reply_for(InternalError())


def _serve_open(endpoint: Endpoint, around: Surroundings) -> Serve:
    """An endpoint that asks for no key."""

    async def serve(request: web.BaseRequest, _: str) -> Answer:
        return _answer(endpoint, await endpoint.handle(Visit(request, around)))

    return serve


def _serve_keyed(endpoint: Endpoint, scope: Scope, around: Surroundings) -> Serve:
    """An endpoint with its checks, in order."""
    admit = around.gate.admit
    handle, body, query = endpoint.handle, endpoint.body, endpoint.query
    path_id = endpoint.path_id

    async def serve(request: web.BaseRequest, raw_id: str) -> Answer:
        key = await admit(request)
        check_scope(key, scope)
        call = Call(request, around, key)
        arguments: list[object] = []
        if query is not None:
            arguments.append(query_as(query, request.query))
        if body is not None:
            call.raw = await body_of(request)
            _check_binding(key, scope, call.raw)
            read = body_as(body, call.raw)
            if endpoint.wants_body:
                arguments.append(read)
        if path_id is not None:
            arguments.insert(
                0, _text_from(raw_id) if path_id.is_text else _id_from(raw_id, path_id)
            )
        answer = await handle(call, *arguments)
        return _answer(endpoint, answer, call.headers, call.undo)

    return serve


def _check_binding(key: Key, scope: Scope, raw: bytes) -> None:
    """Let a key that is bound to an instance act for no other; 403 comes before any 422."""
    if key.instance is not None and scope is Scope.WORK:
        value = parse(raw)
        check_instance(key, value.get("instance") if isinstance(value, dict) else None)


def _id_from(text: str, path_id: PathId) -> int:
    """The positive integer in a path; whatever else stands there names nothing."""
    if text.isascii() and text.isdigit() and len(text) <= _ID_DIGITS_MAX and text[0] != "0":
        number = int(text)
        if number <= INTEGER_MAX:
            return number
    raise path_id.unknown


def _text_from(text: str) -> str:
    """The text in a path; what is no UTF-8 becomes what nothing is called."""
    return unquote(text, errors="replace").replace("\x00", "\N{REPLACEMENT CHARACTER}")


def _answer(
    endpoint: Endpoint,
    answer: object,
    headers: Headers = (),
    undo: Callable[[], Awaitable[None]] | None = None,
) -> Answer:
    if answer is None:
        return Reply(204, b"", headers=headers)
    if not isinstance(answer, dict):
        # Finished already. To ask for it by its class would cost more: StreamResponse is abstract.
        return cast("Answer", answer)
    if endpoint.location is not None:
        headers = (*headers, ("Location", endpoint.location.format_map(answer)))
    return Reply(endpoint.status, json_bytes(answer), headers=headers, undo=undo)
