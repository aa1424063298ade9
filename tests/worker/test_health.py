"""Whether a worker can do what it claims, and what it says to do where it cannot."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from claude_task_client.worker import claude_program
from claude_task_client.worker.config import ExecutorName, ProjectConfig, WorkerConfig
from claude_task_client.worker.health import PROJECT_FRESH_SECONDS, Examination
from claude_task_client.worker.job import WorkspaceTrouble
from claude_task_client.worker.problem import Health
from claude_task_client.worker.repository import Repository

SIGNED_OUT = '{"loggedIn": false}'


class Place:
    """A worker's surroundings: a repository with a remote, a program that answers as `claude`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.seconds = 0.0
        self.environment = {
            "HOME": str(folder / "home"),
            "PATH": f"{folder / 'bin'}:{os.environ['PATH']}",
            "ANTHROPIC_API_KEY": "dummy",
            "GIT_CONFIG_GLOBAL": "/dev/null",
        }
        (folder / "home/.ssh").mkdir(parents=True)
        (folder / "bin").mkdir()
        self.claude("echo '2.1.330 (Claude Code)'")
        self.git("init", "-q", "--bare", str(folder / "remote.git"), at=folder)
        self.git("init", "-q", "-b", "main", str(self.path), at=folder)
        self.git("remote", "add", "origin", str(folder / "remote.git"))
        self.git("commit", "-q", "--allow-empty", "-m", "first")

    @property
    def path(self) -> Path:
        return self.folder / "app"

    @property
    def ran(self) -> int:
        """How often `claude` was asked."""
        file = self.folder / "ran"
        return len(file.read_text().splitlines()) if file.exists() else 0

    def git(self, *words: str, at: Path | None = None) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
        subprocess.run(["git", *who, *words], cwd=at or self.path, check=True)

    def script(self, name: str, text: str) -> Path:
        path = self.folder / "bin" / name
        path.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
        path.chmod(0o755)
        return path

    def claude(self, text: str) -> None:
        self.script("claude", f"echo >> {self.folder}/ran\n{text}")

    def refused_by_ssh(self, said: str) -> None:
        """From now on the remote is reached by SSH, and says so."""
        self.environment["GIT_SSH_COMMAND"] = str(
            self.script("ssh-refuses", f"echo '{said}' >&2\nexit 255")
        )
        self.git("remote", "set-url", "origin", "git@example.org:a/app.git")

    def config(self, **further: object) -> WorkerConfig:
        project = replace(
            ProjectConfig(name="app", path=self.path),
            **further,  # type: ignore[arg-type]  # by their names
        )
        return WorkerConfig(projects={"app": project}, disk_free_mb_min=0)

    def examination(self, config: WorkerConfig | None = None) -> Examination:
        return Examination(
            config or self.config(),
            state=self.folder / "state",
            environment=self.environment,
            seconds=lambda: self.seconds,
        )

    async def examined(self, config: WorkerConfig | None = None) -> Health:
        return await self.examination(config)()


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def codes(health: Health) -> list[str]:
    """What is wrong where there is one project: whatever it is, nothing may be claimed."""
    assert health.ok is (not health.problems)
    assert (health.message is None) is health.ok
    return [problem.code for problem in health.problems]


async def test_a_worker_that_has_everything_is_well(place):
    assert codes(await place.examined(place.config(push=True))) == []


async def test_a_folder_that_went_away_is_seen_at_once(place):
    """However fresh the last look is: each task that is claimed would fail."""
    examination = place.examination()
    before = codes(await examination())
    place.path.rename(place.folder / "elsewhere")

    after = codes(await examination())

    place.path.mkdir()  # where a disk is mounted, or is not
    empty = codes(await examination())

    assert (before, after, empty) == ([], ["path_missing"], ["path_missing"])


async def test_what_was_good_is_not_looked_at_again(place):
    """Nothing is in the way of a claim; what was found bad is looked at each time."""
    examination = place.examination()
    await examination()
    await examination()

    assert place.ran == 1

    place.git("checkout", "-q", "--detach")
    (place.path / "door.py").touch()
    place.path.joinpath(".git").rename(place.folder / "git")
    assert codes(await examination()) == []
    place.seconds += PROJECT_FRESH_SECONDS + 1
    assert codes(await examination()) == ["repository_unusable"]
    (place.folder / "git").rename(place.path / ".git")
    assert codes(await examination()) == []


