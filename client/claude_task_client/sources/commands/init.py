"""Two sources to begin with."""

from __future__ import annotations

from pathlib import Path

import click

from claude_task_client import output
from claude_task_client.errors import BadSettings
from claude_task_client.options import athena_command, json_option
from claude_task_client.sources import adding, layout, registry, showing
from claude_task_client.sources.registry import Source

# What is wanted now, and what was thought out before: neither waits for the other.
NAMES = {
    "ad-hoc": "What comes up",
    "planned": "What was planned, in its order",
}


@athena_command()
@click.argument("path", type=click.Path(path_type=Path), default=".")
@click.option("--project", metavar="NAME", help="Their tasks belong to this project.")
@click.option("--poll", is_flag=True, help="Look into them regularly: the system tells no changes.")
@json_option
def command(*, path: Path, project: str | None, poll: bool, as_json: bool) -> None:
    """Make two sources below PATH, `ad-hoc` and `planned`, and watch them from now on.

    It may be repeated: what is there stays as it is, and what is missing is made.
    """
    made = [_ensure(path / name, project=project, poll=poll) for name in NAMES]
    if as_json:
        output.print_json({"sources": [showing.fields(source) for source in made]})
        return
    for source in made:
        output.say(f"{source.id}: {showing.path(source)}")
        if project is not None and source.project != project:
            output.warn(
                f"{source.id} stays {_owner(source)}. For {project}, first:"
                f" claude-task-client sources rm {source.id}"
            )
    showing.tell_how_to_begin(made)


def _ensure(folder: Path, *, project: str | None, poll: bool) -> Source:
    """The source of this folder, which is made where it is not there."""
    _make(folder)
    sources = registry.load()
    for source in sources:
        if source.path == folder.resolve():
            layout.prepare(source)
            return source
    return adding.add(
        folder,
        source_id=_free_id(folder.resolve(), {source.id.lower() for source in sources}),
        project=project,
        description=NAMES[folder.name],
        is_polled=poll,
    )


def _owner(source: Source) -> str:
    return f"of the project {source.project}" if source.project else "of no project"


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadSettings(f"Cannot make {folder}: {error.strerror or error}.") from error


def _free_id(folder: Path, taken: set[str]) -> str | None:
    """None: its own name will do. Else that of the folder above goes before it."""
    if registry.slug_of_folder(folder) not in taken:
        return None
    above = registry.slug_of_folder(folder.parent)
    return f"{above[: 63 - len(folder.name)]}-{folder.name}"
