"""Athena is away, or somebody else answers in her place."""

import time

import pytest

from tests.client import strangers

KEY = {"ATHENA_API_KEY": "ath_0123456789abcdef"}
# "Two seconds at most": what a busy machine adds to starting a process is not the client's.
CHECK_SECONDS_MAX = 10

MAINTENANCE = strangers.answer("503 Service Unavailable", "text/html", "<h1>Back soon</h1>")
PORTAL = strangers.answer("200 OK", "text/html", "<h1>Sign in to the WiFi</h1>")
OTHER_SERVICE = strangers.answer("200 OK", "application/json", '{"hello": "world"}')
REDIRECT = strangers.answer("301 Moved", "text/html", "", "Location: https://new.example.org/x")


def no_http(connection, _):
    connection.sendall(b"SSH-2.0-OpenSSH_9.2\r\n")
    connection.close()


@pytest.fixture(params=["maintenance", "portal", "other service", "redirect", "no http"])
def somebody_else(request, terminal):
    script = {
        "maintenance": MAINTENANCE,
        "portal": PORTAL,
        "other service": OTHER_SERVICE,
        "redirect": REDIRECT,
        "no http": no_http,
    }[request.param]
    with strangers.stranger(script) as url:
        terminal.variables = {**KEY, "ATHENA_API_URL": url}
        yield terminal


def test_a_strangers_answer_counts_as_not_reachable(somebody_else):
    """Exit code 3, nothing on standard output, and the command that helps next."""
    done = somebody_else.run("list")

    assert (done.returncode, done.stdout) == (3, "")
    assert "claude-task-client doctor" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ["next"],
        ["claim"],
        ["claim", "5"],
        ["status"],
        ["add", "x"],
        ["show", "5"],
        ["why", "5"],
        ["result", "5"],
        ["complete", "5"],
        ["cancel", "5"],
        ["instances"],
        ["heartbeat"],
        ["watch"],
    ],
)
def test_every_command_knows_a_stranger(terminal, words):
    """JSON of another service is no answer either."""
    with strangers.stranger(OTHER_SERVICE) as url:
        done = terminal.run(*words, extra={**KEY, "ATHENA_API_URL": url})

    assert (done.returncode, done.stdout) == (3, "")
    assert "not Athena's" in done.stderr


def test_check_says_so_in_a_line_and_breaks_nothing(somebody_else):
    done = somebody_else.run("check")

    assert (done.returncode, done.stdout) == (0, "")
    assert len(done.stderr.splitlines()) == 1
    assert "Athena: Athena" not in done.stderr
    assert done.stderr.endswith("claude-task-client doctor\n")


def test_a_redirect_is_not_followed_but_named(terminal):
    """Following it would hand the key to whoever it points to."""
    with strangers.stranger(REDIRECT) as url:
        done = terminal.run("list", extra={**KEY, "ATHENA_API_URL": url})

    assert "https://new.example.org/x" in done.stderr


def test_nobody_there_is_exit_code_3(terminal):
    done = terminal.run("list", extra={**KEY, "ATHENA_API_URL": strangers.closed_port()})

    assert (done.returncode, done.stdout) == (3, "")
    assert "nothing listens there" in done.stderr


@pytest.mark.parametrize("script", [strangers.silence, strangers.drip])
def test_check_does_not_wait_for_a_slow_answer(terminal, script):
    """Neither silence nor a drip of bytes delays the start of a session."""
    with strangers.stranger(script) as url:
        terminal.variables = {**KEY, "ATHENA_API_URL": url}
        started = time.monotonic()
        done = terminal.run("check")
        strict = terminal.run("check", "--strict")
        took = time.monotonic() - started

    assert (done.returncode, done.stdout) == (0, "")
    assert "no answer in time" in done.stderr
    assert strict.returncode == 1
    assert took < 2 * CHECK_SECONDS_MAX


def test_check_without_a_sign_in_says_so_and_breaks_nothing(terminal):
    done = terminal.run("check")

    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "Not signed in to Athena. Sign in: claude-task-client login\n"
    assert terminal.run("check", "--strict").returncode == 1


def test_without_a_sign_in_the_next_command_is_login(terminal):
    done = terminal.run("list")

    assert (done.returncode, done.stdout) == (2, "")
    assert "claude-task-client login" in done.stderr


def test_doctor_names_what_is_wrong(somebody_else):
    done = somebody_else.run("doctor")

    assert done.returncode == 1
    assert "FAIL Athena" in done.stdout


def test_login_writes_nothing_where_athena_is_not(somebody_else):
    url = somebody_else.variables["ATHENA_API_URL"]

    done = somebody_else.run("login", "--url", url, "--key-stdin", stdin="ath_secret_secret\n")

    assert done.returncode == 3
    assert not somebody_else.config_file().exists()
    assert "secret" not in done.stdout + done.stderr


ODD = '{"id": [], "description": 5, "instances": [{"labels": 3}], "tasks": [{"target": {}}]}'


def test_check_survives_json_of_any_shape(terminal):
    """Whatever answers at the start of a session must not end it with a traceback."""
    with strangers.stranger(strangers.answer("200 OK", "application/json", ODD)) as url:
        done = terminal.run("check", extra={**KEY, "ATHENA_API_URL": url})

    assert done.returncode == 0
    assert "Traceback" not in done.stderr
