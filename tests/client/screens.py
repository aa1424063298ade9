"""A terminal of its own for a command, and all that is drawn on it."""

from __future__ import annotations

import os
import subprocess

WIDE = {"TERM": "xterm", "COLUMNS": "160", "LINES": "50"}


class Screen:
    """A command with a terminal of its own, and all that it has drawn."""

    def __init__(self, command: list[str], environment: dict[str, str]) -> None:
        import pty

        self._ours, theirs = pty.openpty()
        self.drawn = ""
        self.process = subprocess.Popen(
            command, env={**environment, **WIDE}, stdin=theirs, stdout=theirs, stderr=theirs,
            start_new_session=True,
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
