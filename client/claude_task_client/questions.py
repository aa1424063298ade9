"""A question in words: what is asked, exactly what would be done, and what to type."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator
from typing import Final

from claude_task_client import clock, output
from claude_task_client.wire import Question

ANSWER_COMMAND: Final = "claude-task-client answer"
APPROVAL: Final = "approval"
# In a list; a question by itself is shown whole.
LISTED_LINES_MAX: Final = 20

# Behind a line that the asker has broken: it must not look like one of ours.
_GOES_ON: Final = "    | "


def brief(question: Question) -> str:
    """The question in one line, and the command that answers it."""
    asked = output.line(question.text)
    return (
        f"Question {question.id} of #{question.task_id}: {asked} - {ANSWER_COMMAND} {question.id}"
    )


def text(question: Question, *, lines_max: int | None = None) -> str:
    """What is asked, and what to type, or what was answered."""
    head = f"Question {question.id} of #{question.task_id}, {asker(question)}"
    said = asked_lines(question)
    if lines_max is not None and len(said) > lines_max:
        more = f"  … all of it: {ANSWER_COMMAND} {question.id}"
        said = [*said[:lines_max], more]
    return "\n".join([head, *said, *_what_next(question)])


def asked_lines(question: Question) -> list[str]:
    """What is asked, and of an approval exactly what would be done: all of it."""
    return [*_indented(question.text), *_action(question)]


def asker(question: Question) -> str:
    """Who asked, and when."""
    ago = "-"
    if question.asked_at is not None:
        ago = output.span((clock.now() - question.asked_at).total_seconds())
    return f"asked by {output.line(question.instance or '-')} {ago} ago"


def _action(question: Question) -> Iterator[str]:
    if question.kind != APPROVAL:
        return
    yield f"  Tool: {output.line(str(question.action.get('tool')), None)}"
    given = question.action.get("input")
    for name, value in given.items() if isinstance(given, dict) else ():
        shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        yield from _indented(f"{output.line(str(name), None)}: {shown}")


def _indented(said: str) -> Iterator[str]:
    first, *others = output.clean(said).split("\n")
    yield f"  {first}"
    for other in others:
        yield _GOES_ON + other


def _what_next(question: Question) -> Iterator[str]:
    command = f"{ANSWER_COMMAND} {question.id}"
    if question.status == "answered":
        yield from _indented(f"Answer by {answerer(question)}: {question.answer}")
        if question.note:
            yield from _indented(f"Note: {question.note}")
    elif not question.is_open:
        yield f"  It is {output.line(question.status)}: nobody waits for an answer any more."
    elif question.kind == APPROVAL:
        yield f"  Allow it once:         {command} --allow"
        yield f"  Allow for the project: {command} --allow-project"
        yield f'  Deny it:               {command} --deny --note "why"'
    else:
        for choice in question.choices:
            yield f"  Choose: {command} {output.line(shlex.quote(choice), None)}"
        yield f'  Answer: {command} "your answer"'


def answerer(question: Question) -> str:
    """Who answered, and where."""
    via = f" ({question.answered_via})" if question.answered_via else ""
    return output.line(f"{question.answered_by or '-'}{via}")
