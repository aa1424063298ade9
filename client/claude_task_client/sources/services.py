"""Services of the system that were installed before a source was there, and may not write in it."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from claude_task_client.sources.registry import Source
from claude_task_client.worker import systemd


def shut_out(source: Source, folder: Path = systemd.SYSTEM_FOLDER) -> Sequence[str]:
    """The projects whose services would watch it, and are confined to other folders."""
    if sys.platform != "linux" or _is_open(source.path, _text(folder / systemd.TEMPLATE)):
        return []
    return [
        project
        for project, drop_in in _drop_ins(folder)
        if source.project in {None, project} and not _is_open(source.path, drop_in)
    ]


def advice(projects: Sequence[str]) -> str:
    """What to run."""
    names = " ".join(projects)
    units = " ".join(systemd.unit_name(project) for project in projects)
    return (
        f"As root: claude-task-client work install --system --user NAME {names}"
        f" && systemctl daemon-reload && systemctl restart {units}"
    )


def _drop_ins(folder: Path) -> Iterator[tuple[str, str]]:
    before, after = systemd.unit_name("\0").split("\0")
    for path in sorted(folder.glob(f"{before}*{after}.d/project.conf")):
        yield path.parent.name.removeprefix(before).removesuffix(f"{after}.d"), _text(path)


def _is_open(path: Path, unit: str) -> bool:
    """Whether a unit lets its service write there."""
    for line in unit.splitlines():
        setting, _, value = line.partition("=")
        named = Path(value.strip('"').removeprefix("-").replace("%%", "%"))
        if setting in {"ReadWritePaths", "BindPaths"} and path.is_relative_to(named):
            return True
    return False


def _text(path: Path) -> str:
    with contextlib.suppress(OSError, UnicodeDecodeError):
        return path.read_text("utf-8")
    return ""
