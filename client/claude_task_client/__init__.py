"""The client of Athena: `Athena` and `AsyncAthena` for programs, a command for the terminal.

The names are imported when they are first asked for: the commands start without most of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from claude_task_client.client import AsyncAthena
    from claude_task_client.errors import (
        AthenaError,
        Conflict,
        Denied,
        Invalid,
        NotFound,
        Refused,
        Unreachable,
    )
    from claude_task_client.sync import Athena
    from claude_task_client.wire import Event, LogLine, Message, Question, Result, Session, Task
    from claude_task_client.working import Finish

_HOMES = {
    "Athena": "sync",
    "AsyncAthena": "client",
    "AthenaError": "errors",
    "Conflict": "errors",
    "Denied": "errors",
    "Event": "wire",
    "Finish": "working",
    "Invalid": "errors",
    "LogLine": "wire",
    "Message": "wire",
    "NotFound": "errors",
    "Question": "wire",
    "Refused": "errors",
    "Result": "wire",
    "Session": "wire",
    "Task": "wire",
    "Unreachable": "errors",
}

__all__ = [
    "AsyncAthena",
    "Athena",
    "AthenaError",
    "Conflict",
    "Denied",
    "Event",
    "Finish",
    "Invalid",
    "LogLine",
    "Message",
    "NotFound",
    "Question",
    "Refused",
    "Result",
    "Session",
    "Task",
    "Unreachable",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(f".{_HOMES[name]}", __name__), name)


def __dir__() -> list[str]:
    return __all__
