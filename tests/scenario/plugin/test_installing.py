"""The plugin's coming and going, by the real program: nothing is changed for good."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from claude_task_client.plugin import names
from tests.scenario.plugin.laptop import Laptop

pytestmark = pytest.mark.slow

SETTINGS = "settings.json"
# Where the program says how it is, whatever one asks of it: not settings, and nothing of ours.
PROGRAMS_OWN = (".claude.json", ".claude/backups", ".claude/.last-cleanup")

ODD = (
    b'{\r\n\t"model":"opus",   "permissions": {"allow":["Bash(ls)"]},\r\n'
    b'  "mine": [1,\n2], "\\u00e9": "\xc3\xa9"}'
)
OTHERS = b"""{
    "enabledPlugins": {"other@shop": false},
    "extraKnownMarketplaces": {
        "shop": {"source": {"source": "directory", "path": "/srv/shop"}}
    },
    "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "true"}]}]}
}
"""
EMPTY_ENTRIES = b'{"enabledPlugins": {}, "extraKnownMarketplaces":{}}\n'


def snapshot(laptop: Laptop) -> Mapping[str, bytes | None]:
    """Every file and folder of the home, but what the program notes of itself and the client's."""
    found: dict[str, bytes | None] = {}
    for path in sorted(laptop.home.rglob("*")):
        name = path.relative_to(laptop.home).as_posix()
        if not name.startswith((*PROGRAMS_OWN, ".local", ".cache")):
            found[name] = path.read_bytes() if path.is_file() else None
    return found


def write(laptop: Laptop, content: bytes, name: str = SETTINGS) -> Path:
    """Write a file of Claude Code's settings."""
    path = laptop.config / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    "content",
    [None, b"{}", ODD, OTHERS, EMPTY_ENTRIES],
    ids=["absent", "empty", "odd", "others", "empty entries"],
)
def test_settings_are_byte_for_byte_as_before(bare: Laptop, content: bytes | None):
    """Whatever they look like; and so is all else in the home."""
    bare.config.mkdir()
    if content is not None:
        write(bare, content)
    before = snapshot(bare)

    bare.install()
    installed = json.loads((bare.config / SETTINGS).read_bytes())
    gone = bare.client("plugin", "uninstall")

    assert installed["enabledPlugins"][names.PLUGIN] is True
    assert gone.returncode == 0, gone
    assert snapshot(bare) == before
    assert not (bare.state / "plugin").exists()


def test_other_plugins_keep_their_files(bare: Laptop, tmp_path: Path):
    """The program's lists of marketplaces and plugins are put back as well."""
    shop = tmp_path / "shop"
    (shop / ".claude-plugin").mkdir(parents=True)
    (shop / "other/.claude-plugin").mkdir(parents=True)
    listed = {
        "name": "shop",
        "owner": {"name": "x"},
        "plugins": [{"name": "other", "source": "./other"}],
    }
    (shop / ".claude-plugin/marketplace.json").write_text(json.dumps(listed))
    (shop / "other/.claude-plugin/plugin.json").write_text('{"name": "other", "version": "1.0.0"}')
    assert bare.claude("plugin", "marketplace", "add", str(shop)).returncode == 0
    assert bare.claude("plugin", "install", "other@shop").returncode == 0
    before = snapshot(bare)

    bare.install()
    bare.client("plugin", "uninstall")

    assert snapshot(bare) == before


def test_what_was_changed_meanwhile_stays(bare: Laptop):
    """Only what is ours goes, and the person's own way of writing stays."""
    write(bare, OTHERS)
    bare.install()
    text = (bare.config / SETTINGS).read_text("utf-8")
    mine = text.replace("{", '{\n\t"model" :  "opus",', 1)
    (bare.config / SETTINGS).write_text(mine, "utf-8")

    bare.client("plugin", "uninstall")

    now = (bare.config / SETTINGS).read_text("utf-8")
    assert now.startswith('{\n\t"model" :  "opus",')
    assert json.loads(now) == {"model": "opus", **json.loads(OTHERS)}


def test_a_plugin_that_came_meanwhile_stays(bare: Laptop):
    """Also where the settings had no plugins at all before."""
    write(bare, b'{"model":"opus"}')
    bare.install()
    told = json.loads((bare.config / SETTINGS).read_bytes())
    told["enabledPlugins"]["later@shop"] = True
    write(bare, json.dumps(told).encode())

    bare.client("plugin", "uninstall")

    now = json.loads((bare.config / SETTINGS).read_bytes())
    assert now == {"model": "opus", "enabledPlugins": {"later@shop": True}}


