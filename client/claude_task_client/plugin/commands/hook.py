"""For Claude Code itself: a hook of the plugin, where `plugin install` did not put it in place."""

from __future__ import annotations

import click

from claude_task_client.plugin import hook


@click.command(hidden=True)
@click.argument("name", type=click.Choice([*hook.HOOKS]))
@click.pass_context
def command(ctx: click.Context, name: str) -> None:
    """Run a hook: JSON of Claude Code on standard input, JSON for it on standard output."""
    ctx.exit(hook.main(name))
