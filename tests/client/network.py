"""The way to Athena, which may end without a word, as it does for a laptop that sleeps."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Network:
    """Passes connections on to Athena, each on its own, until they are dead."""

    def __init__(self, athena_url: str) -> None:
        host, _, port = athena_url.removeprefix("http://").partition(":")
        self._athena = (host, int(port))
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._sockets: list[socket.socket] = []
        self._alive: set[socket.socket] = set()
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def forget(self) -> int:
        """From now on nothing comes through on the connections that there are; new ones work.

        Neither end is told. Gives how many there were.
        """
        dead, self._alive = self._alive, set()
        return len(dead) // 2

    def close(self) -> None:
        """End all of it."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for each in self._sockets:
            each.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                try:
                    far = socket.create_connection(self._athena)
                except OSError:
                    near.close()
                    continue
                self._sockets += [near, far]
                self._alive |= {near, far}
                for ends in ((near, far), (far, near)):
                    threading.Thread(target=self._pass_on, args=ends, daemon=True).start()

    def _pass_on(self, source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                if source in self._alive:
                    target.sendall(piece)
            if source in self._alive:
                target.shutdown(socket.SHUT_WR)


@contextmanager
def network(athena_url: str) -> Iterator[Network]:
    """A network before Athena."""
    between = Network(athena_url)
    try:
        yield between
    finally:
        between.close()
