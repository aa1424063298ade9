"""What this client is told: the environment first, then the file that `login` writes.

The only reader of the environment. What reads files is imported late: `check` runs at the start
of every session, and with address, key and instance in the environment it reads none.
"""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlsplit

from claude_task_client.errors import BadSettings, NotSignedIn

if TYPE_CHECKING:
    from pathlib import Path

APP: Final = "claude-task-client"
DEFAULT_URL: Final = "http://127.0.0.1:5051"
SLUG: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")

FORGE_TOKEN: Final = "ATHENA_FORGE_TOKEN"  # noqa: S105  its name, not itself

# Setting → its variable. The file has the same names as the fields.
VARIABLES: Final[Mapping[str, str]] = {
    "url": "ATHENA_API_URL",
    "key": "ATHENA_API_KEY",
    "instance": "CLAUDE_INSTANCE",
    "name": "CLAUDE_INSTANCE_NAME",
}


# What Claude Code tells those that it starts (2.1.330: hooks and Bash all of it, MCP servers the
# session alone), and by what a worker marks its own.
_CLAUDE_SESSION: Final = "CLAUDE_CODE_SESSION_ID"
_CLAUDE_PID: Final = "CLAUDE_PID"
_CLAUDE_ENVIRONMENT_FILE: Final = "CLAUDE_ENV_FILE"
_WORKERS_RUN: Final = "ATHENA_RUN"


class ClaudeSession(NamedTuple):
    """The Claude Code session that started this process.

    `pid`: of Claude Code itself, where it tells; `environment_file`: where the hook of a session's
    start may write lines for the shell of later Bash calls.
    """

    id: str
    pid: int | None
    environment_file: str | None


class Settings(NamedTuple):
    """Where Athena is, and who this is: `instance` is a slug, `name` what people read."""

    url: str
    key: str | None
    instance: str
    name: str | None

    def signed_in(self) -> str:
        """The key. Raises: NotSignedIn."""
        if self.key is None:
            raise NotSignedIn("Not signed in to Athena.")
        return self.key


