"""The shipped folder: what it names is there, and what it has is described."""

import json
import re
from importlib.metadata import version
from pathlib import Path

import click
import pytest
import yaml

from claude_task_client.cli import group
from claude_task_client.mcp.tools import claims, questions, results, tasks
from claude_task_client.plugin import names

PLUGIN = names.SHIPPED / "athena"
TEXTS = sorted(PLUGIN.rglob("*.md"))
COMMANDS = sorted(path.stem for path in PLUGIN.glob("commands/*.md"))
PAGE = (Path(__file__).parents[3] / "docs/claude-code.md").read_text("utf-8")
TOOLS = {
    name
    for module, kind in (
        (claims, "Claims"),
        (questions, "Questions"),
        (results, "Results"),
        (tasks, "Tasks"),
    )
    for name in vars(getattr(module, kind))
    if not name.startswith("_")
}


def test_it_has_the_version_of_this_program():
    manifest = json.loads((PLUGIN / ".claude-plugin/plugin.json").read_text("utf-8"))

    assert manifest["version"] == version("claude-task-client")


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_its_texts_have_a_head_that_can_be_read(path):
    """A head that is no YAML would be left out in silence."""
    _, head, body = path.read_text("utf-8").split("---\n", 2)

    assert yaml.safe_load(head)["description"]
    assert body.strip()


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_each_tool_that_is_named_is_offered(path):
    text = path.read_text("utf-8")

    named = set(re.findall(r"mcp__plugin_athena_athena__(\w+)", text))
    named |= set(re.findall(r"`(\w+_(?:task|next|progress|person|tasks))`", text))

    assert named <= TOOLS


@pytest.mark.parametrize("path", TEXTS, ids=lambda path: path.stem)
def test_each_command_that_is_named_exists_with_its_options(path):
    text = path.read_text("utf-8")

    for name, rest in re.findall(r"`claude-task-client (\w+)([^`]*)`", text):
        command = group.get_command(click.Context(group), name)
        assert command is not None, name
        known = {option for each in command.params for option in each.opts}
        assert set(re.findall(r"(?<=\s)--?[a-z]+", rest)) <= known, (name, rest)


def test_taking_a_task_allows_all_that_working_on_it_needs():
    """Whoever asked for the next task is not asked at each report, and at its end."""
    skill = (PLUGIN / "skills/task/SKILL.md").read_text("utf-8")
    _, head, _ = (PLUGIN / "commands/next.md").read_text("utf-8").split("---\n", 2)

    allowed = yaml.safe_load(head)["allowed-tools"]

    table = re.findall(r"^\| (`.*`) \| (`.*`) \|$", skill, re.MULTILINE)
    tools = {name for names, _ in table for name in re.findall(r"`(\w+)`", names)}
    commands = {
        name for _, lines in table for name in re.findall(r"`claude-task-client (\w+)", lines)
    }
    assert tools >= {"take_next", "complete_task"}
    assert all(f"mcp__plugin_athena_athena__{name}" in allowed for name in tools)
    assert all(f"Bash(claude-task-client {name}:*)" in allowed for name in commands)


@pytest.mark.parametrize("name", COMMANDS)
def test_each_slash_command_is_described(name):
    assert f"`/athena:{name}" in PAGE


def test_the_slash_commands_are_those_of_the_specification():
    assert {*COMMANDS} == {"next", "done", "ask", "queue", "add", "fail", "release"}
