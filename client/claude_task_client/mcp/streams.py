"""Standard input and output as MCP streams on which no line is lost.

The SDK drops a line that is no message without a word, and a client waits for its answer for ever.
Most such lines are calls whose text was cut in the middle of an emoji.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final, cast

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage
from mcp.types import (
    INVALID_REQUEST,
    PARSE_ERROR,
    ErrorData,
    JSONRPCError,
    jsonrpc_message_adapter,
)
from pydantic import ValidationError

Incoming = SessionMessage | Exception
Reading = MemoryObjectReceiveStream[Incoming]
Writing = MemoryObjectSendStream[SessionMessage]

_HALVES: Final = re.compile("[\ud800-\udfff]")

_NO_JSON: Final = "The line is no JSON. A message is one JSON object on one line, in UTF-8."
_NO_MESSAGE: Final = "The line is no JSON-RPC 2.0 message: it has jsonrpc, id, method and params."


@asynccontextmanager
async def stdio() -> AsyncIterator[tuple[Reading, Writing]]:
    """Both streams, for the length of the block."""
    async with stdio_server() as (lines, answers), anyio.create_task_group() as tasks:
        into, out = anyio.create_memory_object_stream[Incoming](0)
        write = cast("Writing", answers)
        tasks.start_soon(_relay, lines, into, write)
        yield out, write
        tasks.cancel_scope.cancel()


async def _relay(lines: Any, into: MemoryObjectSendStream[Incoming], answers: Writing) -> None:
    async with into:
        async for item in lines:
            message = mended(item) if isinstance(item, ValidationError) else item
            if isinstance(message, JSONRPCError):
                await answers.send(SessionMessage(message))
            else:
                await into.send(message)


def mended(error: ValidationError) -> SessionMessage | JSONRPCError:
    """The message that a line was meant to be, or the answer to one that is none."""
    first = error.errors(include_url=False)[0]
    if first["type"] != "json_invalid":
        return _refused(INVALID_REQUEST, _NO_MESSAGE, _id_in(error))
    try:
        # Python reads what the SDK's parser does not: half characters, and numbers without end.
        content = json.loads(first["input"], parse_int=_integer)
        text = _HALVES.sub("\ufffd", json.dumps(content, ensure_ascii=False))
        return SessionMessage(jsonrpc_message_adapter.validate_json(text, by_name=False))
    except ValidationError as other:
        return _refused(INVALID_REQUEST, _NO_MESSAGE, _id_in(other))
    except (ValueError, RecursionError):
        return _refused(PARSE_ERROR, _NO_JSON, None)


def _integer(digits: str) -> int | str:
    try:
        return int(digits)
    except ValueError:
        return digits


def _refused(code: int, reason: str, request_id: int | str | None) -> JSONRPCError:
    return JSONRPCError(jsonrpc="2.0", id=request_id, error=ErrorData(code=code, message=reason))


def _id_in(error: ValidationError) -> int | str | None:
    for each in error.errors(include_url=False):
        whole = each["input"]
        if isinstance(whole, Mapping) and "jsonrpc" in whole:
            request_id = whole.get("id")
            return request_id if isinstance(request_id, int | str) else None
    return None
