"""How a body becomes values: strict JSON, then the endpoint's own model.

orjson is lenient in two ways that would change what a client meant: of two equal names it keeps the
last, and an integer beyond 64 bits becomes a rounded float. Where a quick look cannot rule these
out, the body is read again by the slower parser of the standard library, which can be told.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Final, TypeVar, cast

import orjson
from aiohttp import hdrs, web
from multidict import MultiMapping
from pydantic import BaseModel, ValidationError

from athena.api.problem import BadRequest, ExpectationFailed, TooLarge, TooSlow, WrongMediaType
from athena.model import limits
from athena.model.errors import FieldError, Invalid
from athena.model.text import fault_in_text

M = TypeVar("M", bound=BaseModel)

DEPTH_MAX: Final = 64
_BODY_SECONDS_MAX: Final = 30.0
_EXACT_INTEGER_MAX: Final = 2.0**63
_QUERY_CHARACTERS_MAX: Final = 8_000


async def body_of(request: web.BaseRequest) -> bytes:
    """The bytes of the request's body, of the right kind and size.

    Raises: TooLarge, TooSlow, WrongMediaType, ExpectationFailed, BadRequest.
    """
    headers = request.headers
    expectation = headers.get(hdrs.EXPECT)
    if expectation is not None and expectation.lower() != "100-continue":
        raise ExpectationFailed
    content = request.content
    if content.is_eof():
        raw = _whole(request)
    else:
        raw = await _arriving(request, is_awaited=expectation is not None)
    if raw and (
        headers.get(hdrs.CONTENT_TYPE) != "application/json" or hdrs.CONTENT_ENCODING in headers
    ):
        _check_media_type(headers)
    if len(raw) > limits.BODY_BYTES_MAX:
        raise TooLarge
    return raw


def _whole(request: web.BaseRequest) -> bytes:
    """A body that came with its head, as nearly all do; spares the machinery for waiting."""
    try:
        return request.content.read_nowait()
    except web.RequestPayloadError:
        raise BadRequest from None


async def _arriving(request: web.BaseRequest, *, is_awaited: bool) -> bytes:
    length = request.content_length
    if length is not None and length > limits.BODY_BYTES_MAX:
        raise TooLarge
    if is_awaited and request.transport is not None:
        request.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    try:
        async with asyncio.timeout(_BODY_SECONDS_MAX):
            return await request.read()
    except TimeoutError:
        raise TooSlow from None
    except web.HTTPRequestEntityTooLarge:
        raise TooLarge from None
    except web.RequestPayloadError:
        raise BadRequest from None


def _check_media_type(headers: Mapping[str, str]) -> None:
    kind, _, parameters = headers.get(hdrs.CONTENT_TYPE, "application/json").partition(";")
    charset = parameters.strip().lower()
    if kind.strip().lower() != "application/json":
        raise WrongMediaType
    if charset not in {"", "charset=utf-8", 'charset="utf-8"', "charset=utf8"}:
        raise WrongMediaType
    if headers.get(hdrs.CONTENT_ENCODING, "identity").lower() != "identity":
        raise WrongMediaType


def body_as(model: type[M], raw: bytes) -> M:
    """The body as the endpoint's model; no bytes stand for `{}`.

    Raises: Invalid.
    """
    has_escapes = b"\\" in raw
    value = _read(raw, has_escapes=has_escapes)
    if not isinstance(value, dict):
        raise Invalid(errors=[FieldError("body", "must be an object")])
    body = _validated(model, value)
    if has_escapes and b"\\u0000" in raw:
        _refuse_nul(value)
    return body


def query_as(model: type[M], query: MultiMapping[str]) -> M:
    """The query as the endpoint's model.

    Raises: Invalid.
    """
    value: dict[str, str] = {}
    for name, text in query.items():
        known = name in model.model_fields
        if known and name in value:
            raise Invalid(errors=[FieldError(name, "is given more than once; use commas")])
        fault = fault_in_text(text, _QUERY_CHARACTERS_MAX)
        if fault is not None:
            raise Invalid(errors=[FieldError(name if known else "query", fault)])
        value[name] = text
    return _validated(model, value)


def parse(raw: bytes) -> object:
    """The JSON value that the bytes stand for; no bytes stand for `{}`.

    Raises: Invalid.
    """
    return _read(raw, has_escapes=b"\\" in raw)


def _read(raw: bytes, *, has_escapes: bool) -> object:
    if not raw:
        return {}
    try:
        value: object = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise _not_json() from None
    strings = _count_plain(value)
    if strings is None:
        strings = _count_strings(value)
    # Each string has two quotes: where the count is right, no name was given twice. A number that
    # may have been rounded, or an escaped quote, makes the count meaningless: then look closely.
    if strings is None or has_escapes or raw.count(b'"') != 2 * strings:
        return _read_closely(raw)
    return value


def _count_plain(value: object) -> int | None:
    """As `_count_strings`, for an object of nothing but plain values, as most bodies are.

    None for any other, in half the time.
    """
    if not isinstance(value, dict):
        return None
    strings = len(value)
    for item in value.values():
        kind = type(item)
        if kind is str:
            strings += 1
        elif kind is not int and kind is not bool and item is not None:
            return None
    return strings


def _count_strings(value: object) -> int | None:
    """How many strings stand in the value, names included; None if a number looks rounded.

    Raises: Invalid, where it is nested too deeply.
    """
    strings = 0
    looks_rounded = False
    level = [value]
    for _ in range(DEPTH_MAX + 1):
        deeper: list[object] = []
        for item in level:
            kind = type(item)
            if kind is str:
                strings += 1
            elif isinstance(item, dict):
                strings += len(item)
                deeper += item.values()
            elif isinstance(item, list):
                deeper += item
            elif isinstance(item, float):
                looks_rounded |= abs(item) >= _EXACT_INTEGER_MAX
        if not deeper:
            return None if looks_rounded else strings
        level = deeper
    raise _unreadable(f"is nested too deeply: at most {DEPTH_MAX} levels are taken")


def _read_closely(raw: bytes) -> object:
    """The same value, with integers of any size as they were written.

    Raises: Invalid, where a name is given twice.
    """
    try:
        return json.loads(raw, object_pairs_hook=_unique)
    except (ValueError, RecursionError):
        raise _not_json() from None


def _unique(pairs: list[tuple[str, object]]) -> dict[str, object]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise _unreadable("gives a name twice in one object")
    return value


def _refuse_nul(value: dict[str, object]) -> None:
    for name, item in value.items():
        if _has_nul(item):
            raise Invalid(errors=[FieldError(name, "contains a NUL character")])


def _has_nul(value: object) -> bool:
    match value:
        case str():
            return "\x00" in value
        case dict():
            return any("\x00" in name or _has_nul(item) for name, item in value.items())
        case list():
            return any(_has_nul(item) for item in value)
        case _:
            return False


def _not_json() -> Invalid:
    return _unreadable("is not JSON in UTF-8")


def _unreadable(fault: str) -> Invalid:
    return Invalid(f"The body {fault}.", [FieldError("body", fault)])


def _validated(model: type[M], value: Mapping[str, object]) -> M:
    try:
        # What `model_validate` calls once it has looked at eight options.
        return cast("M", model.__pydantic_validator__.validate_python(value))
    except ValidationError as error:
        raise Invalid("Some fields are not as they must be.", _faults(model, error)) from None


def _faults(model: type[BaseModel], error: ValidationError) -> list[FieldError]:
    """What is wrong, in words that repeat nothing of what was sent."""
    details = error.errors(include_url=False, include_input=False, include_context=False)
    return [_fault(model, detail["type"], detail["loc"], detail["msg"]) for detail in details]


def _fault(
    model: type[BaseModel], kind: str, place: tuple[int | str, ...], message: str
) -> FieldError:
    if kind == "extra_forbidden":
        # The name itself was chosen by the sender, so it is not said.
        inner = ".".join(str(part) for part in place[:-1])
        known = "" if inner else f"; known are {', '.join(model.model_fields)}"
        return FieldError(inner or "body", f"has a field that is unknown here{known}")
    field = ".".join(str(part) for part in place)
    return FieldError(field or "body", message.removeprefix("Value error, "))
