"""Bringing the plugin into Claude Code, and taking it out again without a trace."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from claude_task_client import files, settings
from claude_task_client.errors import AthenaError, BadSettings, NothingToDo
from claude_task_client.plugin import config_folder, copying, names
from claude_task_client.plugin.config_folder import Before
from claude_task_client.worker import claude_program

# Adding a marketplace takes 17 s where the network is cut off.
COMMAND_SECONDS: Final = 120.0


class ClaudeRefused(AthenaError):
    """Claude Code did not do what it was asked."""


class Place(NamedTuple):
    """Where it goes: Claude Code's settings, and this client's own folder."""

    config: Path
    state: Path

    @property
    def copy(self) -> Path:
        """The marketplace folder that Claude Code is given."""
        return names.copy_folder(self.state)

    @property
    def record(self) -> Path:
        """What was there before."""
        return names.record_file(self.state, self.config)


def place() -> Place:
    """Of this account."""
    return Place(settings.claude_folder(), settings.state_folder())


def program() -> Sequence[str] | None:
    """Which `claude` is run; None where there is none."""
    return claude_program.find(None, settings.own_environment())


def install(where: Place) -> None:
    """Bring it in, or bring it up to date. Where that fails, all is as it was before.

    Raises: BadSettings, ClaudeRefused.
    """
    claude = program()
    if claude is None:
        wanted = claude_program.wanted(None, settings.own_environment())
        raise BadSettings(
            f"There is no {wanted} here. Install Claude Code, or name it:"
            " CLAUDE_CLI_COMMAND=/path/to/claude claude-task-client plugin install"
        )
    with files.lock(where.copy.parent):
        _install(where, claude)


def uninstall(where: Place) -> None:
    """Take it out: Claude Code's settings are as if it had never been there.

    Raises: BadSettings; NothingToDo where it is not there.
    """
    _refuse_nothing(where)
    with files.lock(where.copy.parent):
        _refuse_nothing(where)  # another may have been at it meanwhile
        _uninstall(where)


def is_named(contents: config_folder.Contents) -> bool:
    """Whether Claude Code's settings speak of the plugin."""
    for name, paths in config_folder.OURS.items():
        for path in paths:
            found: object = config_folder.settings_of(contents[name])
            for key in path:
                found = found.get(key) if isinstance(found, dict) else None
            if found is not None:
                return True
    return False


def marketplace_path(contents: config_folder.Contents) -> str | None:
    """Where Claude Code takes the plugin from."""
    known = config_folder.settings_of(contents[config_folder.MARKETPLACES])
    there = known.get(names.MARKETPLACE)
    source = there.get("source") if isinstance(there, dict) else None
    if not isinstance(source, dict):
        return None
    return next((str(source[key]) for key in ("path", "repo", "url") if key in source), "elsewhere")


def _install(where: Place, claude: Sequence[str]) -> None:
    now = config_folder.read(where.config)
    _refuse_others(where, now)
    before = _before(where, now)
    # Kept before anything changes: even after a kill, an uninstall knows how it was.
    config_folder.save(where.record, where.config, before)
    copying.make(where.copy)
    try:
        _run(claude, "marketplace", "add", str(where.copy))
        _run(claude, "install", names.PLUGIN)
    except (ClaudeRefused, KeyboardInterrupt):
        if not before.made:
            _restore(where, before, now)
        raise
    made = _known(before, now, config_folder.read(where.config))
    config_folder.save(where.record, where.config, before._replace(made=made))


def _uninstall(where: Place) -> None:
    now = config_folder.read(where.config)
    before = config_folder.load(where.record) or Before({}, config_folder.OUTER_FOLDERS, {})
    _refuse_stuck(where, now)
    # Should this be killed, an install that comes next must not take what is left for the person's.
    config_folder.save(where.record, where.config, before._replace(made={}))
    claude = program()
    if claude is not None:
        # It also forgets what only it knows of. What it makes of its files is put right below.
        for command in (["uninstall", names.PLUGIN], ["marketplace", "remove", names.MARKETPLACE]):
            try:
                _run(claude, *command)
            except ClaudeRefused:
                continue  # somebody has removed it already, or it cannot: we can
    _restore(where, before, now)


def _is_ours(where: Place, path: str) -> bool:
    """Whether that is this marketplace: a copy, or the shipped folder, of whichever client."""
    ends = {(client, "plugin", "marketplace") for client in ("claude_task_client", settings.APP)}
    return Path(path) == where.copy or Path(path).parts[-3:] in ends


def _refuse_nothing(where: Place) -> None:
    now = config_folder.read(where.config)
    if config_folder.load(where.record) is None and not is_named(now):
        raise NothingToDo(
            "The plugin is not installed. Install it: claude-task-client plugin install"
        )
    path = marketplace_path(now)
    if path is not None and not _is_ours(where, path):
        raise NothingToDo(
            f"The marketplace {names.MARKETPLACE} that Claude Code has is another's, from {path}."
            f" To remove it: claude plugin marketplace remove {names.MARKETPLACE}"
        )


def _refuse_stuck(where: Place, now: config_folder.Contents) -> None:
    stuck = [name for name, content in now.items() if config_folder.is_stuck(name, content)]
    if stuck:
        raise BadSettings(
            f"{where.config / stuck[0]} is no valid JSON, so that nothing can be taken out of it."
            " Mend it (comments and commas at an end are none), and uninstall again."
        )


def _refuse_others(where: Place, now: config_folder.Contents) -> None:
    path = marketplace_path(now)
    if path is not None and Path(path) != where.copy:
        raise BadSettings(
            f"Claude Code has a marketplace called {names.MARKETPLACE} already, from {path}."
            f" Remove it first: claude plugin marketplace remove {names.MARKETPLACE}"
        )


def _before(where: Place, now: config_folder.Contents) -> Before:
    """How it was before the first install that has not been undone; one may have been killed."""
    kept = config_folder.load(where.record)
    if kept is not None and (is_named(now) or not kept.made):
        return kept
    return Before(now, config_folder.folders(where.config), {})


def _known(
    before: Before, now: config_folder.Contents, after: config_folder.Contents
) -> Mapping[str, str]:
    """Which contents are known to be what was there before, and ours; others have changes in them.

    Those that nobody has changed since, nor while this went on.
    """
    made = config_folder.digests(after)
    return {
        name: made[name]
        for name, content in before.contents.items()
        if config_folder.says_the_same(name, content, now[name])
        and config_folder.says_the_same(name, content, after[name])
    }


def _restore(where: Place, before: Before, now: config_folder.Contents) -> None:
    """Put all back that was changed since `now`, save by somebody else while this went on."""
    after = config_folder.read(where.config)
    as_left = {
        name: now[name]
        if config_folder.says_the_same(name, now[name], after[name])
        else after[name]
        for name in now
    }
    wanted = {name: config_folder.restored(name, as_left[name], before) for name in now}
    config_folder.put_back(where.config, wanted)
    config_folder.remove_folders(where.config, before.folders)
    where.record.unlink(missing_ok=True)
    if not any(names.records_folder(where.state).glob("*.json")):
        shutil.rmtree(where.copy.parent, ignore_errors=True)


def _run(claude: Sequence[str], *words: str) -> None:
    """Run `claude plugin …`. Raises: ClaudeRefused."""
    command = [*claude, "plugin", *words]
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ClaudeRefused(f"`{' '.join(command)}` failed: {error}") from error
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or f"exit code {done.returncode}"
        raise ClaudeRefused(f"`{' '.join(command)}` failed: {said[-2000:]}")
