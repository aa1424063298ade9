"""What there is of the plugin, and what is wrong with it."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from typing import Final

from claude_task_client import settings
from claude_task_client.errors import AthenaError
from claude_task_client.examining import Finding
from claude_task_client.http import HttpTransport
from claude_task_client.plugin import (
    config_folder,
    copying,
    installing,
    locking,
    names,
    sitting,
)
from claude_task_client.plugin.installing import Place
from claude_task_client.transport import Call

# What the hooks rely on was seen with this one: their command as a list of arguments, the variables
# that name session and process, words at a stop that are no error.
VERSION_MIN: Final = (2, 1, 330)
VERSION_SECONDS: Final = 30.0
ATHENA_SECONDS: Final = 2.0

_VERSION: Final = re.compile(r"(\d+)\.(\d+)\.(\d+)")
_INSTALL: Final = "Run: claude-task-client plugin install"


def examine(where: Place) -> Iterator[Finding]:
    """Look at everything that the plugin needs."""
    yield _claude()
    contents = config_folder.read(where.config)
    yield _plugin(where, contents)
    if installing.is_named(contents):
        yield _hooks(contents)
        yield _tools()
    yield _athena()
    yield from _sessions(where)


def _claude() -> Finding:
    program = installing.program()
    if program is None:
        return Finding(
            "Claude Code", False, "there is none", "Install it, or name it by CLAUDE_CLI_COMMAND"
        )
    found = _VERSION.search(_said([*program, "--version"]))
    if found is None:
        return Finding("Claude Code", False, f"{program[0]} does not start", "Run it by hand")
    if tuple(int(part) for part in found.groups()) < VERSION_MIN:
        least = ".".join(map(str, VERSION_MIN))
        detail = f"{found[0]} ({program[0]}); the plugin needs {least}"
        return Finding("Claude Code", False, detail, "Run: claude update")
    return Finding("Claude Code", True, f"{found[0]} ({program[0]})")


def _said(command: Sequence[str]) -> str:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=VERSION_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout


def _plugin(where: Place, contents: config_folder.Contents) -> Finding:
    name = "plugin"
    if not installing.is_named(contents):
        return Finding(name, False, f"not in {where.config}", _INSTALL)
    path = installing.marketplace_path(contents)
    enabled = config_folder.settings_of(contents[config_folder.SETTINGS]).get("enabledPlugins")
    if path is None or not isinstance(enabled, dict) or names.PLUGIN not in enabled:
        return Finding(name, False, "only a part of it is in Claude Code's settings", _INSTALL)
    if enabled[names.PLUGIN] is not True:
        return Finding(
            name, False, "installed, but disabled", f"Run: claude plugin enable {names.PLUGIN}"
        )
    if path == str(where.copy) and not copying.is_current(where.copy):
        return Finding(name, False, f"{path} belongs to another version of this program", _INSTALL)
    return Finding(name, True, f"installed, from {path}")


def _hooks(contents: config_folder.Contents) -> Finding:
    if config_folder.settings_of(contents[config_folder.SETTINGS]).get("disableAllHooks"):
        advice = 'Remove "disableAllHooks" from Claude Code\'s settings.json'
        return Finding("hooks", False, "all hooks are switched off", advice)
    return Finding("hooks", True, "session start, stop, session end")


def _tools() -> Finding:
    if copying.has_mcp():
        return Finding("MCP tools", True, "available")
    advice = f"Run: pip install 'claude-task-client[mcp]'; then: {_INSTALL.removeprefix('Run: ')}"
    return Finding("MCP tools", False, "they need another package", advice)


def _athena() -> Finding:
    try:
        told = settings.load()
        transport = HttpTransport(told.url, told.signed_in(), timeout_seconds=ATHENA_SECONDS)
        transport.send_once(Call("GET", "/api/tasks", {"limit": "1"}))
    except AthenaError as error:
        return Finding("Athena", False, str(error), "See what is wrong: claude-task-client doctor")
    return Finding("Athena", True, f"{told.url}, as {told.instance}")


def _sessions(where: Place) -> Iterator[Finding]:
    """Who has the plugin now, and what they hold."""
    for each in sitting.everyone(where.state):
        if not each.is_there():
            continue
        claims = ", ".join(f"#{claim.task_id}" for claim in each.claims())
        if not claims:
            yield Finding("session", True, f"Claude Code {each.pid} holds no task")
        elif locking.is_held(each.beat_lock):
            yield Finding("session", True, f"Claude Code {each.pid} holds {claims}, kept alive")
        else:
            detail = f"Claude Code {each.pid} holds {claims}, which nobody keeps alive"
            yield Finding("session", False, detail, "Run: claude-task-client heartbeat")
