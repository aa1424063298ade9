"""Making a tool of a method: its schema without noise, and hints on what it does."""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable
from typing import Any, Final

from mcp.server.mcpserver.tools import Tool
from mcp.types import CallToolResult, ToolAnnotations

Method = Callable[..., Awaitable[CallToolResult]]

LOOKS: Final = ToolAnnotations(read_only_hint=True, open_world_hint=False)
# Calling it again with the same arguments changes nothing more.
REPEATABLE: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=True, open_world_hint=False
)
ADDS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=False
)
# A failed attempt is used up.
USES_UP: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=True, idempotent_hint=False, open_world_hint=False
)
# A person is on the other side.
ASKS: Final = ToolAnnotations(
    read_only_hint=False, destructive_hint=False, idempotent_hint=False, open_world_hint=True
)


def make(method: Method, title: str, hints: ToolAnnotations) -> Tool:
    """The tool of this method's name; its docstring is what a model reads of it."""
    tool = Tool.from_function(
        method,
        title=title,
        description=inspect.cleandoc(method.__doc__ or ""),
        annotations=hints,
        structured_output=True,
    )
    # An argument that nobody knows would be dropped without a word.
    tool.parameters["additionalProperties"] = False
    _strip_titles(tool.parameters)
    _strip_titles(tool.output_schema or {})
    return tool


def _strip_titles(schema: dict[str, Any]) -> None:
    """Pydantic's titles repeat each name, at the cost of everybody's context."""
    schema.pop("title", None)
    for part in schema.get("properties", {}).values():
        part.pop("title", None)
    for definition in schema.get("$defs", {}).values():
        _strip_titles(definition)
