"""The `athena` command: serve, and everything that is done to a server from beside it."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import math
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import click

from athena import __version__
from athena.clock import SystemClock
from athena.commands import database
from athena.commands.transfer import export, import_
from athena.commands.visiting import explained, visit
from athena.model.event import SYSTEM
from athena.model.key import Key, KeyId, Scope
from athena.model.lifecycle import ENDED, Status
from athena.model.text import iso
from athena.service.keys import NewKey
from athena.settings import PREFIX, Settings

_DAYS_MAX: Final = 36_500
_ANYWHERE: Final = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104


class _Days(click.FloatRange):
    """A number of days that a calendar can count."""

    name = "days"

    def __init__(self, *, min: float, min_open: bool = False) -> None:  # noqa: A002  (click's word)
        super().__init__(min=min, max=_DAYS_MAX, min_open=min_open)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; what is none is no range's to refuse."""
        days: float = super().convert(value, param, ctx)
        if math.isnan(days):
            self.fail(f"{value!r} is not a number of days.", param, ctx)
        return days


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="athena")
def main() -> None:
    """Athena: a task queue for a fleet of Claude Code instances.

    Settings come from the environment and from .env; docs/settings.md lists them.
    """


@main.command()
def serve() -> None:
    """Serve the REST API, and Discord where a token is set, until SIGTERM."""
    with explained():
        from athena.app import App
        from athena.logs import set_up_logs

        settings = Settings()
        set_up_logs(level=settings.log_level, form=settings.log_format, secrets=settings.secrets)

        async def run() -> None:
            await App(settings).run_until_stopped(_welcome)

        with contextlib.suppress(KeyboardInterrupt), _fast_loop() as runner:
            runner.run(run())


def _fast_loop() -> asyncio.Runner:
    try:
        import uvloop
    except ImportError:
        return asyncio.Runner()
    return asyncio.Runner(loop_factory=uvloop.new_event_loop)


def _welcome(new_key: NewKey | None, url: str) -> None:
    if new_key is None:
        return
    click.echo(
        f"""
  Athena serves at {url}

  The first admin key, shown this once:

    {new_key.secret}

  Try, in another terminal (with .venv/bin on the PATH):

    export ATHENA_API_URL={url} ATHENA_API_KEY={new_key.secret}
    claude-task-client add "Say hello"
    claude-task-client check
    claude-task-client claim
"""
    )


@main.command()
def check() -> None:
    """Check settings and store, without starting anything."""
    with explained():
        settings = Settings()
    for name, value in settings.model_dump().items():
        if value not in (None, ()):
            shown = "(set)" if name in ("api_key", "discord_token") else value
            if name == "database_url":
                shown = settings.database_shown
            click.echo(f"{PREFIX}{name.upper()} = {shown}")
    click.echo(f"store: {_state_of_store(settings)}")


def _state_of_store(settings: Settings) -> str:
    if settings.is_postgres:
        with explained():
            return database.state_of(settings)
    from athena.store import sqlite_files

    path = settings.database_path
    if not path.exists():
        return f"{path} does not exist yet; `athena serve` makes it"
    with explained():
        version = sqlite_files.check_database(path)
    return f"{path} is intact (schema {version})"


@main.group("keys")
def keys_group() -> None:
    """Make, list and revoke API keys; a running server takes notice within a second."""


@keys_group.command("create")
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What the key may do; may be repeated. Default: read, submit and work.",
)
@click.option("--instance", help="Bind the key to this instance's slug.")
@click.option("--expires-days", type=_Days(min=0, min_open=True), help="Its lifetime.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create_key(
    name: str,
    scopes: tuple[str, ...],
    instance: str | None,
    expires_days: float | None,
    as_json: bool,
) -> None:
    """Make a key called NAME, and show its secret this once."""
    wanted = frozenset(Scope(scope) for scope in scopes) or frozenset(Scope) - {Scope.ADMIN}
    expires_at = None
    if expires_days is not None:
        expires_at = SystemClock().now() + timedelta(days=expires_days)
    made = visit(
        lambda services: services.keys.create(
            name=name, scopes=wanted, instance=instance, expires_at=expires_at, by=SYSTEM
        )
    )
    if as_json:
        click.echo(json.dumps({"id": made.key.id, "name": name, "secret": made.secret}))
        return
    click.echo(f"key {made.key.id} ({', '.join(sorted(wanted))}), shown this once:\n{made.secret}")


@keys_group.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_keys(as_json: bool) -> None:
    """List the keys, never their secrets."""
    found = visit(lambda services: services.keys.list())
    if as_json:
        click.echo(json.dumps([_key_row(key) for key in found]))
        return
    for key in found:
        row = _key_row(key)
        click.echo(
            f"{row['id']:>4}  {row['prefix']}…  {row['name']}  [{' '.join(sorted(key.scopes))}]"
            f"  last used: {row['last_used_at'] or 'never'}  {row['state']}"
        )


