"""The rest of the client starts as if there were no MCP server."""

from __future__ import annotations

import json
import subprocess
import sys

# The SDK's packages, and what comes with them.
HEAVY = ["mcp", "mcp_types", "pydantic", "pydantic_core", "starlette", "opentelemetry"]

IMPORTS = """
import importlib, json, pkgutil, sys
import claude_task_client
for found in pkgutil.walk_packages(claude_task_client.__path__, "claude_task_client."):
    if not found.name.startswith("claude_task_client.mcp"):
        importlib.import_module(found.name)
for name in claude_task_client.__all__:
    getattr(claude_task_client, name)
print(json.dumps([name for name in json.loads(sys.argv[1]) if name in sys.modules]))
"""


def heavy_after(program: str) -> list[str]:
    """Which of the heavy packages a program has imported."""
    done = subprocess.run(
        [sys.executable, "-c", program, json.dumps(HEAVY)],
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=True,
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_no_other_module_of_the_client_imports_the_sdk():
    """Each module but those of the server, `commands.mcp` among them, goes without."""
    assert heavy_after(IMPORTS) == []


def test_check_imports_nothing_of_it(laptop):
    """It runs at the start of every session."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "claude_task_client.cli", "check"],
        env=laptop.environment(),
        capture_output=True,
        encoding="utf-8",
        timeout=60,
    )

    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert done.returncode == 0
    assert not imported & {*HEAVY}
    assert not {name for name in imported if name.startswith("claude_task_client.mcp")}
