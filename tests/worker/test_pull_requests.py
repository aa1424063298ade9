"""A branch's pull request at its forge: one, whatever happens."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from claude_task_client.worker import config_keys, pull_requests
from claude_task_client.worker.config import Isolation
from claude_task_client.worker.forges import Gitea, GitHub, GitLab, Remote
from claude_task_client.worker.job import WorkspaceTrouble
from claude_task_client.worker.pull_requests import api_of, remote_of
from claude_task_client.worker.workspace import GitWorkspace
from tests.fakes.forge import TOKEN, Forge
from tests.worker.repositories import Project, done, write

KINDS = ["github", "gitea", "gitlab"]


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


@pytest.fixture
async def forge(project: Project) -> AsyncIterator[Forge]:
    async with Forge(project.remote) as forge:
        yield forge


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A project whose work goes to a forge."""
    project = Project(tmp_path).make().with_remote()
    project.git("remote", "set-url", "--push", "origin", "git@forge.example.org:ada/app.git")
    return project


def workspace(project: Project, forge: Forge, kind: str, token: str | None = TOKEN) -> GitWorkspace:
    """The workspace of a worker that has just started."""
    return GitWorkspace(
        project.config(forge=kind, forge_url=forge.url, pull_request=True),
        7,
        state=project.state,
        environment=project.environment,
        forge_token=token,
    )


async def pushed(project: Project) -> None:
    """A task's branch that the forge has."""
    work = project.workspace()
    place = await work.prepare()
    write(place.folder, {"new.py": ""})
    await done(work)
    branch = "refs/heads/athena/task-7"
    project.git("push", "--quiet", str(project.remote), f"{branch}:{branch}")


def test_each_forge_can_be_configured():
    """The config file takes what can be spoken to, and nothing else."""
    assert set(config_keys.FORGES) == set(pull_requests.DIALECTS)


@pytest.mark.parametrize("kind", KINDS)
async def test_a_pull_request_is_opened_once(project, forge, kind):
    """For the branch, to the base branch; a repeat gives its address."""
    await pushed(project)

    first = await workspace(project, forge, kind).pull_request("Do it", "What was done")
    again = await workspace(project, forge, kind).pull_request("Do it", "What was done")

    (pull,) = forge.pulls
    assert (pull.head, pull.base) == ("athena/task-7", "main")
    assert (pull.title, pull.body) == ("Do it", "What was done")
    assert first == again
    assert first.startswith(forge.url)
    assert first.endswith("/1")


@pytest.mark.parametrize("kind", ["github", "gitea"])
async def test_killed_after_the_opening_there_is_one_all_the_same(project, forge, kind):
    """Nobody has heard that it was opened; the next worker looks before it opens one."""
    await pushed(project)
    forge.dies_after_opening = True
    with pytest.raises(WorkspaceTrouble) as unheard:
        await workspace(project, forge, kind).pull_request("Do it", "")

    address = await workspace(project, forge, kind).pull_request("Do it", "")

    assert unheard.value.transient
    assert len(forge.pulls) == 1
    assert address.endswith("/pull/1")


@pytest.mark.parametrize("kind", KINDS)
async def test_one_that_was_opened_meanwhile_is_found(project, forge, kind):
    """Between the look and the opening: the forge refuses the second, in its own way."""
    await pushed(project)
    work = workspace(project, forge, kind)
    await work.pull_request("Do it", "")
    forge.hides_once = True

    address = await work.pull_request("Do it", "")

    assert len(forge.pulls) == 1
    assert address.endswith("/1")


@pytest.mark.parametrize("kind", KINDS)
async def test_one_that_a_person_closed_is_not_opened_again(project, forge, kind):
    """The same commit was looked at already."""
    await pushed(project)
    await workspace(project, forge, kind).pull_request("Do it", "")
    forge.pulls[0].state = "closed"

    address = await workspace(project, forge, kind).pull_request("Do it", "")

    assert len(forge.pulls) == 1
    assert address.endswith("/1")


