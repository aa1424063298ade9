"""What every command does: read the settings, do its work on the store, explain what went wrong."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Iterator
from typing import Any, Final, TypeVar

import click
from pydantic import ValidationError

from athena import __version__
from athena.clock import SystemClock
from athena.model.errors import AthenaError
from athena.service.services import Services, build_services
from athena.settings import PREFIX, Settings

T = TypeVar("T")
_POSTGRES_LIBRARY: Final = "asyncpg"
_INSTALL_IT: Final = (
    "PostgreSQL needs a library that is not installed: "
    "pip install 'claude-task-client[server,postgres]'"
)


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what a person can mend into one line, without a traceback."""
    try:
        yield
    except AthenaError as error:
        raise click.ClickException(error.detail) from error
    except ValidationError as error:
        raise click.ClickException("\n".join(_setting_faults(error))) from error
    except OSError as error:
        raise click.ClickException(str(error)) from error
    except ModuleNotFoundError as error:
        if error.name != _POSTGRES_LIBRARY:
            raise
        raise click.ClickException(_INSTALL_IT) from error


def _setting_faults(error: ValidationError) -> Iterator[str]:
    for fault in error.errors(include_input=False, include_url=False):
        name = "_".join(str(part) for part in fault["loc"]).upper()
        message = fault["msg"].removeprefix("Value error, ")
        yield f"{PREFIX}{name}: {message}" if name else f"{PREFIX}{message}"


def visit(act: Callable[[Services], Coroutine[Any, Any, T]]) -> T:
    """Do something with the store, also while a server runs."""
    from athena.app import build_store
    from athena.store.base import Role

    with explained():
        settings, clock = Settings(), SystemClock()

    async def visiting() -> T:
        store = build_store(settings, clock, Role.VISITOR)
        services = build_services(
            store,
            clock,
            lease=settings.stale_after,
            max_attempts=settings.max_attempts,
            version=__version__,
        )
        async with store:
            return await act(services)

    with explained():
        return asyncio.run(visiting())
