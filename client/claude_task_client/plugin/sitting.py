"""A sitting: one running Claude Code that has the plugin, and what the plugin knows of it.

Claude Code's session ids change within one process (`/clear`, `/resume`), and what it started
before (an MCP server) keeps the old one. So each process has a file here, named by its pid, that
lists all sessions it has had: a claim of any of them is renewed for as long as this process lives.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from claude_task_client import files, settings, state
from claude_task_client.plugin import processes
from claude_task_client.settings import ClaudeSession

FOLDER: Final = "claude-sessions"
# A sitting may last for weeks; what it remembers may not grow for as long.
REMEMBERED_MAX: Final = 100


class Told(NamedTuple):
    """What its file says.

    `sessions`: their ids, in order. `reminded`: claims that Claude was reminded of, each as
    task/attempt. `lost`: tasks that were lost while Claude worked, and why; told to Claude once.
    """

    began: str
    sessions: Sequence[str] = ()
    reminded: Sequence[str] = ()
    lost: Sequence[tuple[int, str]] = ()


class Sitting(NamedTuple):
    """One running Claude Code. `host`: what the machine was called when it began."""

    folder: Path
    pid: int
    host: str

    @property
    def path(self) -> Path:
        """Its file."""
        return self.folder / FOLDER / f"{self.host}.{self.pid}.json"

    @property
    def beat_lock(self) -> Path:
        """Locked by the process that renews its claims."""
        return self.path.with_suffix(".beat")

    def read(self) -> Told | None:
        """What its file says; None where there is none (any more)."""
        try:
            content = json.loads(self.path.read_text(encoding="utf-8"))
            return Told(
                began=str(content["began"]),
                sessions=[str(each) for each in content["sessions"]],
                reminded=[str(each) for each in content["reminded"]],
                lost=[(int(task), str(code)) for task, code in content["lost"]],
            )
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def is_there(self) -> bool:
        """Whether Claude Code still runs, and has not said that it ends."""
        told = self.read()
        return told is not None and processes.is_alive(self.pid, told.began)

    def claims(self) -> Sequence[state.Claim]:
        """What its sessions have claimed and not ended. Raises: BadSettings."""
        told = self.read()
        return [] if told is None else state.claims_of_sessions(self.folder, told.sessions)

    def change(self, change: Callable[[Told], Told]) -> None:
        """Put down something new, where it still exists. Raises: BadSettings."""
        with files.lock(self.path):
            told = self.read()
            if told is not None:
                self._write(change(told))

    def begin(self, session: str) -> None:
        """Note that a session has begun in it. Raises: BadSettings."""
        began = processes.began(self.pid)
        with files.lock(self.path):
            told = self.read()
            if told is None or told.began != began:
                told = Told(began)
            others = [each for each in told.sessions if each != session]
            self._write(told._replace(sessions=[*others, session]))

    def end(self) -> None:
        """Forget it: whoever renews its claims stops."""
        for path in (self.path, self.beat_lock, self.path.with_name(f"{self.path.name}.lock")):
            with contextlib.suppress(OSError):  # Windows keeps what is open
                path.unlink()

    def _write(self, told: Told) -> None:
        content: dict[str, Any] = {
            "began": told.began,
            "sessions": [*told.sessions][-REMEMBERED_MAX:],
            "reminded": [*told.reminded][-REMEMBERED_MAX:],
            "lost": [*told.lost][-REMEMBERED_MAX:],
        }
        files.replace_file(self.path, json.dumps(content) + "\n")


def at(folder: Path, pid: int) -> Sitting:
    """The sitting of this process, whether or not it has a file.

    A laptop is called otherwise in another network, and its sittings go on: they are known by when
    their process began.
    """
    here = Sitting(folder, pid, _here())
    if here.path.exists():
        return here
    since = processes.began(pid)
    for each in _files(folder):
        if each.pid == pid and since and (told := each.read()) is not None and told.began == since:
            return each
    return here


def of(folder: Path, session: ClaudeSession) -> Sitting | None:
    """The sitting that this process belongs to; None where the plugin is not in it."""
    if session.pid is not None:
        here = at(folder, session.pid)
        return here if here.read() is not None else None
    # An MCP server is told the session alone. It is the program's own child, which tells two that
    # have the same session apart; unless something stands between them.
    for each in (at(folder, os.getppid()), *everyone(folder)):
        told = each.read()
        if told is not None and session.id in told.sessions and each.is_there():
            return each
    return None


def current(folder: Path, session: ClaudeSession) -> str:
    """The session that goes on where this process was started: `/clear` begins another."""
    if session.pid is not None:
        return session.id  # hooks and Bash are told anew each time
    here = at(folder, os.getppid())
    told = here.read()
    is_ours = told is not None and session.id in told.sessions and here.is_there()
    return told.sessions[-1] if told is not None and is_ours else session.id


def claimed_elsewhere(folder: Path, here: Sitting) -> Sequence[state.Claim]:
    """What other sessions on this machine hold and this one does not. Raises: BadSettings."""
    ours = {*here.claims()}
    others = [each for each in everyone(folder) if each.pid != here.pid and each.is_there()]
    return [claim for each in others for claim in each.claims() if claim not in ours]


def everyone(folder: Path) -> Iterator[Sitting]:
    """All sittings on this machine that have a file, also of those that were killed."""
    host = _here()
    for each in _files(folder):
        told = each.read() if each.host != host else None
        # By another name it may be another machine.
        if each.host == host or (told and told.began and told.began == processes.began(each.pid)):
            yield each


def _files(folder: Path) -> Iterator[Sitting]:
    with contextlib.suppress(OSError):
        for name in sorted(os.listdir(folder / FOLDER)):  # noqa: PTH208  names alone are wanted
            host, _, pid = name.removesuffix(".json").rpartition(".")
            if name.endswith(".json") and not name.startswith(".") and pid.isdecimal():
                yield Sitting(folder, int(pid), host)


def _here() -> str:
    """This machine, or container: a home may be shared by several, and a pid says nothing there."""
    return settings.host_name().replace("/", "-")


def sweep(folder: Path) -> None:
    """Forget those whose Claude Code was killed, and has said nothing."""
    for each in everyone(folder):
        if not each.is_there():
            each.end()
