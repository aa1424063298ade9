"""Logs: one line a record, whatever is in it, and no secret in any.

The tests log in processes of their own, since logging is set up once a process.
"""

from __future__ import annotations

import functools
import json
import subprocess
import sys
from typing import Any

import pytest

HOSTILE = "evil\n2026-11-21 [info] forged\r\x1b[31m\u2028\x00"
FORMS = ["console", "json"]


MARK = "=== next ==="


@functools.cache
def logged_each(
    snippets: tuple[str, ...], form: str, level: str = "INFO", secrets: tuple[str, ...] = ()
) -> dict[str, list[str]]:
    """The lines that each snippet prints; one process for all of them."""
    script = "\n".join(
        [
            "import logging, structlog",
            "from athena.logs import set_up_logs",
            f"set_up_logs(level={level!r}, form={form!r}, secrets={secrets!r})",
            "log = structlog.get_logger('athena.test')",
            "library = logging.getLogger('some.library')",
            f"HOSTILE = {HOSTILE!r}",
            *(f"{snippet}\nprint({MARK!r}, flush=True)" for snippet in snippets),
        ]
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, encoding="utf-8", timeout=60
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    *parts, rest = done.stdout.split(f"{MARK}\n")
    assert rest == ""
    lines = ([line for line in part.split("\n") if line] for part in parts)
    return dict(zip(snippets, lines, strict=True))


def logged(snippet: str, *, form: str, level: str = "INFO") -> list[str]:
    return logged_each((snippet,), form, level)[snippet]


def records(lines: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


def test_records_of_every_library_have_one_shape():
    """Time, level, logger, and what happened."""
    ours, theirs = records(
        logged("log.info('task done', task=12)\nlibrary.warning('slow: %d ms', 7)", form="json")
    )

    assert (ours["event"], ours["task"], ours["level"]) == ("task done", 12, "info")
    assert (theirs["event"], theirs["logger"], theirs["level"]) == (
        "slow: 7 ms",
        "some.library",
        "warning",
    )
    assert ours["timestamp"].endswith("Z")
    assert theirs["timestamp"].endswith("Z")


WITH_HOSTILE_TEXT = (
    "log.info(HOSTILE)",
    "log.info('x', text=HOSTILE)",
    "log.info('x', texts=[HOSTILE], deep={'a': HOSTILE})",
    "log.info('x', raw=HOSTILE.encode())",
    "library.warning(HOSTILE)",
    "library.warning('x %s', HOSTILE)",
    "library.warning('x %s', [HOSTILE])",
    "with structlog.contextvars.bound_contextvars(request=HOSTILE): log.info('x')",
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("code", WITH_HOSTILE_TEXT)
def test_no_text_breaks_or_forges_a_line(form: str, code: str):
    """What would start a new line or steer a terminal is written out."""
    lines = logged_each(WITH_HOSTILE_TEXT, form)[code]

    assert len(lines) == 1
    assert lines[0].isprintable()
    assert "forged" in lines[0]


FAILING = tuple(
    f"try:\n    raise ValueError(HOSTILE)\nexcept ValueError:\n    {logger}.exception('failed')"
    for logger in ("log", "library")
)


@pytest.mark.parametrize("code", FAILING, ids=["ours", "theirs"])
def test_traceback_forges_no_line(code: str):
    """Its lines stand back from the margin, where records begin; nothing steers the terminal."""
    first, *rest = logged_each(FAILING, "console")[code]

    assert "failed" in first
    assert any("Traceback" in line for line in rest)
    assert any("forged" in line for line in rest)
    assert all(line.startswith("  ") for line in rest)
    assert all(line.isprintable() for line in rest)


@pytest.mark.parametrize("code", FAILING, ids=["ours", "theirs"])
def test_traceback_is_part_of_the_record(code: str):
    """As JSON it is one line with all the others."""
    (record,) = records(logged_each(FAILING, "json")[code])

    assert "Traceback" in record["exception"]
    assert "ValueError" in record["exception"]


SECRET = 'a "secret" of\\some length é'


WITH_SECRET = (
    f"log.info({SECRET!r})",
    f"log.info('x', text={SECRET!r})",
    f"log.info('x', text='a\\n' + {SECRET!r})",
    f"log.info('x', texts=[{SECRET!r}])",
    f"library.warning('got %s', {SECRET!r})",
    f"try:\n    raise ValueError({SECRET!r})\nexcept ValueError:\n    log.exception('x')",
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("code", WITH_SECRET)
def test_known_secret_stands_in_no_line(form: str, code: str):
    """However it is quoted on its way."""
    text = "\n".join(logged_each(WITH_SECRET, form, "INFO", ("", SECRET))[code])

    assert "***" in text
    assert "secret" not in text
    assert "some length" not in text


TELLING = (
    "key ath_0123456789abcdef is bad",
    "X-API-Key: hunter2hunter2",
    "{'X-Api-Key': 'hunter2hunter2'}",
    '{"authorization": "Bearer hunter2hunter2"}',
    "Authorization: Bot hunter2hunter2",
    "authorization=Basic hunter2hunter2",
)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("line", TELLING)
def test_what_looks_like_a_secret_is_hidden(form: str, line: str):
    """Keys of ours wherever they stand, and what follows a telling header name."""
    snippets = tuple(f"log.info('request', line={one!r})" for one in TELLING)
    (text,) = logged_each(snippets, form)[f"log.info('request', line={line!r})"]

    assert "***" in text
    assert "hunter2" not in text
    assert "0123456789abcdef" not in text


def test_level_is_the_least_that_is_logged():
    """What is below is left out."""
    code = "log.debug('a'); log.info('b'); log.warning('c')"

    assert [r["event"] for r in records(logged(code, form="json", level="WARNING"))] == ["c"]
    assert len(logged(code, form="json", level="DEBUG")) == 3


@pytest.mark.parametrize(("level", "number"), [("DEBUG", 1), ("INFO", 1), ("ERROR", 0)])
def test_chatty_libraries_are_heard_from_warnings_on(level: str, number: int):
    """What only their maintainers want to know is left out, also where we debug ourselves."""
    code = "chatty = logging.getLogger('discord.gateway'); chatty.info('a'); chatty.warning('b')"

    assert len(logged(code, form="json", level=level)) == number
