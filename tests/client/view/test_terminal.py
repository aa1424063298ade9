"""The real command in a terminal of its own, and what it costs those who do not watch."""

import fcntl
import os
import shlex
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator

import pytest

from tests.client.conftest import at
from tests.client.screens import Screen
from tests.client.view.conftest import EVIL, key_of

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="needs a POSIX terminal")

LEAVES = "\x1b[?1049l"  # the screen that was there before comes back


@pytest.fixture
def screens() -> Iterator[list[Screen]]:
    """What is on them ends with the test."""
    screens: list[Screen] = []
    yield screens
    for screen in screens:
        screen.process.kill()
        screen.process.wait()


@pytest.fixture
def watch(laptop, screens: list[Screen]) -> Callable[..., Screen]:
    """Starts `watch` on a terminal."""

    def start(*words: str, terminal=laptop, kind="xterm", errors=None) -> Screen:
        command, environment = terminal.command("watch", *words), terminal.environment()
        screens.append(Screen(command, environment, kind=kind, errors=errors))
        return screens[-1]

    return start


@pytest.mark.parametrize("end", ["q", "\x03", signal.SIGINT, signal.SIGTERM])
def test_it_draws_the_queue_as_it_moves_and_ends_quietly(laptop, watch, end):
    """By its key, by Ctrl-C, by a signal: the terminal is left as it was."""
    laptop.run("add", "Draw this task")
    screen = watch()
    screen.read_until("Draw this task")
    laptop.run("claim")
    screen.read_until("task.claimed")
    screen.read_until("working")

    if isinstance(end, str):
        screen.type(end)
    else:
        screen.process.send_signal(end)

    assert screen.end() == 0
    assert LEAVES in screen.drawn
    assert "Traceback" not in screen.drawn


def test_a_question_is_answered_at_the_terminal(laptop, watch):
    laptop.run("add", "x")
    laptop.run("claim")
    number = laptop.json("ask", "Which port?")["id"]

    screen = watch()
    screen.read_until("Which port?")
    screen.type("a")
    screen.read_until(f"Question {number} of")
    screen.type("8080\r")
    screen.read_until("Answered question")
    screen.type("q")

    assert screen.end() == 0
    assert laptop.json("answer", str(number))["answer"] == "8080"


def test_no_task_does_anything_to_the_terminal(laptop, watch):
    """What reaches the terminal of a task is text, however it was written."""
    laptop.run("add", EVIL)
    laptop.run("claim")

    screen = watch()
    screen.read_until("\\x1b[2J")
    screen.type("\t\r")
    screen.read_until("Status:")
    screen.type("q")

    assert screen.end() == 0
    for forbidden in ("\x1b[2J", "\x1b]0;title", "\u202e"):
        assert forbidden not in screen.drawn.partition("Athena")[2].partition(LEAVES)[0]


