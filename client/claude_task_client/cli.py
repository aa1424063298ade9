"""`claude-task-client`: the console script, and what its commands have in common."""

from __future__ import annotations

import sys

import click

from claude_task_client.command_folder import CommandFolder


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"claude-task-client {version('claude-task-client')}")
        ctx.exit()


@click.group(
    cls=CommandFolder,
    package="claude_task_client.commands",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version)
def group() -> None:
    """Take tasks from Athena's queue, work on them, and submit new ones.

    \b
    Exit codes: 0 done; 1 refused by Athena; 2 wrong usage;
    3 Athena not reachable; 4 nothing to do.
    """  # noqa: D301  click wants the character


def main() -> None:
    """The console script."""
    for stream in (sys.stdout, sys.stderr):
        # A description in any script must not break a terminal or pipe of another encoding.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    group(prog_name="claude-task-client")


if __name__ == "__main__":
    main()
