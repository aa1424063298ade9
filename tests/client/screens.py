"""A terminal of its own for a command, and all that is drawn on it."""

from __future__ import annotations

import os
import subprocess
from typing import IO

WIDE = {"COLUMNS": "160", "LINES": "50"}


class Screen:
    """A command with a terminal of its own, and all that it has drawn."""

    def __init__(
        self,
        command: list[str],
        environment: dict[str, str],
        *,
        kind: str = "xterm",
        errors: IO[str] | None = None,
        controls: bool = False,
    ) -> None:
        """`kind`: what it says that it is; `errors`: where standard error goes instead.

        `controls`: a shell stops and resumes its jobs there.
        """
        import pty

        self._ours, theirs = pty.openpty()
        self.drawn = ""
        self.process = subprocess.Popen(
            command, env={**environment, **WIDE, "TERM": kind}, stdin=theirs, stdout=theirs,
            stderr=errors or theirs, start_new_session=True,
            preexec_fn=_take_control if controls else None,  # noqa: PLW1509  before any thread
        )  # fmt: skip
        os.close(theirs)

    def read_until(self, words: str) -> None:
        """Wait until the words have been drawn."""
        while words not in self.drawn:
            self.drawn += os.read(self._ours, 65536).decode("utf-8", "replace")

    def type(self, text: str) -> None:
        os.write(self._ours, text.encode())

    def end(self) -> int:
        """Read the rest; the exit code."""
        try:
            while piece := os.read(self._ours, 65536):
                self.drawn += piece.decode("utf-8", "replace")
        except OSError:
            pass  # the other end is closed
        os.close(self._ours)
        return self.process.wait(30)


def _take_control() -> None:
    """Make the terminal the one that signals come from."""
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
