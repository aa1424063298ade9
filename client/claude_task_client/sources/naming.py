"""Which task people mean by the id of a document."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import click
from click.types import FuncParamType

from claude_task_client.errors import BadSettings, NothingToDo
from claude_task_client.options import task_number
from claude_task_client.sources import records, registry, surveying
from claude_task_client.sources.documents import Stem
from claude_task_client.sources.layout import Layout
from claude_task_client.sources.records import Record
from claude_task_client.sources.registry import Source


def by_document(command: click.Command) -> click.Command:
    """The same command, for which a document's id does as well as a task's number."""
    made = copy.copy(command)
    made.params = [_by_document(each) if each.name == "task_id" else each for each in made.params]
    return made


def _by_document(parameter: click.Parameter) -> click.Parameter:
    made = copy.copy(parameter)
    made.type = FuncParamType(task_of)
    return made


def task_of(text: str) -> int:
    """The number of the task. Raises: NothingToDo, BadSettings."""
    if text.removeprefix("#").isdecimal():
        return task_number(text)
    found, away = _find(registry.load(), text)
    if len(found) > 1:
        candidates = ", ".join(_called(*each) for each in found)
        raise BadSettings(f"{text} may be any of: {candidates}. Name the task by its number.")
    if found:
        return _number(*found[0])
    raise NothingToDo(" ".join([_why_nothing(text), *away]))


def _find(
    sources: Sequence[Source], text: str
) -> tuple[Sequence[tuple[Source, Record]], Sequence[str]]:
    """The documents that are meant, at most one of each source; what could not be looked into."""
    found, away = [], []
    for source in sources:
        try:
            record = records.find(source, text)
        except BadSettings as error:
            away.append(str(error))
            continue
        if record is not None:
            found.append((source, record))
    return found, away


def _called(source: Source, record: Record) -> str:
    number = f"#{record.task_id} " if record.task_id is not None else ""
    return f"{number}{record.stem} in {source.id}"


def _number(source: Source, record: Record) -> int:
    if record.task_id is not None:
        return record.task_id
    if record.is_open:
        raise NothingToDo(
            f"{record.stem} is about to be submitted, and has no task yet."
            " See who watches: claude-task-client sources list"
        )
    report = Layout(source.path).report(record.stem)
    raise NothingToDo(f"{record.stem} was never a task: it was {record.status}. See why: {report}")


def _why_nothing(text: str) -> str:
    for source in registry.load():
        for name in surveying.survey(source).waiting:
            if _answers(name, text):
                return (
                    f"{name} lies in {source.id}, and nobody has submitted it yet."
                    " See who watches: claude-task-client sources list; where nobody does:"
                    " claude-task-client sources watch"
                )
    return (
        f"No document {text!r} is known in the sources of this machine."
        " See which there are: claude-task-client status --detailed"
    )


def _answers(name: str, text: str) -> bool:
    try:
        return Stem.read(name).answers_to(text)
    except ValueError:
        return name == text
