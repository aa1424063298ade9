"""The Messages API's answers: a message whole, or as server-sent events."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from typing import Any

from tests.fakes.model.script import Call, Reply, Say


def message(reply: Reply, model: str) -> dict[str, Any]:
    """The whole message, as it is answered without streaming."""
    return _envelope(reply, model) | {
        "content": [_block(block) for block in reply.blocks],
        "stop_reason": reply.reason,
        "usage": _usage(reply) | {"output_tokens": reply.tokens.output},
    }


def events(reply: Reply, model: str) -> Iterator[bytes]:
    """The message's server-sent events; the program needs their `event:` lines."""
    yield _event("message_start", {"message": _envelope(reply, model)})
    for index, block in enumerate(reply.blocks):
        empty, delta = _opened(block)
        yield _event("content_block_start", {"index": index, "content_block": empty})
        yield _event("content_block_delta", {"index": index, "delta": delta})
        yield _event("content_block_stop", {"index": index})
    delta = {"stop_reason": reply.reason, "stop_sequence": None}
    usage = {"output_tokens": reply.tokens.output}
    yield _event("message_delta", {"delta": delta, "usage": usage})
    yield _event("message_stop", {})


def error(kind: str, text: str) -> dict[str, Any]:
    """The body of an error."""
    return {"type": "error", "error": {"type": kind, "message": text}}


def _envelope(reply: Reply, model: str) -> dict[str, Any]:
    return {
        "id": f"msg_{uuid.uuid4().hex}",
        "type": "message",
        "role": "assistant",
        "model": model,
        "content": [],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": _usage(reply),
    }


def _usage(reply: Reply) -> dict[str, int]:
    return {
        "input_tokens": reply.tokens.input,
        "cache_read_input_tokens": reply.tokens.cache_read,
        "cache_creation_input_tokens": reply.tokens.cache_creation,
        "output_tokens": 1,
    }


def _block(block: Say | Call) -> dict[str, Any]:
    if isinstance(block, Say):
        return {"type": "text", "text": block.text}
    return {"type": "tool_use", "id": _tool_id(), "name": block.name, "input": dict(block.input)}


def _opened(block: Say | Call) -> tuple[dict[str, Any], dict[str, Any]]:
    """How the block begins in the stream, and the one piece that it comes in."""
    if isinstance(block, Say):
        return {"type": "text", "text": ""}, {"type": "text_delta", "text": block.text}
    start = {"type": "tool_use", "id": _tool_id(), "name": block.name, "input": {}}
    return start, {"type": "input_json_delta", "partial_json": json.dumps(dict(block.input))}


def _tool_id() -> str:
    return f"toolu_{uuid.uuid4().hex[:24]}"


def _event(name: str, data: Mapping[str, Any]) -> bytes:
    return f"event: {name}\ndata: {json.dumps({'type': name, **data})}\n\n".encode()
