"""What the tests of the MCP server share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from claude_task_client.settings import Settings
from tests.running import RunningServer


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server in this process remembers in a folder of the test, as no session of Claude's."""
    for name in os.environ:
        if name.startswith(("CLAUDE", "ATHENA_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("USERPROFILE", str(tmp_path / "home"))


@pytest.fixture
def here(athena: RunningServer, tmp_path: Path) -> Settings:
    """This machine, signed in."""
    return Settings(athena.url, athena.key, f"here-{tmp_path.name}"[:64], None)


@pytest.fixture
def there(athena: RunningServer, tmp_path: Path) -> Settings:
    """Another machine."""
    return Settings(athena.url, athena.key, f"there-{tmp_path.name}"[:64], None)
