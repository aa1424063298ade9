"""The copy of the marketplace folder that Claude Code gets: it starts this very program.

The shipped one says `claude-task-client`, which need not be on the PATH that Claude Code has (one
started from a desktop has a short one), and takes the whole command line to a hook. The copy names
Python and the module by their places: a hook of it costs half the CPU time, and no shell reads it.
"""

from __future__ import annotations

import importlib.util
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

from claude_task_client.errors import BadSettings
from claude_task_client.plugin.names import SHIPPED

# -P: a file of the project that Claude works in must not stand in for a module of ours.
PYTHON: Final = (sys.executable, "-P", "-m")
HOOK: Final = (*PYTHON, "claude_task_client.plugin.hook")
MCP: Final = (*PYTHON, "claude_task_client.cli", "mcp")

Files = Mapping[str, str]


def has_mcp() -> bool:
    """Whether the MCP server can run here: it is an extra."""
    return importlib.util.find_spec("mcp") is not None


def wanted() -> Files:
    """The copy's files as they are to be, by their paths in it."""
    shipped = {
        path.relative_to(SHIPPED).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(SHIPPED.rglob("*"))
        if path.is_file()
    }
    shipped[_HOOKS] = _changed(shipped[_HOOKS], _name_hooks)
    shipped[_MANIFEST] = _changed(shipped[_MANIFEST], _name_version)
    if has_mcp():
        shipped[_SERVERS] = _changed(shipped[_SERVERS], _name_server)
    else:
        del shipped[_SERVERS]  # a server that cannot start would be shown as failed in each session
    return shipped


def make(folder: Path) -> None:
    """Make the copy, or make it anew. Raises: BadSettings."""
    aside = folder.with_name(f"{folder.name}.new")
    try:
        shutil.rmtree(aside, ignore_errors=True)
        for name, text in wanted().items():
            path = aside / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)
    except OSError as error:
        raise BadSettings(f"Cannot write {folder}: {error.strerror or error}.") from error


def is_current(folder: Path) -> bool:
    """Whether the copy is what this program would make now."""
    try:
        return {
            path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8")
            for path in folder.rglob("*")
            if path.is_file()
        } == wanted()
    except (OSError, ValueError):
        return False


_HOOKS: Final = "athena/hooks/hooks.json"
_SERVERS: Final = "athena/.mcp.json"
_MANIFEST: Final = "athena/.claude-plugin/plugin.json"


def _changed(text: str, change: Any) -> str:
    content = json.loads(text)
    change(content)
    return json.dumps(content, indent=2) + "\n"


def _name_hooks(content: dict[str, Any]) -> None:
    for groups in content["hooks"].values():
        for hook in (hook for group in groups for hook in group["hooks"]):
            _name(hook, [*HOOK, hook["args"][-1]])


def _name_server(content: dict[str, Any]) -> None:
    _name(content["mcpServers"]["athena"], MCP)


def _name_version(content: dict[str, Any]) -> None:
    content["version"] = version("claude-task-client")


def _name(started: dict[str, Any], command: Sequence[str]) -> None:
    started["command"], started["args"] = command[0], [*command[1:]]
