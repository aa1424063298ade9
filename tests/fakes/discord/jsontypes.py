"""The names of JSON values on Discord's wire, whose shapes Discord decides and not Python."""

from __future__ import annotations

from typing import Any

Json = dict[str, Any]
Body = Any
Path = tuple[str | int, ...]
