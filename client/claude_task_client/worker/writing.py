"""The text of a first config file, and of a project that is added to one."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final

from claude_task_client.worker import config_keys
from claude_task_client.worker.config import ProjectConfig, WorkerConfig
from claude_task_client.worker.config_keys import Key
from claude_task_client.worker.detecting import Found

HEAD: Final = """\
# What this machine's worker does: claude-task-client work
# A line that begins with '#' shows what holds without it, or an example. Every setting:
# docs/worker.md
"""

# What people most often decide themselves stands in the file; the page has the rest. With it an
# example, where nothing holds by default.
SHOWN_OF_WORKER: Final = {"jobs": "", "labels": '["linux"]'}
SHOWN_OF_PROJECT: Final = {
    "model": '"opus"',
    "permission_mode": "",
    "allowed_tools": '["Bash(make test:*)"]',
    "protected_paths": '[".github/**"]',
    "max_cost_usd": "5",
    "timeout": "",
    "audit": "",
    "push": "",
    "pull_request": "",
}
BARE: Final = re.compile(r"[A-Za-z0-9_-]+")


def whole_file(found: Found) -> str:
    """A config file with one project."""
    keys = config_keys.worker_keys()
    lines = [HEAD, *_commented(keys, WorkerConfig, SHOWN_OF_WORKER)]
    return _joined(lines) + "\n" + project_table(found)


def project_table(found: Found) -> str:
    """The table of one project, as it was found."""
    keys = config_keys.project_keys(found.path)
    lines = [
        f"[projects.{found.name if BARE.fullmatch(found.name) else _quoted(found.name)}]",
        f"path = {_quoted(str(found.path))}",
    ]
    if found.base_branch:
        lines.append(f"base_branch = {_quoted(found.base_branch)}")
    if found.remote not in {None, "origin"}:
        lines.append(f"remote = {_quoted(str(found.remote))}")
    if found.test_command:
        lines.append(f"test_command = {_quoted(found.test_command)}")
    else:
        lines += _commented(keys, ProjectConfig, {"test_command": '"make test"'})
    return _joined([*lines, *_commented(keys, ProjectConfig, SHOWN_OF_PROJECT)])


def _commented(keys: Iterable[Key], kind: type, shown: dict[str, str]) -> Iterator[str]:
    by_name = {key.name: key for key in keys}
    for name, example in shown.items():
        key = by_name[name]
        value = example or config_keys.default_text(kind, key.field)
        yield f"# {f'{name} = {value}':<40} # {key.help.replace('`', '')}"


def _quoted(text: str) -> str:
    # Of what JSON leaves as it is, TOML wants this one escaped as well.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line}\n" for line in lines)
