"""Where settings come from, and which are refused."""

import os
import stat
import sys

import platformdirs
import pytest

from claude_task_client import settings
from claude_task_client.errors import BadSettings, NotSignedIn

KEY = "ath_0123456789abcdef"


@pytest.fixture
def config(tmp_path, monkeypatch):
    """The config file's path, in a home of its own."""
    path = tmp_path / "config" / "config.toml"
    monkeypatch.setattr(settings, "config_path", lambda: path)
    return path


def test_the_file_is_where_this_system_keeps_such_files():
    """platformdirs knows best, but takes too long at every session's start."""
    folder = platformdirs.user_config_path(settings.APP, appauthor=False)

    assert settings.config_path() == folder / "config.toml"


@pytest.mark.skipif(sys.platform != "linux", reason="XDG is of Linux")
def test_an_empty_xdg_variable_equals_an_unset_one(monkeypatch, tmp_path):
    """Else files with the key in them would be written wherever one happens to stand."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CONFIG_HOME", "")

    assert settings.config_path() == tmp_path / ".config" / settings.APP / "config.toml"


def test_the_environment_goes_before_the_file(config):
    settings.write_file(config, {"url": "http://file:1", "key": KEY, "instance": "from-file"})

    told = settings.load({"ATHENA_API_URL": "http://environment:2/", "ATHENA_API_KEY": ""})

    assert (told.url, told.key, told.instance) == ("http://environment:2", KEY, "from-file")


def test_a_complete_environment_reads_no_file(monkeypatch):
    """`check` runs at every session's start: what it can do without, it leaves."""
    monkeypatch.setattr(settings, "config_path", lambda: pytest.fail("looked for the file"))

    told = settings.load(
        {"ATHENA_API_URL": "http://a", "ATHENA_API_KEY": KEY, "CLAUDE_INSTANCE": "pi"}
    )

    assert told == settings.Settings(url="http://a", key=KEY, instance="pi", name=None)


def test_without_a_key_one_is_not_signed_in(config):
    told = settings.load({})

    assert told.url == settings.DEFAULT_URL
    with pytest.raises(NotSignedIn):
        told.signed_in()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_the_file_is_for_its_owner_alone_and_survives_any_name(config):
    """It holds the key; a display name may hold quotes and any script."""
    old = os.umask(0)
    try:
        settings.write_file(config, {"key": KEY, "name": 'Ada\'s "Mac" \\ 北'})
    finally:
        os.umask(old)

    assert stat.S_IMODE(config.stat().st_mode) == 0o600
    assert settings.read_file(config) == {"key": KEY, "name": 'Ada\'s "Mac" \\ 北'}


@pytest.mark.parametrize("content", ["url = ", "url = 5", "\xff"])
def test_a_damaged_file_is_named(config, content):
    config.parent.mkdir()
    config.write_bytes(content.encode("latin-1"))

    with pytest.raises(BadSettings, match=r"config\.toml"):
        settings.load({})


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("athena.lan:5051", "http://athena.lan:5051"),
        ("https://example.org/athena/", "https://example.org/athena"),
        (" http://[::1]:5051 ", "http://[::1]:5051"),
    ],
)
def test_an_address_is_taken_as_people_write_it(given, meant):
    assert settings.normal_url(given) == meant


@pytest.mark.parametrize(
    "given",
    ["ftp://a", "http://", "http://a:99999", "http://u:p@a", "http://a/?q=1", "http://ä"],
)
def test_what_is_no_address_is_refused(given):
    with pytest.raises(BadSettings):
        settings.normal_url(given)


@pytest.mark.parametrize(
    ("host", "slug"),
    [
        ("raspberrypi", "raspberrypi"),
        ("Ada's MacBook Pro.local", "ada-s-macbook-pro"),
        ("-_-", "claude"),
        ("x" * 80, "x" * 64),
    ],
)
def test_an_instance_is_called_after_its_host(host, slug):
    assert settings.slug_of_host(host) == slug


@pytest.mark.parametrize("slug", ["", "-a", "a b", "a" * 65, "a/b"])
def test_what_is_no_slug_is_refused(slug):
    with pytest.raises(BadSettings):
        settings.checked_slug(slug)


def test_a_key_with_stray_characters_is_refused_without_showing_it():
    with pytest.raises(BadSettings) as refused:
        settings.checked_key("ath_secret\nx")

    assert "secret" not in str(refused.value)