async def test_a_missing_program_is_told_how_to_install(place):
    config = replace(place.config(), claude_command="/nowhere/claude")

    (problem,) = (await place.examined(config)).problems

    assert problem.code == "claude_missing"
    assert "/nowhere/claude" in problem.detail
    assert "npm install -g" in problem.advice


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("echo broken >&2; exit 3", "claude_broken"),
        ("echo hello", "claude_broken"),
        ("echo '1.0.9 (Claude Code)'", "claude_outdated"),
    ],
)
async def test_a_program_that_is_no_use_is_told(place, text, code):
    place.claude(text)

    assert codes(await place.examined()) == [code]


async def test_projects_without_claude_need_none(place):
    place.claude("exit 1")
    config = place.config(executor=ExecutorName.SHELL, shell_command=("true",), audit=False)

    assert codes(await place.examined(config)) == []


async def test_whoever_is_not_signed_in_is_told_how(place):
    """Only the program is asked; a program that does not know the question counts as signed in."""
    del place.environment["ANTHROPIC_API_KEY"]
    place.claude(f"[ \"$1\" = --version ] && echo 2.1.330 || echo '{SIGNED_OUT}'")
    (problem,) = (await place.examined()).problems
    place.claude("[ \"$1\" = --version ] && echo 2.1.330 || { echo 'unknown command'; exit 1; }")

    assert problem.code == "signed_out"
    assert "bin/claude auth login" in problem.advice
    assert codes(await place.examined()) == []


@pytest.mark.parametrize("key", [None, "dummy"])
async def test_the_real_program_tells_whether_it_is_signed_in(place, key):
    """`claude auth status` needs no network."""
    (place.folder / "bin/claude").unlink()
    place.environment |= {"PATH": os.defpath, "ANTHROPIC_API_KEY": key or ""}

    assert codes(await place.examined()) == ([] if key else ["signed_out"])


async def test_the_athena_key_stays_with_the_worker(place):
    """What Claude Code is asked with has its own credential, and nothing else of the worker."""
    place.environment["ATHENA_API_KEY"] = "ath_secret"
    place.claude(f"env >> {place.folder}/seen; echo 2.1.330")

    await place.examined()

    seen = (place.folder / "seen").read_text("utf-8")
    assert "ANTHROPIC_API_KEY=dummy" in seen
    assert "ath_secret" not in seen


@pytest.mark.skipif(os.geteuid() != 0, reason="is about root")
async def test_root_is_told_that_claude_refuses_it(place):
    config = place.config(permission_mode="bypassPermissions")

    assert codes(await place.examined(config)) == ["root_cannot_bypass"]


async def test_without_git_nothing_is_claimed(place):
    for name in ("sh", "env"):
        (place.folder / "bin" / name).symlink_to(f"/bin/{name}")
    place.environment["PATH"] = str(place.folder / "bin")

    assert codes(await place.examined()) == ["git_missing"]


async def test_a_full_disk_is_told_with_its_folder(place):
    config = replace(place.config(), disk_free_mb_min=10**9)

    (problem,) = (await place.examined(config)).problems

    assert problem.code == "disk_full"
    assert str(place.folder) in problem.detail


async def test_a_state_folder_that_cannot_be_written_is_told(place):
    (place.folder / "state").write_text("in the way", "utf-8")

    assert "state_not_writable" in codes(await place.examined())


async def test_a_path_that_went_away_is_told(place):
    place.path.rename(place.folder / "elsewhere")

    assert codes(await place.examined()) == ["path_missing"]


async def test_a_repository_without_a_commit_is_told(place):
    place.git("init", "-q", str(place.folder / "empty"), at=place.folder)

    assert codes(await place.examined(place.config(path=place.folder / "empty"))) == ["no_commit"]


async def test_a_refused_repository_shows_the_public_key_to_add(place):
    """The message holds all that a person needs on a phone."""
    (place.folder / "home/.ssh/id_ed25519.pub").write_text("ssh-ed25519 AAAA me@pi\n", "utf-8")
    place.refused_by_ssh("git@example.org: Permission denied (publickey).")
    missing = place.config(path=place.folder / "new", repository="git@example.org:a/app.git")

    cloned = await place.examined(missing)
    pushed = await place.examined(place.config(push=True))

    assert (codes(cloned), codes(pushed)) == (["repository_refused"], ["push_refused"])
    for health in (cloned, pushed):
        assert "Permission denied (publickey)" in health.problems[0].detail
        assert "ssh-ed25519 AAAA me@pi" in (health.message or "")
        assert health.problems[0].detail.startswith("app: ")


