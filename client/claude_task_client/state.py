"""What this instance has claimed, so that `complete 5` carries the attempt it belongs to.

Athena knows who holds what; only the claimer knows which attempt it is working on. Without it, work
that was overtaken (lease expired, claimed anew by the same instance) could end the newer attempt.
It also notes in which Claude Code sessions a claim was made: while one lasts, the plugin renews it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

from claude_task_client import files
from claude_task_client.errors import BadSettings

# Far more than one instance ever holds at once; the oldest go first.
CLAIMS_MAX: Final = 200
# Sessions of one machine that have claimed the same task; more than two are hardly ever there.
SESSIONS_MAX: Final = 10
FILE: Final = "claims.json"

# How the file keeps one: the attempt, and beside it the sessions where there are any.
_Kept: TypeAlias = "int | dict[str, object]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Whose claims: one instance at one Athena."""

    url: str
    instance: str

    @property
    def name(self) -> str:
        """How the file calls it."""
        return f"{self.instance} {self.url}"

    @classmethod
    def named(cls, name: str) -> Holder:
        """The holder that the file calls so."""
        instance, _, url = name.partition(" ")
        return cls(url=url, instance=instance)


class Claim(NamedTuple):
    """A task in somebody's hands, and in which attempt."""

    holder: Holder
    task_id: int
    attempt: int


class Claims:
    """The claims of one holder, in a file shared by all holders of this account."""

    def __init__(self, folder: Path, holder: Holder) -> None:
        self.path = folder / FILE
        self.holder = holder
        self._holder = holder.name

    def all(self) -> dict[int, int]:
        """Task → attempt, the oldest claim first."""
        kept = _read(self.path).get(self._holder, {})
        return {int(task): _attempt(each) for task, each in kept.items()}

    def attempt(self, task_id: int) -> int | None:
        """The attempt in which the task was claimed here, if it was."""
        return self.all().get(task_id)

    def remember(self, task_id: int, attempt: int, *, session: str | None = None) -> None:
        """Note a claim, and the Claude Code session that made it.

        Claimed once more in the same attempt it is the same hold, which now has one more owner: a
        person in a terminal, or another session, must not end the heartbeats of the first.
        """

        def add(claims: dict[str, _Kept]) -> dict[str, _Kept]:
            others = {task: kept for task, kept in claims.items() if task != str(task_id)}
            claim = _claimed(claims.get(str(task_id)), attempt, session)
            return dict([*others.items(), (str(task_id), claim)][-CLAIMS_MAX:])

        self._change(add)

    def forget(self, task_id: int, *, attempt: int | None = None) -> None:
        """Note the end of a claim: of any of the task, or of the one in this attempt."""

        def is_meant(task: str, kept: _Kept) -> bool:
            return task == str(task_id) and attempt in {None, _attempt(kept)}

        if task_id in self.all():
            self._change(
                lambda claims: {k: kept for k, kept in claims.items() if not is_meant(k, kept)}
            )

    def _change(self, change: Callable[[dict[str, _Kept]], dict[str, _Kept]]) -> None:
        with files.lock(self.path):
            content = _read(self.path)
            content[self._holder] = change(content.get(self._holder, {}))
            kept = {holder: claims for holder, claims in content.items() if claims}
            files.replace_file(self.path, json.dumps(kept, indent=1) + "\n")


def claims_of_sessions(folder: Path, sessions: Collection[str]) -> Sequence[Claim]:
    """All claims that were made in these Claude Code sessions, by any holder of this account."""
    return [
        Claim(Holder.named(name), int(task), _attempt(kept))
        for name, claims in _read(folder / FILE).items()
        for task, kept in claims.items()
        if any(session in sessions for session in _sessions(kept))
    ]


def _read(path: Path) -> dict[str, dict[str, _Kept]]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise BadSettings(f"Cannot read {path}: {error.strerror or error}.") from error
    except ValueError:
        return {}  # damaged by somebody else: Athena still knows who holds what
    return (
        {str(holder): _claims(value) for holder, value in content.items()}
        if isinstance(content, dict)
        else {}
    )


def _claims(value: object) -> dict[str, _Kept]:
    if not isinstance(value, dict):
        return {}
    return {
        str(task): kept
        for task, kept in value.items()
        if str(task).isdecimal()
        and isinstance(kept.get("attempt") if isinstance(kept, dict) else kept, int)
    }


def _attempt(kept: _Kept) -> int:
    if isinstance(kept, int):
        return kept
    attempt = kept["attempt"]
    return attempt if isinstance(attempt, int) else 0  # `_claims` lets nothing else pass


def _sessions(kept: _Kept | None) -> list[str]:
    sessions = kept.get("sessions") if isinstance(kept, dict) else None
    return (
        [each for each in sessions if isinstance(each, str)] if isinstance(sessions, list) else []
    )


def _claimed(before: _Kept | None, attempt: int, session: str | None) -> _Kept:
    """A claim as the file keeps it, where it kept this one of the task so far."""
    is_same = before is not None and _attempt(before) == attempt
    earlier = [each for each in _sessions(before) if is_same and each != session]
    sessions = [*earlier, *([] if session is None else [session])][-SESSIONS_MAX:]
    return {"attempt": attempt, "sessions": sessions} if sessions else attempt