def test_settings_that_were_only_written_anew_are_as_before(bare: Laptop):
    """The program writes them in its own layout when a person changes something and back again."""
    write(bare, ODD)
    bare.install()
    told = json.loads((bare.config / SETTINGS).read_bytes())
    write(bare, json.dumps(told, indent=7).encode())

    bare.client("plugin", "uninstall")

    assert (bare.config / SETTINGS).read_bytes() == ODD


def test_installed_twice_and_removed_twice(bare: Laptop):
    write(bare, ODD)
    before = snapshot(bare)

    bare.install()
    bare.install()
    once, twice = bare.client("plugin", "uninstall"), bare.client("plugin", "uninstall")

    assert once.returncode == 0, once
    assert twice.returncode == 4
    assert "claude-task-client plugin install" in twice.stderr
    assert snapshot(bare) == before


def test_removed_by_the_program_and_installed_anew(bare: Laptop):
    """What the program left behind counts as the person's own then."""
    write(bare, ODD)
    bare.install()
    assert bare.claude("plugin", "uninstall", names.PLUGIN).returncode == 0
    assert bare.claude("plugin", "marketplace", "remove", names.MARKETPLACE).returncode == 0
    before = (bare.config / SETTINGS).read_bytes()

    bare.install()
    bare.client("plugin", "uninstall")

    assert (bare.config / SETTINGS).read_bytes() == before


def test_a_link_to_settings_stays_one(bare: Laptop, tmp_path: Path):
    """Many keep them in a repository of their own."""
    kept = tmp_path / "dotfiles.json"
    kept.write_bytes(ODD)
    kept.chmod(0o640)
    bare.config.mkdir()
    (bare.config / SETTINGS).symlink_to(kept)

    bare.install()
    bare.client("plugin", "uninstall")

    assert (bare.config / SETTINGS).readlink() == kept
    assert kept.read_bytes() == ODD
    assert kept.stat().st_mode & 0o777 == 0o640


def test_without_claude_nothing_happens(bare: Laptop):
    bare.variables["CLAUDE_CLI_COMMAND"] = "/nowhere/claude"
    before = snapshot(bare)

    done = bare.client("plugin", "install")

    assert done.returncode == 2
    assert "/nowhere/claude" in done.stderr
    assert "CLAUDE_CLI_COMMAND" in done.stderr
    assert snapshot(bare) == before
    assert not bare.state.exists()


def test_removed_where_claude_has_gone(bare: Laptop):
    """Who has no Claude Code any more still gets his settings back."""
    write(bare, ODD)
    before = snapshot(bare)
    bare.install()
    bare.variables["CLAUDE_CLI_COMMAND"] = "/nowhere/claude"

    done = bare.client("plugin", "uninstall")

    assert done.returncode == 0, done
    assert snapshot(bare) == before


def test_settings_that_nobody_can_read_are_left_alone(bare: Laptop):
    """The program refuses them, and says so; all is as it was."""
    write(bare, b'{ // a comment\n"model": "opus",}')
    before = snapshot(bare)

    done = bare.client("plugin", "install")

    assert done.returncode == 1
    assert "Invalid JSON" in done.stderr
    assert snapshot(bare) == before


MARK = b"\xef\xbb\xbf"


def test_a_byte_order_mark_is_no_hindrance(bare: Laptop):
    """Editors of Windows write one, and Claude Code reads over it."""
    write(bare, MARK + b'{"model": "opus"}')
    bare.install()
    told = (bare.config / SETTINGS).read_bytes()
    write(bare, MARK + told.replace(b"opus", b"haiku"))

    bare.client("plugin", "uninstall")

    now = (bare.config / SETTINGS).read_bytes()
    assert now.startswith(MARK)
    assert json.loads(now) == {"model": "haiku"}


def test_settings_that_nobody_can_read_keep_the_plugin(bare: Laptop):
    """Nothing can be taken out of them: that is said, and once they are mended it goes."""
    write(bare, ODD)
    before = snapshot(bare)
    bare.install()
    installed = (bare.config / SETTINGS).read_bytes()
    write(bare, b"// mine\n" + installed)
    there = snapshot(bare)

    refused = bare.client("plugin", "uninstall")
    as_refused = snapshot(bare)
    write(bare, installed)
    gone = bare.client("plugin", "uninstall")

    assert refused.returncode == 2
    assert str(bare.config / SETTINGS) in refused.stderr
    assert as_refused == there
    assert gone.returncode == 0, gone
    assert snapshot(bare) == before


