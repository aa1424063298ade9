"""The tutorial for Discord says what the bot is."""

from __future__ import annotations

import re
from pathlib import Path

from discord import app_commands

from athena.bot.commands import load
from athena.bot.places import NEEDED, RIGHTS

PAGE = (Path(__file__).parents[2] / "docs" / "discord.md").read_text(encoding="utf-8")


def test_invite_asks_for_exactly_what_is_needed() -> None:
    """The number in the address stands for the permissions in the table, and no others."""
    assert f"permissions={RIGHTS.value}\n" in PAGE
    assert f"The number {RIGHTS.value} " in PAGE
    assert all(name in PAGE for name in NEEDED.values())


def test_every_command_is_described() -> None:
    """A new command comes with its line of documentation, and its options."""
    for command in load():
        if isinstance(command, app_commands.ContextMenu):
            assert f"*{command.name}*" in PAGE
            continue
        rows = re.findall(rf"`/{command.name}\b([^`]*)`", PAGE)
        assert rows, command.name
        options = [parameter.display_name for parameter in command.parameters]
        assert any(all(option in row for option in options) for row in rows), command.name
