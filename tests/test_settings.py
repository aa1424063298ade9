"""Settings: from the environment, from .env, from files; and what is wrong with them, in a line."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from pydantic import ValidationError

from athena.settings import Settings

Load = Callable[..., Settings]


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Load:
    """Settings from these variables and nothing of this machine's own."""
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("ATHENA_")]:
        monkeypatch.delenv(name)

    def load(**variables: str) -> Settings:
        for name, value in variables.items():
            monkeypatch.setenv(f"ATHENA_{name}", value)
        return Settings()

    return load


def test_defaults_are_those_of_the_specification(load: Load):
    """Loopback, 5051, a SQLite file, no bot, two hours, three attempts, ninety days."""
    settings = load()

    assert (settings.host, settings.port) == ("127.0.0.1", 5051)
    assert settings.database_path == Path("data/tasks.db")
    assert (settings.api_key, settings.discord_token) == (None, None)
    assert settings.discord_channel == "claude-tasks"
    assert settings.stale_after == timedelta(hours=2)
    assert (settings.max_attempts, settings.retention_days, settings.rate_limit) == (3, 90, 6000)
    assert (settings.log_level, settings.log_format) == ("INFO", "console")
    assert settings.secrets == ()


def test_empty_variable_equals_an_unset_one(load: Load):
    """As container platforms set them."""
    settings = load(PORT="", API_KEY="", DISCORD_TOKEN="", STALE_AFTER="", TRUSTED_PROXIES="")

    assert settings == load()


def test_settings_come_from_the_env_file(load: Load, tmp_path: Path):
    """The environment wins over the file; a foreign line in it is no error."""
    (tmp_path / ".env").write_text("ATHENA_PORT=6000\nATHENA_MAX_ATTEMPTS=5\nOTHER=1\nATHENA_X=1\n")

    settings = load(PORT="7000")

    assert (settings.port, settings.max_attempts) == (7000, 5)


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("90s", timedelta(seconds=90)),
        ("90", timedelta(seconds=90)),
        (" 30 m ", timedelta(minutes=30)),
        ("1.5h", timedelta(minutes=90)),
        ("1d", timedelta(days=1)),
        ("1500ms", timedelta(seconds=1.5)),
    ],
)
def test_spans(load: Load, text: str, span: timedelta):
    """A number with its unit; seconds without one."""
    assert load(STALE_AFTER=text).stale_after == span


def test_lists_are_separated_by_commas(load: Load):
    """Blanks around them do not matter."""
    settings = load(DISCORD_ROLES=" Dev , 123,, ", TRUSTED_PROXIES="10.0.0.0/8, ::1")

    assert settings.discord_roles == ("Dev", "123")
    assert settings.trusted_proxies == ("10.0.0.0/8", "::1")


def test_log_level_in_any_case(load: Load):
    """People write it small."""
    assert load(LOG_LEVEL="debug").log_level == "DEBUG"


def test_url_without_its_last_slash(load: Load):
    """So that paths can be put behind it."""
    assert load(PUBLIC_URL="https://athena.example/").public_url == "https://athena.example"


def test_database_path_may_be_absolute(load: Load):
    """By a fourth slash."""
    assert load(DATABASE_URL="sqlite:////srv/a.db").database_path == Path("/srv/a.db")


@pytest.mark.parametrize("name", ["API_KEY", "DISCORD_TOKEN", "DATABASE_URL"])
def test_secret_from_a_file(load: Load, tmp_path: Path, name: str):
    """As container platforms hand secrets over; the line's end is not part of it."""
    file = tmp_path / "secret"
    file.write_text("sqlite:///a-secret-of-length.db\n")

    settings = load(**{f"{name}_FILE": str(file)})

    value = getattr(settings, name.lower())
    shown = value if isinstance(value, str) else value.get_secret_value()
    assert shown == "sqlite:///a-secret-of-length.db"


def test_secrets_are_not_shown(load: Load):
    """Neither by printing the settings nor in a complaint about them."""
    settings = load(API_KEY="a secret of some length", DISCORD_TOKEN="the.bots.token")

    assert settings.secrets == ("a secret of some length", "the.bots.token")
    assert not any(secret in repr(settings) for secret in settings.secrets)
    with pytest.raises(ValidationError) as refusal:
        load(API_KEY="too short")
    assert "too short" not in str(refusal.value)


