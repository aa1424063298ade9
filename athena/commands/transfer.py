"""`athena export` and `athena import`: everything in one file, to move a store between engines."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeVar, cast

import click

from athena import __version__
from athena.clock import SystemClock
from athena.commands.visiting import explained
from athena.settings import Settings
from athena.store.base import Role

if TYPE_CHECKING:
    from athena.service.portable import Tally
    from athena.service.transfer import Progress, Transfer

T = TypeVar("T")

_STANDARD: Final = Path("-")
_GZIP_ENDING: Final = ".gz"
_GZIP_MAGIC: Final = b"\x1f\x8b"
# A third of the time that gzip's usual level takes, for a file a sixth larger.
_GZIP_LEVEL: Final = 3
_FILE: Final = click.Path(dir_okay=False, allow_dash=True, path_type=Path)


@click.command("export")
@click.argument("file", type=_FILE)
@click.option("--force", is_flag=True, help="Replace FILE where it exists.")
def export(file: Path, force: bool) -> None:
    """Write everything to FILE, also while the server runs; `athena import` reads it.

    It is compressed where its name ends in .gz; - is standard output. It holds all tasks and
    results, and of keys only what cannot be used to sign in.
    """
    with explained():
        settings = Settings()
        if settings.database_url.startswith("sqlite:") and not settings.database_path.exists():
            raise click.ClickException(f"{settings.database_path} does not exist.")
        if file != _STANDARD and file.exists() and not force:
            raise click.ClickException(f"{file} exists already; --force replaces it.")
        with _written(file) as out, _progress() as told:
            tallies = _with_store(settings, Role.VISITOR, lambda it: it.export(out, told))
    click.echo(f"exported {_sums(tallies)}", err=file == _STANDARD)


@click.command("import")
@click.argument("file", type=_FILE)
@click.option("--dry-run", is_flag=True, help="Only check that FILE is whole and unchanged.")
def import_(file: Path, dry_run: bool) -> None:
    """Bring everything from FILE into an empty store that no server uses.

    FILE was written by `athena export`; - is standard input. What was written is read back and
    compared before it counts; where anything is wrong, nothing is imported.
    """
    from athena.service.transfer import check

    with explained():
        settings = Settings()
        with _opened(file) as source, _progress() as told:
            if dry_run:
                contents = check(source)
            else:
                contents = _with_store(settings, Role.SERVER, lambda it: it.import_(source, told))
    click.echo(f"{file} was written by Athena {contents.athena} on {contents.engine}")
    done = "is whole and unchanged:" if dry_run else "imported and compared:"
    click.echo(f"{done} {_sums(contents.tallies)}")


def _with_store(
    settings: Settings, role: Role, act: Callable[[Transfer], Coroutine[Any, Any, T]]
) -> T:
    from athena.app import build_store
    from athena.service.transfer import Transfer

    async def acting() -> T:
        async with build_store(settings, SystemClock(), role) as store:
            return await act(Transfer(store, version=__version__))

    return asyncio.run(acting())


@contextlib.contextmanager
def _written(file: Path) -> Iterator[IO[bytes]]:
    """A file for its owner alone, which takes its name when it is whole and on disk."""
    if file == _STANDARD:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    partial = file.with_name(f"{file.name}.partial")
    partial.unlink(missing_ok=True)
    try:
        with os.fdopen(os.open(partial, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as out:
            if file.name.endswith(_GZIP_ENDING):
                with gzip.GzipFile("", "wb", _GZIP_LEVEL, out, mtime=0) as packed:
                    yield cast("IO[bytes]", packed)
            else:
                yield out
            out.flush()
            os.fsync(out.fileno())
        partial.replace(file)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[IO[bytes]]:
    """A file that can be read again from its beginning, unpacked where it is packed."""
    with contextlib.ExitStack() as opened:
        source: IO[bytes]
        if file == _STANDARD:
            source = opened.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(sys.stdin.buffer, source)
            source.seek(0)
        else:
            source = opened.enter_context(file.open("rb"))
        begins_packed = source.read(len(_GZIP_MAGIC)) == _GZIP_MAGIC
        source.seek(0)
        if begins_packed:
            source = opened.enter_context(cast("IO[bytes]", gzip.GzipFile(fileobj=source)))
        yield source


@contextlib.contextmanager
def _progress() -> Iterator[Progress]:
    """Tells whoever sits at a terminal how far it is."""
    if not sys.stderr.isatty():
        yield lambda _table, _rows: None
        return
    yield lambda table, rows: click.echo(f"\r\033[K{table}: {rows:,}", nl=False, err=True)
    click.echo("\r\033[K", nl=False, err=True)


def _sums(tallies: Mapping[str, Tally]) -> str:
    return ", ".join(f"{tally.rows} {name}" for name, tally in tallies.items() if tally.rows) or (
        "an empty store"
    )
