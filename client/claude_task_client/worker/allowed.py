"""What a person has allowed for a whole project: the very same call again, and nothing like it."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from claude_task_client import clock
from claude_task_client.files import replace_file
from claude_task_client.wire import time_text

FOLDER: Final = "allowed"

# What Claude says about a call, and not what it does.
_REMARKS: Final = {"Bash": frozenset({"description", "timeout"})}
# Stands for the folder of whichever task it is: the next one works in another.
_FOLDER: Final = "{folder of the task}"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A call that needs no person any more. `input` as JSON, with the task's folder left open."""

    tool: str
    input: str
    task_id: int
    at: str
    allowed_by: str | None = None


class Allowed:
    """The rules of one project, in a file that a person may shorten or delete."""

    def __init__(self, file: Path, *, now: Callable[[], datetime]) -> None:
        self._file = file
        self._now = now

    def rules(self) -> Sequence[Rule]:
        """All of them, the oldest first. A file that cannot be read allows nothing."""
        try:
            content = json.loads(self._file.read_text(encoding="utf-8"))
            return [Rule(**rule) for rule in content["rules"]]
        except FileNotFoundError:
            return []
        except (OSError, ValueError, TypeError, KeyError):
            log.warning("%s cannot be read: nothing is allowed by it.", self._file)
            return []

    def has(self, tool: str, tool_input: Mapping[str, object], *, folder: Path) -> bool:
        """Whether this very call was allowed."""
        wanted = _canonical(tool, tool_input, folder)
        return wanted is not None and any(
            rule.tool == tool and rule.input == wanted for rule in self.rules()
        )

    def add(
        self,
        tool: str,
        tool_input: Mapping[str, object],
        *,
        folder: Path,
        task_id: int,
        allowed_by: str | None,
    ) -> None:
        """Remember that a person has allowed this call for the project."""
        canonical = _canonical(tool, tool_input, folder)
        if canonical is None or self.has(tool, tool_input, folder=folder):
            return
        rule = Rule(
            tool=tool,
            input=canonical,
            task_id=task_id,
            at=time_text(self._now()),
            allowed_by=allowed_by,
        )
        rules = [asdict(each) for each in (*self.rules(), rule)]
        replace_file(self._file, json.dumps({"rules": rules}, indent=1, ensure_ascii=False) + "\n")


def allowed_file(state: Path, project: str) -> Path:
    """Where the rules of a project are kept."""
    return state / FOLDER / f"{project}.json"


def all_rules(state: Path) -> Iterator[tuple[str, Rule]]:
    """Every rule that a worker keeps, with its project."""
    for file in sorted((state / FOLDER).glob("*.json")):
        for rule in Allowed(file, now=clock.now).rules():
            yield file.stem, rule


def _canonical(tool: str, tool_input: Mapping[str, object], folder: Path) -> str | None:
    """The call as text, the same for the same call in any task's folder; None: it has none."""
    told = {k: v for k, v in tool_input.items() if k not in _REMARKS.get(tool, frozenset())}
    text = json.dumps(told, sort_keys=True, ensure_ascii=False)
    if _FOLDER in text:
        return None  # nobody passes for a rule by writing its sign
    # Whole: what only begins like it, such as the folder of task 12 for task 1, is another place.
    here = re.escape(json.dumps(str(folder), ensure_ascii=False)[1:-1])
    return re.sub(rf"(?<![\w.~-]){here}(?![\w.-])", _FOLDER, text)
