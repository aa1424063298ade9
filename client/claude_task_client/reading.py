"""Texts that a person hands over: as a file or on standard input."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from claude_task_client.transport import Json

STANDARD_INPUT = "-"


def read_text(source: str) -> str:
    """A whole text in UTF-8, without the line end that editors and `echo` put behind it."""
    try:
        content = sys.stdin.buffer.read() if source == STANDARD_INPUT else Path(source).read_bytes()
        return content.decode("utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise click.UsageError(f"Cannot read {source}: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{source} is no UTF-8 text: save it as such.") from error


def read_words(words: Sequence[str], *, what: str) -> str:
    """A text given as arguments; `-` alone is standard input."""
    text = read_text(STANDARD_INPUT) if [*words] == [STANDARD_INPUT] else " ".join(words)
    if not text.strip():
        raise click.UsageError(f"The {what} is empty.")
    return text


def read_json(source: str) -> Json:
    """A JSON object."""
    try:
        value = json.loads(read_text(source))
    except ValueError as error:
        raise click.UsageError(f"{source} is no JSON: {error}.") from error
    if not isinstance(value, dict):
        raise click.UsageError(
            f'{source} holds no JSON object: that looks like {{"success": true}}.'
        )
    return value
