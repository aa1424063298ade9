"""What a task document says, and what is wrong with it, by line.

The text is anybody's: nothing of it is followed, run or believed.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

# A text of the longest length that Athena takes is at most a third of this.
DOCUMENT_BYTES_MAX: Final = 256 * 1024
DESCRIPTION_CHARACTERS_MAX: Final = 20_000
TITLE_CHARACTERS_MAX: Final = 200
# A file's name may have 255 bytes; the lock's adds six to the stem.
STEM_BYTES_MAX: Final = 200
SUFFIX: Final = ".md"

TASK: Final = "Task"
OUTCOME: Final = "Expected Outcome"

_NAME: Final = re.compile(r"task-(\d{8}-\d{6})(?:-(.+))?", re.ASCII)
_TITLE: Final = re.compile(r"Task:(.*)", re.IGNORECASE | re.DOTALL)


class DocumentError(ValueError):
    """What is wrong with a document, for the person who wrote it; `line` counts from 1."""

    def __init__(self, reason: str, line: int | None = None) -> None:
        super().__init__(reason if line is None else f"line {line}: {reason}")
        self.line = line


class Stem(NamedTuple):
    """A document's name without `.md`, which is its id: `task-20261122-093000-fix-login`."""

    text: str
    moment: str
    description: str

    @classmethod
    def read(cls, text: str) -> Stem:
        """Raises: DocumentError, where a document cannot be called so."""
        text = normal(text)
        match = _NAME.fullmatch(text)
        if match is None:
            raise DocumentError("the name is not task-YYYYMMDD-HHMMSS-description.md")
        try:
            datetime.strptime(match[1], "%Y%m%d-%H%M%S")  # noqa: DTZ007  only whether it is one
        except ValueError as error:
            raise DocumentError(f"{match[1]} in the name is no date and time") from error
        if not text.isprintable():
            raise DocumentError("the name has characters that cannot be printed")
        if len(text.encode("utf-8")) > STEM_BYTES_MAX:
            raise DocumentError(f"the name has more than {STEM_BYTES_MAX} bytes")
        return cls(text, match[1], match[2] or "")

    def answers_to(self, name: str) -> bool:
        """Whether people may mean it by that: with or without `task-`, description and `.md`."""
        name = normal(name).removesuffix(SUFFIX)
        return f"task-{name.removeprefix('task-')}" in {self.text, f"task-{self.moment}"}


def normal(text: str) -> str:
    """One form for one name: file systems of different makes spell the same letter differently."""
    return unicodedata.normalize("NFC", text)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A task as a person wrote it. `after` names documents, or tasks by their numbers."""

    title: str
    text: str
    outcome: str | None = None
    priority: str | None = None
    project: str | None = None
    target: str | None = None
    after: tuple[str | int, ...] = ()
    not_before: str | None = None

    @property
    def description(self) -> str:
        """What Athena is told of it."""
        parts = [self.title, self.text]
        if self.outcome:
            parts.append(f"## {OUTCOME}\n\n{self.outcome}")
        return "\n\n".join(parts)


def decode(content: bytes) -> str:
    """The text of a file, its lines ended as everywhere. Raises: DocumentError."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise DocumentError("this is not UTF-8", line) from error
    if "\0" in text:
        raise DocumentError("there is a NUL character", text.count("\n", 0, text.index("\0")) + 1)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def parse(text: str) -> Document:
    """The document that a text is. Raises: DocumentError."""
    from claude_task_client.sources import front_matter

    head, body, first = front_matter.split(text)
    told = front_matter.read(head)
    title, sections = _sections(body, first)
    document = Document(title=title, text=sections[TASK], outcome=sections.get(OUTCOME), **told)
    size = len(document.description)
    if size > DESCRIPTION_CHARACTERS_MAX:
        raise DocumentError(
            f"the task has {size} characters; Athena takes {DESCRIPTION_CHARACTERS_MAX}"
        )
    return document


class _Heading(NamedTuple):
    """A heading of the page itself. `start` and `end` are lines of the body, from 0."""

    level: int
    text: str
    start: int
    end: int


def _sections(body: str, first: int) -> tuple[str, dict[str, str]]:
    """The title, and the text below each of our headings; `first` is the body's first line."""
    headings = list(_headings(body))
    titles = [each for each in headings if each.level == 1 and _TITLE.fullmatch(each.text)]
    if not titles:
        raise DocumentError("there is no heading '# Task: …' with the title")
    if len(titles) > 1:
        raise DocumentError("a second '# Task:': one document is one task", titles[1].start + first)
    found = _TITLE.fullmatch(titles[0].text)
    title = " ".join(found[1].split()) if found else ""
    _check_title(title, titles[0].start + first)
    return title, _below(body, [each for each in headings if each.level == 2], titles[0], first)


def _check_title(title: str, line: int) -> None:
    if not title:
        raise DocumentError("the title after '# Task:' is empty", line)
    if len(title) > TITLE_CHARACTERS_MAX:
        raise DocumentError(f"the title is longer than {TITLE_CHARACTERS_MAX} characters", line)


def _below(body: str, headings: Sequence[_Heading], title: _Heading, first: int) -> dict[str, str]:
    """What stands before our sections, or under other headings, is kept: nothing is dropped."""
    lines = body.split("\n")
    ours = [each for each in headings if _name(each)]
    found: dict[str, str] = {}
    preface = "\n".join(lines[title.end : ours[0].start if ours else None]).strip()
    for place, each in enumerate(ours):
        name = _name(each)
        if each.start < title.start:
            raise DocumentError(f"'## {name}' stands before '# Task:'", each.start + first)
        if name in found:
            raise DocumentError(f"a second '## {name}'", each.start + first)
        end = ours[place + 1].start if place + 1 < len(ours) else len(lines)
        found[name] = "\n".join(lines[each.end : end]).strip()
    if not found.get(TASK):
        line = next((each.start + first for each in ours if _name(each) == TASK), None)
        raise DocumentError("the section '## Task' is missing or empty", line)
    if preface:
        found[TASK] = f"{preface}\n\n{found[TASK]}"
    return found


def _name(heading: _Heading) -> str:
    """Which of our sections it begins; empty: none."""
    text = " ".join(heading.text.split()).rstrip(":").casefold()
    return next((name for name in (TASK, OUTCOME) if name.casefold() == text), "")


def _headings(body: str) -> Iterator[_Heading]:
    """Those that Markdown takes for headings: not in code, not in quotes, not in lists."""
    from markdown_it import MarkdownIt

    # Only blocks: what stands within a line may be anything, and costs time.
    tokens = MarkdownIt("commonmark").disable("inline").parse(body)
    for opening, content in itertools.pairwise(tokens):
        if opening.type == "heading_open" and opening.level == 0 and opening.map is not None:
            start, end = opening.map
            yield _Heading(int(opening.tag[1:]), content.content.strip(), start, end)
