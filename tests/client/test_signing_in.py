"""`login` and `doctor`."""

import json
import stat
import sys

import pytest


def signed_in(terminal, server, *words):
    """Sign in by the config file alone."""
    return terminal.run(
        "login", "--url", server.url, "--key-stdin", *words, stdin=server.key + "\n"
    )


def test_login_checks_writes_and_never_shows_the_key(terminal, athena):
    done = signed_in(terminal, athena, "--instance", "pi", "--name", "The Pi")

    assert done.returncode == 0, done
    assert athena.key not in done.stdout + done.stderr
    assert terminal.run("list").returncode == 0
    assert 'instance = "pi"' in terminal.config_file().read_text()
    if sys.platform != "win32":
        assert stat.S_IMODE(terminal.config_file().stat().st_mode) == 0o600


def test_a_second_login_keeps_what_it_is_not_told(terminal, athena):
    signed_in(terminal, athena, "--instance", "pi", "--name", "The Pi")

    again = terminal.run("login", "--key-stdin", "--json", stdin=athena.key + "\n")

    assert json.loads(again.stdout)["url"] == athena.url
    assert 'name = "The Pi"' in terminal.config_file().read_text()


def test_a_wrong_key_is_not_written(terminal, athena):
    done = terminal.run("login", "--url", athena.url, "--key-stdin", stdin="ath_wrong_wrong\n")

    assert done.returncode == 1
    assert not terminal.config_file().exists()


@pytest.mark.parametrize("stdin", ["", "\n", "two words\n"])
def test_what_can_be_no_key_is_wrong_usage(terminal, athena, stdin):
    done = terminal.run("login", "--url", athena.url, "--key-stdin", stdin=stdin)

    assert done.returncode == 2


def test_without_a_terminal_the_key_must_be_piped(terminal, athena):
    done = terminal.run("login", "--url", athena.url)

    assert done.returncode == 2
    assert "--key-stdin" in done.stderr


def test_the_environment_that_goes_first_is_named(terminal, athena):
    terminal.variables["CLAUDE_INSTANCE"] = "other"

    done = signed_in(terminal, athena, "--instance", "pi")

    assert "CLAUDE_INSTANCE" in done.stderr


def test_doctor_finds_everything_well(laptop):
    done = laptop.run("doctor")

    assert done.returncode == 0, done.stdout
    assert "FAIL" not in done.stdout
    assert "admin" in done.stdout
    assert laptop.json("doctor")["ok"] is True


def test_doctor_tells_what_a_key_may_do(laptop, athena):
    made = athena.ask("POST", "/api/keys", {"name": "phone", "scopes": ["submit"]}).body
    laptop.variables["ATHENA_API_KEY"] = made["secret"]

    done = laptop.run("doctor")

    assert "may submit (not read, work)" in done.stdout
    assert laptop.run("list").returncode == 1


@pytest.mark.skipif(sys.platform != "linux", reason="where the config is")
def test_doctor_sees_a_key_that_lacks_what_the_worker_needs(laptop, athena):
    """Once there is a worker: that it may submit does not help it."""
    made = athena.ask("POST", "/api/keys", {"name": "w", "scopes": ["read", "submit"]}).body
    laptop.variables["ATHENA_API_KEY"] = made["secret"]
    before = laptop.run("doctor")
    config = laptop.home / "config/claude-task-client"
    laptop.variables["XDG_CONFIG_HOME"] = str(config.parent)
    config.mkdir(parents=True, exist_ok=True)
    (config / "worker.toml").write_text('[projects.app]\npath = "gone"\n', "utf-8")
    after = laptop.run("doctor")
    (config / "worker.env").write_text(f"ATHENA_API_KEY={athena.key}\n", "utf-8")
    own = laptop.run("doctor")

    assert before.returncode == 0
    assert "FAIL worker: its key may read, submit: not work" in after.stdout
    assert ": not work" not in own.stdout


def test_doctor_does_nothing_to_the_queue(laptop):
    """It finds out what a key may do without doing any of it."""
    laptop.run("add", "x")
    before = laptop.json("status")["by_status"]

    laptop.run("doctor")

    assert laptop.json("status")["by_status"] == before


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"ATHENA_API_KEY": "ath_wrong_wrong_wrong"}, "FAIL key"),
        ({"ATHENA_API_KEY": ""}, "FAIL key: not signed in"),
        ({"ATHENA_API_URL": "http://127.0.0.1:1"}, "FAIL Athena"),
        ({"CLAUDE_INSTANCE": "no slug"}, "FAIL settings"),
    ],
)
def test_doctor_names_what_is_wrong_and_what_to_do(laptop, variables, words):
    laptop.variables |= variables

    done = laptop.run("doctor")

    assert done.returncode == 1
    assert words in done.stdout
    assert "login" in done.stdout


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX permissions")
def test_doctor_sees_a_readable_key(terminal, athena):
    signed_in(terminal, athena)
    terminal.config_file().chmod(0o644)

    done = terminal.run("doctor")

    assert done.returncode == 1
    assert "chmod 600" in done.stdout


def test_doctor_sees_a_state_folder_that_cannot_be_written(laptop):
    laptop.claims_file().parent.parent.mkdir(parents=True)
    laptop.claims_file().parent.write_text("a file where the folder should be")

    done = laptop.run("doctor")

    assert done.returncode == 1
    assert "FAIL state folder" in done.stdout
