"""Reading keys: what no terminal should send is passed over."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.driver import Driver


def driver() -> type[Driver] | None:
    """How a terminal is read and written here; None: the usual way."""
    if sys.platform == "win32":
        return None
    from textual.drivers.linux_driver import LinuxDriver

    class Patient(LinuxDriver):
        """One that a key of a terminal in another encoding than UTF-8 does not end."""

        def run_input_thread(self) -> None:
            """See `LinuxDriver`; what was read together with such a key is lost with it."""
            while not self.exit_event.is_set():
                try:
                    super().run_input_thread()
                except UnicodeDecodeError:
                    continue

    return Patient
