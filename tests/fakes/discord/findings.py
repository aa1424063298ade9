"""The collector that all body rules write into, with the checks that they share."""

from __future__ import annotations

from tests.fakes.discord.errors import Problem
from tests.fakes.discord.jsontypes import Body, Path


class Findings:
    """What is wrong with a body so far."""

    def __init__(self) -> None:
        self.problems: list[Problem] = []

    def add(self, path: Path, code: str, message: str) -> None:
        self.problems.append(Problem(path, code, message))

    def length(self, path: Path, value: Body, longest: int, shortest: int = 0) -> None:
        """A text within its bounds; None counts as absent."""
        if value is None and shortest == 0:
            return
        if not isinstance(value, str):
            self.add(path, "BASE_TYPE_REQUIRED", "This field is required")
            return
        if shortest and not value.strip():
            self.add(path, "BASE_TYPE_REQUIRED", "This field is required")
        elif len(value) < shortest:
            message = f"Must be {shortest} or more in length."
            self.add(path, "BASE_TYPE_MIN_LENGTH", message)
        elif len(value) > longest:
            message = f"Must be {longest} or fewer in length."
            self.add(path, "BASE_TYPE_MAX_LENGTH", message)

    def count(self, path: Path, items: Body, most: int, least: int = 0) -> list[Body]:
        """A list within its bounds, given back; anything but a list counts as empty."""
        found = items if isinstance(items, list) else []
        if not least <= len(found) <= most:
            message = f"Must be between {least} and {most} in length."
            self.add(path, "BASE_TYPE_BAD_LENGTH", message)
        return found

    def unique(self, path: Path, values: list[Body], code: str, message: str) -> None:
        known = [value for value in values if value is not None]
        if len(known) != len(set(map(str, known))):
            self.add(path, code, message)
