"""The folders of a source, and the mark that says: this is the source, and it is there.

An empty mount point looks like a source whose documents were all deleted. The mark tells them
apart, and its own uuid tells two sources apart that were mounted at the same place in turn.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
import uuid
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from claude_task_client.errors import BadSettings
from claude_task_client.settings import SLUG
from claude_task_client.sources.registry import Source

MARK_BYTES_MAX: Final = 4096
PUBLIC_MODE: Final = 0o644  # what others of a shared mount read, whatever the umask

STAGING: Final = "staging"
PENDING: Final = "pending"
COMPLETED: Final = "completed"
FAILED: Final = "failed"
PLANNING: Final = "planning"
RESULTS: Final = "results"
REPORTS: Final = "reports"
FOLDERS: Final = (STAGING, PENDING, COMPLETED, FAILED, PLANNING, RESULTS, REPORTS)

OWN: Final = ".athena"
MARK: Final = "source.json"
OPEN: Final = "open"
ENDED: Final = "ended"
ASIDE: Final = "tmp"


class SourceAway(OSError):
    """The source is not to be seen: a mount is away, or the folder is none (any more)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a source says of itself: `id` is its lane, whatever another machine may call it."""

    uuid: str
    id: str


@dataclass(frozen=True, slots=True)
class Layout:
    """Where everything of a source lies."""

    root: Path

    def folder(self, name: str) -> Path:
        """One of the folders that people see."""
        return self.root / name

    @property
    def pending(self) -> Path:
        """Where documents wait and run."""
        return self.root / PENDING

    @property
    def own(self) -> Path:
        """What only watchers read and write."""
        return self.root / OWN

    @property
    def aside(self) -> Path:
        """Where files are written before they replace others."""
        return self.own / ASIDE

    def document(self, folder: str, stem: str) -> Path:
        """A document, in one of the folders."""
        return self.root / folder / f"{stem}.md"

    def result(self, stem: str) -> Path:
        """What came of a document, for programs."""
        return self.root / RESULTS / f"{stem}.json"

    def report(self, stem: str) -> Path:
        """What came of a document, for people."""
        return self.root / REPORTS / f"{stem}.md"

    def lock(self, stem: str) -> Path:
        """Stands beside a document while its task runs."""
        return self.pending / f".{stem}.lock"

    def record(self, state: str, stem: str) -> Path:
        """What is known of a document: `state` is `OPEN` or `ENDED`."""
        return self.own / state / f"{stem}.json"

    def mark(self) -> Mark:
        """The mark, where the source is there and whole.

        Raises: SourceAway, where anything of it is missing, or leads out of it.
        """
        if not _is_folder(self.own) or (mark := _read_mark(self.own / MARK)) is None:
            raise SourceAway(
                f"{self.root} is not to be seen, or is no source (no {OWN}/{MARK} in it)."
            )
        for name in (*FOLDERS, f"{OWN}/{OPEN}", f"{OWN}/{ENDED}", f"{OWN}/{ASIDE}"):
            folder = self.root / name
            # A removed folder of ours is made again; `pending` may be a mount that is away.
            if name != PENDING:
                with contextlib.suppress(FileExistsError):
                    folder.mkdir()
            if not _is_folder(folder):
                raise SourceAway(f"{folder} is missing, or no directory of the source's own.")
        return mark


def prepare(source: Source) -> Mark:
    """Make the folders and the mark of a source. One that is marked already keeps its mark.

    Raises: BadSettings, where that cannot be written, or something else is in the way.
    """
    root, layout = source.path, Layout(source.path)
    try:
        for name in (*FOLDERS, OWN, f"{OWN}/{OPEN}", f"{OWN}/{ENDED}", f"{OWN}/{ASIDE}"):
            folder = root / name
            folder.mkdir(parents=True, exist_ok=True)
            if not _is_folder(folder):
                raise BadSettings(f"{folder} is a link: a source's folders are its own.")
        return _read_mark(layout.own / MARK) or _marked(layout, source.id)
    except OSError as error:
        raise BadSettings(f"Cannot write {root}: {error.strerror or error}.") from error


def _marked(layout: Layout, source_id: str) -> Mark:
    mark = Mark(uuid=str(uuid.uuid4()), id=source_id)
    path = layout.own / MARK
    aside = layout.aside / f"{mark.uuid}.mark"
    aside.write_text(json.dumps(asdict(mark)) + "\n", "utf-8")
    aside.chmod(PUBLIC_MODE)
    try:
        # Of two who mark a source at once, the first one's mark holds.
        os.link(aside, path)
    except FileExistsError:
        return _read_mark(path) or _replaced(aside, path, mark)
    except OSError:  # a file system without hard links
        return _replaced(aside, path, mark)
    finally:
        with contextlib.suppress(OSError):
            aside.unlink()
    return mark


def _replaced(aside: Path, path: Path, mark: Mark) -> Mark:
    aside.replace(path)
    return mark


def _is_folder(path: Path) -> bool:
    """Whether it is a directory itself: a link may lead out of the source."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except FileNotFoundError:
        return False


def _read_mark(path: Path) -> Mark | None:
    try:
        if path.stat().st_size > MARK_BYTES_MAX:
            return None
        content = json.loads(path.read_text("utf-8"))
        own, name = str(uuid.UUID(content["uuid"])), content["id"]
        return Mark(uuid=own, id=name) if SLUG.fullmatch(name) else None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
