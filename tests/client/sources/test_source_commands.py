"""`sources init|add|list|rm`: what they make, what they tell, and what they refuse."""

from __future__ import annotations

import json
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from claude_task_client.cli import group
from claude_task_client.sources import registry
from claude_task_client.sources.layout import FOLDERS, Layout

DONE, WRONG_USAGE, NOTHING_TO_DO = 0, 2, 4


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An account of its own, that is signed in nowhere."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    for name in ("XDG_CONFIG_HOME", "ATHENA_API_URL", "ATHENA_API_KEY", "CLAUDE_INSTANCE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return home


def run(*words: str) -> Result:
    return CliRunner().invoke(group, ["sources", *words])


def done(*words: str) -> str:
    """What a command prints that must succeed."""
    result = run(*words)
    assert (result.exit_code, result.stderr) == (DONE, ""), result
    return result.stdout


def answer(*words: str) -> Any:
    return json.loads(done(*words, "--json"))


def document(source: str, folder: str, name: str) -> Path:
    path = registry.get(source).path / folder / name
    path.write_text("# Task: x\n\n## Task\n\nx\n")
    return path


def lock(source: str, stem: str, **fields: object) -> Path:
    path = Layout(registry.get(source).path).lock(stem)
    told = {"task_id": 7, "worker": "pi", "host": None, "pid": None, "started_at": None}
    path.write_text(json.dumps({**told, **fields}))
    return path


def ended_process() -> int:
    """The number of a process that is gone."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_init_makes_two_sources_with_their_folders(tmp_path):
    """What comes up waits for nothing that was planned."""
    told = done("init", "work", "--project", "app")

    sources = registry.load()
    assert [(each.id, each.project) for each in sources] == [("ad-hoc", "app"), ("planned", "app")]
    for source in sources:
        assert source.path == tmp_path / "work" / source.id
        assert all((source.path / name).is_dir() for name in FOLDERS)
    assert f"{tmp_path}/work/ad-hoc/pending/task-YYYYMMDD-HHMMSS-what-it-is.md" in told
    assert "claude-task-client sources watch" in told


def test_init_may_be_repeated_and_makes_what_is_missing():
    """Nothing that is there is touched."""
    done("init", "work")
    kept = document("ad-hoc", "pending", "task-20261122-120000.md")
    (registry.get("planned").path / "reports").rmdir()
    registry.remove("planned")

    again = answer("init", "work")

    assert [each["id"] for each in again["sources"]] == ["ad-hoc", "planned"]
    assert kept.exists()
    assert (registry.get("planned").path / "reports").is_dir()


def test_init_says_that_a_source_keeps_its_project():
    """A project that is named for what is there already is not passed over in silence."""
    done("init", "work")

    again = run("init", "work", "--project", "app")

    assert again.exit_code == DONE
    assert "ad-hoc stays of no project. For app, first: " in again.stderr
    assert "claude-task-client sources rm planned" in again.stderr


def test_what_is_told_of_a_source_without_a_project_can_be_done():
    """A source that is there is not added a second time: it is taken off the list before."""
    told = done("init", "work")

    assert "claude-task-client sources rm ID, then" in told


def test_a_second_init_elsewhere_finds_names_of_its_own(tmp_path):
    """One id is one source's: the folder above tells two pairs apart."""
    done("init", "one")

    second = answer("init", "Second Place")

    assert [each["id"] for each in second["sources"]] == [
        "second-place-ad-hoc",
        "second-place-planned",
    ]
    assert second["sources"][0]["path"] == str(tmp_path / "Second Place/ad-hoc")


def test_init_says_what_is_in_the_way(tmp_path):
    (tmp_path / "file").touch()

    refused = run("init", "file")

    assert refused.exit_code == WRONG_USAGE
    assert f"Cannot make {Path('file/ad-hoc')}: Not a directory" in refused.stderr


