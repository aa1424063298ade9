"""What is known of each document of a source: one file a document, shared by all its watchers.

A record is made by exclusive creation before its task is submitted, and lies in `open` until the
task has ended and everything about that is written; then in `ended`. Whatever is lost or damaged
here is found again at Athena: a task carries its document's name and key.
"""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Final, cast

from claude_task_client.errors import BadSettings, NothingToDo
from claude_task_client.sources import storing
from claude_task_client.sources.documents import Stem, normal
from claude_task_client.sources.layout import ENDED, OPEN, Layout, SourceAway
from claude_task_client.sources.registry import Source

# With the request in it, while that has no answer yet.
RECORD_BYTES_MAX: Final = 1024 * 1024
NOTES_MAX: Final = 50
SUBMITTING: Final = "submitting"
OPENED: Final = "open"
REJECTED: Final = "rejected"
DELETED: Final = "deleted"
RENAMED: Final = "renamed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is known of one document.

    - `generation`: how often it was put into `pending/`, from 1; `round`: how often its task was
      retried since
    - `key`: the name of its submission, the same for all watchers
    - `by`: the caller that submits it; `body`: what it submits, until there is an answer
    - `submitted_as`: the name under which Athena knows it, where it was renamed since
    - `digest`: of the text that Athena has; `refused_digest`: of a later one that she will not get
    - `file`: inode, size and time of the file when it was last looked into
    - `status`: `submitting`, `open`, or how it ended (a task's status, `rejected`, `deleted`,
      `lost`); or `renamed`
    - `returns`: its task was retried, and the document is on its way back into `pending/`
    - `is_absent`: it was taken away, and its task goes on without it
    - `notes`: what happened on the way that its report should tell
    """

    stem: str
    generation: int
    key: str
    round: int = 0
    returns: bool = False
    is_absent: bool = False
    title: str = ""
    by: str = ""
    body: dict[str, Any] | None = None
    submitted_as: str = ""
    submitted_at: str = ""
    task_id: int | None = None
    digest: str = ""
    refused_digest: str = ""
    file: tuple[int, int, int] | None = None
    status: str = SUBMITTING
    notes: tuple[str, ...] = field(default=())

    def noting(self, note: str) -> Record:
        """With a note more; one that is there already is not repeated."""
        if note in self.notes or len(self.notes) >= NOTES_MAX:
            return self
        return replace(self, notes=(*self.notes, note))

    @property
    def is_open(self) -> bool:
        """Whether something is still to come of it."""
        return self.status in {SUBMITTING, OPENED}


def key_of(uuid_text: str, stem: str, generation: int) -> str:
    """The name of a submission: whoever makes it, it is the same one."""
    return str(uuid.uuid5(uuid.UUID(uuid_text), f"{stem}\n{generation}"))


def digest_of(text: str) -> str:
    """What tells one text from another."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