async def test_a_clone_that_is_refused_says_the_same(place):
    """Whoever was allowed a moment ago may be refused when the first task comes."""
    place.refused_by_ssh("git@example.org: Permission denied (publickey).")
    project = place.config(path=place.folder / "new", repository="git@example.org:a/app.git")
    repository = Repository(project.projects["app"], place.environment, lambda _: None)

    with pytest.raises(WorkspaceTrouble, match=r"Permission denied(.|\n)*ssh-keygen"):
        await repository.open()


async def test_without_a_key_one_is_told_how_to_make_it(place):
    place.refused_by_ssh("git@example.org: Permission denied (publickey).")

    (problem,) = (await place.examined(place.config(push=True))).problems

    assert "ssh-keygen" in problem.advice


async def test_a_remote_that_is_away_makes_nobody_sick(place):
    """Commits are kept, and pushed later; but what is not here at all cannot be worked on."""
    place.refused_by_ssh("ssh: Could not resolve hostname example.org")
    missing = place.config(path=place.folder / "new", repository="git@example.org:a/app.git")

    assert codes(await place.examined(place.config(push=True))) == []
    assert codes(await place.examined(missing)) == ["repository_refused"]


async def test_the_right_to_push_is_asked_for_without_pushing(place):
    await place.examined(place.config(push=True))

    assert list((place.folder / "remote.git/refs/heads").iterdir()) == []


async def test_pull_requests_need_a_token(place):
    place.git("remote", "set-url", "origin", "https://github.com/a/app.git")
    place.git("remote", "set-url", "--push", "origin", str(place.folder / "remote.git"))

    health = await place.examined(place.config(push=True, pull_request=True))

    assert codes(health) == ["no_pull_requests"]
    assert "ATHENA_FORGE_TOKEN" in health.problems[0].detail


async def test_several_problems_are_counted(place):
    place.path.rename(place.folder / "elsewhere")
    place.claude("exit 1")

    health = await place.examined()

    assert len(codes(health)) == 2
    assert (health.message or "").endswith("1 more: claude-task-client work status")


def test_the_program_is_found_where_it_was_named(tmp_path):
    """The variable goes before the config, both before PATH; the SDK's own is the last."""
    for name in ("claude", "other one"):
        (tmp_path / name).write_text("#!/bin/sh\n", "utf-8")
        (tmp_path / name).chmod(0o755)
    path = {"PATH": str(tmp_path)}

    assert claude_program.find(None, path) == (str(tmp_path / "claude"),)
    assert claude_program.find(str(tmp_path / "other one"), path) == (str(tmp_path / "other one"),)
    assert claude_program.find("claude --debug", path) == (str(tmp_path / "claude"), "--debug")
    assert claude_program.find("'", path) is None
    named = {**path, "CLAUDE_CLI_COMMAND": str(tmp_path / "other one")}
    assert claude_program.find("claude", named) == (str(tmp_path / "other one"),)
    bundled = claude_program.find(None, {"PATH": "/nowhere"})
    assert bundled is not None
    assert bundled[0].endswith("claude_agent_sdk/_bundled/claude")


def test_looking_for_the_program_does_not_import_the_sdk():
    """That takes a second and 69 MB, for the sake of one file name."""
    code = (
        "import sys; from claude_task_client.worker import claude_program;"
        "claude_program.find(None, {'PATH': '/nowhere'}); print('claude_agent_sdk' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert done.stdout == "False\n"


async def test_a_missing_folder_concerns_its_own_project(place):
    """Others are served; it is well again by itself once the folder is there."""
    config = place.config()
    gone = replace(config.projects["app"], name="gone", path=place.folder / "gone")
    examination = place.examination(replace(config, projects={**config.projects, "gone": gone}))
    before = await examination()
    place.path.rename(gone.path)
    gone.path.joinpath(".git").rename(place.folder / "git")
    place.path.mkdir()
    (place.folder / "git").rename(place.path / ".git")
    after = await examination()
    shutil.rmtree(gone.path)
    place.git("clone", "-q", str(place.path), str(gone.path))
    at_last = await examination()

    assert (before.ok, [each.code for each in before.problems]) == (True, ["path_missing"])
    assert "Put it back" in str(before.message)
    assert (after.ok, after.sick_projects) == (True, {"gone"})
    assert (at_last.ok, at_last.problems) == (True, ())
