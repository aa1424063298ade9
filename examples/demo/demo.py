"""The whole of Athena in one go: a server, a repository, a worker, and one task for it.

    make demo

`claude` is the real program. The model behind it is a script on this machine, unless you have the
real one do it: `make demo REAL=1` uses the `claude` that you are signed in with, and costs a few
cents. Everything happens in one temporary folder, which goes at the end.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTHON = sys.executable
CLIENT = [PYTHON, "-m", "claude_task_client.cli"]
TASK = "Add a function greet(name) that returns a greeting, with a unit test of it"
SECONDS = 60

WORKER = """\
claude_environment = {names}

[projects.hello]
path = {path}
test_command = {test}
"""


def main() -> int:
    is_real = "--real" in sys.argv
    with contextlib.ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True))
        folder = Path(name)
        say(f"Everything is in {folder}")
        repository = make_repository(folder / "hello")
        model = {} if is_real else stack.enter_context(scripted_model())
        environment = {
            **os.environ,
            "ATHENA_API_KEY": f"ath_demo_{secrets.token_hex(16)}",
            "ATHENA_API_URL": f"http://127.0.0.1:{free_port()}",
            "CLAUDE_INSTANCE": "demo",
        }
        stack.enter_context(server(folder, environment))
        stack.enter_context(worker(folder, repository, environment, model))
        command = ["add", TASK, "--project", "hello", "--wait", "--json"]
        say(f'$ claude-task-client add "{TASK}" --project hello --wait')
        done = subprocess.run(
            [*CLIENT, *command], env=environment, text=True, stdout=subprocess.PIPE, check=False
        )
        if done.returncode:
            print((folder / "worker.log").read_text("utf-8"))
            return done.returncode
        show(json.loads(done.stdout), repository, environment)
    return 0


def say(text: str) -> None:
    print(f"\n{text}", flush=True)


def make_repository(folder: Path) -> Path:
    """A repository with one commit."""
    folder.mkdir()
    (folder / "README.md").write_text("# Hello\n", "utf-8")
    identity = ["-c", "user.name=Demo", "-c", "user.email=demo@example.org"]
    for arguments in (["init", "-q", "-b", "main"], ["add", "."], ["commit", "-qm", "Begin"]):
        subprocess.run(["git", *identity, *arguments], cwd=folder, check=True)
    return folder


@contextlib.contextmanager
def scripted_model() -> Iterator[Mapping[str, str]]:
    """A model on loopback that plays script.py; the variables that lead `claude` to it."""
    script = Path(__file__).with_name("script.py")
    command = [PYTHON, "-m", "tests.fakes.model", "--port", "0", "--script", str(script)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().strip() for _ in range(3)]
        say("A scripted model stands in for the real one; `claude` is the real program")
        try:
            yield dict(line.split("=", 1) for line in lines)
        finally:
            process.terminate()


@contextlib.contextmanager
def server(folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    """Athena, on a database of its own."""
    url = environment["ATHENA_API_URL"]
    own = {
        **environment,
        "ATHENA_PORT": url.rpartition(":")[2],
        "ATHENA_DATABASE_URL": f"sqlite:///{folder}/athena/tasks.db",
    }
    say("$ athena serve &")
    with process_of([PYTHON, "-m", "athena", "serve"], folder, own, "server.log"):
        wait_for(lambda: answers(f"{url}/health"), "the server")
        yield


@contextlib.contextmanager
def worker(
    folder: Path, repository: Path, environment: Mapping[str, str], model: Mapping[str, str]
) -> Iterator[None]:
    """A worker that serves the project `hello`."""
    names = [*model, "ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN"]
    told = WORKER.format(
        names=json.dumps(sorted(set(names))),
        path=json.dumps(str(repository)),
        test=json.dumps(f"{PYTHON} -m unittest -q"),
    )
    (folder / "worker.toml").write_text(told, "utf-8")
    say(f"$ cat worker.toml\n{told}\n$ claude-task-client work &")
    home = {"HOME": str(folder)} if model else {}
    arguments = ["work", "--config", str(folder / "worker.toml"), "--state", str(folder / "state")]
    own = {**environment, **model, **home}
    with process_of([*CLIENT, *arguments], folder, own, "worker.log"):
        yield


@contextlib.contextmanager
def process_of(
    command: list[str], folder: Path, environment: Mapping[str, str], log: str
) -> Iterator[None]:
    """A process for the length of the block; what it prints goes into a file."""
    with (
        (folder / log).open("wb") as file,
        subprocess.Popen(
            command, cwd=folder, env=environment, stdout=file, stderr=subprocess.STDOUT
        ) as process,
    ):
        try:
            yield
        finally:
            process.terminate()


def show(task: Mapping[str, object], repository: Path, environment: Mapping[str, str]) -> None:
    """What came of it."""
    say(json.dumps(task, indent=2))
    say("$ claude-task-client log 1")
    subprocess.run([*CLIENT, "log", "1"], env=environment, check=False)
    say("$ git log --stat athena/task-1")
    subprocess.run(
        ["git", "--no-pager", "log", "--stat", "athena/task-1"], cwd=repository, check=True
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def answers(url: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1) as response:
        return bool(response.status == 200)
    return False


def wait_for(look: object, what: str) -> None:
    assert callable(look)
    deadline = time.monotonic() + SECONDS
    while not look():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not start")
        time.sleep(0.05)


if __name__ == "__main__":
    sys.exit(main())