def test_a_marketplace_of_somebody_else_is_not_removed(bare: Laptop, tmp_path: Path):
    """It has our name, and is not ours."""
    (tmp_path / "shop/.claude-plugin").mkdir(parents=True)
    listed = {"name": names.MARKETPLACE, "owner": {"name": "x"}, "plugins": []}
    (tmp_path / "shop/.claude-plugin/marketplace.json").write_text(json.dumps(listed))
    assert bare.claude("plugin", "marketplace", "add", str(tmp_path / "shop")).returncode == 0
    before = snapshot(bare)

    done = bare.client("plugin", "uninstall")

    assert done.returncode == 4
    assert str(tmp_path / "shop") in done.stderr
    assert snapshot(bare) == before


def test_the_shipped_folder_added_by_hand_is_removed(bare: Laptop):
    assert bare.claude("plugin", "marketplace", "add", str(names.SHIPPED)).returncode == 0
    assert bare.claude("plugin", "install", names.PLUGIN).returncode == 0

    assert bare.client("plugin", "uninstall").returncode == 0

    assert names.MARKETPLACE not in (bare.config / SETTINGS).read_text()


def claude_and_then(bare: Laptop, words: str, more: str) -> None:
    """Have the program do something more, in the shell, whenever it has done these words."""
    real = bare.environment()["CLAUDE_CLI_COMMAND"]
    script = bare.folder / "claude"
    script.write_text(f'#!/bin/sh\n"{real}" "$@" || exit\ncase "$*" in {words}) {more};; esac\n')
    script.chmod(0o755)
    bare.variables["CLAUDE_CLI_COMMAND"] = str(script)


@pytest.mark.parametrize("words", ["*marketplace?add*", "*install*", "*uninstall*"])
def test_what_a_session_changes_at_the_same_time_stays(bare: Laptop, words: str):
    """Both take seconds: another Claude Code may write its settings in between."""
    write(bare, ODD)
    change = "import json,sys;p=sys.argv[1];d=json.load(open(p));d['model']='haiku'"
    more = (
        f'"{sys.executable}" -c "{change};json.dump(d,open(p,\\"w\\"))" "{bare.config / SETTINGS}"'
    )
    claude_and_then(bare, words, more)

    bare.install()
    gone = bare.client("plugin", "uninstall")

    assert gone.returncode == 0, gone
    now = json.loads((bare.config / SETTINGS).read_bytes())
    assert now == {**json.loads(ODD), "model": "haiku"}


@pytest.mark.parametrize("words", ["*marketplace?add*", "*install?athena*"])
def test_an_install_that_is_killed_is_undone(bare: Laptop, words: str):
    """At whichever step; and so is one that is repeated then."""
    write(bare, ODD)
    before = snapshot(bare)
    real = dict(bare.variables)
    claude_and_then(bare, words, "kill -9 $PPID")

    killed = bare.client("plugin", "install")
    bare.variables = real
    status = bare.client("plugin", "status")
    gone = bare.client("plugin", "uninstall")
    undone = snapshot(bare)

    assert killed.returncode == -9
    assert "Traceback" not in status.stderr
    assert gone.returncode == 0, gone
    assert undone == before


@pytest.mark.parametrize("words", ["*uninstall*", "*marketplace?remove*"])
def test_an_uninstall_that_is_killed_is_done_by_the_next(bare: Laptop, words: str):
    """And so is an install, where one comes first."""
    write(bare, ODD)
    before = snapshot(bare)
    bare.install()
    real = dict(bare.variables)
    claude_and_then(bare, words, "kill -9 $PPID")

    killed = [bare.client("plugin", "uninstall")]
    bare.variables = dict(real)
    bare.install()
    claude_and_then(bare, words, "kill -9 $PPID")
    killed += [bare.client("plugin", "uninstall")]
    bare.variables = dict(real)
    gone = bare.client("plugin", "uninstall")

    assert [each.returncode for each in killed] == [-9, -9]
    assert gone.returncode == 0, gone
    assert snapshot(bare) == before


def test_what_was_changed_after_a_killed_install_stays(bare: Laptop):
    """Also where the install was repeated after it."""
    write(bare, ODD)
    real = dict(bare.variables)
    claude_and_then(bare, "*marketplace?add*", "kill -9 $PPID")
    bare.client("plugin", "install")
    bare.variables = real
    told = (bare.config / SETTINGS).read_bytes()
    write(bare, told.replace(b"opus", b"haiku"))

    bare.install()
    gone = bare.client("plugin", "uninstall")

    assert gone.returncode == 0, gone
    now = json.loads((bare.config / SETTINGS).read_bytes())
    assert now == {**json.loads(ODD), "model": "haiku"}


