"""Which folders of task documents this account watches: `sources.json` beside what `login` wrote.

A path is kept resolved, so that one folder has one name; no source lies within another, since a
document has one queue.
"""

from __future__ import annotations

import json
import re
import shlex
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

from claude_task_client import files, settings
from claude_task_client.errors import BadSettings, NothingToDo

NAME: Final = "sources.json"
SOURCES_MAX: Final = 200  # each costs a watch and a lane; nobody reads a longer list
DESCRIPTION_CHARACTERS_MAX: Final = 200


class Polling(StrEnum):
    """How a source's changes are seen: `AUTO` by the system's events where it gives any."""

    AUTO = "auto"
    FORCED = "forced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A folder of task documents. `id` is a slug, and the lane of its tasks."""

    id: str
    path: Path
    project: str | None = None
    description: str | None = None
    polling: Polling = Polling.AUTO


def registry_path() -> Path:
    """Where the sources of this account are kept."""
    return settings.config_path().with_name(NAME)


def load(file: Path | None = None) -> Sequence[Source]:
    """All sources of this account, or of the one whose list it is, the oldest first.

    Raises: BadSettings.
    """
    return _read(file or registry_path())


def get(source_id: str) -> Source:
    """The source of this id. Raises: NothingToDo."""
    return _get(load(), source_id)


def add(
    path: Path,
    *,
    source_id: str | None = None,
    project: str | None = None,
    description: str | None = None,
    polling: Polling = Polling.AUTO,
) -> Source:
    """Watch a folder from now on, by default under a slug of its name.

    Raises: BadSettings where there is no such folder, an id or a project is no slug or taken, or
    the folder lies in another source, or another in it.
    """
    folder = _resolved(path)
    source = Source(
        id=_slug(source_id, "source id") if source_id is not None else slug_of_folder(folder),
        path=folder,
        project=_slug(project, "project") if project is not None else None,
        description=_checked_description(description),
        polling=polling,
    )
    file = registry_path()
    with files.lock(file):
        others = _read(file)
        _refuse_collision(source, others)
        _write(file, [*others, source])
    return source


def remove(source_id: str) -> Source:
    """Watch this source no longer; its files stay. Raises: NothingToDo."""
    file = registry_path()
    with files.lock(file):
        sources = _read(file)
        gone = _get(sources, source_id)
        _write(file, [each for each in sources if each.id != gone.id])
    return gone


def slug_of_folder(folder: Path) -> str:
    """A source's id from a folder's name: `My Tasks` → `my-tasks`."""
    slug = re.sub(r"[^a-z0-9._-]+", "-", folder.name.lower()).strip("-._")
    return slug[:64] or "tasks"


def _resolved(path: Path) -> Path:
    try:
        folder = path.expanduser().resolve()
        is_folder = folder.is_dir()
        is_too_much = folder in {Path(folder.anchor), Path.home()}
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a NUL, no home
        raise BadSettings(f"Cannot use {str(path)!r}: {error}.") from error
    if not is_folder:
        raise BadSettings(
            f"There is no directory {folder}. Make it: mkdir -p {shlex.quote(str(folder))}"
        )
    if is_too_much:
        raise BadSettings(f"{folder} is too much for a source: make a folder of its own in it.")
    return folder


def _refuse_collision(source: Source, others: Sequence[Source]) -> None:
    if len(others) >= SOURCES_MAX:
        raise BadSettings(f"There are {SOURCES_MAX} sources already, which is the most.")
    for other in others:
        if _is_same(source.path, other.path):
            raise BadSettings(
                f"{source.path} is the source {other.id!r} already."
                f" To change it, first: claude-task-client sources rm {other.id}"
            )
        if other.path in source.path.parents or source.path in other.path.parents:
            raise BadSettings(
                f"{source.path} and the source {other.id!r} ({other.path}) lie in one another:"
                " choose a folder beside it."
            )
        if source.id.lower() == other.id.lower():
            raise BadSettings(
                f"There is a source {other.id!r} already ({other.path}):"
                " give this one another name with --id."
            )


def _is_same(one: Path, other: Path) -> bool:
    try:
        return one == other or one.samefile(other)  # also by another name of the same mount
    except OSError:
        return False


def _get(sources: Iterable[Source], source_id: str) -> Source:
    known = {source.id: source for source in sources}
    if source_id not in known:
        there = f"there are {', '.join(known)}" if known else "there is none yet"
        raise NothingToDo(
            f"There is no source {source_id!r}: {there}."
            " Add one: claude-task-client sources add PATH"
        )
    return known[source_id]


def _slug(text: str, what: str) -> str:
    if settings.SLUG.fullmatch(text) is None:
        raise BadSettings(
            f"{text!r} is no {what}: that is at most 64 letters, digits, '.', '_' and '-'."
        )
    return text


def _checked_description(text: str | None) -> str | None:
    flat = " ".join((text or "").split())
    if len(flat) > DESCRIPTION_CHARACTERS_MAX:
        raise BadSettings(f"The description is longer than {DESCRIPTION_CHARACTERS_MAX} letters.")
    return flat or None


def _read(file: Path) -> list[Source]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
        return _distinct([_source(entry) for entry in _list(content["sources"])])
    except FileNotFoundError:
        return []
    except OSError as error:
        raise BadSettings(f"Cannot read {file}: {error.strerror or error}.") from error
    except (ValueError, KeyError, TypeError, AttributeError, BadSettings) as error:
        # Not to be taken as empty: the next `add` would write over what may still be mended.
        raise BadSettings(
            f"{file} is damaged ({error}). Mend it, or remove it and add the sources anew."
        ) from error


def _list(value: object) -> list[Mapping[str, object]]:
    if not isinstance(value, list):
        raise TypeError("sources is no list")
    return value


def _distinct(sources: list[Source]) -> list[Source]:
    """Each id and each path is one source's, also where somebody has edited the file."""
    names = Counter(name for each in sources for name in (each.id.lower(), str(each.path)))
    for name, count in names.items():
        if count > 1:
            raise ValueError(f"{name} is there twice")
    return sources


def _source(entry: Mapping[str, object]) -> Source:
    path = Path(_text(entry, "path") or "")
    if not path.is_absolute():
        raise BadSettings(f"{str(path)!r} is no absolute path")
    project = _text(entry, "project")
    return Source(
        id=_slug(_text(entry, "id") or "", "source id"),
        path=path,
        project=project and _slug(project, "project"),
        description=_text(entry, "description"),
        polling=Polling(_text(entry, "polling") or Polling.AUTO),
    )


def _text(entry: Mapping[str, object], key: str) -> str | None:
    value = entry.get(key)
    if value is not None and not isinstance(value, str):
        raise TypeError(f"{key} is no text")
    return value or None


def _write(file: Path, sources: Iterable[Source]) -> None:
    content = {"sources": [_entry(source) for source in sources]}
    files.replace_file(file, json.dumps(content, indent=1, ensure_ascii=False) + "\n")


def _entry(source: Source) -> dict[str, str | None]:
    return {
        "id": source.id,
        "path": str(source.path),
        "project": source.project,
        "description": source.description,
        "polling": source.polling.value,
    }
