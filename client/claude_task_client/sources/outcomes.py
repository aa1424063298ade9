"""What stands in the result and the report of a document: one for programs, one for people."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from claude_task_client import output
from claude_task_client.sources.records import Record
from claude_task_client.wire import Result, Task

TEXT_CHARACTERS_MAX: Final = 20_000
TAIL_CHARACTERS_MAX: Final = 8_000
FINDINGS_MAX: Final = 50
COMMANDS_MAX: Final = 100


def result_text(record: Record, fields: Mapping[str, Any], *, error: str | None = None) -> str:
    """The JSON of a result: what came of the task, and which task, document and status it was."""
    known = {
        "success": record.status == "completed",
        "error": error,
        **fields,
        "task_id": record.task_id,
        "document": record.stem,
        "status": record.status,
        "generation": record.generation,
        "notes": list(record.notes),
    }
    return json.dumps(known, ensure_ascii=False, indent=2) + "\n"


def result_fields(task: Task, result: Result | None) -> dict[str, Any]:
    """What the task's holder told of it."""
    told = task.raw.get("result")
    if isinstance(told, dict):
        return dict(told)
    return {} if result is None else dict(result.raw)


def report_text(record: Record, task: Task | None, fields: Mapping[str, Any]) -> str:
    """What was done, in Markdown."""
    title = record.title or record.stem
    return (
        "\n\n".join(
            part
            for part in (
                f"# {record.status.capitalize()}: {_line(title)}",
                _table(_rows(record, task, fields)),
                _section("What was done", _prose(fields.get("output"))),
                _section("What went wrong", _block(_told_error(task, fields))),
                _section("Notes of the one who did it", _prose(task.notes if task else None)),
                _section("On the way", _bullets(record.notes)),
                _section("Audit", _audit(fields.get("audit"))),
                _section("Checks", _checks(fields.get("tests"))),
            )
            if part
        )
        + "\n"
    )


def _rows(
    record: Record, task: Task | None, fields: Mapping[str, Any]
) -> Iterator[tuple[str, object]]:
    yield "Document", record.stem
    yield "Task", None if record.task_id is None else f"#{record.task_id}"
    yield "Status", record.status
    if task is not None:
        yield "Project", task.project
        yield "Done by", task.claimed_by
        yield "Attempt", task.attempt or None
        yield "Ended", task["completed_at"] if "completed_at" in task.raw else None
    for name, key in (
        ("Branch", "branch"),
        ("Commit", "commit"),
        ("Pull request", "pull_request_url"),
        ("Turns", "num_turns"),
        ("Session", "session_id"),
    ):
        yield name, fields.get(key)
    milliseconds, cost = _number(fields.get("duration_ms")), _number(fields.get("total_cost_usd"))
    yield "Duration", None if milliseconds is None else output.span(milliseconds / 1000)
    yield "Cost", None if cost is None else f"${cost:.4f}"


def _number(value: object) -> float | None:
    """A result is free in form: what is no number is not shown as one."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def _table(rows: Iterable[tuple[str, object]]) -> str:
    lines = [f"| {name} | {_line(value)} |" for name, value in rows if _is_told(value)]
    return "\n".join(["| | |", "| --- | --- |", *lines])


def _is_told(value: object) -> bool:
    return value is not None and value != ""


def _section(title: str, text: str) -> str:
    return f"## {title}\n\n{text}" if text else ""


def _told_error(task: Task | None, fields: Mapping[str, Any]) -> object:
    return fields.get("error") or (task.error if task else None)


def _audit(told: object) -> str:
    if not isinstance(told, Mapping):
        return ""
    findings = told.get("findings")
    lines = [
        _finding(each) for each in (findings if isinstance(findings, list) else [])[:FINDINGS_MAX]
    ]
    verdict = f"Verdict: **{_line(told.get('verdict'))}** (rounds: {_line(told.get('iterations'))})"
    return "\n\n".join(part for part in (verdict, _bullets(lines)) if part)


def _finding(told: object) -> str:
    if not isinstance(told, Mapping):
        return str(told)
    file = told.get("file")
    return f"{file}: {told.get('text')}" if file else str(told.get("text"))


def _checks(told: object) -> str:
    if not isinstance(told, Mapping):
        return ""
    commands = told.get("commands")
    lines = [
        f"{_line(each.get('command'))}: exit code {_line(each.get('exit_code'))}"
        for each in (commands if isinstance(commands, list) else [])[:COMMANDS_MAX]
        if isinstance(each, Mapping)
    ]
    if not lines and told.get("command"):
        lines = [f"{_line(told.get('command'))}: exit code {_line(told.get('exit_code'))}"]
    counts = f"{_line(told.get('passed'))} passed, {_line(told.get('failed'))} failed."
    parts = (counts, _bullets(lines), _block(told.get("tail"), TAIL_CHARACTERS_MAX))
    return "\n\n".join(part for part in parts if part)


def _bullets(lines: Iterable[object]) -> str:
    return "\n".join(f"- {_line(line)}" for line in lines)


def _line(value: object) -> str:
    """Anybody's text as one line of Markdown that stays one, and cannot end its table."""
    return output.line(str(value), 500).replace("|", "\\|")


def _prose(value: object) -> str:
    """Text that was meant for people to read. It is quoted, so that its headings are not ours."""
    text = _clean(value, TEXT_CHARACTERS_MAX)
    return "\n".join(f"> {line}".rstrip() for line in text.split("\n")) if text else ""


def _block(value: object, characters_max: int = TEXT_CHARACTERS_MAX) -> str:
    """Text as it is; the fence is longer than any in it."""
    text = _clean(value, characters_max)
    if not text:
        return ""
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _clean(value: object, characters_max: int) -> str:
    if value is None or value == "":
        return ""
    text = output.clean(str(value)).strip("\n")
    return text if len(text) <= characters_max else f"…{text[-characters_max:]}"
