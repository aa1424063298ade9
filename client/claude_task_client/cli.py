"""`claude-task-client`: finds the command that was asked for, and imports it alone."""

from __future__ import annotations

import importlib
import sys

import click


class Commands(click.Group):
    """Each command is the file of its name in `commands/`."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's signature
        from pathlib import Path

        folder = Path(__file__).with_name("commands")
        return sorted(file.stem for file in folder.glob("*.py") if file.stem != "__init__")

    def get_command(
        self,
        ctx: click.Context,  # noqa: ARG002  click's signature
        cmd_name: str,
    ) -> click.Command | None:
        if not cmd_name.isalpha():
            return None
        name = f"claude_task_client.commands.{cmd_name}"
        try:
            command: click.Command = importlib.import_module(name).command
        except ModuleNotFoundError as error:
            if error.name != name:
                raise
            return None
        command.name = cmd_name
        return command


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        click.echo(f"claude-task-client {version('claude-task-client')}")
        ctx.exit()


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
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
