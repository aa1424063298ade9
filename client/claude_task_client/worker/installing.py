"""Putting the services of projects where the system finds them, and taking them away."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from claude_task_client import settings
from claude_task_client.errors import BadSettings
from claude_task_client.sources import registry
from claude_task_client.worker import config_file, launchd, systemd
from claude_task_client.worker.places import Places, service_secrets
from claude_task_client.worker.service import MARK, NAME, Service, own_program, projects_of

UNIT_MODE: Final = 0o644
COMMAND_SECONDS: Final = 60.0
SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What an installation comes to. `commands` are what people have to run then."""

    service: Service
    projects: Sequence[str]
    folder: Path
    files: Mapping[str, str]
    commands: Sequence[str]

    @property
    def changed(self) -> Sequence[Path]:
        """The files that are not there, or say something else."""
        return [path for path, text in self._texts() if _text(path) != text]

    def write(self) -> Sequence[Path]:
        """Put them there; those that were changed."""
        changed = self.changed
        for project in self.projects:
            if sys.platform == "darwin":  # launchd makes no folder for what is printed
                launchd.log_path(self.service, project).parent.mkdir(parents=True, exist_ok=True)
        for path, text in self._texts():
            if path in changed:
                _write(path, text)
        return changed

    def _texts(self) -> Iterator[tuple[Path, str]]:
        for name, text in self.files.items():
            yield self.folder / name, text


def user_service(places: Places, *, instance: str | None, search_path: str | None) -> Service:
    """The services of whoever asks, in their own session manager."""
    own = settings.own_environment()
    return Service(
        program=own_program(),
        config=config_file.load(places.config, state=places.state),
        config_path=places.config,
        state=places.state,
        instance=instance or settings.load().instance,
        search_path=search_path or own.get("PATH") or SYSTEM_PATH,
        home=Path.home(),
        secrets=[service_secrets()],
        sources=registry.load(),
    )


def system_service(
    places: Places, *, user: str, instance: str | None, search_path: str | None
) -> Service:
    """Services of the system which run as a user of it. Raises: BadSettings."""
    home = _home_of(user)
    config = places.named_config or _below(home, ".config") / config_file.FILE
    state = places.named_state or _below(home, ".local/state") / "worker"
    told = settings.read_file(_below(home, ".config") / "config.toml")
    return Service(
        program=own_program(),
        config=config_file.load(config, state=state),
        config_path=config,
        state=state,
        instance=instance or told.get("instance") or settings.slug_of_host(settings.host_name()),
        search_path=search_path or f"{home}/.local/bin:{SYSTEM_PATH}",
        home=home,
        user=user,
        secrets=[systemd.SYSTEM_SECRETS / "worker.env", systemd.SYSTEM_SECRETS / f"{MARK}.env"],
        sources=registry.load(_below(home, ".config") / registry.NAME),
    )


def plan(service: Service, names: Sequence[str]) -> Plan:
    """What there is to be written. Raises: BadSettings."""
    projects = projects_of(service, names)
    names = [project.name for project in projects]
    if sys.platform == "darwin":
        return Plan(
            service=service,
            projects=names,
            folder=launchd.folder(service.home),
            files=launchd.files(service, names),
            commands=launchd.next_commands(service, names),
        )
    return Plan(
        service=service,
        projects=names,
        folder=unit_folder(is_system=service.user is not None),
        files=systemd.files(service, projects),
        commands=systemd.next_commands(service, names),
    )


def unit_folder(*, is_system: bool) -> Path:
    """Where units of the system, or of this user, are."""
    if is_system:
        return systemd.SYSTEM_FOLDER
    named = settings.own_environment().get("XDG_CONFIG_HOME", "")
    return (Path(named) if named else Path.home() / ".config") / "systemd/user"


def exposed_secrets(service: Service) -> Sequence[Path]:
    """Files of secrets that others may read."""
    return [path for path in _secrets(service) if path.stat().st_mode & 0o077]


