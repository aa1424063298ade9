"""What of Claude's tool calls needs no person: what the project allows, and nothing else.

Claude Code's own rules are not relied on: a prefix of a shell command, a link that leads out of the
folder, or a setting in the repository must not allow more than a person has meant. So every call is
judged here, before the program's own judgement (decision 0009), and what is not known is asked.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from claude_task_client.worker.path_patterns import compiled, fits
from claude_task_client.worker.reading import only_reads
from claude_task_client.worker.shell_words import plain_words

QUESTION_TOOL: Final = "AskUserQuestion"

# They change nothing outside the conversation; what a subagent calls is judged like the rest.
HARMLESS: Final = frozenset(
    "Agent Task TaskCreate TaskGet TaskList TaskOutput TaskStop TaskUpdate TodoWrite BashOutput"
    " KillBash KillShell ListAgents ReportFindings Skill StructuredOutput ToolSearch".split()
)
# Which field of their input names the file or folder.
READERS: Final = {
    "Read": "file_path",
    "NotebookRead": "notebook_path",
    "Glob": "path",
    "Grep": "path",
    "LS": "path",
}
WRITERS: Final = {
    "Write": "file_path",
    "Edit": "file_path",
    "MultiEdit": "file_path",
    "NotebookEdit": "notebook_path",
}
# Inside the folder, yet what stands there is obeyed later, by git or by Claude Code.
OBEYED: Final = frozenset({".git", ".claude", ".mcp.json"})

_RULE: Final = re.compile(r"(?P<tool>[\w*-]+)(?:\((?P<content>.*)\))?", re.DOTALL)
_ALL: Final = frozenset({None, "", "*"})


class Decision(StrEnum):
    """What becomes of a call."""

    ALLOW = "allow"
    ASK = "ask"
    DENY = "deny"


@dataclass(frozen=True, slots=True)
class Rule:
    """One entry of a list of allowed tools: a tool, and what of it; None: all that is usual."""

    tool: str
    content: str | None

    @classmethod
    def parse(cls, text: str) -> Rule:
        """Read an entry in Claude Code's notation. Raises: ValueError."""
        found = _RULE.fullmatch(text.strip())
        if found is None:
            raise ValueError(f"{text!r} is no tool: write one like Bash(make test:*)")
        content = found["content"]
        return cls(found["tool"], None if content in _ALL else content)


