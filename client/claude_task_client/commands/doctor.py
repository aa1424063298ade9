"""What is wrong here, and what to do about it."""

from __future__ import annotations

import click

from claude_task_client import examining, output
from claude_task_client.options import athena_command, json_option


@athena_command()
@json_option
@click.pass_context
def command(ctx: click.Context, as_json: bool) -> None:
    """Check settings, connection, key, clock and files; say what to do about each fault.

    Exit code 1 where something is wrong.
    """
    findings = list(examining.examine())
    if as_json:
        output.print_json(
            {
                "ok": all(each.ok for each in findings),
                "checks": [each._asdict() for each in findings],
            }
        )
    else:
        for each in findings:
            output.say(
                f"{'ok  ' if each.ok else 'FAIL'} {each.name}: {output.line(each.detail, None)}"
            )
            if each.advice:
                output.say(f"     {each.advice}")
    ctx.exit(0 if all(each.ok for each in findings) else 1)