def has_key(service: Service) -> bool:
    """Whether the service will find a key for Athena, as far as can be seen from here."""
    config = _below(service.home, ".config") if service.user else settings.config_path().parent
    with contextlib.suppress(BadSettings):
        if settings.read_file(config / "config.toml").get("key"):
            return True
    return any("ATHENA_API_KEY" in (_text(path) or "") for path in _secrets(service))


def _secrets(service: Service) -> Sequence[Path]:
    """The files of secrets that are there."""
    found = [path.parent.glob(path.name.replace(MARK, "*")) for path in service.secrets]
    return sorted(path for paths in found for path in paths if path.is_file())


def verify(made: Plan) -> str:
    """What systemd has to say about the units; empty: nothing, or there is no systemd here."""
    program = shutil.which("systemd-analyze")
    if program is None or sys.platform == "darwin":
        return ""
    scope = [] if made.service.user is not None else ["--user"]
    done = _run([program, *scope, "verify", str(made.folder / systemd.TEMPLATE)])
    said = "" if done is None else done.stderr
    # Whatever else it complains of (no session, other units) is not about these.
    return "\n".join(line for line in said.splitlines() if NAME in line)


def uninstall(names: Sequence[str], *, is_system: bool) -> Sequence[Path]:
    """End the services of these projects and remove their files; the files that are gone.

    The template goes with the last of them.
    """
    if sys.platform == "darwin":
        for command in launchd.end_commands(names, os.getuid()):
            _run(command)
        return _remove([launchd.folder(Path.home()) / launchd.file_name(name) for name in names])
    folder = unit_folder(is_system=is_system)
    systemctl = ["systemctl", *([] if is_system else ["--user"])]
    _run([*systemctl, "disable", "--now", *(systemd.unit_name(name) for name in names)])
    gone = [folder / f"{systemd.unit_name(name)}.d/project.conf" for name in names]
    others = set(installed(is_system=is_system)) - set(names)
    removed = _remove([*gone, *([] if others else [folder / systemd.TEMPLATE])])
    _run([*systemctl, "daemon-reload"])
    return removed


def installed(*, is_system: bool) -> Sequence[str]:
    """The projects that have a service."""
    if sys.platform == "darwin":
        before, after = launchd.file_name("\0").split("\0")
        found = launchd.folder(Path.home()).glob(f"{before}*{after}")
        return sorted(path.name.removeprefix(before).removesuffix(after) for path in found)
    before, after = systemd.unit_name("\0").split("\0")
    found = unit_folder(is_system=is_system).glob(f"{before}*{after}.d/project.conf")
    return sorted(
        path.parent.name.removeprefix(before).removesuffix(f"{after}.d") for path in found
    )


def _home_of(user: str) -> Path:
    import pwd

    try:
        return Path(pwd.getpwnam(user).pw_dir)
    except KeyError as error:
        raise BadSettings(
            f"There is no user {user!r}. Make one:"
            f" useradd --system --create-home --home-dir /var/lib/{user} {user}"
        ) from error


def _below(home: Path, folder: str) -> Path:
    return home / folder / settings.APP


def _write(path: Path, text: str) -> None:
    """Whole or not at all, for all to read: systemd complains of less."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o755)
        aside.write_text(text, "utf-8")
        aside.chmod(UNIT_MODE)
        aside.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            aside.unlink()
        raise BadSettings(f"Cannot write {path}: {error.strerror or error}.") from error


def _remove(paths: Sequence[Path]) -> Sequence[Path]:
    removed = []
    for path in paths:
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
            removed.append(path)
        with contextlib.suppress(OSError):
            if path.parent.suffix == ".d":
                path.parent.rmdir()  # unless somebody's own drop-ins are in it
    return removed


def _text(path: Path) -> str | None:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None


def _run(command: Sequence[str]) -> subprocess.CompletedProcess[str] | None:
    """A program of the system; None where there is none, or it hangs."""
    try:
        return subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=COMMAND_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