def test_add_makes_a_source_of_a_folder_and_touches_nothing_else_in_it(tmp_path):
    (tmp_path / "share").mkdir()
    (tmp_path / "share/notes.txt").write_text("mine")

    added = answer(
        "add", "share", "--id", "team", "--project", "app", "--description", "Ours", "--poll"
    )

    assert added == {
        "id": "team",
        "path": str(tmp_path / "share"),
        "project": "app",
        "description": "Ours",
        "polling": "forced",
    }
    assert (tmp_path / "share/notes.txt").read_text() == "mine"
    assert (tmp_path / "share/pending").is_dir()


def test_a_source_of_another_machine_keeps_its_id(tmp_path):
    """Whoever shares a mount shares the lane."""
    (tmp_path / "share").mkdir()
    done("add", "share", "--id", "team")
    registry.registry_path().unlink()  # as on a machine that has never heard of it

    assert answer("add", "share")["id"] == "team"


def test_a_folder_that_cannot_be_a_source_is_not_on_the_list(tmp_path):
    """All or nothing."""
    (tmp_path / "share").mkdir()
    (tmp_path / "share/pending").symlink_to(tmp_path)

    refused = run("add", "share")

    assert refused.exit_code == WRONG_USAGE
    assert "is a link" in refused.stderr
    assert list(registry.load()) == []


def test_add_names_the_command_that_makes_the_folder(tmp_path):
    refused = run("add", "no where")

    assert refused.exit_code == WRONG_USAGE
    assert f"Make it: mkdir -p '{tmp_path}/no where'" in refused.stderr


def test_without_a_project_one_is_told_that_workers_need_one(tmp_path):
    """A worker takes tasks of its projects alone, and nobody would know why nothing happens."""
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()

    assert "--project NAME" in done("add", "one")
    assert "--project NAME" not in done("add", "two", "--project", "app")


def test_rm_leaves_the_files_and_says_how_to_have_it_back(tmp_path):
    (tmp_path / "a b").mkdir()
    done("add", "a b", "--description", "It's ours", "--poll")
    kept = document("a-b", "pending", "task-20261122-120000.md")

    told = done("rm", "a-b")

    assert kept.exists()
    assert list(registry.load()) == []
    back = shlex.split(told.splitlines()[-1].removeprefix("To have it back: "))
    assert back[:2] == ["claude-task-client", "sources"]
    before = registry.Source(
        id="a-b", path=tmp_path / "a b", description="It's ours", polling=registry.Polling.FORCED
    )
    done(*back[2:])
    assert list(registry.load()) == [before]


def test_rm_of_what_is_not_there_lists_what_is():
    done("init")

    refused = run("rm", "adhoc")

    assert refused.exit_code == NOTHING_TO_DO
    assert "There is no source 'adhoc': there are ad-hoc, planned." in refused.stderr


def test_list_counts_what_lies_in_each():
    """What has a lock runs; what else lies in pending waits."""
    done("init", "--project", "app")
    for name in ("120000-a", "120001", "120002-b"):
        document("ad-hoc", "pending", f"task-20261122-{name}.md")
    lock("ad-hoc", "task-20261122-120000-a", task_id=7, host="elsewhere", pid=1)
    document("ad-hoc", "pending", ".hidden.md")
    document("ad-hoc", "staging", "task-20261122-120009.md")
    document("ad-hoc", "completed", "task-20261121-120000.md")
    document("ad-hoc", "failed", "nonsense.md")

    first, second = answer("list")["sources"]

    counts = ("pending", "running", "completed", "failed")
    assert [first[name] for name in counts] == [2, 1, 1, 1]
    assert [second[name] for name in counts] == [0, 0, 0, 0]
    assert (first["exists"], first["watchers"]) == (True, [])


def test_list_for_people_says_where_and_what_is_wrong(tmp_path):
    done("init", "work", "--project", "app")

    told = done("list").splitlines()

    assert told[0].split() == "SOURCE PROJECT PENDING RUNNING COMPLETED FAILED WATCHED BY".split()
    assert told[1].split() == ["ad-hoc", "app", "0", "0", "0", "0", "nobody"]
    assert f"ad-hoc: {tmp_path}/work/ad-hoc (What comes up)" in told
    assert any("Nobody watches it." in line and "sources watch" in line for line in told)


