"""docs/worker.md names everything that a worker can be told, and all that it may complain of."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from claude_task_client.cli import group
from claude_task_client.worker import config_keys
from claude_task_client.worker.config import Limits, ProjectConfig, Texts, WorkerConfig

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/worker.md").read_text(encoding="utf-8")
KEYS = [
    (kind, key)
    for kind, keys in (
        (WorkerConfig, config_keys.worker_keys()),
        (WorkerConfig, config_keys.source_keys()),
        (ProjectConfig, config_keys.project_keys(Path())),
        (Limits, config_keys.limit_keys()),
    )
    for key in keys
]


@pytest.mark.parametrize(("kind", "key"), KEYS, ids=[key.name for _, key in KEYS])
def test_each_setting_is_described_with_its_default(kind, key):
    """The words are those of the program."""
    default = config_keys.default_text(kind, key.field)

    assert f"| `{key.name}` | {f'`{default}`' if default else '–'} | {key.help} |" in PAGE


@pytest.mark.parametrize("key", config_keys.text_keys(), ids=lambda key: key.name)
def test_each_text_is_described_with_what_may_stand_in_it(key):
    names = re.findall(r"{\w+}", config_keys.default_text(Texts, key.field))
    shown = " ".join(f"`{name}`" for name in names) or "–"

    assert f"| `{key.name}` | {shown} | {key.help} |" in PAGE


def test_each_command_is_described():
    context = click.Context(group)
    work = group.get_command(context, "work")
    assert isinstance(work, click.Group)

    assert [name for name in work.list_commands(context) if f"work {name}" not in PAGE] == []


def test_each_problem_of_health_is_described():
    """Whoever meets a code finds what to do."""
    folder = ROOT / "client/claude_task_client/worker"
    sources = [folder / f"{name}.py" for name in ("health", "claude_health", "project_health")]
    text = "".join(path.read_text("utf-8") for path in sources)
    codes = set(re.findall(r'(?:code=|_problem\(\s*)"(\w+)"', text))

    assert len(codes) > 12
    assert {code for code in codes if f"| `{code}` |" not in PAGE} == set()
