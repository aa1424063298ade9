"""The units of the worker's services: a template for all, and a drop-in for each project."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

from claude_task_client.worker.config import ProjectConfig
from claude_task_client.worker.service import MARK, NAME, Service

TEMPLATE: Final = f"{NAME}@.service"
SYSTEM_FOLDER: Final = Path("/etc/systemd/system")
SYSTEM_SECRETS: Final = Path("/etc/athena-worker")
HOMES: Final = (Path("/home"), Path("/root"), Path("/run/user"))

# A worker runs Claude Code and whatever the projects' tests are. Left out on purpose:
# MemoryDenyWriteExecute (V8 crashes with it) and ProcSubset (builds ask how much memory there is).
EVERYWHERE: Final = """\
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallFilter=@system-service
# Refused, not killed: programs try what they may.
SystemCallErrorNumber=EPERM
"""
# What needs the rights of the system's own manager. In a user's it would take a user namespace, in
# which root's files look like nobody's, and SSH then refuses its own configuration.
SYSTEM_ONLY: Final = """\
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectProc=invisible
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
PrivateTmp=yes
PrivateDevices=yes
PrivateUsers=yes
DevicePolicy=closed
"""


def unit_name(project: str) -> str:
    """What systemctl calls the service of a project."""
    return f"{NAME}@{project}.service"


def files(service: Service, projects: Iterable[ProjectConfig]) -> Mapping[str, str]:
    """The units: their paths below the folder of units, and their texts."""
    found = {TEMPLATE: template(service)}
    for project in projects:
        found[f"{unit_name(project.name)}.d/project.conf"] = drop_in(service, project)
    return found


def template(service: Service) -> str:
    """The unit of all projects; systemd puts the name of one where `%i` stands."""
    return "\n".join(_template(service)) + "\n"


def _template(service: Service) -> Iterator[str]:
    is_system = service.user is not None
    # Of a command line alone, systemd also puts in the values of variables.
    start = [_quoted(word.replace("$", "$$")) for word in service.arguments(MARK)]
    yield from (
        "# Written by: claude-task-client work install",
        "# What differs on this machine goes into drop-ins: systemctl edit athena-worker@PROJECT",
        "[Unit]",
        "Description=Athena's worker for %i",
        # A user's manager knows nothing of the network; the worker waits for Athena by itself.
        *(("After=network-online.target", "Wants=network-online.target") if is_system else ()),
        "StartLimitIntervalSec=300",
        "StartLimitBurst=10",
        "",
        "[Service]",
        "Type=exec",
    )
    if is_system:
        yield f"User={service.user}"
    yield f"WorkingDirectory={_escaped(str(service.home))}"
    yield f"Environment={_quoted(f'PATH={service.search_path}')}"
    yield f"Environment=CLAUDE_INSTANCE={_escaped(service.instance_of(MARK))} PYTHONUNBUFFERED=1"
    yield "# Secrets (chmod 600): ATHENA_API_KEY=…, CLAUDE_CODE_OAUTH_TOKEN=…"
    for path in service.secrets:
        yield f"EnvironmentFile=-{_escaped(str(path))}"
    yield f"ExecStart={' '.join(start)}"
    yield from (
        "Restart=on-failure",
        "RestartSec=5",
        "# 2: the config or the settings are wrong, and stay so until somebody mends them.",
        "RestartPreventExitStatus=2",
        "# SIGTERM goes to the worker alone, which ends its tasks in order and hands them back.",
        "KillMode=mixed",
        f"TimeoutStopSec={service.stop_seconds}",
        "# A task that takes too much memory ends; the worker lives on, and says so.",
        "OOMPolicy=continue",
        "TasksMax=4096",
        "UMask=0077",
        "",
        EVERYWHERE.rstrip(),
    )
    if is_system:
        yield SYSTEM_ONLY.rstrip()
        yield f"ProtectHome={'no' if _is_in_homes(service.home) else 'tmpfs'}"
        yield f"ReadWritePaths={_quoted(str(service.home))}"
    yield from ("", "[Install]", f"WantedBy={'multi-user' if is_system else 'default'}.target")


def drop_in(service: Service, project: ProjectConfig) -> str:
    """What holds for one project: its repository and its sources, which may lie anywhere."""
    sources = [source.path for source in service.watched_by(project.name)]
    lines = ["# Written by: claude-task-client work install", "[Unit]"]
    lines.append(f"RequiresMountsFor={_quoted(str(project.path))}")
    if sources and service.user is not None:
        # A source may be away, and come back; but what is mounted at the start is waited for.
        lines.append("After=remote-fs.target")
    # What is not there yet is cloned into the folder above.
    repository = project.path if project.repository is None else project.path.parent
    shown = [] if service.user is None else list(_shown(service, [repository, *sources]))
    if shown:
        lines += ["", "[Service]", *shown]
    return "\n".join(lines) + "\n"


def _shown(service: Service, folders: Iterable[Path]) -> Iterator[str]:
    """What lets the service write in folders beside its home."""
    for folder in folders:
        if folder.is_relative_to(service.home):
            continue
        # Of homes the unit shows nothing, save what is bound into them.
        is_hidden = _is_in_homes(folder) and not _is_in_homes(service.home)
        setting = "BindPaths" if is_hidden else "ReadWritePaths"
        # `-`: a path that went away makes the worker sick, which it says; without it, the service
        # would not even start.
        yield f"{setting}={_quoted(f'-{folder}')}"


def _is_in_homes(path: Path) -> bool:
    return any(path.is_relative_to(home) for home in HOMES)


def _escaped(text: str) -> str:
    return text.replace("%", "%%").replace(MARK, "%i")


def _quoted(text: str) -> str:
    """One word, whatever is in it."""
    escaped = _escaped(text)
    if escaped and all(letter.isalnum() or letter in "/._-=:@%+,$" for letter in escaped):
        return escaped
    inner = escaped.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{inner}"'


def next_commands(service: Service, projects: Sequence[str]) -> Sequence[str]:
    """What has to be run to have the services start now and with the machine."""
    scope = "" if service.user is not None else " --user"
    units = " ".join(f"{NAME}@{name}" for name in projects)
    commands = [f"systemctl{scope} daemon-reload", f"systemctl{scope} enable --now {units}"]
    if service.user is None:
        commands.append("loginctl enable-linger    # so that they run while nobody is logged in")
    return commands
