"""The list of sources: what may be in it, and that nothing of it is lost."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path

import pytest

from claude_task_client.errors import BadSettings, NothingToDo
from claude_task_client.sources import registry
from claude_task_client.sources.registry import Polling, Source


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An account of its own."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.delenv("XDG_CONFIG_HOME", raising=False)
    return home


def folder(parent: Path, name: str) -> Path:
    made = parent / name
    made.mkdir(parents=True)
    return made


def test_what_was_added_is_there_in_order(tmp_path):
    """Each field comes back as it was told."""
    plain = registry.add(folder(tmp_path, "My Tasks"))
    full = registry.add(
        folder(tmp_path, "share"),
        source_id="Team.1",
        project="app",
        description="  What the\nteam wants ",
        polling=Polling.FORCED,
    )

    assert plain == Source(id="my-tasks", path=(tmp_path / "My Tasks").resolve())
    assert full.description == "What the team wants"
    assert list(registry.load()) == [plain, full]
    assert registry.get("Team.1") == full


def test_removal_leaves_the_files(tmp_path):
    """A source that is removed is no longer watched; what lies in it is its owner's."""
    path = folder(tmp_path, "tasks")
    (path / "kept.md").touch()
    registry.add(path)

    gone = registry.remove("tasks")

    assert gone.path == path.resolve()
    assert list(registry.load()) == []
    assert (path / "kept.md").exists()


@pytest.mark.parametrize("ask", [registry.get, registry.remove])
def test_what_is_not_there_is_told_with_what_is(tmp_path, ask):
    registry.add(folder(tmp_path, "tasks"))

    with pytest.raises(NothingToDo, match=r"no source 'task': there are tasks\..*sources add"):
        ask("task")


def test_a_link_is_the_folder_that_it_leads_to(tmp_path):
    """One folder has one name, so that it is not watched twice."""
    registry.add(folder(tmp_path, "real"))
    (tmp_path / "link").symlink_to(tmp_path / "real")

    with pytest.raises(BadSettings, match=r"is the source 'real' already.*sources rm real"):
        registry.add(tmp_path / "link", source_id="other")


@pytest.mark.parametrize(("first", "second"), [("a", "a/b"), ("a/b", "a"), ("a/b/c", "a")])
def test_no_source_lies_in_another(tmp_path, first, second):
    """A document has one queue."""
    (tmp_path / "a/b/c").mkdir(parents=True)
    registry.add(tmp_path / first, source_id="one")

    with pytest.raises(BadSettings, match="lie in one another: choose a folder beside it"):
        registry.add(tmp_path / second, source_id="two")


def test_folders_of_like_names_are_told_apart(tmp_path):
    """`a` and `ab` have nothing to do with each other; an id is one source's."""
    registry.add(folder(tmp_path, "a"))
    registry.add(folder(tmp_path, "ab"))

    with pytest.raises(BadSettings, match=r"There is a source 'a' already.*--id"):
        registry.add(folder(tmp_path, "c"), source_id="A")


def test_a_folder_that_is_not_there_is_refused_with_the_way_to_make_it(tmp_path):
    with pytest.raises(BadSettings, match=r"no directory .*nowhere.*mkdir -p .*nowhere"):
        registry.add(tmp_path / "nowhere")


def test_a_whole_home_is_no_source(home):
    """Who watches all that one has meant something else."""
    with pytest.raises(BadSettings, match="too much for a source"):
        registry.add(home)
    with pytest.raises(BadSettings, match="too much for a source"):
        registry.add(Path("/"))


@pytest.mark.parametrize("bad", ["", " ", "a b", "-a", "a/b", "..", "x" * 65, "é"])
def test_ids_and_projects_are_slugs(tmp_path, bad):
    path = folder(tmp_path, "tasks")

    with pytest.raises(BadSettings, match="is no source id"):
        registry.add(path, source_id=bad)
    with pytest.raises(BadSettings, match="is no project"):
        registry.add(path, project=bad)


@pytest.mark.parametrize(
    ("name", "slug"),
    [("Ad hoc!", "ad-hoc"), ("übung", "bung"), ("…", "tasks"), ("x" * 99, "x" * 64)],
)
def test_any_folder_name_makes_a_slug(tmp_path, name, slug):
    assert registry.add(folder(tmp_path, name)).id == slug


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        '{"sources": {}}',
        '{"sources": [{"id": "a"}]}',
        '{"sources": [{"id": "a", "path": "relative"}]}',
        '{"sources": [{"id": "a/b", "path": "/x"}]}',
        '{"sources": [{"id": "a", "path": "/x", "polling": "never"}]}',
        '{"sources": [{"id": 7, "path": "/x"}]}',
        '{"sources": [7]}',
        '{"sources": [{"id": "a", "path": "/x", "project": "no project"}]}',
        '{"sources": [{"id": "a", "path": "/x"}, {"id": "A", "path": "/y"}]}',
        '{"sources": [{"id": "a", "path": "/x"}, {"id": "b", "path": "/x"}]}',
        "\ufeff\0",
    ],
)
def test_a_damaged_list_is_never_written_over(tmp_path, text):
    """What somebody has spoilt by hand can be mended, so it is kept, and told."""
    file = registry.registry_path()
    file.parent.mkdir(parents=True)
    file.write_text(text, "utf-8")

    with pytest.raises(BadSettings, match=r"sources\.json is damaged .*Mend it"):
        registry.load()
    with pytest.raises(BadSettings, match="is damaged"):
        registry.add(folder(tmp_path, "tasks"))

    assert file.read_text("utf-8") == text


def test_a_newer_client_may_keep_more(tmp_path):
    """Fields that this client does not know are no damage."""
    file = registry.registry_path()
    file.parent.mkdir(parents=True)
    entry = {"id": "a", "path": str(tmp_path), "colour": "red"}
    file.write_text(json.dumps({"sources": [entry], "version": 2}))

    assert list(registry.load()) == [Source(id="a", path=tmp_path)]


def add_some(parent: Path) -> None:
    for number in range(5):
        registry.add(folder(parent, f"{parent.name}-{number}"))


def test_nothing_is_lost_where_several_write(tmp_path):
    """Four processes at once leave what each of them added."""
    context = multiprocessing.get_context("spawn")
    adders = [context.Process(target=add_some, args=(tmp_path / f"p{n}",)) for n in range(4)]
    for adder in adders:
        adder.start()
    for adder in adders:
        adder.join()

    expected = {f"p{process}-{number}" for process in range(4) for number in range(5)}
    assert {source.id for source in registry.load()} == expected