@pytest.mark.parametrize("kind", KINDS)
async def test_new_work_gets_a_new_one(project, forge, kind):
    """A closed one of older work is no place for it; nor is that of a fork's branch."""
    forge.add("athena/task-7", state="closed")
    forge.add("athena/task-7", owner="somebody")
    await pushed(project)

    address = await workspace(project, forge, kind).pull_request("Do it", "")

    assert len(forge.pulls) == 3
    assert address.endswith("/3")


async def test_it_is_found_behind_many_others(project, forge):
    """Gitea's list cannot be asked for one branch."""
    await pushed(project)
    forge.add("athena/task-7")
    for number in range(120):
        forge.add(f"other-{number}")

    address = await workspace(project, forge, "gitea").pull_request("Do it", "")

    assert address.endswith("/pull/1")


@pytest.mark.parametrize(
    ("status", "expected", "transient"),
    [(401, "make a new one", False), (403, "must be able", False), (500, "500", True)],
)
async def test_a_refusal_says_what_to_do(project, forge, status, expected, transient):
    """And whether another try may do."""
    await pushed(project)
    forge.refuse_with = status

    with pytest.raises(WorkspaceTrouble, match=expected) as refused:
        await workspace(project, forge, "github").pull_request("Do it", "")

    assert refused.value.transient is transient
    assert TOKEN not in str(refused.value)


async def test_a_branch_that_was_not_pushed_is_refused_in_the_forge_s_words(project, forge):
    """The stages push first."""
    work = project.workspace()
    place = await work.prepare()
    write(place.folder, {"new.py": ""})
    await done(work)

    with pytest.raises(WorkspaceTrouble, match="422, Validation Failed"):
        await workspace(project, forge, "github").pull_request("Do it", "")


async def test_without_a_token_the_setting_is_named(project, forge):
    """A person can mend it at once."""
    await pushed(project)

    with pytest.raises(WorkspaceTrouble, match="ATHENA_FORGE_TOKEN"):
        await workspace(project, forge, "github", token=None).pull_request("Do it", "")


async def test_work_on_the_base_branch_itself_has_no_pull_request(project, forge):
    """In place there is no branch of the task's own."""
    project.options["isolation"] = Isolation.IN_PLACE
    await project.workspace().prepare()

    with pytest.raises(WorkspaceTrouble, match="needs a branch of its own"):
        await workspace(project, forge, "github").pull_request("Do it", "")


async def test_a_forge_that_is_away_is_worth_another_try(project, forge):
    """Nothing was decided."""
    await pushed(project)
    work = workspace(project, forge, "github")
    await forge.__aexit__()

    with pytest.raises(WorkspaceTrouble, match="is away") as away:
        await work.pull_request("Do it", "")

    assert away.value.transient


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("git@github.com:ada/app.git", Remote("github.com", "ada", "app")),
        ("https://github.com/ada/app", Remote("github.com", "ada", "app")),
        ("https://token@h.example:8443/ada/app.git/", Remote("h.example", "ada", "app")),
        ("ssh://git@h.example:2222/group/sub/app.git", Remote("h.example", "group/sub", "app")),
        ("/srv/git/app.git", None),
        ("../app", None),
        ("file:///srv/git/app.git", None),
    ],
)
def test_addresses_of_git_name_a_repository_at_a_forge(address, expected):
    """Or none."""
    assert remote_of(address) == expected


@pytest.mark.parametrize(
    ("dialect", "url", "host", "expected"),
    [
        (GitHub(), None, "github.com", "https://api.github.com"),
        (GitHub(), "https://github.com/", "work", "https://api.github.com"),
        (GitHub(), "https://api.github.com", "work", "https://api.github.com"),
        (GitHub(), None, "ghe.example", "https://ghe.example/api/v3"),
        (Gitea(), "https://ghe.example/git/", "h", "https://ghe.example/git/api/v1"),
        (Gitea(), "https://h.example/api/v1", "h", "https://h.example/api/v1"),
        (GitLab(), None, "gitlab.com", "https://gitlab.com/api/v4"),
    ],
)
def test_the_api_is_found_from_the_forge_s_address(dialect, url, host, expected):
    """Its own, or the API's."""
    assert api_of(dialect, url, host) == expected
