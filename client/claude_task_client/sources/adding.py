"""A folder that becomes a source: on the list, with its folders and its mark."""

from __future__ import annotations

import contextlib
from pathlib import Path

from claude_task_client.errors import BadSettings
from claude_task_client.sources import layout, registry
from claude_task_client.sources.registry import Polling, Source


def add(
    path: Path,
    *,
    source_id: str | None,
    project: str | None,
    description: str | None,
    is_polled: bool,
) -> Source:
    """Watch the folder from now on. One that is a source already, made on another machine that
    shares it, keeps its id unless another is named.

    Raises: BadSettings.
    """
    source = registry.add(
        path,
        source_id=source_id or _id_of(path),
        project=project,
        description=description,
        polling=Polling.FORCED if is_polled else Polling.AUTO,
    )
    try:
        layout.prepare(source)
    except BadSettings:
        registry.remove(source.id)
        raise
    return source


def _id_of(path: Path) -> str | None:
    with contextlib.suppress(OSError):
        return layout.Layout(path).mark().id
    return None
