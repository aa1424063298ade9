"""What the commands do where the store is a PostgreSQL database and no file."""

from __future__ import annotations

import asyncio

import click

from athena.settings import Settings


def state_of(settings: Settings) -> str:
    """How the database is, in words; nothing is changed.

    Raises: StoreUnusable.
    """
    from athena.store.postgres_connections import check_database

    version = asyncio.run(check_database(settings.database_url))
    if version is None:
        return f"{settings.database_shown} is empty; `athena serve` makes its tables"
    return f"{settings.database_shown} is reachable (schema {version})"


def migrate(settings: Settings) -> int:
    """Bring the schema up to date; gives its number.

    Raises: StoreUnusable.
    """
    from athena.store.postgres_connections import check_database, prepare

    asyncio.run(prepare(settings.database_url))
    return asyncio.run(check_database(settings.database_url)) or 0


def refuse(settings: Settings, advice: str) -> None:
    """Say what to do instead of what can be done to files only.

    Raises: ClickException, where the store is none.
    """
    if settings.is_postgres:
        raise click.ClickException(f"The store is a PostgreSQL database: {advice}")