def test_two_at_once_do_the_same_once(bare: Laptop):
    """Two terminals, or a script on many machines with one home."""
    write(bare, ODD)
    before = snapshot(bare)

    with ThreadPoolExecutor() as both:
        done = [*both.map(lambda _: bare.client("plugin", "install"), range(2))]

    assert [each.returncode for each in done] == [0, 0], done
    assert bare.client("plugin", "uninstall").returncode == 0
    assert snapshot(bare) == before


def test_a_link_to_settings_that_are_not_there_yet_stays_one(bare: Laptop, tmp_path: Path):
    bare.config.mkdir()
    (bare.config / SETTINGS).symlink_to(tmp_path / "dotfiles.json")

    bare.install()
    bare.client("plugin", "uninstall")

    assert (bare.config / SETTINGS).readlink() == tmp_path / "dotfiles.json"
    assert not (tmp_path / "dotfiles.json").exists()


@pytest.mark.parametrize("where", [".claude", ".local"])
def test_a_home_that_cannot_be_written(bare: Laptop, where: str):
    """Nothing is installed by half: Claude Code's settings, or what is to be kept of them."""
    (bare.home / where).write_text("a file where a folder is to be, which stops root as well")
    before = snapshot(bare)

    done = bare.client("plugin", "install")

    assert done.returncode in {1, 2}
    assert done.stderr.startswith("Error: ")
    assert "Traceback" not in done.stderr
    assert snapshot(bare) == before
    assert bare.client("plugin", "uninstall").returncode == 4


def test_a_marketplace_of_the_same_name_is_not_touched(bare: Laptop):
    """Somebody has added the shipped folder by hand, or has another of this name."""
    assert bare.claude("plugin", "marketplace", "add", str(names.SHIPPED)).returncode == 0
    before = snapshot(bare)

    done = bare.client("plugin", "install")

    assert done.returncode == 2
    assert "claude plugin marketplace remove athena" in done.stderr
    assert snapshot(bare) == before


def test_a_folder_of_settings_that_is_named(bare: Laptop, tmp_path: Path):
    other = tmp_path / "other settings"
    bare.variables["CLAUDE_CONFIG_DIR"] = str(other)

    bare.install()

    assert names.PLUGIN in (other / SETTINGS).read_text("utf-8")
    assert not (bare.config / SETTINGS).exists()
    assert bare.client("plugin", "uninstall").returncode == 0
    assert not (other / SETTINGS).exists()


def test_status_says_what_is_there_and_what_is_wrong(laptop: Laptop):
    """Each fault with what to do about it."""
    well = laptop.client("plugin", "status")
    told = json.loads((laptop.config / SETTINGS).read_bytes())
    told["enabledPlugins"][names.PLUGIN] = False
    write(laptop, json.dumps(told).encode())
    disabled = laptop.client("plugin", "status")
    laptop.client("plugin", "uninstall")
    gone = laptop.client("plugin", "status", "--json")

    assert (well.returncode, "FAIL" in well.stdout) == (0, False), well
    assert disabled.returncode == 1
    assert "claude plugin enable athena@athena" in disabled.stdout
    checks = {each["name"]: each for each in json.loads(gone.stdout)["checks"]}
    assert checks["plugin"]["advice"] == "Run: claude-task-client plugin install"


def test_a_copy_of_another_version_is_seen_and_made_anew(laptop: Laptop):
    """An upgrade of the client does not reach the copy by itself."""
    server = laptop.state / "plugin/marketplace/athena/.mcp.json"
    server.write_text("{}")

    stale = laptop.client("plugin", "status")
    laptop.install()

    assert "another version" in stale.stdout
    assert laptop.client("plugin", "status").returncode == 0


@pytest.mark.parametrize("part", ["", "athena"])
def test_the_program_finds_the_shipped_folder_valid(bare: Laptop, part: str):
    done = bare.claude("plugin", "validate", "--strict", str(names.SHIPPED / part))

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_program_finds_the_copy_valid(laptop: Laptop):
    copy = laptop.state / "plugin/marketplace/athena"

    done = laptop.claude("plugin", "validate", "--strict", str(copy))

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_wheel_carries_the_folder(tmp_path: Path):
    """Also the files whose names begin with a dot."""
    root = Path(__file__).parents[3]
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=root,
        env={**os.environ, "PYTHONWARNINGS": "default"},
        capture_output=True,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")

    with zipfile.ZipFile(wheel) as archive:
        carried = set(archive.namelist())

    shipped = {path for path in names.SHIPPED.rglob("*") if path.is_file()}
    assert len(shipped) > 10
    assert {
        f"claude_task_client/plugin/marketplace/{path.relative_to(names.SHIPPED).as_posix()}"
        for path in shipped
    } <= carried
