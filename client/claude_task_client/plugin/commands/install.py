"""The plugin's coming."""

from __future__ import annotations

from claude_task_client import output
from claude_task_client.options import athena_command, json_option


@athena_command()
@json_option
def command(*, as_json: bool) -> None:
    """Install the plugin into Claude Code, or bring it up to date.

    Claude Code's own settings are kept as they are now: `plugin uninstall` puts them back.
    """
    from claude_task_client.plugin import copying, installing

    where = installing.place()
    installing.install(where)
    if as_json:
        output.print_json(
            {"plugin": "athena", "from": str(where.copy), "settings": str(where.config)}
        )
        return
    output.say(f"Installed the plugin athena into {where.config}. New sessions have it.")
    if not copying.has_mcp():
        output.warn(
            "Without its MCP tools, which need another package: pip install"
            " 'claude-task-client[mcp]', then once more: claude-task-client plugin install"
        )