def test_list_where_there_is_none_says_how_to_begin():
    assert done("list") == "No source yet. Make two: claude-task-client sources init PATH\n"
    assert answer("list") == {"sources": []}


def test_a_source_that_is_away_is_told_with_what_to_do(tmp_path):
    """A mount that is gone is no empty source."""
    done("init", "work")
    (tmp_path / "work/ad-hoc").rename(tmp_path / "elsewhere")

    [away, _] = answer("list")["sources"]

    assert away["exists"] is False
    [problem] = away["problems"]
    assert problem["code"] == "away"
    assert problem["detail"] == f"There is no directory {tmp_path}/work/ad-hoc."
    assert "claude-task-client sources rm ad-hoc" in problem["advice"]


def test_an_empty_mount_point_is_no_source(tmp_path):
    """Nothing is made where a mount should be."""
    done("init", "work")
    (tmp_path / "work/ad-hoc").rename(tmp_path / "elsewhere")
    (tmp_path / "work/ad-hoc").mkdir()

    [away, _] = answer("list")["sources"]

    assert away["exists"] is False
    assert list((tmp_path / "work/ad-hoc").iterdir()) == []


def test_a_stuck_lock_is_told_with_the_command_that_removes_it():
    """A lock whose process was one of this machine's and is gone helps nobody."""
    done("init")
    document("ad-hoc", "pending", "task-20261122-120000.md")
    stuck = lock("ad-hoc", "task-20261122-120000", host=socket.gethostname(), pid=ended_process())

    problems = answer("list")["sources"][0]["problems"]

    assert [f"rm {stuck}" in each["advice"] for each in problems] == [True, False]


@pytest.mark.parametrize(
    "fields", [{"host": "elsewhere", "pid": 1}, {}, {"host": 1, "pid": "x"}, {"task_id": None}]
)
def test_a_lock_that_may_be_alive_is_left_in_peace(fields):
    """Of other machines' processes nothing is known, nor of a lock that says nothing."""
    done("init")
    lock("ad-hoc", "task-20261122-120000", **fields)

    seen = answer("list")["sources"][0]

    assert seen["running"] == 1
    assert not any("stuck" in each["detail"] for each in seen["problems"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_source_that_one_may_not_write_in_is_told():
    done("init")
    pending = registry.get("ad-hoc").path / "pending"
    pending.chmod(0o500)

    problems = answer("list")["sources"][0]["problems"]
    pending.chmod(0o700)

    assert any("may not write" in each["detail"] for each in problems)


def test_a_damaged_list_is_told_by_every_command():
    done("init")
    registry.registry_path().write_text("{")

    for words in (["list"], ["add", "."], ["rm", "x"], ["init"], ["watch"]):
        refused = run(*words)

        assert refused.exit_code == WRONG_USAGE
        assert "sources.json is damaged" in refused.stderr or words == ["watch"]


def test_watch_without_a_key_says_how_to_get_one():
    done("init")

    refused = run("watch")

    assert refused.exit_code == WRONG_USAGE
    assert "claude-task-client login" in refused.stderr


def checks() -> dict[str, Any]:
    """What `doctor` finds of sources: the name, and whether it is well."""
    told = json.loads(CliRunner().invoke(group, ["doctor", "--json"]).stdout)
    return {
        each["name"]: each["ok"] for each in told["checks"] if each["name"].startswith("source")
    }


def test_doctor_looks_at_sources(tmp_path):
    """Nobody watching is a fault once something waits for it."""
    assert checks() == {}
    done("init", "work")
    document("planned", "pending", "task-20261122-120000.md")

    assert checks() == {"source ad-hoc": True, "source planned": False}
    (tmp_path / "work/ad-hoc").rename(tmp_path / "elsewhere")
    assert checks() == {"source ad-hoc": False, "source planned": False}
    registry.registry_path().write_text("{")
    assert checks() == {"sources": False}
