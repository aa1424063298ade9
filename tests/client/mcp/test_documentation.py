"""docs/mcp.md names everything that the server offers."""

from pathlib import Path

from claude_task_client.mcp.desk import Desk
from claude_task_client.mcp.server import INSTRUCTIONS, build

PAGE = (Path(__file__).parents[3] / "docs/mcp.md").read_text(encoding="utf-8")


async def test_each_tool_argument_and_resource_is_described():
    """A row for each tool, with all that it takes."""
    server = build(Desk())
    rows = {line.split("`")[1]: line for line in PAGE.splitlines() if line.startswith("| `")}

    for tool in await server.list_tools():
        for argument in tool.input_schema["properties"]:
            assert f"`{argument}`" in rows[tool.name], (tool.name, argument)
    for resource in await server.list_resources():
        assert f"`{resource.uri}`" in PAGE
    for template in await server.list_resource_templates():
        assert f"`{template.uri_template}`" in PAGE


async def test_the_instructions_name_tools_that_there_are():
    """Claude Code puts them in front of every conversation: they are short, and true."""
    names = {tool.name for tool in await build(Desk()).list_tools()}
    named = {word.strip(",.;()") for word in INSTRUCTIONS.split() if "_" in word}

    assert named <= names
    assert len(INSTRUCTIONS) < 1_000
