"""Reading the worker's config file: all that is wrong with it at once, each with its line."""

from __future__ import annotations

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from claude_task_client import settings
from claude_task_client.errors import BadSettings
from claude_task_client.settings import SLUG
from claude_task_client.worker import config_keys
from claude_task_client.worker.config import (
    ExecutorName,
    Isolation,
    Limits,
    ProjectConfig,
    Texts,
    WorkerConfig,
)
from claude_task_client.worker.config_keys import Key
from claude_task_client.worker.toml_lines import KeyPath, Lines
from claude_task_client.worker.values import Wrong

FILE: Final = "worker.toml"
FILE_BYTES_MAX: Final = 1024 * 1024
TABLES: Final = ("projects", "sources", "limits", "texts")
RESERVED: Final = ".error"

_AT_LINE: Final = re.compile(r"\(at (?:line (?P<line>\d+), column \d+|end of document)\)$")


class BadConfig(BadSettings):
    """The config file cannot be used. `problems` are sentences that begin with `file:line:`."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def default_path() -> Path:
    """Where the file is, unless somebody says otherwise: beside the one that `login` writes."""
    return settings.config_path().with_name(FILE)


def default_state() -> Path:
    """Where the worker keeps what it works on, unless somebody says otherwise."""
    return settings.state_folder() / "worker"


def load(path: Path, *, state: Path | None = None) -> WorkerConfig:
    """What the file says. Projects without a path lie below `state`.

    Raises: BadConfig, with everything that is wrong.
    """
    return parse(_text(path), path, state=state)


def parse(text: str, path: Path, *, state: Path | None = None) -> WorkerConfig:
    """What a text says that stands in the file, or is about to. Raises: BadConfig."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadConfig([_syntax_problem(path, text, str(error))]) from error
    reader = _Reader(path, Lines(text), state or default_state())
    config = reader.worker(content)
    if reader.problems:
        raise BadConfig([problem for _, problem in sorted(reader.problems)])
    return config


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise BadConfig([f"{path}:1: is larger than 1 MiB: this is no config file"])
        # tomllib counts lines by line feeds; a bare carriage return is refused by it.
        return path.read_bytes().decode("utf-8-sig").replace("\r\n", "\n")
    except FileNotFoundError as error:
        raise BadConfig(
            [
                f"There is no config file {path}.",
                "Write one, in the repository to work on: claude-task-client work init",
            ]
        ) from error
    except UnicodeDecodeError as error:
        raise BadConfig([f"{path}:1: is no UTF-8 text: save it as such"]) from error
    except OSError as error:
        raise BadConfig([f"Cannot read {path}: {error.strerror or error}."]) from error


def _syntax_problem(path: Path, text: str, complaint: str) -> str:
    found = _AT_LINE.search(complaint)
    line = int(found["line"]) if found and found["line"] else text.count("\n") + 1
    said = _AT_LINE.sub("", complaint).strip()
    if said.startswith(("Cannot declare", "Cannot overwrite")):
        return f"{path}:{line}: stands here for the second time: keep one of the two ({said})"
    return f"{path}:{line}: is no TOML: {said}. Texts stand in quotes, lists in [ ]"


