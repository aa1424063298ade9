"""Reading and writing in a source, where others write as well: bounded, whole, never over another.

All of it raises OSError where the disk is full, read-only or away; whoever calls tries again.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from claude_task_client.sources.layout import PUBLIC_MODE, Layout

# A pipe would have its reader wait for ever, a link may lead anywhere.
_READ_FLAGS: Final = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
# More documents of one name than this are a mistake somewhere else.
NUMBERS_MAX: Final = 10_000
NAME_BYTES_MAX: Final = 255
# Larger ones are not compared: both are kept.
COMPARED_BYTES_MAX: Final = 1024 * 1024


class NotAFile(OSError):
    """It is a link, a pipe, a directory, or anything else that is no plain file."""


class TooLarge(OSError):
    """The file is longer than what is read of it."""


def read(path: Path, *, bytes_max: int) -> tuple[bytes, os.stat_result]:
    """A plain file whole, and what it was when it was read.

    Raises: NotAFile, TooLarge; FileNotFoundError and other OSError.
    """
    if not stat.S_ISREG(path.lstat().st_mode):
        raise NotAFile(f"{path} is no plain file")
    descriptor = os.open(path, _READ_FLAGS)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise NotAFile(f"{path} is no plain file")
        content = file.read(bytes_max + 1)
    if len(content) > bytes_max:
        raise TooLarge(f"{path} has more than {bytes_max} bytes")
    return content, status


def write(layout: Layout, path: Path, text: str) -> None:
    """Put `text` in place of the whole file: a reader sees the old one or the new one.

    Written aside where no watcher looks; what a kill leaves there is cleared later.
    """
    aside = _write_aside(layout, text)
    try:
        if path.is_dir() and not path.is_symlink():
            set_aside(path)  # nobody's file may be called so, nor his folder
        aside.replace(path)
    except OSError:
        _discard(aside)
        raise


def create(layout: Layout, path: Path, text: str) -> bool:
    """As `write`, but only where there is no such file yet; whether that was so."""
    aside = _write_aside(layout, text)
    try:
        os.link(aside, path)
    except FileExistsError:
        return False
    except OSError:
        # A file system without hard links: what is left is to look first.
        if path.exists():
            return False
        aside.replace(path)
    finally:
        _discard(aside)
    return True


def move(path: Path, goal: Path) -> bool:
    """Move a document; whether there was anything to move.

    What stands at the goal under that name is kept under a number, unless it is the same.
    """
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    if not _is_same(path, goal):
        set_aside(goal)
    try:
        path.rename(goal)
    except FileNotFoundError:
        return False  # another watcher was faster
    return True


def set_aside(path: Path) -> Path | None:
    """Keep what stands under this name under a number; where it is now."""
    for number in range(1, NUMBERS_MAX):
        other = path.with_name(_numbered(path, number))
        if not exists(other):
            with contextlib.suppress(FileNotFoundError):
                path.rename(other)
                return other
            return None
    raise OSError(f"there are too many files called {path.name}")


def _numbered(path: Path, number: int) -> str:
    """Its name with the number, no longer than a name may be."""
    ending = f".{number}{path.suffix}"
    stem = path.stem
    while len(os.fsencode(stem + ending)) > NAME_BYTES_MAX:
        stem = stem[:-1]
    return stem + ending


def remove(path: Path) -> None:
    """Remove a file, if it is there. A directory is somebody's, and stays."""
    try:
        path.unlink()
    except FileNotFoundError:
        pass
    except OSError:
        if not path.is_dir():
            raise


@contextlib.contextmanager
def one_at_a_time(layout: Layout) -> Iterator[None]:
    """Keep other watchers out of the ends of tasks, where the file system can do that.

    Everything is right without it as well, save where a person and two watchers meet within
    milliseconds. It is never waited for: a lock of a machine that is gone may stay for long.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    descriptor = _open_lock(layout.own / "lock")
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise Busy("another watcher is at it") from None
        except OSError:
            pass  # a share without locks
        yield
    finally:
        os.close(descriptor)


def _open_lock(path: Path) -> int:
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT, PUBLIC_MODE)
    except PermissionError:
        # Another account has made it, and shares the folder: to hold it, reading is enough.
        return os.open(path, os.O_RDONLY)


class Busy(OSError):
    """Another watcher is writing in this source: try again in a moment."""


def clear_aside(layout: Layout, *, keep_seconds: float) -> None:
    """Remove what kills have left half written. The file system's own clock counts."""
    left = list(layout.aside.iterdir())
    if not left:
        return  # as nearly always: to ask for the time is a write to what may be a memory card
    probe = _write_aside(layout, "")
    now = probe.stat().st_mtime
    _discard(probe)
    for path in left:
        with contextlib.suppress(OSError):
            if now - path.lstat().st_mtime > keep_seconds:
                path.unlink()


def _write_aside(layout: Layout, text: str) -> Path:
    aside = layout.aside / secrets.token_hex(8)
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PUBLIC_MODE)
    try:
        # What is no character is shown as its number: it must not keep the rest from being told.
        with os.fdopen(
            descriptor, "w", encoding="utf-8", errors="backslashreplace", newline="\n"
        ) as file:
            os.chmod(aside, PUBLIC_MODE)  # noqa: PTH101  whatever the umask
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        _discard(aside)
        raise
    return aside


def _discard(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def exists(path: Path) -> bool:
    """Whether anything is there, be it a link that leads nowhere."""
    try:
        path.lstat()
    except FileNotFoundError:
        return False
    return True


def _is_same(path: Path, other: Path) -> bool:
    """Whether nothing is lost where the one takes the place of the other."""
    try:
        mine, theirs = path.lstat(), other.lstat()
        if not (stat.S_ISREG(mine.st_mode) and stat.S_ISREG(theirs.st_mode)):
            return False
        if mine.st_size != theirs.st_size or mine.st_size > COMPARED_BYTES_MAX:
            return False
        both = [read(each, bytes_max=COMPARED_BYTES_MAX)[0] for each in (path, other)]
        return both[0] == both[1]
    except FileNotFoundError:
        return True
    except OSError:  # it cannot be read
        return False
