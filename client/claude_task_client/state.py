"""What this instance has claimed, so that `complete 5` carries the attempt it belongs to.

Athena knows who holds what; only the claimer knows which attempt it is working on. Without it, work
that was overtaken (lease expired, claimed anew by the same instance) could end the newer attempt.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from claude_task_client import files
from claude_task_client.errors import BadSettings

# Far more than one instance ever holds at once; the oldest go first.
CLAIMS_MAX: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose claims: one instance at one Athena."""

    url: str
    instance: str

    @property
    def name(self) -> str:
        """How the file calls it."""
        return f"{self.instance} {self.url}"


class Claims:
    """The claims of one holder, in a file shared by all holders of this account."""

    def __init__(self, folder: Path, holder: Holder) -> None:
        self.path = folder / "claims.json"
        self._holder = holder.name

    def all(self) -> dict[int, int]:
        """Task → attempt, the oldest claim first."""
        return {int(task): attempt for task, attempt in self._read().get(self._holder, {}).items()}

    def attempt(self, task_id: int) -> int | None:
        """The attempt in which the task was claimed here, if it was."""
        return self.all().get(task_id)

    def remember(self, task_id: int, attempt: int) -> None:
        """Note a claim."""

        def add(claims: dict[str, int]) -> dict[str, int]:
            others = {task: kept for task, kept in claims.items() if task != str(task_id)}
            return dict([*others.items(), (str(task_id), attempt)][-CLAIMS_MAX:])

        self._change(add)

    def forget(self, task_id: int) -> None:
        """Note the end of a claim."""
        if task_id in self.all():
            self._change(lambda claims: {k: v for k, v in claims.items() if k != str(task_id)})

    def _change(self, change: Callable[[dict[str, int]], dict[str, int]]) -> None:
        with files.lock(self.path):
            content = self._read()
            content[self._holder] = change(content.get(self._holder, {}))
            kept = {holder: claims for holder, claims in content.items() if claims}
            files.replace_file(self.path, json.dumps(kept, indent=1) + "\n")

    def _read(self) -> dict[str, dict[str, int]]:
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise BadSettings(f"Cannot read {self.path}: {error.strerror or error}.") from error
        except ValueError:
            return {}  # damaged by somebody else: Athena still knows who holds what
        return (
            {str(holder): _claims(value) for holder, value in content.items()}
            if isinstance(content, dict)
            else {}
        )


def _claims(value: object) -> dict[str, int]:
    if not isinstance(value, dict):
        return {}
    return {
        str(task): attempt
        for task, attempt in value.items()
        if str(task).isdecimal() and isinstance(attempt, int)
    }
