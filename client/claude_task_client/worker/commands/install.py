"""Services that work for projects, whoever is logged in."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

import click

from claude_task_client import output
from claude_task_client.errors import BadSettings
from claude_task_client.options import athena_command, json_option
from claude_task_client.worker import installing
from claude_task_client.worker.installing import Plan
from claude_task_client.worker.places import Places
from claude_task_client.worker.service import Service


@athena_command()
@click.argument("projects", metavar="PROJECT...", nargs=-1, required=True)
@click.option("--system", is_flag=True, help="A service of the system, as root; not your own.")
@click.option("--user", metavar="NAME", help="Whom a service of the system runs as.")
@click.option("--instance", metavar="SLUG", help="What this machine is called.")
@click.option("--path", "search_path", metavar="PATH", help="PATH of the service (yours now).")
@click.option("--print", "only_print", is_flag=True, help="Show what would be written.")
@json_option
@click.pass_obj
def command(
    places: Places,
    *,
    projects: tuple[str, ...],
    system: bool,
    user: str | None,
    instance: str | None,
    search_path: str | None,
    only_print: bool,
    as_json: bool,
) -> None:
    """Have a service work for each PROJECT of the config: systemd's, or an agent on macOS.

    It writes the units, starts nothing, and says what to run next.
    """
    _check(system=system, user=user, may_write=only_print or os.geteuid() == 0)
    service = (
        installing.system_service(places, user=user, instance=instance, search_path=search_path)
        if user
        else installing.user_service(places, instance=instance, search_path=search_path)
    )
    made = installing.plan(service, projects)
    _refuse_exposed(service)
    if only_print:
        _print(made, as_json=as_json)
        return
    changed = made.write()
    complaint = installing.verify(made)
    if as_json:
        output.print_json(
            {
                "changed": [str(path) for path in changed],
                "files": [str(made.folder / name) for name in made.files],
                "next": list(made.commands),
                "complaint": complaint or None,
            }
        )
    else:
        _tell(made, [str(path) for path in changed], complaint)


def _check(*, system: bool, user: str | None, may_write: bool) -> None:
    if sys.platform == "darwin" and (system or user):
        raise click.UsageError("On macOS the worker is an agent of your own: leave --system out.")
    if system != (user is not None):
        raise click.UsageError(
            "A service of the system runs as a user: write --system --user NAME. No user for it"
            " yet? useradd --system --create-home --home-dir /var/lib/athena-worker athena-worker"
        )
    if system and not may_write:
        raise BadSettings("Only root writes units of the system: put sudo in front.")
    if user in {"root", "0"}:
        raise BadSettings("What tasks run should not run as root: name another user.")


def _refuse_exposed(service: Service) -> None:
    for path in installing.exposed_secrets(service):
        raise BadSettings(f"Others can read the secrets in {path}.\nRun: chmod 600 {path}")


def _print(made: Plan, *, as_json: bool) -> None:
    if as_json:
        output.print_json({str(made.folder / name): text for name, text in made.files.items()})
        return
    for name, text in made.files.items():
        output.say(f"# --- {made.folder / name}\n{text}")


def _tell(made: Plan, changed: Sequence[str], complaint: str) -> None:
    for name in made.files:
        path = str(made.folder / name)
        output.say(f"{'Wrote' if path in changed else 'Left as it was:'} {path}")
    if complaint:
        output.warn(f"systemd says:\n{output.clean(complaint)}")
    if not installing.has_key(made.service):
        output.warn(_without_key(made.service))
    output.say("Next:")
    for line in made.commands:
        output.say(f"  {line}")
    output.say("Then: claude-task-client work status")


def _without_key(service: Service) -> str:
    by = f"sudo -Hu {service.user} {service.program[0]} login" if service.user else ""
    return (
        "Note: the service finds no key for Athena. What is in the environment of this terminal, it"
        f" does not see. Run: {by or 'claude-task-client login'}"
    )
