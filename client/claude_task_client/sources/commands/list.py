"""The sources, and how each stands."""

from __future__ import annotations

from claude_task_client import output
from claude_task_client.options import athena_command, json_option
from claude_task_client.sources import registry, showing, surveying

COLUMNS = ["SOURCE", "PROJECT", "PENDING", "RUNNING", "COMPLETED", "FAILED", "WATCHED BY"]


@athena_command()
@json_option
def command(as_json: bool) -> None:
    """List the sources: where each is, what lies in it, who watches, and what is wrong."""
    seen = [surveying.survey(source) for source in registry.load()]
    if as_json:
        output.print_json({"sources": [showing.standing(each) for each in seen]})
        return
    if not seen:
        output.say("No source yet. Make two: claude-task-client sources init PATH")
        return
    output.table(COLUMNS, [showing.row(each) for each in seen])
    for each in seen:
        showing.tell_where(each)
