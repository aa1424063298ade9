"""The terminal that the view is drawn on: whether it can be, and what becomes of it."""

from __future__ import annotations

import os
import select
import sys
from threading import Thread
from typing import Final

from claude_task_client import settings

_DUMB: Final = frozenset({"dumb", "unknown"})
_EXIT_HUNG_UP: Final = 129  # as a shell counts the end by SIGHUP


def can_be_drawn_on() -> bool:
    """Whether there is a terminal that knows more than lines; all three streams are of it.

    What is drawn goes to standard error: sent elsewhere, the screen would stay empty.
    """
    streams = (sys.stdin, sys.stdout, sys.stderr)
    if not all(stream is not None and stream.isatty() for stream in streams):
        return False
    kind = settings.terminal_kind()
    # Windows names none.
    return kind not in _DUMB and (kind is not None or os.name != "posix")


def can_be_lent() -> bool:
    """Whether a shell is there to which Ctrl-Z gives the terminal back, and which can resume us.

    Without one (`ssh host -t`, a window's only command) a stopped process would stay so for ever.
    """
    return os.name == "posix" and os.getpgrp() != os.getsid(0)


def end_with_it() -> None:
    """End this process when the terminal is gone, also where no signal says so.

    Reading would find an end without end, and drawing would wait for somebody to take it: neither
    comes back to the event loop. There is nothing left to put in order.
    """
    if hasattr(select, "poll"):
        Thread(target=_wait_for_its_end, args=(sys.stdin.fileno(),), daemon=True).start()


def _wait_for_its_end(terminal: int) -> None:
    poll = select.poll()
    poll.register(terminal, 0)  # no more than its end
    for _, event in poll.poll():
        if event & select.POLLHUP:  # some systems cannot tell (POLLNVAL)
            os._exit(_EXIT_HUNG_UP)