@pytest.mark.parametrize(
    ("variables", "complaint"),
    [
        ({"PORT": "http"}, "valid integer"),
        ({"PORT": "70000"}, "less than or equal to 65535"),
        ({"API_KEY": "x" * 15}, "at least 16 characters"),
        ({"STALE_AFTER": "soon"}, "not a span"),
        ({"STALE_AFTER": "999ms"}, "from 1s to 24h"),
        ({"STALE_AFTER": "25h"}, "from 1s to 24h"),
        ({"STALE_AFTER": "9" * 40 + "d"}, "not a span that can be counted"),
        ({"STALE_AFTER": "9" * 400}, "not a span that can be counted"),
        ({"MAX_ATTEMPTS": "0"}, "greater than or equal to 1"),
        ({"RETENTION_DAYS": "-1"}, "greater than or equal to 0"),
        ({"RATE_LIMIT": "-1"}, "greater than or equal to 0"),
        ({"LOG_LEVEL": "LOUD"}, "'DEBUG', 'INFO'"),
        ({"LOG_FORMAT": "xml"}, "'console' or 'json'"),
        ({"TRUSTED_PROXIES": "the proxy"}, "does not appear to be"),
        ({"DISCORD_GUILD_IDS": "My Server"}, "must be ids"),
        ({"PUBLIC_URL": "athena.example"}, "is not a URL"),
        ({"DATABASE_URL": "mysql://x"}, "must begin with sqlite:///"),
        ({"DATABASE_URL": "sqlite:///"}, "name a file"),
        ({"DATABASE_URL": "postgresql+asyncpg://h/n"}, "or with postgresql://"),
        ({"DATABASE_URL": "postgresql://host"}, "HOST:PORT/NAME"),
        ({"DATABASE_URL": "postgresql://host/"}, "HOST:PORT/NAME"),
        ({"DATABASE_URL": "postgresql://host:port/name"}, "HOST:PORT/NAME"),
        ({"DATABASE_URL": "postgresql://u:p@ss@host/name"}, "%40 for @"),
        ({"DATABASE_URL": "postgresql://u:p/ss@host/name"}, "%2F for /"),
        ({"DATABASE_URL": "postgresql://u:p#ss@host/name"}, "%23 for #"),
        ({"DATABASE_URL": "postgresql://[::1/name"}, "HOST:PORT/NAME"),
        ({"API_KEY_FILE": "/no/such/file"}, "API_KEY_FILE cannot be read"),
        ({"API_KEY_FILE": "x", "API_KEY": "x" * 20}, "not both"),
    ],
)
def test_what_makes_no_sense_is_refused(load: Load, variables: dict[str, str], complaint: str):
    """With a sentence that says what would."""
    with pytest.raises(ValidationError, match=complaint):
        load(**variables)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://db.example/athena", "postgresql://db.example/athena"),
        ("postgres://athena@[::1]:5433/queue", "postgres://athena@[::1]:5433/queue"),
        ("postgresql:///athena?host=/run/pg", "postgresql:///athena?host=/run/pg"),
        ("postgresql://u:s3cr3t-word@a:1,b:2/q", "postgresql://u:***@a:1,b:2/q"),
        ("postgresql://u:s3cr%40t-word@h/q", "postgresql://u:***@h/q"),
        (
            "postgresql://h/q?user=u&password=s3cret-word&sslmode=require",
            "postgresql://h/q?user=u&password=***&sslmode=require",
        ),
    ],
)
def test_address_of_postgres(load: Load, url: str, shown: str):
    """Shown without its password, which is in no print of the settings either."""
    settings = load(DATABASE_URL=url)

    assert settings.is_postgres
    assert settings.database_url == url
    assert settings.database_shown == shown
    assert "word" not in repr(settings)
    assert not any(secret in shown for secret in settings.secrets)


@pytest.mark.parametrize(
    ("url", "secrets"),
    [
        ("postgresql://athena@host/athena", ()),
        ("postgresql://u:long%40enough@host/q", ("long%40enough", "long@enough")),
        ("postgresql://h/q?password=long-enough", ("long-enough",)),
        ("postgresql://u:short@host/q", ()),
        ("postgresql://athena-queue:athena-queue@host/q", ()),
    ],
)
def test_password_of_the_database_is_a_secret(load: Load, url: str, secrets: tuple[str, ...]):
    """In both ways of writing; one that is no secret worth the name only within its address."""
    found = load(DATABASE_URL=url).secrets

    assert found == ((url, *secrets) if ":" in url.partition("//")[2] or secrets else ())


def test_complaint_about_an_address_repeats_none_of_it(load: Load):
    """It is shown where the password must not be."""
    with pytest.raises(ValidationError) as refusal:
        load(DATABASE_URL="postgresql://user:s3cret@word:x@host:99999999/name")

    assert not any(part in str(refusal.value) for part in ("s3cret", "word", "99999999"))


def test_secret_file_that_is_no_text(load: Load, tmp_path: Path):
    """A sentence, no traceback."""
    file = tmp_path / "secret"
    file.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(ValidationError, match="cannot be read"):
        load(API_KEY_FILE=str(file))


def test_every_setting_says_what_it_is():
    """The documentation derives from here."""
    for name, declared in Settings.model_fields.items():
        assert declared.description, name
        assert declared.description.endswith((".", ")")), name