def _key_row(key: Key) -> dict[str, object]:
    now = SystemClock().now()
    state = "valid" if key.is_valid(now) else "revoked" if key.revoked_at else "expired"
    return {
        "id": key.id,
        "name": key.name,
        "prefix": key.shown,
        "scopes": sorted(key.scopes),
        "instance": key.instance,
        "last_used_at": iso(key.last_used_at) if key.last_used_at else None,
        "expires_at": iso(key.expires_at) if key.expires_at else None,
        "state": state,
    }


@keys_group.command("revoke")
@click.argument("key_id", type=click.IntRange(min=1))
def revoke_key(key_id: int) -> None:
    """End the validity of the key KEY_ID."""
    visit(lambda services: services.keys.revoke(KeyId(key_id), by=SYSTEM))
    click.echo(f"key {key_id} is revoked")


@main.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
def backup(file: Path, force: bool) -> None:
    """Write a checked copy of the store to FILE, also while the server runs."""
    from athena.store import sqlite_files

    with explained():
        settings = Settings()
        database.refuse(settings, f"use pg_dump, or `athena export {file}`.")
        if file.exists() and file.stat().st_size > 0 and not force:
            raise click.ClickException(f"{file} exists already; --force replaces it.")
        if not settings.database_path.exists():
            raise click.ClickException(f"{settings.database_path} does not exist.")
        sqlite_files.copy_database(settings.database_path, file)
    click.echo(f"{file}: {file.stat().st_size} bytes, checked")


@main.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--yes", is_flag=True, help="Do not ask.")
def restore(file: Path, yes: bool) -> None:
    """Put the backup FILE in the store's place. The server must not run; the former is kept."""
    from athena.store import sqlite_files

    with explained():
        settings = Settings()
        database.refuse(
            settings, "use pg_restore, or `athena import` of what `athena export` wrote."
        )
        path = settings.database_path
        with sqlite_files.locked(path):
            version = sqlite_files.check_database(file)
            if path.exists() and not yes and sys.stdin.isatty():
                click.confirm(f"Replace {path} by {file} (schema {version})?", abort=True)
            former = sqlite_files.restore_database(file, path)
    click.echo(f"{path} is restored" + (f"; the former one is {former}" if former else ""))


@main.command()
def migrate() -> None:
    """Bring the store's schema up to date; `serve` does it by itself."""
    from athena.store import sqlite_files

    with explained():
        settings = Settings()
        if settings.is_postgres:
            version = database.migrate(settings)
            click.echo(f"{settings.database_shown} has schema {version}")
            return
        path = settings.database_path
        with sqlite_files.locked(path):
            sqlite_files.prepare(path)
            version = sqlite_files.check_database(path)
    click.echo(f"{path} has schema {version}")


@main.command()
@click.option(
    "--older-than-days",
    type=_Days(min=0),
    help="Default: ATHENA_RETENTION_DAYS.",
)
@click.option(
    "--status",
    "statuses",
    multiple=True,
    type=click.Choice(sorted(status.value for status in ENDED)),
    help="Only these ends; may be repeated. Default: all.",
)
@click.option("--compact", is_flag=True, help="Then rewrite the file, to give all space back.")
def purge(older_than_days: float | None, statuses: tuple[str, ...], compact: bool) -> None:
    """Remove ended tasks, also while the server runs."""
    with explained():
        settings = Settings()
        if compact:
            database.refuse(settings, "it gives space back by itself (autovacuum).")
    days = settings.retention_days if older_than_days is None else older_than_days
    if older_than_days is None and days == 0:
        raise click.UsageError("retention is off: say --older-than-days")
    before = SystemClock().now() - timedelta(days=days)
    wanted = frozenset(Status(status) for status in statuses) or ENDED
    removed = visit(
        lambda services: services.tasks.purge(statuses=wanted, before=before, by=SYSTEM)
    )
    click.echo(f"{removed} tasks removed")
    if compact:
        from athena.store import sqlite_files

        with explained():
            freed = sqlite_files.compact(settings.database_path)
        click.echo(f"{freed} bytes given back")


@main.command()
def healthcheck() -> None:
    """Ask the server on this machine whether it is alive (for containers)."""
    with explained():
        settings = Settings()
    host = _ANYWHERE.get(settings.host, settings.host)
    connection = http.client.HTTPConnection(host, settings.port, timeout=4)
    try:
        connection.request("GET", "/health")
        answer = connection.getresponse()
        body = answer.read(1000).decode("utf-8", "replace")
    except (OSError, http.client.HTTPException) as error:
        raise click.ClickException(f"no answer from {host}:{settings.port}: {error}") from error
    finally:
        connection.close()
    click.echo(body)
    if answer.status != http.client.OK:
        raise click.exceptions.Exit(1)


for _command in (export, import_):
    main.add_command(_command)
