"""Sees what keeps a project's tests from running, or from failing, in its build and CI files."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Final

from claude_task_client.worker.path_patterns import compiled, fits

_CI: Final = compiled(
    """
    .github/workflows/ .github/actions/ .gitlab-ci.yml .circleci/ .ci/ .travis.yml Jenkinsfile
    azure-pipelines.yml bitbucket-pipelines.yml .woodpecker.yml .woodpecker/ .drone.yml
    .forgejo/workflows/ .gitea/workflows/ appveyor.yml .buildkite/
    """.split()
)
_COMMANDS: Final = compiled(
    """
    Makefile GNUmakefile justfile Taskfile.yml Rakefile noxfile.py tox.ini package.json
    composer.json
    """.split()
)
_SETTINGS: Final = compiled(
    """
    .rspec pytest.ini setup.cfg pyproject.toml conftest.py jest.config.* vitest.config.*
    playwright.config.* karma.conf.* .mocharc* build.gradle build.gradle.kts pom.xml Cargo.toml
    phpunit.xml phpunit.xml.dist mix.exs
    """.split()
)

# A line that has one of these lets tests fail, or not run.
_NEUTRAL: Final = re.compile(
    r"^\s*(?:-\s+)?(?:run:\s*)?exit\s+0\s*$|\bcontinue-on-error:\s*true|\ballow_failure:\s*true"
    r"|\bif:\s*(?:false\b|\$\{\{\s*false\s*\}\})|passWithNoTests|--deselect\b|\bcollect_ignore"
    r"|\b(?:pytest|addopts)\b.*(?:--ignore\b|--ignore-glob\b|-k\s*[\"']?not\s|--co\b|--collect-only)"
    r"|\b(?:skipTests|testFailureIgnore)\b|maven\.test\.skip|-x\s+test\b|\bignoreFailures\s*=?\s*true"
    r"|\bos\._exit\(\s*0|\bexitstatus\s*=\s*0|\btestPathIgnorePatterns\b|^\s*test\s*=\s*false\b"
    r"|\"test\"\s*:\s*\"\s*(?:true|:|exit 0|echo\b[^&|;]*)?\s*\""
)
# Of a line that runs tests: whatever they say, it ends well.
_SWALLOWED: Final = re.compile(r"\|\|\s*(?:true|:|exit\s+0|echo\b)|;\s*(?:true|exit\s+0)\b|^\t@?-")

_RUNS_TESTS: Final = re.compile(
    r"\b(?:pytest|unittest|tox|nox|rspec|jest|vitest|mocha|playwright test|phpunit|ctest|bats)\b"
    r"|\b(?:npm|pnpm|yarn|bun|deno|go|cargo|make|just|mix|swift|dotnet|rake|rails|mvnw?|gradlew?"
    r"|bazel|stack|cabal|zig|flutter|dart)\b[^#\n]*\b(?:test|verify|check|nextest)\b"
)
# `"jest": "^29.0"` and `pytest>=8`: what is installed, not what is run.
_VERSION: Final = re.compile(r"[\"']\s*:\s*[\"'][\^~<>=*\d]|[<>=~!]=\s*\d")

_THRESHOLD: Final = re.compile(
    r"\b(fail[_-]under|minimum_coverage|branches|functions|lines|statements)\b[\"']?"
    r"\s*[:=\s]\s*(\d+(?:\.\d+)?)"
)


def is_one(path: str) -> bool:
    """Whether tests are run, or set up, by such a file."""
    return _has_commands(path) or fits(path, _SETTINGS)


def findings(path: str, old: str, new: str) -> Iterator[str]:
    """What a changed file no longer runs, or no longer minds."""
    before = Counter(line.strip() for line in old.split("\n"))
    for number, line in enumerate(new.split("\n"), start=1):
        if line.strip() not in before and _is_neutral(line):
            yield (
                f"{path}:{number}: this keeps tests from running or from failing:"
                f" `{line.strip()[:120]}`. Undo it."
            )
    if _has_commands(path):
        yield from _lost_runs(path, old, new)
    yield from _lower_thresholds(path, old, new)


def _has_commands(path: str) -> bool:
    return fits(path, _CI) or fits(path, _COMMANDS)


def _is_neutral(line: str) -> bool:
    if _NEUTRAL.search(line):
        return True
    return _SWALLOWED.search(line) is not None and _RUNS_TESTS.search(line) is not None


def _lost_runs(path: str, old: str, new: str) -> Iterator[str]:
    """The lines that ran tests are fewer; one that was changed still counts."""
    had, has = _runs(old), _runs(new)
    if len(has) < len(had):
        kept = Counter(line for _, line in has)
        number, line = next((n, line) for n, line in had if not kept[line])
        where = f"{path} (line {number} before)"
        yield f"{where}: `{line[:120]}` runs tests no more. Bring it back."


def _runs(text: str) -> list[tuple[int, str]]:
    return [
        (number, line.strip())
        for number, line in enumerate(text.split("\n"), start=1)
        if _RUNS_TESTS.search(line)
        and not _VERSION.search(line)
        and not line.strip().startswith(("#", "//"))
    ]


def _lower_thresholds(path: str, old: str, new: str) -> Iterator[str]:
    before, after = dict(_THRESHOLD.findall(old)), dict(_THRESHOLD.findall(new))
    for name in before.keys() & after.keys():
        if float(after[name]) < float(before[name]):
            yield f"{path}: {name} was lowered from {before[name]} to {after[name]}. Undo it."
