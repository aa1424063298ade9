"""The documents say what the code does: what they lack fails here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TypeVar

import click
import pytest

from athena import cli
from athena.model import errors, event
from athena.settings import PREFIX, Settings

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
LINK = re.compile(r"\]\((?!https?://|#)([^)#\s]+)")


def read(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_described(name: str):
    """The page of settings has a row for each, with its help."""
    page = read("settings.md")

    assert f"| `{PREFIX}{name.upper()}` |" in page
    assert (Settings.model_fields[name].description or "?") in page


T = TypeVar("T")


def subclasses(base: type[T]) -> set[type[T]]:
    below: set[type[T]] = set(base.__subclasses__())
    return below | {leaf for child in below for leaf in subclasses(child)}


def error_codes() -> list[str]:
    kinds = subclasses(errors.AthenaError)
    # Those of the model alone: what else a test run has imported must not matter.
    ours = {kind for kind in kinds if kind.__module__ == errors.__name__}
    return sorted({kind.code for kind in ours if not subclasses(kind) & ours})


def event_types() -> list[str]:
    kinds = subclasses(event.Happening)
    return sorted({kind.type for kind in kinds if "type" in vars(kind)})


@pytest.mark.parametrize("code", error_codes())
def test_every_error_code_is_described(code: str):
    """A client that meets a code finds it in the documents."""
    assert f"`{code}`" in read("api.md") + read("operations.md") + read("troubleshooting.md")


@pytest.mark.parametrize("type_", event_types())
def test_every_event_type_is_described(type_: str):
    """A reader of the event stream finds each type in the documents."""
    assert f"`{type_}`" in read("api.md")


def commands(group: click.Group, prefix: str) -> list[str]:
    found = []
    for name, command in group.commands.items():
        full = f"{prefix} {name}"
        found += commands(command, full) if isinstance(command, click.Group) else [full]
    return found


@pytest.mark.parametrize("command", commands(cli.main, "athena"))
def test_every_server_command_is_described(command: str):
    """Whoever operates Athena finds each command in the documents."""
    assert command in read("operations.md")


@pytest.mark.parametrize(
    "page", sorted(p.relative_to(ROOT).as_posix() for p in ROOT.glob("docs/**/*.md"))
)
def test_links_lead_somewhere(page: str):
    """No document points to a file that is not there."""
    file = ROOT / page
    missing = [
        target
        for target in LINK.findall(file.read_text(encoding="utf-8"))
        if not (file.parent / target).exists()
    ]

    assert missing == []


@pytest.mark.parametrize(
    "folder", ["model", "store", "service", "api", "bot", "sinks", "background"]
)
def test_the_map_names_every_package(folder: str):
    """`docs/architecture.md` knows each part of the server."""
    assert (ROOT / "athena" / folder).is_dir()
    assert f"`athena/{folder}/`" in read("architecture.md")


def test_files_named_in_the_architecture_exist():
    """The code map is true: each file that it names in backquotes is there."""
    named = re.findall(
        r"`((?:model|store|service|api|bot|sinks|background)/\w+\.py)`", read("architecture.md")
    )

    assert [name for name in named if not (ROOT / "athena" / name).exists()] == []
