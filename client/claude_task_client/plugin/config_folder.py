"""Claude Code's own settings: what they were before the plugin came, and how they are so again.

The program itself installs and removes the plugin. In doing so it writes its files anew, in its own
layout, and leaves empty entries behind. So what was there before is kept, byte for byte, and is put
back; where a person or the program has changed a file since, only what is ours is taken out of it.
"""

from __future__ import annotations

import base64
import codecs
import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from claude_task_client import files
from claude_task_client.errors import BadSettings
from claude_task_client.plugin import json_text
from claude_task_client.plugin.names import MARKETPLACE, PLUGIN

SETTINGS: Final = "settings.json"
MARKETPLACES: Final = "plugins/known_marketplaces.json"
INSTALLED: Final = "plugins/installed_plugins.json"

# What the program notes of a plugin, in which file (2.1.330).
OURS: Final[Mapping[str, Sequence[Sequence[str]]]] = {
    SETTINGS: (("enabledPlugins", PLUGIN), ("extraKnownMarketplaces", MARKETPLACE)),
    MARKETPLACES: ((MARKETPLACE,),),
    INSTALLED: (("plugins", PLUGIN),),
}
# What such a file holds where it says nothing: one that was made for the plugin goes with it.
NOTHING: Final[Mapping[str, object]] = {
    SETTINGS: {},
    MARKETPLACES: {},
    INSTALLED: {"version": 2, "plugins": {}},
}
OUR_FOLDERS: Final = (f"plugins/cache/{MARKETPLACE}", f"plugins/data/{MARKETPLACE}-{MARKETPLACE}")
# Made for the plugin, if nothing else has come into them since.
OUTER_FOLDERS: Final = ("plugins/cache", "plugins/data", "plugins/marketplaces", "plugins")

Contents = Mapping[str, bytes | None]


class Before(NamedTuple):
    """What is kept from an install: the files before it, and a digest of what it made of them."""

    contents: Contents
    folders: Sequence[str]
    made: Mapping[str, str]


def read(folder: Path) -> Contents:
    """The files that a plugin's coming changes, as they are; None: there is none.

    Raises: BadSettings.
    """
    return {name: _content(folder / name) for name in OURS}


def folders(folder: Path) -> Sequence[str]:
    """Those folders for plugins that there are."""
    return [name for name in OUTER_FOLDERS if (folder / name).is_dir()]


def digests(contents: Contents) -> Mapping[str, str]:
    """What tells the contents from others."""
    return {name: _digest(content) for name, content in contents.items()}


def settings_of(content: bytes | None) -> Mapping[str, Any]:
    """A file of settings, read; empty where it has nothing to say or cannot be read."""
    value = _value(content)
    return value if isinstance(value, dict) else {}


def restored(name: str, now: bytes | None, before: Before) -> bytes | None:
    """What the file is to be once the plugin has gone; None: there is to be none."""
    earlier = before.contents.get(name)
    if _digest(now) == before.made.get(name):
        return earlier
    if now is None:
        return None
    try:
        mark, there = _text(now)
        text = _without_ours(name, there, _value(earlier))
    except ValueError:
        return now  # not ours to mend
    same = NOTHING[name] if earlier is None else _value(earlier)
    is_as_before = name in before.contents and json.loads(text) == same
    return earlier if is_as_before else mark + text.encode()


def is_stuck(name: str, content: bytes | None) -> bool:
    """Whether the file speaks of the plugin, but in a way that nothing can be taken out of it."""
    if content is None or not any(path[-1].encode() in content for path in OURS[name]):
        return False
    try:
        json.loads(_text(content)[1])
    except ValueError:
        return True
    return False


def says_the_same(name: str, one: bytes | None, other: bytes | None) -> bool:
    """Whether both say the same but for the plugin, in whatever layout."""
    try:
        return one == other or _others(name, one) == _others(name, other)
    except ValueError:
        return False


def put_back(folder: Path, contents: Contents) -> None:
    """Have the files hold this. Raises: BadSettings."""
    for name, content in contents.items():
        path = folder / name
        if _content(path) != content:
            _put(path, content)


def remove_folders(folder: Path, kept: Sequence[str]) -> None:
    """Remove what the program has left of the plugin, and what was made for it and is empty now."""
    for name in OUR_FOLDERS:
        shutil.rmtree(folder / name, ignore_errors=True)
    for name in OUTER_FOLDERS:
        if name not in kept:
            with contextlib.suppress(OSError):  # it is not there, or something else came into it
                (folder / name).rmdir()


def _without_ours(name: str, text: str, earlier: object) -> str:
    for path in OURS[name]:
        text = json_text.remove(text, path)
        is_left_over = len(path) > 1 and json.loads(text).get(path[0]) == {}
        was_there = isinstance(earlier, dict) and path[0] in earlier
        if is_left_over and not was_there and name == SETTINGS:
            text = json_text.remove(text, path[:1])
    return text


def _others(name: str, content: bytes | None) -> object:
    text = json.dumps(NOTHING[name]) if content is None else _text(content)[1]
    for path in OURS[name]:
        text = json_text.remove(text, path)
    said = json.loads(text)
    if name != SETTINGS or not isinstance(said, dict):
        return said
    # The program leaves these behind as they come, empty.
    entries = {path[0] for path in OURS[name]}
    return {key: value for key, value in said.items() if value != {} or key not in entries}


def _text(content: bytes) -> tuple[bytes, str]:
    """A byte order mark, if there is one (Windows' editors), and the rest. Raises: ValueError."""
    mark = codecs.BOM_UTF8 if content.startswith(codecs.BOM_UTF8) else b""
    return mark, content[len(mark) :].decode()


def _value(content: bytes | None) -> object:
    try:
        return None if content is None else json.loads(content)
    except ValueError:
        return None


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise BadSettings(f"Cannot read {path}: {error.strerror or error}.") from error


def _digest(content: bytes | None) -> str:
    return "" if content is None else hashlib.sha256(content).hexdigest()


def _put(path: Path, content: bytes | None) -> None:
    """Replace the file whole, with the rights it has; where it is a link, what it leads to."""
    target = path.resolve()
    aside = target.with_name(f".{target.name}.{os.getpid()}")
    try:
        if content is None:
            target.unlink(missing_ok=True)
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        # Settings may hold keys: the owner's alone until it has the rights of the one before.
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        if target.exists():
            shutil.copymode(target, aside)
        aside.replace(target)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise BadSettings(f"Cannot write {path}: {error.strerror or error}.") from error


def save(path: Path, config: Path, before: Before) -> None:
    """Keep what an install has found. Raises: BadSettings."""
    told = {
        "config": str(config),
        "before": {
            name: None if content is None else base64.b64encode(content).decode()
            for name, content in before.contents.items()
        },
        "folders": [*before.folders],
        "made": dict(before.made),
    }
    files.replace_file(path, json.dumps(told, indent=1) + "\n")


def load(path: Path) -> Before | None:
    """What an install has kept; None where there was none, or nobody can read it."""
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        return Before(
            contents={
                name: None if content is None else base64.b64decode(content)
                for name, content in told["before"].items()
                if name in OURS
            },
            folders=[str(name) for name in told["folders"]],
            made={str(name): str(digest) for name, digest in told["made"].items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
