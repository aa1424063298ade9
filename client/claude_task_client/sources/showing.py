"""A source in words and in JSON."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict

from claude_task_client import output
from claude_task_client.sources import services
from claude_task_client.sources.layout import PENDING
from claude_task_client.sources.presence import Watcher
from claude_task_client.sources.registry import Polling, Source
from claude_task_client.sources.surveying import Survey
from claude_task_client.transport import Json


def fields(source: Source) -> Json:
    """The source as JSON."""
    return {
        "id": source.id,
        "path": str(source.path),
        "project": source.project,
        "description": source.description,
        "polling": source.polling.value,
    }


def standing(seen: Survey) -> Json:
    """The source and how it stands, as JSON."""
    return {
        **fields(seen.source),
        "exists": seen.why_away is None,
        "pending": len(seen.waiting),
        "running": len(seen.running),
        "completed": seen.completed,
        "failed": seen.failed,
        "watchers": [asdict(each) for each in seen.watchers],
        "problems": [asdict(each) for each in seen.problems],
    }


def row(seen: Survey) -> Sequence[str]:
    """The source and how it stands, in a line of a table."""
    counts = [len(seen.waiting), len(seen.running), seen.completed, seen.failed]
    return [
        seen.source.id,
        seen.source.project or "-",
        *(str(count) if seen.why_away is None else "?" for count in counts),
        ", ".join(_watcher(each) for each in seen.watchers) or "nobody",
    ]


def tell_where(seen: Survey) -> None:
    """Where it is, and what is wrong with it."""
    about = f" ({seen.source.description})" if seen.source.description else ""
    output.say(output.line(f"{seen.source.id}: {seen.source.path}{about}", None))
    for problem in seen.problems:
        output.say("  " + output.line(f"{problem.detail} {problem.advice}", None))


def _watcher(each: Watcher) -> str:
    at = "" if each.is_here else f" at {each.host}"
    return f"{each.kind}{at} (pid {each.pid})"


def path(source: Source) -> str:
    """Where it is, whole."""
    return output.line(str(source.path), None)


def add_command(source: Source) -> str:
    """What adds it."""
    words = [str(source.path), "--id", source.id]
    if source.project:
        words += ["--project", source.project]
    if source.description:
        words += ["--description", source.description]
    if source.polling is Polling.FORCED:
        words += ["--poll"]
    return output.line(f"claude-task-client sources add {shlex.join(words)}", None)


def tell_how_to_begin(sources: Sequence[Source]) -> None:
    """What to do with sources that are new."""
    folder = path(sources[0])
    output.say(f"Drop a document there: {folder}/{PENDING}/task-YYYYMMDD-HHMMSS-what-it-is.md")
    if any(source.project is None for source in sources):
        output.say("It names its project, as workers do tasks of their projects alone; or name one")
        output.say("for all of a source: claude-task-client sources rm ID, then")
        output.say("  claude-task-client sources add PATH --project NAME")
    output.say("A worker of this account watches by itself. Without one:")
    output.say("  claude-task-client sources watch")
    for source in sources:
        confined = services.shut_out(source)
        if confined:
            names = ", ".join(confined)
            output.warn(f"The service of {names} may not write in {path(source)} yet.")
            output.warn(services.advice(confined))
