"""How to reach a PostgreSQL server, and what its errors mean."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any, Final

import asyncpg

from athena.model.errors import Unavailable
from athena.store.base import StoreUnusable
from athena.store.statements import load_migrations

ENGINE: Final = "postgres"
# Whoever asks is answered within ten seconds, also where the server is stuck. A process that was
# stopped in the middle of a transaction must not hold its locks for long; others wait for longer
# than that, and we for longer than the server does by its own limits.
_IDLE_SECONDS: Final = 5
_LOCK_SECONDS: Final = 7
_STATEMENT_SECONDS: Final = 8
_COMMAND_SECONDS: Final = 9
_CONNECT_SECONDS: Final = 5
_NO_LIMITS: Final = {"statement_timeout": "0", "lock_timeout": "0"}
# More than there are statements: each is prepared once a connection.
_STATEMENTS_PREPARED: Final = 512
# Names of advisory locks, so that nobody else's locks on the same database are ours.
_LOCKS: Final = 0x41746865_00000000  # "Athe"
# Shared by what touches only rows that it has locked, held alone by everything else.
LOCK_QUEUE: Final = _LOCKS | 1
# Held from the insertion of events to the commit: ids grow in the order of commit.
LOCK_EVENTS: Final = _LOCKS | 2
LOCK_SCHEMA: Final = _LOCKS | 3

# Errors of the server, the network or another transaction, not of ours: it may be tried again.
_PASSING: Final = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.TransactionRollbackError,
    asyncpg.ObjectNotInPrerequisiteStateError,
    asyncpg.InvalidTransactionStateError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.InternalClientError,
)
# What a connection says that was closed under us, in so many words.
_CLOSED: Final = ("connection is closed", "connection has been released", "pool is clos")


def as_unavailable(error: BaseException) -> Unavailable | None:
    """The refusal that an error stands for; None where the error is a bug of ours."""
    is_closed = isinstance(error, asyncpg.InterfaceError) and any(
        words in str(error) for words in _CLOSED
    )
    if not is_closed and not isinstance(error, _PASSING):
        return None
    return Unavailable(f"The store cannot do this now ({type(error).__name__}); try again.")


# What changes the queue finds its rows by an index, one by one, however small the tables are when
# its plans are made: they are kept, and the tables grow.
_BY_INDEX: Final = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}


def options(*, idle_seconds: int = _IDLE_SECONDS, by_index: bool = False) -> dict[str, Any]:
    """How every connection is made.

    `idle_seconds`: how long a transaction may be left alone before the server ends it; `by_index`:
    for connections that change the queue.
    """
    return {
        "timeout": _CONNECT_SECONDS,
        "command_timeout": _COMMAND_SECONDS,
        "statement_cache_size": _STATEMENTS_PREPARED,
        "max_cached_statement_lifetime": 0,
        "server_settings": {
            "application_name": "athena",
            "statement_timeout": f"{_STATEMENT_SECONDS}s",
            "idle_in_transaction_session_timeout": f"{idle_seconds}s",
            "lock_timeout": f"{_LOCK_SECONDS}s",
            "jit": "off",
            # Plans are kept: with the default (4, a disk with a head) some that are made while the
            # tables are empty read through all of them later, until the next ANALYZE.
            "random_page_cost": "1.1",
            **(_BY_INDEX if by_index else {}),
        },
    }


async def prepare(url: str) -> None:
    """Bring the database up to this version's schema, one migration a transaction.

    Raises: StoreUnusable.
    """
    migrations = load_migrations(ENGINE)
    # A migration takes as long as it takes, and so does waiting for another replica's.
    async with _connected(url, has_time=True) as connection:
        for migration in migrations:
            async with connection.transaction():
                # Replicas that start together: one migrates, the others wait and find it done.
                await connection.execute("SELECT pg_advisory_xact_lock($1)", LOCK_SCHEMA)
                version = await _ensure_version(connection)
                _refuse_if_newer(version, len(migrations))
                if version < migration.number:
                    await connection.execute(migration.sql)
                    await connection.execute(
                        "UPDATE schema_version SET version = $1", migration.number
                    )


async def prepare_for_visitor(url: str) -> None:
    """See to it that the database can be used beside servers, whose schema is not to be touched.

    Raises: StoreUnusable.
    """
    version = await check_database(url)
    if version is None:
        await prepare(url)
    elif version < len(load_migrations(ENGINE)):
        raise StoreUnusable(
            "The database has an older schema: stop every Athena that uses it, and run "
            "`athena migrate`."
        )


async def check_database(url: str) -> int | None:
    """The number of the database's last migration, None where it is empty; changes nothing.

    Raises: StoreUnusable, where it cannot be reached, is somebody else's, or is newer.
    """
    async with _connected(url) as connection:
        version = await schema_version(connection)
    _refuse_if_newer(version or 0, len(load_migrations(ENGINE)))
    return version


@contextlib.asynccontextmanager
async def _connected(url: str, *, has_time: bool = False) -> AsyncIterator[asyncpg.Connection[Any]]:
    how = options()
    if has_time:
        how["command_timeout"] = None
        how["server_settings"] |= _NO_LIMITS
    try:
        connection = await asyncpg.connect(url, **how)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StoreUnusable(_why_unreachable(error)) from error
    try:
        yield connection
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        raise StoreUnusable(f"PostgreSQL cannot be used: {_sentence(error)}") from error
    finally:
        await connection.close()


async def schema_version(connection: asyncpg.Connection[Any]) -> int | None:
    """The number of the last migration; None for an empty database.

    Raises: StoreUnusable, where the database is somebody else's.
    """
    if await connection.fetchval("SELECT to_regclass('schema_version')") is not None:
        version: int = await connection.fetchval("SELECT version FROM schema_version")
        return version
    if await connection.fetchval("SELECT to_regclass('tasks')") is not None:
        raise StoreUnusable("This database has tables, but none that say they are Athena's.")
    return None


async def _ensure_version(connection: asyncpg.Connection[Any]) -> int:
    version = await schema_version(connection)
    if version is None:
        await connection.execute("CREATE TABLE schema_version (version INTEGER NOT NULL)")
        await connection.execute("INSERT INTO schema_version (version) VALUES (0)")
    return version or 0


def _refuse_if_newer(version: int, known: int) -> None:
    if version > known:
        raise StoreUnusable(
            f"This database has schema {version}; this Athena knows {known}. "
            "Start the newer Athena, or bring back a backup from before it."
        )


def _why_unreachable(error: BaseException) -> str:
    """One line that says what to do; the address, which holds a password, is never in it."""
    match error:
        case asyncpg.InvalidPasswordError() | asyncpg.InvalidAuthorizationSpecificationError():
            return "PostgreSQL refuses the user or the password in DATABASE_URL."
        case asyncpg.InvalidCatalogNameError():
            return f"{_sentence(error)} Create it: createdb --owner=USER NAME."
        case asyncpg.TooManyConnectionsError():
            return "PostgreSQL has no connection left; see max_connections in docs/operations.md."
        case OSError() | TimeoutError():
            return (
                f"PostgreSQL cannot be reached at the address in DATABASE_URL ({_sentence(error)})"
            )
        case _:
            return f"PostgreSQL cannot be used: {_sentence(error)}"


def _sentence(error: BaseException) -> str:
    text = (str(error).splitlines() or [""])[0] or type(error).__name__
    return text if text.endswith(".") else f"{text}."
