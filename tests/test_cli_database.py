"""The `athena` command where the store is a PostgreSQL database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from athena.store.statements import load_migrations
from tests.postgres import databases
from tests.shell import Shell

pytestmark = pytest.mark.slow

NEWEST = len(load_migrations("postgres"))
NOWHERE = "postgresql://athena:a-secret-of-length@127.0.0.1:1/athena"


@pytest.fixture
def database() -> Iterator[str]:
    """An empty database."""
    name = databases().create_empty_database()
    yield name
    databases().drop(name)


@pytest.fixture
def shell(tmp_path: Path, database: str) -> Shell:
    """A folder where nothing runs, and its settings name the database."""
    return Shell(tmp_path, {"DATABASE_URL": databases().url(database)})


def test_check_changes_nothing(shell: Shell, database: str):
    """An empty database is told from one that is in use, and stays empty."""
    assert "is empty; `athena serve` makes its tables" in shell.succeed("check")
    tables = databases().query(
        "SELECT 1 FROM pg_tables WHERE schemaname = 'public'", database=database
    )
    assert tables == []

    shell.succeed("migrate")

    assert f"is reachable (schema {NEWEST})" in shell.succeed("check")


def test_migrating_may_be_repeated(shell: Shell):
    """It says which schema there is."""
    for _ in range(2):
        assert f"has schema {NEWEST}" in shell.succeed("migrate")


def test_keys_are_made_and_revoked(shell: Shell):
    """As on a file; an empty database gets its tables first."""
    made = json.loads(shell.succeed("keys", "create", "laptop", "--json"))
    shell.succeed("keys", "revoke", str(made["id"]))

    (key,) = json.loads(shell.succeed("keys", "list", "--json"))

    assert (key["name"], key["state"]) == ("laptop", "revoked")


def test_purging(shell: Shell):
    """What goes, goes; what PostgreSQL does by itself is refused before anything is removed."""
    assert shell.succeed("purge", "--older-than-days", "1") == "0 tasks removed\n"
    assert "autovacuum" in shell.refuse("purge", "--older-than-days", "1", "--compact")


def test_what_is_done_to_files_only(shell: Shell):
    """The line names what does it here."""
    (shell.folder / "copy").touch()

    assert "pg_dump, or `athena export copy.gz`" in shell.refuse("backup", "copy.gz")
    assert "pg_restore, or `athena import`" in shell.refuse("restore", "copy", "--yes")


@pytest.mark.parametrize("command", [["keys", "list"], ["purge"]], ids=" ".join)
def test_visitor_leaves_an_older_schema_alone(shell: Shell, database: str, command: list[str]):
    """Servers of that version may be running."""
    shell.succeed("migrate")
    databases().execute("UPDATE schema_version SET version = 1", database=database)

    assert "run `athena migrate`" in shell.refuse(*command)


@pytest.mark.parametrize("command", [["serve"], ["check"], ["migrate"], ["keys", "list"]])
def test_newer_schema_is_refused(shell: Shell, database: str, command: list[str]):
    """An older Athena does not touch what a newer one has made."""
    shell.succeed("migrate")
    databases().execute(f"UPDATE schema_version SET version = {NEWEST + 1}", database=database)

    assert f"has schema {NEWEST + 1}" in last_line(shell, *command)


@pytest.mark.parametrize("command", [["serve"], ["check"], ["migrate"], ["keys", "list"]])
def test_server_that_is_away(shell: Shell, command: list[str]):
    """One line that names the setting, and never the password."""
    line = last_line(shell, *command, DATABASE_URL=NOWHERE)

    assert "cannot be reached at the address in DATABASE_URL" in line


def test_database_that_does_not_exist(shell: Shell):
    """The line says how to make one."""
    url = databases().url("no_such_database")

    assert "createdb" in last_line(shell, "check", DATABASE_URL=url)


def test_user_that_is_refused(shell: Shell, database: str):
    """The line says which of the settings it is about."""
    url = databases().url(database).replace("athena@", "stranger:a-secret-of-length@")

    line = last_line(shell, "serve", DATABASE_URL=url)

    assert "refuses the user or the password in DATABASE_URL" in line


def test_somebody_elses_database_is_refused(shell: Shell, database: str):
    """It is not written to."""
    databases().execute("CREATE TABLE tasks (id INTEGER)", database=database)

    for command in ("serve", "check", "migrate"):
        assert "none that say they are Athena's" in last_line(shell, command)


def test_missing_library_is_named(shell: Shell):
    """With the command that installs it."""
    (shell.folder / "asyncpg.py").write_text(
        "raise ModuleNotFoundError('No module named asyncpg', name='asyncpg')\n"
    )

    for command in (["check"], ["serve"], ["keys", "list"]):
        done = shell.run(*command)
        assert done.returncode == 1
        assert "pip install 'claude-task-client[server,postgres]'" in done.stderr
        assert "Traceback" not in done.stderr


def test_password_is_shown_nowhere(shell: Shell):
    """Neither by `check` nor in what goes wrong."""
    for command in ("check", "serve", "migrate"):
        done = shell.run(command, DATABASE_URL=NOWHERE)
        assert "a-secret-of-length" not in done.stdout + done.stderr
    assert "athena:***@127.0.0.1:1/athena" in shell.run("check", DATABASE_URL=NOWHERE).stdout


def last_line(shell: Shell, *command: str, **settings: str) -> str:
    """The one line on stderr with which the command is refused."""
    done = shell.run(*command, **settings)
    assert done.returncode == 1, done
    (line,) = done.stderr.splitlines()
    assert "a-secret-of-length" not in line
    return line
