"""The server's settings: the only reader of the environment.

Each is declared once, with name, type, default and help; `athena check`, the documentation and its
test derive from here. Source: specification, section 9.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self
from urllib.parse import unquote

from pydantic import BeforeValidator, Field, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX: Final = "ATHENA_"
_SPAN: Final = re.compile(r"^(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)?$")
_UNITS: Final = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_SQLITE: Final = "sqlite:///"
_HOST: Final = r"(?:\[[0-9A-Fa-f:.%]+\]|[^\[\]:,@/?#\s]+)(?::\d+)?"
_POSTGRES: Final = re.compile(
    rf"^(?P<scheme>postgres(?:ql)?://)(?:(?P<user>[^:@/?#\s]+)(?::(?P<password>[^@/?#\s]*))?@)?"
    rf"(?P<place>(?:{_HOST}(?:,{_HOST})*)?/[^/?#\s]+)(?P<options>\?[^#\s]*)?$"
)
_PASSWORD_OPTION: Final = re.compile(r"(?<=[?&])((?:ssl)?password=)([^&]*)")
_HIDDEN: Final = "***"
# A shorter word is no secret worth the name, and would be taken out of every text.
_PASSWORD_CHARACTERS_HIDDEN: Final = 8


def _span(value: object) -> object:
    match = _SPAN.match(value.strip()) if isinstance(value, str) else None
    if match is None:
        if isinstance(value, timedelta):
            return value
        raise ValueError("is not a span such as 90s, 30m or 2h")
    try:
        return float(match[1]) * _UNITS[match[2] or "s"]
    except OverflowError as error:
        raise ValueError("is not a span that can be counted") from error


def _list(value: object) -> object:
    if isinstance(value, str):
        return tuple(item.strip() for item in value.split(",") if item.strip())
    return value


Span = Annotated[timedelta, BeforeValidator(_span)]
Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_list)]


class Settings(BaseSettings):
    """Everything that can be set. An empty variable equals an unset one."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        frozen=True,
        hide_input_in_errors=True,
    )

    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(5051, ge=0, le=65535, description="Port to listen on; 0 picks a free one.")
    public_url: str | None = Field(
        None, description="Where people reach Athena; links in messages begin with it."
    )
    trusted_proxies: Names = Field(
        (), description="Proxies whose X-Forwarded-For counts: addresses or networks, by comma."
    )
    database_url: str = Field(
        "sqlite:///data/tasks.db",
        repr=False,  # it may hold a password
        description="The store: sqlite:///PATH (four slashes: absolute), or "
        "postgresql://USER:PASSWORD@HOST:PORT/NAME.",
    )
    api_key: SecretStr | None = Field(
        None,
        description="The first admin key, 16 characters or more; unset: one is made, shown once.",
    )
    discord_token: SecretStr | None = Field(
        None, description="The bot's token; unset, there is no bot."
    )
    discord_guild_ids: Names = Field(
        (), description="Discord servers that may use the bot, by comma; unset: all it is in."
    )
    discord_channel: str = Field(
        "claude-tasks", description="The channel of the task cards, by name or id."
    )
    discord_roles: Names = Field((), description="Roles that may act, by name or id, by comma.")
    discord_users: Names = Field((), description="Users that may act, by name or id, by comma.")
    discord_admin_roles: Names = Field(
        (),
        description="Roles that may pause, resume and allow actions; unset: whoever may manage the "
        "server.",
    )
    discord_api_url: str | None = Field(
        None, description="Another address for Discord's REST API, with its version (…/api/v10)."
    )
    discord_gateway_url: str | None = Field(
        None, description="Another address for Discord's gateway (wss://…)."
    )
    stale_after: Span = Field(
        timedelta(hours=2), description="The lease of a claim that asks for none (90s, 30m, 2h)."
    )
    max_attempts: int = Field(
        3, ge=1, le=1000, description="Failures after which a task is failed, unless it says."
    )
    retention_days: float = Field(
        90, ge=0, le=36500, description="Ended tasks older than this are removed; 0: never."
    )
    rate_limit: int = Field(6000, ge=0, description="Requests a minute for each key; 0: no limit.")
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="The least that is logged: DEBUG, INFO, WARNING or ERROR."
    )
    log_format: Literal["console", "json"] = Field(
        "console", description="Log lines for people (console) or machines (json)."
    )
    api_key_file: Path | None = Field(None, description="A file to read API_KEY from.")
    discord_token_file: Path | None = Field(None, description="A file to read DISCORD_TOKEN from.")
    database_url_file: Path | None = Field(None, description="A file to read DATABASE_URL from.")

    @model_validator(mode="before")
    @classmethod
    def _read_files(cls, values: Any) -> Any:
        """A secret may stand in a file, as container platforms hand them over."""
        if not isinstance(values, dict):
            return values
        for name in ("api_key", "discord_token", "database_url"):
            path = values.get(f"{name}_file")
            if not path:
                continue
            if values.get(name):
                raise ValueError(f"set {name.upper()} or {name.upper()}_FILE, not both")
            try:
                values[name] = Path(path).read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as error:
                raise ValueError(f"{name.upper()}_FILE cannot be read: {error}") from error
        return values

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("api_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("needs at least 16 characters")
        return value

    @field_validator("trusted_proxies")
    @classmethod
    def _are_networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for item in value:
            ipaddress.ip_network(item, strict=False)
        return value

    @field_validator("discord_guild_ids")
    @classmethod
    def _are_ids(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if not all(item.isascii() and item.isdigit() for item in value):
            raise ValueError("must be ids: long numbers, separated by commas")
        return value

    @field_validator("discord_api_url", "discord_gateway_url", "public_url")
    @classmethod
    def _is_url(cls, value: str | None) -> str | None:
        if value is not None and not re.match(r"^(https?|wss?)://[^\s/]", value):
            raise ValueError("is not a URL")
        return None if value is None else value.rstrip("/")

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if not timedelta(seconds=1) <= self.stale_after <= timedelta(hours=24):
            raise ValueError("STALE_AFTER must be from 1s to 24h")
        _check_database_url(self.database_url)
        return self

    @property
    def is_postgres(self) -> bool:
        """Whether the store is a PostgreSQL database, and not a file."""
        return not self.database_url.startswith(_SQLITE)

    @property
    def database_path(self) -> Path:
        """The file of a SQLite store."""
        return Path(self.database_url.removeprefix(_SQLITE))

    @property
    def database_shown(self) -> str:
        """Where the store is, without its password."""
        if not self.is_postgres:
            return self.database_url
        said = _said_of_postgres(self.database_url)
        password = "" if said["password"] is None else f":{_HIDDEN}"
        user = "" if said["user"] is None else f"{said['user']}{password}@"
        options = _PASSWORD_OPTION.sub(rf"\1{_HIDDEN}", said["options"] or "")
        return f"{said['scheme']}{user}{said['place']}{options}"

    @property
    def secrets(self) -> tuple[str, ...]:
        """What must never stand in a log or a message."""
        said = tuple(s.get_secret_value() for s in (self.api_key, self.discord_token) if s)
        return said + (_secrets_in(self.database_url) if self.is_postgres else ())


def _said_of_postgres(url: str) -> dict[str, str | None]:
    """The parts of an address of PostgreSQL.

    Raises: ValueError, which repeats none of it.
    """
    match = _POSTGRES.match(url)
    if match is None:
        raise ValueError(
            "DATABASE_URL must be postgresql://USER:PASSWORD@HOST:PORT/NAME; in USER and PASSWORD "
            "signs are written as %40 for @, %2F for /, %3A for :, %23 for #, %3F for ?, %25 for %"
        )
    return match.groupdict()


def _check_database_url(url: str) -> None:
    if url.startswith(("postgresql://", "postgres://")):
        _said_of_postgres(url)
    elif not url.startswith(_SQLITE) or url == _SQLITE:
        raise ValueError(
            "DATABASE_URL must begin with sqlite:/// and name a file, or with postgresql://"
        )


def _secrets_in(url: str) -> tuple[str, ...]:
    """The password of an address, as it is written there and as it is, and the address with it."""
    said = _said_of_postgres(url)
    options = said["options"] or ""
    written = [said["password"] or "", *(m[2] for m in _PASSWORD_OPTION.finditer(options))]
    passwords = {form for text in written for form in (text, unquote(text)) if form}
    if not passwords:
        return ()
    # Of one that is a name as well, such as athena:athena@, only the address tells it apart.
    open_words = f"{said['user']} {said['place']}"
    hidden = {p for p in passwords if len(p) >= _PASSWORD_CHARACTERS_HIDDEN and p not in open_words}
    return (url, *sorted(hidden))
