"""The plugin's going."""

from __future__ import annotations

from claude_task_client import output
from claude_task_client.options import athena_command, json_option


@athena_command()
@json_option
def command(*, as_json: bool) -> None:
    """Take the plugin out of Claude Code, and put its settings back as they were before.

    What you have changed in them since stays.
    """
    from claude_task_client.plugin import installing

    where = installing.place()
    installing.uninstall(where)
    if as_json:
        output.print_json({"plugin": None, "settings": str(where.config)})
    else:
        output.say(f"Removed the plugin athena from {where.config}.")
