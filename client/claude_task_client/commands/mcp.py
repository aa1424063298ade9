"""The MCP server, which a model's client starts and speaks to."""

from __future__ import annotations

import signal
import sys
from typing import Final

import click

from claude_task_client.options import athena_command

_EXTRA: Final = frozenset({"mcp", "mcp_types", "pydantic"})


@athena_command()
def command() -> None:
    """Serve the queue as MCP tools, over standard input and output.

    A model's client starts it: claude mcp add athena -- claude-task-client mcp
    """
    try:
        from claude_task_client.mcp.server import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in _EXTRA:
            raise
        raise click.UsageError(
            "The MCP server needs more packages. Install them:"
            " pip install 'claude-task-client[mcp]'"
        ) from error
    if sys.stdin.isatty():
        click.echo(
            "This speaks MCP with a program, not with people. To have Claude Code start it:"
            " claude mcp add athena -- claude-task-client mcp",
            err=True,
        )
    # A thread sits in a read of standard input, and Python would wait for it: there is nothing to
    # put in order, what is claimed stays so.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    run()
