"""What the worker's own eyes see in the changes of a task."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from claude_task_client.worker import build_files, trees
from claude_task_client.worker.job import Doubt
from claude_task_client.worker.path_patterns import compiled, fits
from tests.worker.repositories import Project, write

TEST = "def test_adds():\n    total = add(1, 2)\n    assert total == 3\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    files = {
        "tests/test_add.py": TEST,
        ".github/workflows/test.yml": "run: pytest\n",
        "src/add.py": "def add(a, b):\n    return a + b\n",
    }
    return Project(tmp_path).make().commit("more", files)


async def findings(project: Project, change: Callable[[Path], None], **options: Any) -> list[str]:
    """What is found after a task has changed its folder."""
    workspace = project.workspace(**options)
    place = await workspace.prepare()
    change(place.folder)
    return list(await workspace.findings())


async def test_ordinary_work_is_no_finding(project):
    """Most tasks never hear of the guards."""

    def change(folder: Path) -> None:
        write(folder, {"src/add.py": "def add(*n):\n    return sum(n)\n", "src/ümläut.py": ""})
        write(folder, {"tests/test_more.py": TEST, "README.md": "Heading\n=======\n"})

    assert await findings(project, change) == []


@pytest.mark.parametrize(
    "path",
    [
        ".claude/settings.json",
        ".claude/settings.local.json",
        "sub/.mcp.json",
        ".Claude/Hooks/x.sh",
        ".mcp.json",
    ],
)
async def test_what_runs_in_the_next_session_is_protected(project, path):
    """A task must not set up what Claude Code, or anybody, will run later."""
    (sentence,) = await findings(project, lambda folder: write(folder, {path: "{}"}))

    assert sentence.startswith(f"{path}: this file is protected")


async def test_the_project_s_protected_files_are(project):
    """Changed, deleted, or moved away: each names the file."""

    def change(folder: Path) -> None:
        (folder / ".github/workflows/test.yml").rename(folder / "test.yml")
        write(folder, {"infra/prod/main.tf": ""})

    told = await findings(project, change, protected_paths=[".github/**", "infra/"])

    assert [sentence.partition(":")[0] for sentence in told[:2]] == [
        "infra/prod/main.tf",
        ".github/workflows/test.yml",
    ] or [sentence.partition(":")[0] for sentence in told[:2]] == [
        ".github/workflows/test.yml",
        "infra/prod/main.tf",
    ]


async def test_files_with_secrets_are_left_out_and_named(project):
    """Also those the agent has committed by itself; examples are fine."""
    workspace = project.workspace()
    place = await workspace.prepare()
    project.commit("oops", {"id_rsa": "key", ".netrc": "login"}, at=place.folder)
    (place.folder / ".netrc").unlink()
    project.commit("better", {}, at=place.folder)
    write(place.folder, {"deploy/.env.production": "KEY=1", ".env.example": "KEY="})

    told = await workspace.findings()
    tree = await workspace.snapshot()

    named = [sentence.partition(":")[0] for sentence in told]
    assert named == ["deploy/.env.production", ".netrc", "id_rsa"]
    listed = project.git("ls-tree", "-r", "--name-only", tree)
    assert ".env.example" in listed
    assert ".env.production" not in listed


async def test_files_that_are_too_large_are_left_out_and_named(project, monkeypatch):
    """A forge would refuse the push for good."""
    monkeypatch.setattr(trees, "FILE_BYTES_MAX", 1000)

    (sentence,) = await findings(project, lambda folder: write(folder, {"dump.sql": "x" * 1001}))

    assert sentence.startswith("dump.sql: this file is too large")


async def test_a_repository_inside_is_named(project):
    """Nothing of it would be committed."""

    def change(folder: Path) -> None:
        write(folder, {"tool/x": ""})
        project.git("init", "--quiet", at=folder / "tool")

    (sentence,) = await findings(project, change)

    assert sentence.startswith("tool: this folder is a repository of its own")


async def test_a_link_out_of_the_repository_is_named(project):
    """Whoever checks it out would read, or write, their own files."""

    def change(folder: Path) -> None:
        (folder / "src" / "inside").symlink_to("../README")
        (folder / "src" / "up").symlink_to("../../../etc")
        (folder / "passwd").symlink_to("/etc/passwd")

    told = await findings(project, change)

    assert sorted(sentence.partition(":")[0] for sentence in told) == ["passwd", "src/up"]


async def test_a_conflict_that_was_left_is_named_with_its_line(project):
    """An agent may think that a merge went well."""
    text = "a\n<<<<<<< HEAD\nb\n=======\nc\n>>>>>>> main\n"

    told = await findings(project, lambda folder: write(folder, {"src/add.py": text}))

    assert told[0].startswith("src/add.py:2: a conflict of a merge was left here")


async def test_weakened_tests_are_seen_in_the_folder(project):
    """Committed or not."""
    workspace = project.workspace()
    place = await workspace.prepare()
    weaker = TEST.replace("total == 3", "True")
    project.commit("easier", {"tests/test_add.py": weaker}, at=place.folder)

    (sentence,) = await workspace.findings()

    assert sentence.startswith("tests/test_add.py:1: the test `test_adds` checks nothing")


async def test_what_a_task_may_be_meant_to_do_is_a_doubt(project):
    """An auditor may accept a test that the task itself removes; never a protected file."""

    def change(folder: Path) -> None:
        (folder / "tests" / "test_add.py").unlink()
        write(folder, {".mcp.json": "{}"})

    told = await findings(project, change)

    assert [isinstance(sentence, Doubt) for sentence in told] == [False, True]


async def test_tests_that_go_with_what_they_tested_are_left_to_the_auditor(project):
    """A task may be to remove something."""

    def change(folder: Path) -> None:
        (folder / "src" / "add.py").unlink()
        (folder / "tests" / "test_add.py").unlink()

    assert await findings(project, change) == []


async def test_a_test_file_that_only_moved_is_no_deletion(project):
    """Git finds it by its content."""

    def change(folder: Path) -> None:
        write(folder, {"tests/unit/test_sum.py": TEST})
        (folder / "tests" / "test_add.py").unlink()

    assert await findings(project, change) == []


async def test_a_test_file_that_is_named_so_that_nothing_runs_it_is_seen(project):
    """It is still there, and never run."""

    def change(folder: Path) -> None:
        (folder / "tests" / "test_add.py").rename(folder / "add_old.py")

    (sentence,) = await findings(project, change)

    assert "`test_adds`" in sentence


async def test_the_project_may_say_which_files_are_tests(project):
    """Where its customs are its own."""
    project.commit("checks", {"checks/adding.py": TEST})

    def change(folder: Path) -> None:
        (folder / "checks" / "adding.py").unlink()
        (folder / "tests" / "test_add.py").unlink()

    told = await findings(project, change, test_paths=["checks/**"])

    assert [sentence.partition(":")[0] for sentence in told] == ["checks/adding.py"]


async def test_a_test_command_that_does_nothing_is_seen(project):
    """In the same way as a deleted test."""

    def change(folder: Path) -> None:
        write(folder, {".github/workflows/test.yml": "run: pytest || true\n"})

    (sentence,) = await findings(project, change)

    assert sentence.startswith(".github/workflows/test.yml:1: this keeps tests from")


async def test_there_are_never_too_many_findings(project):
    """They go into a prompt."""

    def change(folder: Path) -> None:
        write(folder, {f"{n}/.mcp.json": "" for n in range(80)})

    told = await findings(project, change)

    assert len(told) == 51
    assert told[-1] == "There are 30 more findings."


SPOILED = [
    ("package.json", '"test": "jest"', '"test": "exit 0"'),
    ("package.json", '"test": "jest"', '"test": "jest --passWithNoTests"'),
    ("package.json", '"test": "jest"', '"test": "jest || true"'),
    ("Makefile", "test:\n\tpytest tests\n", "test:\n\t-pytest tests\n"),
    ("Makefile", "test:\n\tpytest tests\n", "test:\n\t@echo fine\n"),
    (".gitlab-ci.yml", "script: make test\n", "script: make test\nallow_failure: true\n"),
    (".github/workflows/ci.yml", "- run: go test ./...\n", "- run: go vet ./...\n"),
    (".github/workflows/ci.yml", "- run: tox\n", "- run: tox\n  continue-on-error: true\n"),
    ("pytest.ini", "addopts = -q\n", "addopts = -q --ignore tests/test_add.py\n"),
    ("pyproject.toml", "fail_under = 95\n", "fail_under = 50\n"),
    ("conftest.py", "import os\n", "import os\nos._exit(0)\n"),
    ("pom.xml", "<skip/>", "<skipTests>true</skipTests>"),
    ("Cargo.toml", "[lib]\n", "[lib]\ntest = false\n"),
]


@pytest.mark.parametrize(("path", "old", "new"), SPOILED)
def test_what_keeps_tests_from_failing_is_seen(path, old, new):
    """In build files, settings and CI."""
    assert build_files.is_one(path)

    told = list(build_files.findings(path, old, new))

    assert told
    assert all(sentence.startswith(path) for sentence in told)


FINE = [
    ("package.json", '"jest": "^29.1"', '"jest": "^30.0"'),
    ("package.json", '"jest": "^29.1",', ""),
    ("package.json", '"test": "jest"', '"test": "vitest run"'),
    ("Makefile", "clean:\n\trm x\n", "clean:\n\trm x || true\n"),
    (".github/workflows/ci.yml", "run: pytest\n", "run: pytest -q -n 4\nrun: ruff check\n"),
    ("pyproject.toml", '"pytest>=8",\nfail_under = 90\n', '"pytest>=9",\nfail_under = 95\n'),
]


@pytest.mark.parametrize(("path", "old", "new"), FINE)
def test_ordinary_changes_of_build_files_are_fine(path, old, new):
    """New versions, other options, more steps."""
    assert list(build_files.findings(path, old, new)) == []


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        (".github/**", ".github/workflows/ci.yml", True),
        (".github/**", "sub/.github/ci.yml", False),
        ("*.lock", "web/yarn.lock", True),
        ("*.lock", "web/yarn.lock.js", False),
        ("infra/", "infra/a/b.tf", True),
        ("infra/*.tf", "infra/a/b.tf", False),
        ("**/secret?.txt", "a/b/secret1.txt", True),
        ("src/[ab].py", "src/b.py", True),
        ("src/[!ab].py", "src/b.py", False),
        ("a.b", "aXb", False),
        ("LICENSE", "license", True),
    ],
)
def test_patterns_mean_what_they_mean_in_gitignore(pattern, path, expected):
    """Whoever writes one knows them from there."""
    assert fits(path, compiled([pattern])) is expected
