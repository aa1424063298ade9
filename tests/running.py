"""A real `athena serve` in its own process, to be asked, killed, and started again."""

from __future__ import annotations

import asyncio
import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.ports import ReservedPort

KEY = "ath_test_key_for_the_tests_only"
_SERVES = re.compile(r"http://127\.0\.0\.1:(\d+)")
_START_SECONDS = 60.0


@dataclass(slots=True)
class Answer:
    """What came back: status, headers, and the JSON body or None."""

    status: int
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class RunningServer:
    """One Athena on a folder of its own. Its life may end and begin again on the same folder."""

    folder: Path
    settings: dict[str, str] = field(default_factory=dict)
    port: int = 0
    key: str = KEY
    process: subprocess.Popen[bytes] | None = None
    _reserved: ReservedPort | None = None

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def database(self) -> Path:
        """Its SQLite file."""
        return self.folder / "data" / "tasks.db"

    @property
    def database_url(self) -> str:
        """What it keeps everything in, of whichever engine."""
        return self.environment["ATHENA_DATABASE_URL"]

    @property
    def log(self) -> Path:
        """Everything it has printed, over all its lives."""
        return self.folder / "server.log"

    @property
    def environment(self) -> dict[str, str]:
        """What it is started with: nothing of the machine's own Athena settings."""
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("ATHENA_")
        }
        return {
            **inherited,
            "ATHENA_PORT": str(self.port),
            "ATHENA_API_KEY": self.key,
            "ATHENA_DATABASE_URL": f"sqlite:///{self.database}",
            "ATHENA_RATE_LIMIT": "0",
            **self.settings,
        }

    def start(self) -> RunningServer:
        """Start it, and wait until it serves."""
        if self.port == 0:
            # The same in the next life, as a client would expect.
            self._reserved = ReservedPort()
            self.port = self._reserved.number
        offset = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "athena", "serve"],
                cwd=self.folder,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            port = _port_in(self.log.read_bytes()[offset:].decode("utf-8", "replace"))
            if port is not None:
                self.port = port
                return self
            if self.process.poll() is not None:
                break
            time.sleep(0.02)
        self.kill()
        raise AssertionError(f"the server did not start:\n{self.log.read_text()[-4000:]}")

    def kill(self) -> None:
        """Kill -9: nothing is said, nothing is finished."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
        if self.process is not None:
            self.process.wait()

    def stop(self) -> int:
        """SIGTERM, and the exit status; a server that does not end within 30 s is killed."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def end(self) -> None:
        """Have it gone, in peace where possible: one that is killed leaves no coverage."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.send_signal(signal.SIGCONT)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.kill()
        if self._reserved is not None:
            self._reserved.let_go()

    def restart(self) -> None:
        """Stop it and start it again on the same folder and port."""
        self.stop()
        self.start()

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str | None = KEY,
        headers: Mapping[str, str] | None = None,
        timeout: float = 75,
    ) -> Answer:
        """One request; every status is an answer."""
        data = None if body is None else json.dumps(body).encode()
        sent = {"Content-Type": "application/json"} if data is not None else {}
        if key is not None:
            sent["X-API-Key"] = self.key if key == KEY else key
        request = urllib.request.Request(
            self.url + path, data=data, method=method, headers={**sent, **(headers or {})}
        )
        try:
            with urllib.request.urlopen(request, timeout=timeout) as response:
                return _answer(response.status, dict(response.headers), response.read())
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, dict(error.headers), error.read())
        except http.client.HTTPException as error:
            # An answer that broke off in the middle is none: its server was killed.
            raise ConnectionError(repr(error)) from error

    async def ask_async(
        self, method: str, path: str, body: object = None, **options: Any
    ) -> Answer:
        """As `ask`, beside others."""
        return await asyncio.to_thread(self.ask, method, path, body, **options)


def _port_in(log: str) -> int | None:
    """Where the server serves, once it has said so on a whole line; the log names others, too."""
    for line in log.splitlines(keepends=True):
        if "athena serves" in line and line.endswith("\n") and (found := _SERVES.search(line)):
            return int(found[1])
    return None


def _answer(status: int, headers: Mapping[str, str], body: bytes) -> Answer:
    json_like = "json" in (headers.get("Content-Type") or "")
    return Answer(status, dict(headers), json.loads(body) if body and json_like else body or None)
