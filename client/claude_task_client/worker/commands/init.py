"""Writing the worker's config from the repository that one stands in."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path

import click

from claude_task_client import files, output
from claude_task_client.errors import BadSettings
from claude_task_client.options import athena_command, json_option
from claude_task_client.worker import config_file, detecting, writing
from claude_task_client.worker.config import ProjectConfig
from claude_task_client.worker.places import Places


@athena_command()
@click.argument(
    "folder", type=click.Path(path_type=Path, exists=True, file_okay=False), default="."
)
@click.option("--name", metavar="PROJECT", help="What tasks call it (the folder's name).")
@json_option
@click.pass_obj
def command(places: Places, folder: Path, name: str | None, as_json: bool) -> None:
    """Write a config for the repository in FOLDER, or add it to the config that is there.

    What is there is left as it is.
    """
    top = detecting.top_folder(folder)
    if top is None:
        raise BadSettings(
            f"{folder.absolute()} is in no git repository, and the worker keeps work in git.\n"
            "Go to the repository, or make one: git init"
        )
    found = detecting.detect(top, name)
    is_new = _write(places.config, found)
    if as_json:
        output.print_json(
            {
                "config": str(places.config),
                "project": found.name,
                "path": str(found.path),
                "base_branch": found.base_branch,
                "test_command": found.test_command,
            }
        )
        return
    output.say(f"{'Wrote' if is_new else 'Added project ' + found.name + ' to'} {places.config}.")
    _say_what_was_found(found)
    output.say("Look it over, then: claude-task-client work --once")
    output.say(f"As a service: claude-task-client work install {found.name}")


def _write(path: Path, found: detecting.Found) -> bool:
    """Whether the file is new. What it says afterwards can be used, or nothing is written."""
    with files.lock(path):
        is_new = not path.exists()
        if is_new:
            text = writing.whole_file(found)
        else:
            _check_is_new(path, config_file.load(path).projects, found)
            kept = path.read_text("utf-8-sig").rstrip("\n")
            text = f"{kept}\n\n{writing.project_table(found)}"
            _check_is_toml(path, text)
        config_file.parse(text, path)
        files.replace_file(path, text)
        return is_new


def _check_is_new(
    path: Path, projects: Mapping[str, ProjectConfig], found: detecting.Found
) -> None:
    for project in projects.values():
        if project.name.lower() == found.name.lower():
            where = "" if project.path == found.path else f", for {project.path}"
            raise BadSettings(
                f"{path} has a project {project.name} already{where}.\n"
                + (
                    "Nothing to do: claude-task-client work"
                    if not where
                    else "Give this one another name: claude-task-client work init --name NAME"
                )
            )


def _check_is_toml(path: Path, text: str) -> None:
    """Where `projects` is written in another way, a table behind it is no TOML any more."""
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(
            f"{path} is written in a way that nothing can be added to: add the project by hand."
        ) from error


def _say_what_was_found(found: detecting.Found) -> None:
    output.say(f"  project      {found.name} in {output.line(str(found.path), None)}")
    output.say(f"  branch       {found.base_branch or 'none found: tasks start from HEAD'}")
    output.say(f"  tests        {found.test_command or 'none found: name them as test_command'}")
    if not found.has_commit:
        output.say("  commits      none yet: make a first one, which tasks can start from")
    if found.remote is None:
        output.say("  remote       none: push and pull_request cannot be turned on")
