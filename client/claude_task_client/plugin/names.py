"""How the plugin is called, and where what belongs to it stands."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Final

MARKETPLACE: Final = "athena"
PLUGIN: Final = f"athena@{MARKETPLACE}"

# The folder as it comes with this package; `claude plugin marketplace add` takes it as it is.
SHIPPED: Final = Path(__file__).with_name("marketplace")


def copy_folder(state: Path) -> Path:
    """The copy that `plugin install` makes: it names this very program by its whole path."""
    return state / "plugin" / "marketplace"


def records_folder(state: Path) -> Path:
    """What the installs have kept."""
    return state / "plugin" / "before"


def record_file(state: Path, config: Path) -> Path:
    """What is kept of one folder of Claude Code's settings."""
    return records_folder(state) / f"{hashlib.sha256(str(config).encode()).hexdigest()[:16]}.json"
