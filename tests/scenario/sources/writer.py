"""Somebody who drops documents: NUMBER OF COUNT FOLDER…; every other one is written in place."""

from __future__ import annotations

import sys
import time
from pathlib import Path

PAUSE_SECONDS = 0.002
CHUNKS = 3


def text(folder: Path, number: int) -> str:
    filler = "Look closely, and change nothing else.\n" * (number % 40)
    return (
        f"# Task: {folder.name} {number}\n\n## Task\n\nDo number {number}.\n{filler}\n"
        f"## Expected Outcome\n\nNumber {number} is done.\n"
    )


def main(own: int, of: int, count: int, *folders: str) -> None:
    for number in range(own, count, of):
        for path in map(Path, folders):
            stamp = f"20261122-{number // 3600:02}{number // 60 % 60:02}{number % 60:02}"
            name = f"task-{stamp}-number-{number}.md"
            content = text(path, number)
            if number // of % 2:
                slowly(path / "pending" / name, content)
            else:
                staged = path / "staging" / name
                staged.write_text(content, "utf-8")
                staged.rename(path / "pending" / name)
        time.sleep(PAUSE_SECONDS)


def slowly(path: Path, content: str) -> None:
    """In pieces, as a program does that knows nothing of staging."""
    size = len(content) // CHUNKS + 1
    with path.open("w", encoding="utf-8") as file:
        for start in range(0, len(content), size):
            file.write(content[start : start + size])
            file.flush()
            time.sleep(PAUSE_SECONDS)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), *sys.argv[4:])
