"""What a worker notes of a task's workspace, in one small file that is replaced whole."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from claude_task_client.files import replace_file
from claude_task_client.worker.asides import Aside, Back
from claude_task_client.worker.job import Earlier, Place, Returned, WorkspaceTrouble


@dataclass(frozen=True, slots=True, kw_only=True)
class Made:
    """What is noted of a workspace that was made.

    `aside`: the task has left the folder; `back`: it is being put back, or was, with `returned`.
    """

    base: str
    branch: str
    git_dir: Path
    earlier: Earlier | None = None
    aside: Aside | None = None
    back: Back | None = None
    returned: Returned | None = None

    def place(self, folder: Path) -> Place:
        """As the stages know it."""
        return Place(
            folder=folder,
            branch=self.branch,
            base=self.base,
            earlier=self.earlier,
            returned=self.returned,
        )


def read(path: Path) -> Made | None:
    """The note, if there is one. Raises: WorkspaceTrouble."""
    try:
        return _made(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkspaceTrouble(f"Cannot read {path}: {error}") from error


def write(path: Path, made: Made) -> None:
    """Replace the note; it survives a crash right after."""
    replace_file(path, json.dumps(asdict(made), default=str))


def _made(content: Mapping[str, Any]) -> Made:
    """What a note says. Those of older workers say less."""
    earlier, aside, back, returned = (
        content.get(name) for name in ("earlier", "aside", "back", "returned")
    )
    return Made(
        base=content["base"],
        branch=content["branch"],
        git_dir=Path(content["git_dir"]),
        earlier=earlier and Earlier(earlier),
        aside=aside and Aside(**aside),
        back=back and Back(**{**back, "conflicts": tuple(back["conflicts"])}),
        returned=returned and Returned(**{**returned, "conflicts": tuple(returned["conflicts"])}),
    )
