"""Sees tests that were deleted or weakened, by comparing each test with what it was before.

A test that was renamed or moved is found again by its content and is no deletion; new tests are
fine; where several tests became one with a table of cases, that is left to the auditor.
"""

from __future__ import annotations

import bisect
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Final

from claude_task_client.worker.languages import ASSERTION, TABLE, TRIVIAL, Language, language_of

SIMILARITY_MIN: Final = 0.5
COMPARED_LINES_MAX: Final = 300
COMPARED_TESTS_MAX: Final = 200
HELPER_LINES_MAX: Final = 60
NAMES_MAX: Final = 5

_ABOVE: Final = re.compile(r"^[ \t]*(@|#\[|\[)\S")
_DEFINITION: Final = re.compile(
    r"^[ \t]*(?:async def|def|class|func|fn|impl|mod|function|export|const|let|var|public|private"
    r"|protected|static|describe|context|module|if __name__|before\w*|after\w*|type|struct)\b"
)
_FUNCTION: Final = re.compile(
    r"^[ \t]*(?:(?:export|public|private|protected|static|async|pub)[ \t]+)*"
    r"(?:(?:def|func|fn|function|fun|void|sub)[ \t]+(?:self\.)?(\w+[?!]?)"
    r"|(?:const|let|var)[ \t]+(\w+)[ \t]*=)"
)
_CALL: Final = re.compile(r"\b(\w+[?!]?)(?=[ \t]*\(|[ \t]+[\w:'\"]|$)")
_LITERAL: Final = re.compile(r"""\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'|`[^`]*`""")
_GIVES_UP: Final = re.compile(r"^(return|pass|\.\.\.|end)\b;?\s*$|^return\s+(None|true|nil)?;?\s*$")
_BRACKETS_ONLY: Final = re.compile(r"^[\s\])}({\[;,]*(?:=>)?[\s({]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file with tests before and after; an empty text where there was or is none."""

    path: str
    old_path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class _Test:
    """A test: its name, its line, counted from 1, and its text with what stands above it.

    `helpers` are the functions of its file that check something.
    """

    name: str
    path: str
    line: int
    lines: tuple[str, ...]
    helpers: frozenset[str]


@dataclass(frozen=True, slots=True)
class _File:
    """The tests of a text, and the lines before the first and above all of them."""

    tests: Sequence[_Test]
    outside: Sequence[tuple[int, str]]


def findings(sources: Sequence[Source]) -> Iterator[str]:
    """A sentence for each test that is gone or checks less."""
    removed: list[_Test] = []
    added: list[_Test] = []
    for source in sources:
        old, new = _read(source.old_path, source.old), _read(source.path, source.new)
        kept, gone, fresh = _paired(old.tests, new.tests)
        for before, after in kept:
            yield from _weaker(before, after)
        yield from _outside(source, old, new)
        if not _is_table_new(source):
            removed += gone
        added += fresh
    moved, gone = _found_again(removed, added)
    for before, after in moved:
        yield from _weaker(before, after)
    yield from _gone(gone, {source.old_path: source for source in sources})


def _read(path: str, text: str) -> _File:
    language = language_of(path)
    if language is None or not text:
        return _File((), ())
    code = language.comment.sub("", text)
    lines = code.split("\n")
    starts = [_start(lines, line, name) for line, name in _places(code, language)]
    if not starts:
        return _File((), list(enumerate(lines, start=1)))
    ends = [start for start, _, _ in starts[1:]] + [len(lines)]
    helpers = _helpers(lines)
    tests = [
        _Test(name, path, line + 1, tuple(lines[start : _end(lines, line, end)]), helpers)
        for (start, line, name), end in zip(starts, ends, strict=True)
    ]
    return _File(tests, list(enumerate(lines[: starts[0][0]], start=1)))


def _places(code: str, language: Language) -> Iterator[tuple[int, str]]:
    """The lines, counted from 0, on which tests begin, and their names."""
    ends = [place for place, letter in enumerate(code) if letter == "\n"]
    for match in language.test.finditer(code):
        name = match[match.lastindex or 0]
        yield bisect.bisect_left(ends, match.start(match.lastindex or 0)), " ".join(name.split())


def _helpers(lines: Sequence[str]) -> frozenset[str]:
    """The functions with an assertion in them."""
    found = ((place, _FUNCTION.match(line)) for place, line in enumerate(lines))
    return frozenset(
        match[match.lastindex or 0]
        for place, match in found
        if match is not None
        and any(
            ASSERTION.search(_LITERAL.sub("", line))
            for line in lines[place + 1 : _end(lines, place, place + HELPER_LINES_MAX)]
        )
    )


def _start(lines: Sequence[str], line: int, name: str) -> tuple[int, int, str]:
    """Where the test begins with the marks above it."""
    start = line
    while start > 0 and _ABOVE.match(lines[start - 1]):
        start -= 1
    return start, line, name


def _end(lines: Sequence[str], line: int, end: int) -> int:
    """Where the test is over: before what is defined behind it, at the latest at `end`."""
    indent = len(lines[line]) - len(lines[line].lstrip())
    return next(
        (
            place
            for place in range(line + 1, min(end, len(lines)))
            if len(lines[place]) - len(lines[place].lstrip()) <= indent
            and _DEFINITION.match(lines[place])
        ),
        end,
    )


def _paired(
    old: Sequence[_Test], new: Sequence[_Test]
) -> tuple[list[tuple[_Test, _Test]], list[_Test], list[_Test]]:
    """Tests of the same name, in their order; those that are gone; those that are new."""
    waiting: defaultdict[str, list[_Test]] = defaultdict(list)
    for test in new:
        waiting[test.name].append(test)
    kept, gone = [], []
    for test in old:
        if waiting[test.name]:
            kept.append((test, waiting[test.name].pop(0)))
        else:
            gone.append(test)
    return kept, gone, [test for tests in waiting.values() for test in tests]


def _found_again(
    removed: Sequence[_Test], added: Sequence[_Test]
) -> tuple[list[tuple[_Test, _Test]], list[_Test]]:
    """Removed tests with the new ones that they became; those that became nothing."""
    moved, gone, fresh = _paired(removed, added)
    missing: list[_Test] = []
    left = fresh[:COMPARED_TESTS_MAX]
    for test in gone:
        match = _likest(test, left) if len(missing) < COMPARED_TESTS_MAX else None
        if match is None:
            missing.append(test)
        else:
            left.remove(match)
            moved.append((test, match))
    return moved, missing


def _likest(test: _Test, others: Sequence[_Test]) -> _Test | None:
    """The one whose content is most like it, if it is like it at all."""
    body, best, found = _body(test), SIMILARITY_MIN, None
    for other in others:
        matcher = SequenceMatcher(None, body, _body(other), autojunk=False)
        if matcher.real_quick_ratio() >= best and matcher.quick_ratio() >= best:
            ratio = matcher.ratio()
            best, found = (ratio, other) if ratio >= best else (best, found)
    return found


def _body(test: _Test) -> list[str]:
    """What the test does: no marks, no name, no empty lines."""
    return [
        line.strip()
        for line in test.lines[:COMPARED_LINES_MAX]
        if line.strip() and not _ABOVE.match(line) and test.name not in line
    ]


def _weaker(before: _Test, after: _Test) -> Iterator[str]:
    language = language_of(after.path)
    if language is None:
        return
    where = f"{after.path}:{after.line}: the test `{after.name}`"
    old_lines, new_lines = (Counter(line.strip() for line in t.lines) for t in (before, after))
    fresh = list((new_lines - old_lines).elements())
    if _count(language.skip, after.lines) > _count(language.skip, before.lines):
        mark = next((line for line in fresh if language.skip.search(line)), "")
        yield f"{where} is skipped or may fail now: `{_short(mark)}`. Have it run again."
    for line in fresh:
        if TRIVIAL.search(line):
            yield f"{where} checks nothing with `{line}`, which always holds."
    yield from _lost_assertions(before, after, where)
    if _gives_up(after) and not _gives_up(before):
        yield f"{where} ends before it checks anything."


def _lost_assertions(before: _Test, after: _Test, where: str) -> Iterator[str]:
    """Assertions that went away while none came: one that was changed is for the auditor."""
    old, new, through = _assertions(before), _assertions(after), _calls_of_helpers(after)
    lost = list((old - new).elements())
    if old and not new and not through:
        yield f"{where} checks nothing any more; it had `{_short(lost[0])}`."
    elif lost and not (new - old) and not (through - Counter(_code(before))):
        listed = ", ".join(f"`{_short(line)}`" for line in lost[:NAMES_MAX])
        yield f"{where} lost what it checked: {listed}."


def _assertions(test: _Test) -> Counter[str]:
    return Counter(line for line in _code(test) if ASSERTION.search(_LITERAL.sub("", line)))


def _calls_of_helpers(test: _Test) -> Counter[str]:
    """The lines that check something through a function of the file."""
    return Counter(
        line
        for line in _code(test)
        if not test.helpers.isdisjoint(_CALL.findall(_LITERAL.sub("", line)))
    )


def _code(test: _Test) -> list[str]:
    return [line.strip() for line in test.lines if not _ABOVE.match(line)]


def _gives_up(test: _Test) -> bool:
    """Whether the first thing it does is to end."""
    first = next((line for line in _code(test)[1:] if line and not _BRACKETS_ONLY.match(line)), "")
    return _GIVES_UP.match(first) is not None


def _outside(source: Source, old: _File, new: _File) -> Iterator[str]:
    """Marks on a whole file or group, and those that let one test run alone."""
    language = language_of(source.path)
    if language is None:
        return
    before = Counter(line.strip() for line in source.old.split("\n"))
    for number, line in enumerate(source.new.split("\n"), start=1):
        if line.strip() not in before and language.only.search(language.comment.sub("", line)):
            yield (
                f"{source.path}:{number}: only this test runs, and the others do not:"
                f" `{_short(line.strip())}`."
            )
    if old.tests and new.tests:
        known = Counter(line.strip() for _, line in old.outside)
        for number, line in new.outside:
            mark = line.strip()
            if mark not in known and language.skip.search(line):
                yield f"{source.path}:{number}: tests of this file are skipped: `{_short(mark)}`."


def _gone(removed: Sequence[_Test], sources: dict[str, Source]) -> Iterator[str]:
    for path, tests in _by_path(removed).items():
        names = ", ".join(f"`{test.name}`" for test in tests[:NAMES_MAX])
        more = f" and {len(tests) - NAMES_MAX} more" if len(tests) > NAMES_MAX else ""
        source = sources[path]
        if not source.new:
            yield f"{path}: this file of tests was deleted, with {names}{more}. Bring it back."
        elif not _read(source.path, source.new).tests:
            yield f"{source.path}: no test is left in this file: it had {names}{more}."
        else:
            where = f"{source.path} (line {tests[0].line} before)"
            yield f"{where}: removed tests: {names}{more}. Bring them back."


def _by_path(tests: Iterable[_Test]) -> dict[str, list[_Test]]:
    found: defaultdict[str, list[_Test]] = defaultdict(list)
    for test in tests:
        found[test.path].append(test)
    return found


def _is_table_new(source: Source) -> bool:
    return len(TABLE.findall(source.new)) > len(TABLE.findall(source.old))


def _count(expression: re.Pattern[str], lines: Iterable[str]) -> int:
    return sum(1 for line in lines if expression.search(line))


def _short(line: str) -> str:
    return line if len(line) <= 120 else f"{line[:117]}..."