def test_a_terminal_may_change_its_size(laptop, watch):
    laptop.run("add", "Draw this task " + "x" * 60 + " to its end")
    screen = watch()
    screen.read_until("Draw this task")
    screen.drawn = ""

    fcntl.ioctl(screen._ours, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    os.killpg(screen.process.pid, signal.SIGWINCH)
    screen.read_until("Pending")
    screen.type("q")

    assert screen.end() == 0


def test_it_says_when_athena_is_away_and_goes_on(start_server, tmp_path, watch):
    server = start_server()
    laptop = at(server, tmp_path / "laptop")
    laptop.run("add", "Before")
    screen = watch(terminal=laptop)
    screen.read_until("Before")
    server.stop()
    screen.read_until("NOT CONNECTED")

    server.start()
    laptop.run("add", "Afterwards")
    screen.read_until("Afterwards")
    screen.type("q")

    assert screen.end() == 0


def test_a_key_that_is_revoked_ends_it_with_the_reason(laptop, athena, watch):
    number, secret = key_of(athena, "read")
    laptop.variables["ATHENA_API_KEY"] = secret
    screen = watch()
    screen.read_until("Pending")

    athena.ask("DELETE", f"/api/keys/{number}")

    assert screen.end() == 1
    assert "claude-task-client login" in screen.drawn.partition(LEAVES)[2]


def test_a_view_that_nobody_may_see_is_refused_before_it_opens(laptop, watch):
    laptop.variables["ATHENA_API_KEY"] = "ath_wrong_wrong_wrong"

    screen = watch()

    assert screen.end() == 1
    assert "claude-task-client login" in screen.drawn
    assert LEAVES not in screen.drawn


@pytest.mark.parametrize("kind", ["dumb", ""])
def test_a_terminal_that_knows_lines_alone_gets_lines(laptop, watch, kind):
    """An editor's shell, a serial line: they would show what moves the cursor."""
    laptop.run("add", "Tell this task")
    screen = watch("--after", "0", kind=kind)
    screen.read_until("task.submitted")
    screen.process.send_signal(signal.SIGINT)

    screen.end()
    assert "\x1b" not in screen.drawn


def test_a_view_whose_errors_go_elsewhere_is_not_drawn_there(laptop, tmp_path, watch):
    """It is drawn on standard error: with `2>FILE` the terminal would stay empty, and deaf."""
    laptop.run("add", "Tell this task")
    with (tmp_path / "errors").open("w") as errors:
        screen = watch("--after", "0", errors=errors)
    screen.read_until("task.submitted")
    screen.process.send_signal(signal.SIGINT)

    screen.end()
    assert "\x1b" not in (tmp_path / "errors").read_text()


def test_a_key_that_is_no_utf_8_ends_nothing(laptop, watch):
    """A terminal may be set to another encoding, and its é is a byte that nobody can read."""
    laptop.run("add", "Draw this task")
    screen = watch()
    screen.read_until("Draw this task")

    os.write(screen._ours, "é".encode("latin-1") + b"?")
    laptop.run("add", "Draw this as well")
    screen.read_until("Draw this as well")
    screen.type("?")
    screen.read_until("these keys; quit")
    screen.type("\x03")

    assert screen.end() == 0
    assert "Traceback" not in screen.drawn


def test_it_ends_with_its_terminal(laptop, watch):
    """Also where no signal says that the window was closed: it would take a whole core for ever."""
    laptop.run("add", "Draw this task")
    screen = watch()
    screen.read_until("Draw this task")

    os.close(screen._ours)

    screen.process.wait(30)


def test_nothing_stops_a_view_that_no_shell_could_resume(laptop, watch):
    """With Ctrl-Z, where `watch` is all that a terminal runs."""
    laptop.run("add", "Draw this task")
    screen = watch()
    screen.read_until("Draw this task")

    screen.type("\x1a?")
    screen.read_until("these keys; quit")
    screen.type("qq")

    assert screen.end() == 0


def test_a_shell_stops_and_resumes_it(laptop, screens):
    """Ctrl-Z gives the terminal back to the shell as it was, `fg` draws everything anew."""
    laptop.run("add", "Draw this task")
    script = f'set -m; {shlex.join(laptop.command("watch"))}; echo "stopped: $?"; stty -a; fg; echo'
    screen = Screen(["sh", "-c", script], laptop.environment(), controls=True)
    screens.append(screen)
    screen.read_until("Draw this task")
    screen.drawn = ""

    screen.type("\x1a")
    screen.read_until("stopped: ")
    screen.read_until("echoke")
    left = screen.drawn
    screen.drawn = ""
    screen.read_until("Draw this task")
    screen.type("q")

    assert screen.end() == 0
    assert LEAVES in left
    assert " icanon" in left
    assert " echo " in left


@pytest.mark.parametrize("command", [["check"], ["list"], ["watch", "--task", "1", "--json"]])
def test_only_a_view_on_a_terminal_pays_for_it(laptop, command):
    """`check` begins each session of Claude Code: it imports nothing that draws."""
    code = (
        "import sys\n"
        "from claude_task_client.cli import group\n"
        "sys.argv = ['claude-task-client', *sys.argv[1:]]\n"
        "import atexit\n"
        "atexit.register(lambda: print('textual' in sys.modules, 'rich' in sys.modules))\n"
        "import signal; signal.setitimer(signal.ITIMER_REAL, 5)\n"
        "signal.signal(signal.SIGALRM, signal.default_int_handler)\n"
        "group()\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", code, *command],
        env=laptop.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert done.stdout.splitlines()[-1] == "False False", done
