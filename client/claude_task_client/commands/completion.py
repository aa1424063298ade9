"""Completion of commands and options in a shell."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from claude_task_client import output
from claude_task_client.options import athena_command, json_option

PROGRAM = "claude-task-client"
SHELLS = ("bash", "zsh", "fish")


@athena_command()
@click.argument("shell", type=click.Choice(SHELLS))
@json_option
@click.pass_context
def command(ctx: click.Context, shell: str, as_json: bool) -> None:
    """Print the completion script of a shell.

    \b
    bash:  eval "$(claude-task-client completion bash)"     in ~/.bashrc
    zsh:   eval "$(claude-task-client completion zsh)"      in ~/.zshrc
    fish:  claude-task-client completion fish | source      in config.fish
    """  # noqa: D301  click wants the character
    kind = get_completion_class(shell)
    assert kind is not None  # noqa: S101  the choice offers only what click has
    script = kind(ctx.find_root().command, {}, PROGRAM, "_CLAUDE_TASK_CLIENT_COMPLETE").source()
    if as_json:
        output.print_json({"shell": shell, "script": script})
    else:
        output.say(script)
