"""`work init`: a first config from the repository that one stands in."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import click.testing
import pytest

from claude_task_client.cli import group
from claude_task_client.worker import detecting
from claude_task_client.worker.config import ProjectConfig, WorkerConfig
from claude_task_client.worker.config_file import load


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "My App"
    git(tmp_path, "init", "-q", "-b", "main", str(folder))
    return folder


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "config/worker.toml"


def git(folder: Path, *words: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *words], check=True, capture_output=True)


def init(file: Path, *words: str) -> click.testing.Result:
    return click.testing.CliRunner().invoke(group, ["work", "--config", str(file), "init", *words])


def test_a_first_config_can_be_used_as_it_is(file, repository):
    """It holds what was found, and the defaults for all else."""
    (repository / "Makefile").write_text("test:\n\ttrue\n", "utf-8")

    done = init(file, str(repository))

    assert done.exit_code == 0, done.output
    assert load(file) == WorkerConfig(
        projects={
            "My-App": ProjectConfig(
                name="My-App", path=repository, base_branch="main", test_command="make test"
            )
        },
        file=file,
    )
    assert "claude-task-client work --once" in done.output


def test_a_repository_without_a_commit_is_told_of(file, repository):
    """A worker would be sick of it; but a config can be written before."""
    without = init(file, str(repository), "--name", "a")
    git(repository, "commit", "--allow-empty", "-m", "first")
    with_one = init(file, str(repository), "--name", "b")

    assert "make a first one" in without.output
    assert "make a first one" not in with_one.output


def test_what_is_shown_commented_can_be_used_too(file, repository):
    """Taking a '#' away is how people change a setting."""
    init(file, str(repository))
    shown = file.read_text("utf-8").replace("\n# ", "\n").split("docs/worker.md\n")[1]
    file.write_text(shown.replace("push = false", "push = true"), "utf-8")

    config = load(file)

    assert config.labels == ("linux",)
    assert config.projects["My-App"].max_cost_usd == 5


def test_another_project_is_added_behind_what_is_there(file, repository, tmp_path):
    """Not a character of what somebody wrote changes."""
    init(file, str(repository))
    kept = file.read_text("utf-8") + '\n[texts]\ngo_on = "mine" # mine'
    file.write_text(kept, "utf-8")
    git(tmp_path, "init", "-q", "other")

    done = init(file, str(tmp_path / "other"), "--name", "v1.2", "--json")

    assert json.loads(done.output)["project"] == "v1.2"
    assert file.read_text("utf-8").startswith(kept)
    assert set(load(file).projects) == {"My-App", "v1.2"}


@pytest.mark.parametrize(
    ("words", "what"),
    [([], "Nothing to do"), (["--name", "my-app"], "already"), (["--name", "a b"], "no name")],
)
def test_nothing_is_overwritten(file, repository, words, what):
    """The same project again, or one that would be written like it, changes nothing."""
    init(file, str(repository))
    kept = file.read_bytes()

    done = init(file, str(repository), *words)

    assert done.exit_code == 2
    assert what in done.stderr
    assert file.read_bytes() == kept


def test_a_damaged_config_is_left_as_it_is(file, repository):
    file.parent.mkdir()
    for damaged in ("jobs = \n", f'projects = {{ a = {{ path = "{repository}" }} }}\n'):
        file.write_text(damaged, "utf-8")

        done = init(file, str(repository))

        assert done.exit_code == 2
        assert file.read_text("utf-8") == damaged


def test_outside_a_repository_the_next_command_is_named(file, tmp_path):
    done = init(file, str(tmp_path))

    assert (done.exit_code, "git init" in done.stderr) == (2, True)


def test_the_branch_of_the_remote_goes_before_the_one_in_hand(repository, tmp_path):
    """One stands on a feature's branch; tasks start from what the remote calls its own."""
    git(repository, "commit", "-q", "--allow-empty", "-m", "first")
    git(tmp_path, "clone", "-q", str(repository), "clone", "-o", "upstream")
    git(tmp_path / "clone", "switch", "-q", "-c", "feature")

    found = detecting.detect(tmp_path / "clone")

    assert (found.base_branch, found.remote) == ("main", "upstream")


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({}, None),
        ({"Makefile": "all:\ncheck: all\n"}, "make check"),
        ({"Makefile": "test := 1\n"}, None),
        ({"Makefile": "test:\n", "package.json": "{}"}, "make test"),
        ({"justfile": "test *args:\n"}, "just test"),
        ({"package.json": '{"scripts": {"test": "vitest"}}'}, "npm test"),
        ({"package.json": '{"scripts": {"test": "x"}}', "pnpm-lock.yaml": ""}, "pnpm test"),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\""}}'}, None),
        ({"package.json": "[]"}, None),
        ({"package.json": "{"}, None),
        ({"tox.ini": ""}, "tox"),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, "python3 -m pytest"),
        ({"tests/unit/test_a.py": "", "uv.lock": ""}, "uv run pytest"),
        ({"setup.cfg": "[tool:pytest]\n"}, "python3 -m pytest"),
        ({"Cargo.toml": ""}, "cargo test"),
        ({"go.mod": ""}, "go test ./..."),
        ({"app.csproj": ""}, "dotnet test"),
    ],
)
def test_the_test_command_is_found(tmp_path, files, command):
    """What the project's people wrote down goes before what a tool would do by itself."""
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")

    assert detecting.detect(tmp_path).test_command == command


@pytest.mark.parametrize(
    ("folder", "name"),
    [("My App", "My-App"), ("-x-", "x"), ("äöü", "claude"), ("a" * 80, "a" * 64)],
)
def test_a_project_is_called_like_its_folder(folder, name):
    assert detecting.project_name(folder) == name
