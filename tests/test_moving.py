"""`athena export` and `athena import` as those who move a store use them."""

from __future__ import annotations

import os
import pty
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgres import databases
from tests.running import RunningServer
from tests.shell import Shell, until

NEW = {"DATABASE_URL": "sqlite:///new/tasks.db"}


@pytest.fixture
def used(shell: Shell) -> Shell:
    """A store with a few keys in it."""
    shell.succeed("keys", "create", "laptop")
    shell.succeed("keys", "create", "Grüße 👋", "--scope", "read")
    return shell


@pytest.mark.parametrize("name", ["store.jsonl", "store.jsonl.gz"])
def test_store_is_moved(used: Shell, name: str):
    """Out and in again; the second file says the same as the first."""
    assert used.succeed("export", name) == "exported 2 events, 2 api_keys\n"
    shown = used.succeed("import", name, **NEW)

    assert shown.splitlines()[1] == "imported and compared: 2 events, 2 api_keys"
    assert used.succeed("keys", "list", **NEW) == used.succeed("keys", "list")
    first, second = used.run("export", "-").stdout, used.run("export", "-", **NEW).stdout
    assert first.splitlines()[1:-1] == second.splitlines()[1:-1]


def test_file_is_for_its_owner_alone(used: Shell):
    """It holds all tasks and results; nothing else is left beside it."""
    used.succeed("export", "store.jsonl")

    assert stat.S_IMODE((used.folder / "store.jsonl").stat().st_mode) == 0o600
    assert {file.name for file in used.folder.iterdir()} == {"data", "store.jsonl"}


def test_file_has_no_secret(shell: Shell):
    """Whoever reads it cannot sign in with it."""
    secret = shell.succeed("keys", "create", "laptop").split()[-1]

    shell.succeed("export", "store.jsonl")

    assert secret not in (shell.folder / "store.jsonl").read_text()


def test_packed_file_is_smaller(used: Shell):
    """By the ending of its name; unpacked they are the same but for their time."""
    used.succeed("export", "store.jsonl")
    used.succeed("export", "store.gz")

    plain, packed = used.folder / "store.jsonl", used.folder / "store.gz"
    assert packed.stat().st_size < plain.stat().st_size / 2
    assert packed.read_bytes()[:2] == b"\x1f\x8b"


def test_export_replaces_nothing_unasked(used: Shell):
    """Only where `--force` says so; a failed one leaves the former file as it is."""
    used.succeed("export", "store.jsonl")
    before = (used.folder / "store.jsonl").read_bytes()

    assert "--force" in used.refuse("export", "store.jsonl")
    used.database.write_bytes(b"dear diary " * 1000)
    used.refuse("export", "store.jsonl", "--force")

    assert (used.folder / "store.jsonl").read_bytes() == before
    assert not (used.folder / "store.jsonl.partial").exists()


def test_export_of_nothing(shell: Shell):
    """There must be a store; and none is made by asking."""
    assert "does not exist" in shell.refuse("export", "store.jsonl")
    assert list(shell.folder.iterdir()) == []


def test_pipe_from_one_to_the_other(used: Shell, tmp_path: Path):
    """`athena export - | athena import -`, with a file in between for the pipe."""
    piped = tmp_path / "piped"
    done = used.run("export", "-")
    piped.write_text(done.stdout, encoding="utf-8")

    with piped.open("rb") as source:
        used.stdin = source.fileno()
        shown = used.succeed("import", "-", **NEW)

    assert done.stderr == "exported 2 events, 2 api_keys\n"
    assert "2 api_keys" in shown


def test_file_is_checked_without_a_store(used: Shell):
    """`--dry-run` reads all of it and makes nothing."""
    used.succeed("export", "store.jsonl")
    file = used.folder / "store.jsonl"

    assert "is whole and unchanged: 2 events" in used.succeed(
        "import", "store.jsonl", "--dry-run", **NEW
    )
    file.write_bytes(file.read_bytes().replace(b"laptop", b"topped"))
    assert "damaged or was changed" in used.refuse("import", "store.jsonl", "--dry-run", **NEW)

    assert not (used.folder / "new").exists()