class Records:
    """The records of one source."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._cache: dict[str, tuple[tuple[int, int, int], Record | None]] = {}

    def all_open(self) -> dict[str, Record]:
        """Those of which something is still to come, by stem. A damaged one counts as none."""
        found: dict[str, Record] = {}
        seen: dict[str, tuple[tuple[int, int, int], Record | None]] = {}
        with os.scandir(self._layout.own / OPEN) as entries:
            for entry in entries:
                if not entry.name.endswith(".json"):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                mark = (status.st_ino, status.st_size, status.st_mtime_ns)
                kept = self._cache.get(entry.name)
                record = kept[1] if kept and kept[0] == mark else _read(Path(entry.path))
                seen[entry.name] = (mark, record)
                if record is not None:
                    found[record.stem] = record
        self._cache = seen
        return found

    def open(self, stem: str) -> Record | None:
        """The open record of a document."""
        return _read(self._layout.record(OPEN, stem))

    def ended(self, stem: str) -> Record | None:
        """The record of how a document ended last."""
        return _read(self._layout.record(ENDED, stem))

    def create(self, record: Record) -> Record:
        """Note that a document is going to be submitted; what holds, where another was faster."""
        path = self._layout.record(OPEN, record.stem)
        if storing.create(self._layout, path, _text(record)):
            return record
        found = _read(path)
        if found is not None:
            return found
        storing.write(self._layout, path, _text(record))  # damaged
        return record

    def save(self, record: Record) -> None:
        """Note what is known of an open document now."""
        storing.write(self._layout, self._layout.record(OPEN, record.stem), _text(record))

    def end(self, record: Record) -> None:
        """Note that nothing more is to come. In this order: a kill loses nothing."""
        storing.write(self._layout, self._layout.record(ENDED, record.stem), _text(record))
        self.drop(record.stem)

    def drop(self, stem: str) -> None:
        """There is nothing to know of it any more."""
        storing.remove(self._layout.record(OPEN, stem))


def next_generation(layout: Layout, stem: str, ended: Record | None) -> int:
    """How often the document will have been put into `pending/`, with this time.

    Where the record of the last time is lost, its result tells.
    """
    return max(0 if ended is None else ended.generation, generation_of(layout, stem) or 0) + 1


def generation_of(layout: Layout, stem: str) -> int | None:
    """Which time the result that stands there is of."""
    content = _json(layout.result(stem))
    told = content.get("generation") if content else None
    return told if isinstance(told, int) and _is_number(told) else None


def look_up(source: Source, id_text: str) -> Record | None:
    """The document that people mean by an id, with or without `task-` and description.

    An id without a description names the only document of that second.
    Raises: NothingToDo, where there are several; SourceAway, OSError.
    """
    known = _answering(source, id_text)
    # A former name means the document too, where no other has it.
    known = [each for each in known if each.status != RENAMED] or known
    exact = [each for each in known if is_called(id_text, each.stem)]
    if len(known) > 1 and not exact:
        names = ", ".join(each.stem for each in known)
        raise NothingToDo(f"{id_text} may be any of: {names}. Name one whole.")
    return next(iter(exact or known), None)


def _answering(source: Source, id_text: str) -> list[Record]:
    """By name. Only these are read: a source may have a hundred thousand that ended."""
    layout = Layout(source.path)
    layout.mark()
    found: dict[str, Record] = {}
    for state in (OPEN, ENDED):
        for name in sorted(os.listdir(layout.own / state)):  # noqa: PTH208  names alone, and fast
            stem = name.removesuffix(".json")
            if stem != name and stem not in found and _stem(stem).answers_to(id_text):
                record = _read(layout.record(state, stem))
                if record is not None:
                    found[stem] = record
    return [found[stem] for stem in sorted(found)]


def find(source: Source, id_text: str) -> Record | None:
    """As `look_up`, for a command.

    Raises: NothingToDo, where there are several; BadSettings, where the source is away.
    """
    try:
        return look_up(source, id_text)
    except SourceAway as error:
        raise BadSettings(str(error)) from error
    except OSError as error:
        raise BadSettings(f"Cannot read {source.path}: {error.strerror or error}.") from error


def _stem(text: str) -> Stem:
    _, _, rest = text.partition("task-")
    return Stem(text, rest[:15], rest[16:])


def is_called(id_text: str, stem: str) -> bool:
    """Whether people mean it by that, and nothing else."""
    bare = normal(id_text).removesuffix(".md").removeprefix("task-")
    return bare == stem.removeprefix("task-")


def _text(record: Record) -> str:
    return json.dumps(asdict(record), ensure_ascii=False) + "\n"


def _json(path: Path) -> Mapping[str, Any] | None:
    try:
        content, _ = storing.read(path, bytes_max=RECORD_BYTES_MAX)
        value = json.loads(content)
    except (FileNotFoundError, storing.NotAFile, storing.TooLarge, ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _read(path: Path) -> Record | None:
    """None where there is none, or none that can be understood."""
    content = _json(path)
    if content is None or content.get("stem") != path.name.removesuffix(".json"):
        return None
    values = {each.name: content[each.name] for each in fields(Record) if each.name in content}
    if not all(_KINDS[name](value) for name, value in values.items()):
        return None
    try:
        record = Record(**values)
    except TypeError:
        return None
    file = record.file and (record.file[0], record.file[1], record.file[2])
    record = replace(record, notes=tuple(record.notes), file=file)
    return None if record.status == OPENED and record.task_id is None else record


def _is_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_list_of(kind: Callable[[object], bool]) -> Callable[[object], bool]:
    return lambda value: isinstance(value, list) and all(map(kind, value))


_KINDS: Final[Mapping[str, Callable[[object], bool]]] = {
    **dict.fromkeys((each.name for each in fields(Record)), _is_text),
    "generation": _is_number,
    "round": _is_number,
    "returns": lambda value: isinstance(value, bool),
    "is_absent": lambda value: isinstance(value, bool),
    "task_id": lambda value: value is None or _is_number(value),
    "body": lambda value: value is None or isinstance(value, dict),
    "notes": _is_list_of(_is_text),
    "file": lambda value: (
        value is None or (_is_list_of(_is_number)(value) and len(cast("list[int]", value)) == 3)
    ),
}
