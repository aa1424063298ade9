"""docs/client.md names everything that the client has."""

from pathlib import Path

import click
import pytest

import claude_task_client
from claude_task_client import AsyncAthena, Athena, settings
from claude_task_client.cli import group

PAGE = (Path(__file__).parents[2] / "docs/client.md").read_text(encoding="utf-8")
COMMANDS = group.list_commands(click.Context(group))


@pytest.mark.parametrize("name", COMMANDS)
def test_each_command_and_option_is_described(name):
    command = group.get_command(click.Context(group), name)
    assert command is not None
    options = [option for option in command.params if isinstance(option, click.Option)]

    assert f"`{name}" in PAGE
    for option in options:
        assert any(spelling in PAGE for spelling in option.opts), (name, option.opts)


def test_each_setting_is_described():
    for field, variable in settings.VARIABLES.items():
        assert f"| `{variable}` | `{field}` |" in PAGE


def test_each_method_is_described_and_has_both_faces():
    methods = {name for name in dir(AsyncAthena) if not name.startswith("_")} - {"close"}

    assert methods == {name for name in dir(Athena) if not name.startswith("_")} - {
        "close",
        "instance",
        "url",
    }
    for name in methods:
        assert f"`{name}`" in PAGE, name


def test_each_public_name_can_be_had():
    for name in claude_task_client.__all__:
        assert getattr(claude_task_client, name).__name__ == name
    with pytest.raises(AttributeError):
        _ = claude_task_client.NoSuchThing
