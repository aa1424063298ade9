"""What there is of the plugin."""

from __future__ import annotations

import click

from claude_task_client import output
from claude_task_client.options import athena_command, json_option


@athena_command()
@json_option
@click.pass_context
def command(ctx: click.Context, *, as_json: bool) -> None:
    """Say whether the plugin is installed and works, and which sessions hold a task.

    Exit code 1 where something is wrong; what to do stands below it.
    """
    from claude_task_client.plugin import examining, installing

    findings = list(examining.examine(installing.place()))
    is_well = all(each.ok for each in findings)
    if as_json:
        output.print_json({"ok": is_well, "checks": [each._asdict() for each in findings]})
    else:
        for each in findings:
            mark = "ok  " if each.ok else "FAIL"
            output.say(f"{mark} {each.name}: {output.line(each.detail, None)}")
            if each.advice:
                output.say(f"     {each.advice}")
    ctx.exit(0 if is_well else 1)
