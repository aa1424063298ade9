"""Structured logs on standard output, one format for every library, with secrets taken out."""

from __future__ import annotations

import json
import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any, Final

import structlog

_HIDDEN: Final = "***"
# Keys of ours wherever they appear, and what follows a telling header name.
_KEY_LIKE: Final = re.compile(r"ath_[0-9A-Za-z]{8,}")
_CREDENTIAL: Final = re.compile(
    r"(?i)(x-api-key|authorization)(['\"]?\s*[:=]\s*['\"]?)"
    r"(?:(?:bearer|bot|basic)\s+)?[^\s'\",}]+"
)
# These say at INFO what only a maintainer of the library wants to know.
_CHATTY: Final = ("discord.gateway", "aiosqlite", "asyncio")
# Log a traceback for each lost connection; the bot's supervisor, or who needed the store, says what
# became of it.
_SILENT: Final = ("discord.client", "asyncpg.pool")


class Redaction:
    """Takes the known secrets, and whatever looks like one, out of a text."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        # Also as they stand inside other texts: quoted as JSON, and as Python shows them.
        forms = {
            form
            for secret in secrets
            if secret
            for form in (secret, json.dumps(secret)[1:-1], repr(secret)[1:-1])
        }
        self._secrets = sorted(forms, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, _HIDDEN)
        text = _KEY_LIKE.sub(_HIDDEN, text)
        return _CREDENTIAL.sub(rf"\1\2{_HIDDEN}", text)


class _Formatter(structlog.stdlib.ProcessorFormatter):
    """Renders a record as one line that no text in it can break or forge."""

    def __init__(self, redact: Redaction, **options: Any) -> None:
        super().__init__(**options)
        self._redact = redact

    def format(self, record: logging.LogRecord) -> str:
        return self._redact(super().format(record))


class _Cleaning:
    """Takes secrets out of the texts of a record, and escapes what would break or forge a line."""

    def __init__(self, redact: Redaction) -> None:
        self._redact = redact

    def __call__(
        self, _logger: Any, _method: str, event: MutableMapping[str, Any]
    ) -> MutableMapping[str, Any]:
        for name, value in event.items():
            if isinstance(value, str):
                # First, since a secret is not recognised any more once it is escaped.
                text = self._redact(value)
                event[name] = _indented(text) if name == "exception" else _on_one_line(text)
        return event


def _on_one_line(text: str) -> str:
    """The text without what would start a new line or steer a terminal."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def _indented(traceback: str) -> str:
    """The lines of a traceback, set back from the margin where records begin."""
    return "\n".join(f"  {_on_one_line(line)}" for line in traceback.split("\n"))


def set_up_logs(*, level: str, form: str, secrets: tuple[str, ...] = ()) -> None:
    """Send the records of every library to standard output, as lines for people or as JSON."""
    redact = Redaction(secrets)
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _Cleaning(redact),
    ]
    renderer: Any = (
        structlog.processors.JSONRenderer()
        if form == "json"
        else structlog.dev.ConsoleRenderer(colors=sys.stdout.isatty())
    )
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(
        _Formatter(
            redact,
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _CHATTY:
        logging.getLogger(name).setLevel(
            max(logging.WARNING, logging.getLevelNamesMapping()[level])
        )
    for name in _SILENT:
        logging.getLogger(name).setLevel(logging.CRITICAL)