def test_damaged_file_imports_nothing(used: Shell):
    """The new store is left empty, and takes the whole file afterwards."""
    used.succeed("export", "store.gz")
    whole = (used.folder / "store.gz").read_bytes()
    (used.folder / "cut.gz").write_bytes(whole[:-20])

    assert "its end is missing" in used.refuse("import", "cut.gz", **NEW)

    assert used.succeed("keys", "list", **NEW) == ""
    used.succeed("import", "store.gz", **NEW)


def test_import_into_a_store_in_use_is_refused(used: Shell):
    """Also into the one that it came from."""
    used.succeed("export", "store.jsonl")

    assert "The store is not empty" in used.refuse("import", "store.jsonl")


def test_import_of_what_is_no_export(shell: Shell):
    """A backup is another thing: it is restored."""
    shell.succeed("migrate")
    shell.succeed("backup", "copy")

    assert "not a file that `athena export` wrote" in shell.refuse("import", "copy", **NEW)
    assert "No such file" in shell.refuse("import", "nowhere", **NEW)


def test_whoever_sits_at_a_terminal_sees_how_far_it_is(used: Shell):
    """On standard error, and nowhere else."""
    ours, theirs = pty.openpty()
    try:
        used.stderr = theirs
        done = used.run("export", "store.jsonl")
        seen = os.read(ours, 10_000).decode()
    finally:
        os.close(ours)
        os.close(theirs)

    assert done.stdout == "exported 2 events, 2 api_keys\n"
    assert "api_keys: 2" in seen


@pytest.fixture(params=["sqlite", "postgres"])
def new_stores(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[list[str]]:
    """The addresses of two stores that do not exist yet, or are empty."""
    if request.param == "sqlite":
        yield [f"sqlite:///{tmp_path}/{name}.db" for name in ("one", "two")]
        return
    server = databases()
    names = [server.create_empty_database() for _ in range(2)]
    yield [server.url(name) for name in names]
    for name in names:
        server.drop(name)


@pytest.mark.slow
def test_move_around_servers(
    beside: Shell,
    server: RunningServer,
    start_server: Callable[..., RunningServer],
    new_stores: list[str],
):
    """Exported while it runs, refused where one runs, and served from its new place."""
    in_use, new = new_stores
    held = server.ask("POST", "/api/tasks", {"description": "Grüße"}).body
    server.ask("POST", f"/api/tasks/{held['id']}/claim", {"instance": "pi"})
    server.ask("POST", "/api/tasks", {"description": "waits", "metadata": {"a": 2**63}})
    gone = server.ask("POST", "/api/tasks", {"description": "goes"}).body
    server.ask("DELETE", f"/api/tasks/{gone['id']}")

    beside.succeed("export", "store.jsonl")
    file = str(beside.folder / "store.jsonl")
    other = start_server(DATABASE_URL=in_use)
    there = Shell(other.folder, {"DATABASE_URL": in_use})
    until(lambda: other.ask("GET", "/health").body.get("role") in {None, "single", "leader"})
    assert "stop" in there.refuse("import", file)
    other.stop()
    there.succeed("import", file, DATABASE_URL=new)
    other.settings["ATHENA_DATABASE_URL"] = new
    other.start()

    ours, theirs = (s.ask("GET", "/api/tasks?status=all").body["tasks"] for s in (server, other))
    assert [untimed(task) for task in theirs] == [untimed(task) for task in ours]
    body = {"instance": "pi", "attempt": 1}
    assert other.ask("POST", f"/api/tasks/{held['id']}/complete", body).status == 200
    assert other.ask("POST", "/api/tasks", {"description": "next"}).body["id"] == gone["id"] + 1


def untimed(task: dict[str, object]) -> dict[str, object]:
    """All but until when it is held."""
    return task | {"lease_expires_at": None}