@dataclass(frozen=True, slots=True, kw_only=True)
class Permissions:
    """The rules of one run. `readable`: folders besides its own that it may read.

    `mode` in Claude Code's words: `default`, `acceptEdits` (files of the folder may be changed),
    `bypassPermissions` (all is allowed), `dontAsk` (what is not allowed is denied). The program's
    own `auto` decides more by itself: here it counts as `default`.
    """

    folder: Path
    temporary: Path
    mode: str = "default"
    rules: Sequence[Rule] = ()
    may_write: bool = True
    home: Path | None = None
    readable: Sequence[Path] = ()
    inside: Sequence[Path] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "inside", [_real(self.folder), _real(self.temporary)])

    def judge(self, tool: str, tool_input: Mapping[str, object]) -> Decision:
        """Whether the call is allowed, or who has to decide; the same for the same call."""
        if not self.may_write:
            is_reading = tool in READERS and self._reads_inside(tool, tool_input)
            return Decision.ALLOW if is_reading or tool == "StructuredOutput" else Decision.DENY
        if self.mode == "bypassPermissions" or self._is_allowed(tool, tool_input):
            return Decision.ALLOW
        return Decision.DENY if self.mode == "dontAsk" else Decision.ASK

    def _is_allowed(self, tool: str, tool_input: Mapping[str, object]) -> bool:
        # An agent elsewhere: a worktree and branch of its own in the repository, or the cloud.
        if tool in HARMLESS and not tool_input.get("isolation"):
            return True
        if tool in READERS:
            return self._reads_inside(tool, tool_input) or self._has_path_rule(tool, tool_input)
        if tool in WRITERS:
            return self._may_change(tool, tool_input)
        if tool == "Bash":
            return self._may_run(tool_input)
        if tool == "WebFetch":
            return any(_is_fetch(rule, tool_input) for rule in self.rules)
        return any(rule.content is None and _names(rule, tool) for rule in self.rules)

    # --- files ---------------------------------------------------------------------------------

    def _reads_inside(self, tool: str, tool_input: Mapping[str, object]) -> bool:
        patterns = [tool_input.get("pattern"), tool_input.get("glob")] if tool == "Glob" else []
        if any(isinstance(each, str) and _leads_out(each) for each in patterns):
            return False
        path = self._path(tool_input.get(READERS[tool], "."))
        return path is not None and (
            self._is_inside(path) or any(path.is_relative_to(_real(each)) for each in self.readable)
        )

    def _may_change(self, tool: str, tool_input: Mapping[str, object]) -> bool:
        path = self._path(tool_input.get(WRITERS[tool]))
        if path is None or self._is_obeyed(path):
            return False
        is_general = self.mode == "acceptEdits" or any(
            rule.content is None and rule.tool in {tool, "Edit"} for rule in self.rules
        )
        return (is_general and self._is_inside(path)) or self._has_path_rule(tool, tool_input)

    def _has_path_rule(self, tool: str, tool_input: Mapping[str, object]) -> bool:
        """A rule with a path counts for all tools that read, or that change, files."""
        names, kind = (READERS, "Read") if tool in READERS else (WRITERS, "Edit")
        path = self._path(tool_input.get(names[tool]))
        return path is not None and any(
            self._fits(rule.content, path)
            for rule in self.rules
            if rule.content is not None and rule.tool in {tool, kind}
        )

    def _fits(self, pattern: str, path: Path) -> bool:
        base, rest = _real(self.folder), pattern
        if pattern.startswith("//"):
            base, rest = Path("/"), pattern[1:]
        elif pattern.startswith("~/"):
            if self.home is None:
                return False
            base, rest = _real(self.home), pattern[1:]
        return path.is_relative_to(base) and fits(
            path.relative_to(base).as_posix(), compiled([rest])
        )

    def _path(self, named: object) -> Path | None:
        """Where it really is, links followed; None where that cannot be said."""
        if not isinstance(named, str) or not named or named.startswith("~") or "\0" in named:
            return None
        return _real(self.folder / named)

    def _is_inside(self, path: Path) -> bool:
        return any(path.is_relative_to(folder) for folder in self.inside)

    def _is_obeyed(self, path: Path) -> bool:
        folder = _real(self.folder)
        if not path.is_relative_to(folder):
            return False
        return any(part.casefold() in OBEYED for part in path.relative_to(folder).parts)

    # --- commands ------------------------------------------------------------------------------

    def _may_run(self, tool_input: Mapping[str, object]) -> bool:
        command = tool_input.get("command")
        if not isinstance(command, str) or tool_input.get("dangerouslyDisableSandbox"):
            return False
        if any(_is_command(rule, command) for rule in self.rules if rule.tool == "Bash"):
            return True
        return only_reads(command, self._names_inside)

    def _names_inside(self, word: str) -> bool:
        path = self._path(word)
        return path is not None and self._is_inside(path)


def _is_command(rule: Rule, command: str) -> bool:
    """`make test` is that very command; `make test:*` or `make test *` any that begins so.

    What begins so must be one plain command: nothing may come after it, beside it or within it.
    """
    if rule.content is None:
        return True
    if command.strip() == rule.content.strip():
        return True
    beginning = rule.content.removesuffix(":*").removesuffix(" *")
    if beginning == rule.content:
        return False
    wanted, words = plain_words(beginning), plain_words(command)
    return bool(wanted and words) and words[: len(wanted)] == wanted  # type: ignore[index,arg-type]


def _is_fetch(rule: Rule, tool_input: Mapping[str, object]) -> bool:
    """`WebFetch(domain:example.org)`: that host, and no other, not even one below it."""
    if rule.tool != "WebFetch":
        return False
    if rule.content is None:
        return True
    host = re.match(r"https?://([\w.-]+)(?::\d+)?(?:[/?#]|$)", str(tool_input.get("url", "")))
    return host is not None and rule.content == f"domain:{host[1].lower()}"


def _names(rule: Rule, tool: str) -> bool:
    """The tool's name; for tools of an MCP server also the server's, `mcp__server`."""
    server = rule.tool.removesuffix("__*")
    return rule.tool == tool or (server.count("__") == 1 and tool.startswith(f"{server}__"))


def _leads_out(pattern: str) -> bool:
    return pattern.startswith(("/", "~")) or ".." in re.split(r"[/\\{},]", pattern)


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))