def load(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings that hold now. An empty variable equals an unset one.

    Raises: BadSettings.
    """
    told = {field: environment.get(name, "").strip() for field, name in VARIABLES.items()}
    if not all(told.values()):
        kept = read_file(config_path()) if _needs_file(told) else {}
        told = {field: value or kept.get(field, "") for field, value in told.items()}
    return Settings(
        url=normal_url(told["url"] or DEFAULT_URL),
        key=checked_key(told["key"]) if told["key"] else None,
        instance=checked_slug(told["instance"] or slug_of_host(host_name())),
        name=told["name"] or None,
    )


def origin(environment: Mapping[str, str] = os.environ) -> str:
    """Where address and key come from, for a person."""
    variables = [VARIABLES["url"], VARIABLES["key"]]
    named = [name for name in variables if environment.get(name, "").strip()]
    path = config_path()
    file = [str(path)] if len(named) < len(variables) and path.exists() else []
    return " and ".join(named + file) or "the defaults"


def terminal_kind(environment: Mapping[str, str] = os.environ) -> str | None:
    """What the terminal says that it is; None where nothing says so."""
    return environment.get("TERM") or None


def overriding(values: Mapping[str, str], environment: Mapping[str, str] = os.environ) -> list[str]:
    """The variables that say something else than these values, and win."""
    return [
        name
        for field, name in VARIABLES.items()
        if environment.get(name, "").strip() not in {"", values.get(field, "")}
    ]


def own_environment() -> Mapping[str, str]:
    """All variables of this process: for what decides itself which of them to pass on."""
    return dict(os.environ)


def claude_session(environment: Mapping[str, str] = os.environ) -> ClaudeSession | None:
    """The Claude Code session that this process belongs to.

    None where there is none, and in a worker's: the worker itself holds and renews its tasks.
    """
    session, pid = environment.get(_CLAUDE_SESSION, ""), environment.get(_CLAUDE_PID, "")
    if not session or environment.get(_WORKERS_RUN):
        return None
    return ClaudeSession(
        id=session,
        pid=int(pid) if pid.isascii() and pid.isdecimal() else None,
        environment_file=environment.get(_CLAUDE_ENVIRONMENT_FILE) or None,
    )


def claude_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Where Claude Code keeps its settings."""
    from pathlib import Path

    named = environment.get("CLAUDE_CONFIG_DIR", "")
    return Path(named).absolute() if named else Path.home() / ".claude"


def forge_token(environment: Mapping[str, str]) -> str | None:
    """What opens pull requests: `ATHENA_FORGE_TOKEN`, or the content of `…_FILE`.

    Raises: BadSettings where the file cannot be read.
    """
    token = environment.get(FORGE_TOKEN, "").strip()
    file = environment.get(f"{FORGE_TOKEN}_FILE", "").strip()
    if token or not file:
        return token or None
    from pathlib import Path

    try:
        return Path(file).read_text(encoding="utf-8").strip() or None
    except (OSError, ValueError) as error:
        raise BadSettings(f"Cannot read {file}, which {FORGE_TOKEN}_FILE names.") from error


def host_name() -> str:
    """What this machine is called."""
    return socket.gethostname()


def config_path() -> Path:
    """Where `login` writes."""
    from pathlib import Path

    import click

    # The same folder as platformdirs names, in a twentieth of the start of `check` less.
    folder = Path(click.get_app_dir(APP, roaming=False))
    if not folder.is_absolute():  # XDG_CONFIG_HOME is empty, which equals unset; click obeys it
        folder = Path.home() / ".config" / APP
    return folder / "config.toml"


def state_folder() -> Path:
    """Where this client remembers what it holds."""
    import platformdirs

    return platformdirs.user_state_path(APP, appauthor=False)


def read_file(path: Path) -> dict[str, str]:
    """What `login` wrote; empty where it has not. Raises: BadSettings."""
    try:
        text = path.read_text(encoding="utf-8")
        import tomllib

        content = tomllib.loads(text)
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise BadSettings(f"Cannot read {path}: {error}.") from error
    wrong = [name for name in VARIABLES if not isinstance(content.get(name, ""), str)]
    if wrong:
        raise BadSettings(f"{path}: {wrong[0]} must be a text in quotes.")
    return {name: str(content[name]).strip() for name in VARIABLES if name in content}


def write_file(path: Path, values: Mapping[str, str]) -> None:
    """Replace the file by these values; those that are empty are left out."""
    from claude_task_client import files

    lines = [f"{name} = {_quoted(value)}\n" for name, value in values.items() if value]
    with files.lock(path):
        files.replace_file(path, "# Written by `claude-task-client login`.\n" + "".join(lines))


def normal_url(url: str) -> str:
    """An address without what requests add themselves. Raises: BadSettings."""
    text = url.strip()
    text = (text if "://" in text else f"http://{text}").rstrip("/")
    if not _is_address(text):
        raise BadSettings(
            f"{url!r} is not an address of Athena: that looks like {DEFAULT_URL}"
            " or https://athena.example.org."
        )
    return text


def slug_of_host(host: str) -> str:
    """An instance's slug from a host name: `Ada's MacBook.local` → `ada-s-macbook`."""
    first = host.split(".", maxsplit=1)[0].lower()
    slug = re.sub(r"[^a-z0-9._-]+", "-", first).strip("-._")
    return slug[:64] or "claude"


def _needs_file(told: Mapping[str, str]) -> bool:
    # A display name alone is not worth reading a file at every start; an instance's slug is.
    return not (told["url"] and told["key"] and told["instance"])


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return usable and text.isascii() and not (parts.query or parts.fragment or parts.username)


def checked_slug(slug: str) -> str:
    """The slug, if it is one. Raises: BadSettings."""
    if SLUG.fullmatch(slug) is None:
        raise BadSettings(
            f"{slug!r} is no instance slug: that is at most 64 letters, digits,"
            " '.', '_' and '-', as in macbook-pro."
        )
    return slug


def checked_key(key: str) -> str:
    """The key, if it can be one. Raises: BadSettings."""
    if not key:
        raise BadSettings("The key is empty.")
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise BadSettings("The key has characters that no key has: copy it again.")
    return key


def _quoted(value: str) -> str:
    import json

    if not value.isprintable():
        raise BadSettings("A setting must not have control characters.")
    return json.dumps(value, ensure_ascii=False)