class _Reader:
    """Makes values of a file's content, and notes what is wrong instead of stopping at it."""

    def __init__(self, path: Path, lines: Lines, state: Path) -> None:
        self.problems: list[tuple[int, str]] = []
        self._path = path
        self._lines = lines
        self._state = state

    def worker(self, content: Mapping[str, Any]) -> WorkerConfig:
        found = self._values((), content, config_keys.worker_keys(), tables=TABLES)
        found |= self._values(
            ("sources",), self._table(content, "sources"), config_keys.source_keys()
        )
        limits = self._values(("limits",), self._table(content, "limits"), config_keys.limit_keys())
        texts = self._values(("texts",), self._table(content, "texts"), config_keys.text_keys())
        return WorkerConfig(
            projects=self._projects(content),
            file=self._path,
            limits=Limits(**limits),
            texts=Texts(**texts),
            **found,
        )

    def _projects(self, content: Mapping[str, Any]) -> Mapping[str, ProjectConfig]:
        tables = self._table(content, "projects")
        if not tables and "projects" not in content:
            self._note((), "names no project: in its repository, run: claude-task-client work init")
        projects: dict[str, ProjectConfig] = {}
        for name, table in tables.items():
            place = ("projects", name)
            if not isinstance(table, dict):
                self._note(place, f"must be a table: write [projects.{name}]")
            elif self._can_be_named(name, projects):
                projects[name] = self._project(place, name, table)
        self._check_shared_folders(projects)
        return projects

    def _can_be_named(self, name: str, others: Iterable[str]) -> bool:
        place = ("projects", name)
        if SLUG.fullmatch(name) is None:
            self._note(
                place,
                "is no name of a project: that has at most 64 letters, digits, '.', '_' and '-'."
                " A name with a '.' stands in quotes",
            )
            return False
        if name.endswith(RESERVED):
            self._note(place, f"ends in {RESERVED}, as the error logs of projects do: rename it")
            return False
        # Each has files of its name, and macOS does not tell `App` from `app`.
        alike = [other for other in others if other.lower() == name.lower()]
        if alike:
            line = self._lines.of(("projects", alike[0]))
            self._note(place, f"is called like the one in line {line}: rename one of them")
        return not alike

    def _project(self, place: KeyPath, name: str, table: Mapping[str, Any]) -> ProjectConfig:
        before = len(self.problems)
        found = self._values(place, table, config_keys.project_keys(self._path.absolute().parent))
        if "path" not in table and "repository" not in table:
            self._note(
                place, 'lacks a path: write path = "/where/the/repository/is", or repository = "…"'
            )
        project = ProjectConfig(name=name, **{"path": self._state / "repositories" / name, **found})
        if len(self.problems) == before:
            for key, complaint in contradictions(project):
                self._note((*place, key), complaint)
        return project

    def _check_shared_folders(self, projects: Mapping[str, ProjectConfig]) -> None:
        """Where one works in place, no other may: their changes would end up in each other's."""
        for name, project in projects.items():
            others = [
                other.name
                for other in projects.values()
                if other.name != name and other.path == project.path
            ]
            if others and project.isolation is Isolation.IN_PLACE:
                self._note(
                    ("projects", name, "isolation"),
                    f'works in the same folder as {others[0]}: use isolation = "worktree"',
                )

    def _table(self, content: Mapping[str, Any], name: str) -> Mapping[str, Any]:
        table = content.get(name, {})
        if not isinstance(table, dict):
            self._note((name,), f"must be a table: write [{name}]")
            return {}
        return table

    def _values(
        self,
        place: KeyPath,
        content: Mapping[str, Any],
        keys: Sequence[Key],
        *,
        tables: Sequence[str] = (),
    ) -> dict[str, Any]:
        """Field → value, of all that can be used."""
        by_name = {key.name: key for key in keys}
        found = {}
        for name, value in content.items():
            if name in tables:
                continue
            key = by_name.get(name)
            if key is None:
                self._note((*place, name), _unknown(name, [*by_name, *tables]))
                continue
            try:
                found[key.field] = key.read(value)
            except Wrong as error:
                self._note((*place, name), str(error))
        return found

    def _note(self, place: KeyPath, complaint: str) -> None:
        line = self._lines.of(place)
        self.problems.append((line, f"{self._path}:{line}: {_called(place)}{complaint}"))


def contradictions(project: ProjectConfig) -> Iterator[tuple[str, str]]:
    """Settings that are good by themselves and cannot be together: the key, what to do.

    What is on the disk is no part of it: that comes and goes, and is the examination's.
    """
    if project.executor is ExecutorName.SHELL and not project.shell_command:
        yield "executor", 'needs a program: write shell_command = ["…"]'
    if project.executor is not ExecutorName.SHELL and project.shell_command:
        yield "shell_command", 'is never run: write executor = "shell", or take it out'
    if project.push and not project.commit:
        yield "push", "needs commit = true: there is nothing else to push"
    if project.pull_request and not project.push:
        yield "pull_request", "needs push = true: its branch has to be there first"


def _unknown(name: str, known: Sequence[str]) -> str:
    alike = difflib.get_close_matches(name.lower().replace("-", "_"), known, n=1)
    if alike:
        return f"is no setting: did you mean {alike[0]}?"
    return f"is no setting: take it out. There are {', '.join(sorted(known))}"


def _called(place: KeyPath) -> str:
    match place:
        case ():
            return ""
        case ("projects", name):
            return f"[projects.{name}] "
        case ("projects", name, *rest):
            return f"[projects.{name}] {'.'.join(rest)} "
        case (table, *rest) if rest:
            return f"[{table}] {'.'.join(rest)} "
        case _:
            return f"{place[0]} "
