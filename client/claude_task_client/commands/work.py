"""The worker: tasks done unattended."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from claude_task_client.command_folder import CommandFolder
from claude_task_client.errors import BadSettings

if TYPE_CHECKING:
    from claude_task_client.worker.config import WorkerConfig


@click.group(
    cls=CommandFolder,
    package="claude_task_client.worker.commands",
    invoke_without_command=True,
)
@click.option("--once", is_flag=True, help="Take one task, and exit.")
@click.option(
    "--jobs", type=click.IntRange(1, 64), metavar="N", help="How many tasks to run at a time."
)
@click.option("--cycles", type=click.IntRange(1), metavar="N", help="Exit after so many tasks.")
@click.option(
    "--interval",
    type=click.FloatRange(0.1),
    metavar="SECONDS",
    help="Ask for work this often, instead of waiting at Athena for some.",
)
@click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="The worker's config file."
)
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="FOLDER",
    help="Where to keep what is being worked on.",
)
@click.option(
    "--project", "projects", multiple=True, metavar="NAME", help="Serve this project only."
)
@click.option(
    "--label", "labels", multiple=True, metavar="LABEL", help="Tasks for this label fit here."
)
@click.pass_context
def command(
    ctx: click.Context,
    *,
    once: bool,
    jobs: int | None,
    cycles: int | None,
    interval: float | None,
    config: Path | None,
    state: Path | None,
    projects: tuple[str, ...],
    labels: tuple[str, ...],
) -> None:
    """Claim tasks for the projects of the config file, and have Claude Code do them.

    Without a command it works until it is stopped; Ctrl-C hands back what runs.
    """
    if sys.platform == "win32":
        raise click.UsageError("The worker runs on Linux and macOS. On Windows, run it in WSL.")
    from claude_task_client.worker import config_file
    from claude_task_client.worker.places import Places

    places = Places(config and config.absolute(), state and state.absolute())
    ctx.obj = places
    if ctx.invoked_subcommand is not None:
        return
    from claude_task_client.worker.options import WorkOptions

    loaded = config_file.load(places.config, state=places.state)
    options = WorkOptions(
        state=places.state,
        jobs=1 if once else jobs or loaded.jobs,
        projects=_served(loaded, projects),
        once=once,
        cycles=cycles,
        interval_seconds=interval,
    )
    told = replace(loaded, labels=tuple(dict.fromkeys([*loaded.labels, *labels])))
    from claude_task_client.worker.concealing import conceal
    from claude_task_client.worker.main import run_worker

    conceal()
    ctx.exit(run_worker(told, options))


def _served(config: WorkerConfig, named: Sequence[str]) -> Sequence[str]:
    unknown = [name for name in named if name not in config.projects]
    if unknown:
        raise BadSettings(
            f"{config.file} has no project {unknown[0]!r}: there are {', '.join(config.projects)}."
        )
    return tuple(dict.fromkeys(named)) or tuple(config.projects)
