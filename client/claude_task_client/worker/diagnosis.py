"""What `doctor` says of the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

from claude_task_client import settings
from claude_task_client.worker import config_file, locking
from claude_task_client.worker.health import examine
from claude_task_client.worker.places import Places, service_secrets

Diagnosis = tuple[bool, str, str | None]


def diagnose() -> Iterator[Diagnosis]:
    """What is well or not, in words, and what to do about it."""
    path = config_file.default_path()
    try:
        config = config_file.load(path)
    except config_file.BadConfig as error:
        for line in error.problems:
            yield False, line, f"Correct {path}"
        return
    health = asyncio.run(examine(config, environment=_environment()))
    for problem in health.problems:
        yield False, problem.detail, problem.advice
    if health.ok:
        fit = [name for name in config.projects if name not in health.sick_projects]
        yield True, f"may work on {', '.join(fit)}, {_running()}", None


def service_key() -> str | None:
    """The key of this account's services, where they have one of their own."""
    return _variables(service_secrets()).get("ATHENA_API_KEY") or None


def _environment() -> Mapping[str, str]:
    """What a service of this account sees of secrets, and this terminal of all else."""
    return {**_variables(service_secrets()), **settings.own_environment()}


def _variables(path: Path) -> Mapping[str, str]:
    """What systemd reads of a file of variables, as far as people write such files by hand."""
    try:
        lines = [line.strip() for line in path.read_text("utf-8").splitlines()]
    except (OSError, UnicodeDecodeError):
        return {}
    pairs = [line.partition("=") for line in lines if "=" in line and line[0] not in "#;"]
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}


def _running() -> str:
    states = Places().states()
    pids = [str(pid) for pid in map(locking.holder, states) if pid is not None]
    return f"running as pid {', '.join(pids)}" if pids else "not running"
