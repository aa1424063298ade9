"""Ports of a test's own, which nobody else is given while its server is away."""

from __future__ import annotations

import os
import socket
import sys
import weakref


class ReservedPort:
    """A port of 127.0.0.1 for a server that is to be started, and started again.

    A socket that never listens holds it. Without that, a port that was free a moment ago, or is
    free between two lives of its server, is sooner or later somebody else's: every connection and
    every test beside this one is given one of the same few thousands.
    """

    def __init__(self) -> None:
        with socket.socket() as bound:
            # As the servers do it: then they may listen beside this one, and nobody else.
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            bound.bind(("127.0.0.1", 0))
            self.number: int = bound.getsockname()[1]
            # Elsewhere the server would be refused as well: there it is a free port, no more.
            descriptor = bound.detach() if sys.platform == "linux" else None
        close = (lambda: None) if descriptor is None else (lambda: os.close(descriptor))
        self.let_go = weakref.finalize(self, close)
