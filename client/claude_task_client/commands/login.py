"""Telling this machine where Athena is, and with which key."""

from __future__ import annotations

import sys

import click

from claude_task_client import output, settings
from claude_task_client.errors import Denied, Refused
from claude_task_client.http import HttpTransport
from claude_task_client.options import athena_command, json_option
from claude_task_client.sync import Athena


@athena_command()
@click.option("--url", help="Athena's address.")
@click.option(
    "--key-stdin", is_flag=True, help="Read the key from standard input instead of asking."
)
@click.option(
    "--instance", metavar="SLUG", help="What this instance is called (from the host name)."
)
@click.option("--name", help="What people read, such as 'MacBook Pro'.")
@json_option
def command(
    url: str | None, key_stdin: bool, instance: str | None, name: str | None, as_json: bool
) -> None:
    """Sign in: check address and key, and write them to the config file.

    The key is asked for without showing it, and is never printed.
    """
    path = settings.config_path()
    kept = settings.read_file(path)
    address = settings.normal_url(url or _asked_url(kept.get("url"), may_ask=not key_stdin))
    key = settings.checked_key(_piped_key() if key_stdin else _asked_key())
    slug = instance or kept.get("instance") or settings.slug_of_host(settings.host_name())
    values = {
        "url": address,
        "key": key,
        "instance": settings.checked_slug(slug),
        "name": name or kept.get("name", ""),
    }
    _check(address, key)
    settings.write_file(path, values)
    for variable in settings.overriding(values):
        output.warn(f"Note: {variable} in the environment differs, and goes first.")
    if as_json:
        output.print_json({"url": address, "instance": slug, "config": str(path)})
    else:
        output.say(f"Signed in to {address} as {slug}. Written to {path}.")
        output.say("Try: claude-task-client check")


def _asked_url(kept: str | None, *, may_ask: bool) -> str:
    if not may_ask:
        return kept or settings.DEFAULT_URL
    return str(click.prompt("Athena's address", default=kept or settings.DEFAULT_URL, err=True))


def _asked_key() -> str:
    if not sys.stdin.isatty():
        raise click.UsageError("No terminal to ask for the key: pipe it in, with --key-stdin.")
    return str(click.prompt("Key", hide_input=True, err=True))


def _piped_key() -> str:
    return sys.stdin.readline().strip()


def _check(url: str, key: str) -> None:
    """See that Athena is there and knows the key. Raises: Unreachable, Denied."""
    athena = Athena(url, key, transport=HttpTransport(url, key))
    athena.health()
    try:
        athena.list(limit=1)
    except Refused as error:
        # A key without the scope to read is a key all the same.
        if not (isinstance(error, Denied) and error.status == 403):
            raise
