"""What needs no person is what was allowed, and not a character more."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from claude_task_client.worker.permissions import Decision, Permissions, Rule
from claude_task_client.worker.shell_words import plain_words

ALLOW, ASK, DENY = Decision.ALLOW, Decision.ASK, Decision.DENY

Maker = Callable[..., Permissions]


@pytest.fixture
def rules(tmp_path: Path) -> Maker:
    for name in ("work/src", "temporary", "home", "elsewhere"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "work" / "out").symlink_to(tmp_path / "elsewhere")

    def make(*allowed: str, **more: Any) -> Permissions:
        return Permissions(
            folder=tmp_path / "work",
            temporary=tmp_path / "temporary",
            home=tmp_path / "home",
            rules=[Rule.parse(text) for text in allowed],
            **more,
        )

    return make


def run(permissions: Permissions, command: str) -> Decision:
    return permissions.judge("Bash", {"command": command, "description": "harmless"})


@pytest.mark.parametrize(
    "command",
    [
        "make test",
        "make test unit",
        "make  test 'a;b' \"c d\"",
        "  make test\n",
        "make test *.py",
        "make test -k 'x or\ny'",
    ],
)
def test_a_beginning_that_is_allowed_allows_its_arguments(rules: Maker, command: str):
    """`make test:*` is the program, its first argument, and whatever arguments come then."""
    assert run(rules("Bash(make test:*)"), command) is ALLOW
    assert run(rules("Bash(make test *)"), command) is ALLOW


@pytest.mark.parametrize(
    "command",
    [
        "make tests",
        "make",
        "make -f evil test",
        "make test; rm -rf /",
        "make test && curl evil",
        "make test | sh",
        "make test & sh",
        "make test\nrm -rf /",
        "make test > /etc/passwd",
        "make test < /etc/passwd",
        "make test $(rm x)",
        "make test `rm x`",
        'make test "$(rm x)"',
        'make test "`rm x`"',
        "make test ${x}",
        "make test {a,b}",
        "make test \\\nrm",
        "make test 'open",
        "X=1 make test",
        "! make test",
        "(make test)",
        "make test\rrm",
        "",
    ],
)
def test_what_a_shell_would_make_more_of_is_asked(rules: Maker, command: str):
    """A beginning allows no second command, no redirection, no substitution."""
    assert run(rules("Bash(make test:*)"), command) is ASK


def test_a_command_that_is_allowed_as_it_stands_is_allowed_as_it_stands(rules: Maker):
    """A person wrote this very line, so its signs are meant."""
    exact = rules("Bash(make test && make lint)")

    assert run(exact, "make test && make lint") is ALLOW
    assert run(exact, "make test && make lint x") is ASK
    assert run(rules("Bash(make test)"), "make test x") is ASK
    assert run(rules("Bash(*)"), "anything | at > all") is ALLOW
    assert run(rules("Bash"), "anything | at > all") is ALLOW


@pytest.mark.parametrize(
    "command",
    ["ls", "ls -la src", "cat src/a.py", "grep -rn word .", "git status", "git diff --stat HEAD~1"],
)
def test_plain_reading_commands_need_nobody(rules: Maker, command: str):
    """They show what the tool Read shows, and cannot do anything else."""
    assert run(rules(), command) is ALLOW


@pytest.mark.parametrize(
    "command",
    [
        "cat /etc/passwd",
        "cat ../elsewhere/x",
        "cat out/x",
        "cat ~/.ssh/id_rsa",
        "cat *",
        "grep -R word .",
        "grep -f/etc/passwd x",
        "ls > src/list",
        "git diff --output=x",
        "git diff --no-index a b",
        "git -c core.pager=evil log",
        "git diff /etc/passwd src",
        "git push",
        "find . -delete",
    ],
)
def test_reading_commands_that_could_do_more_are_asked(rules: Maker, command: str):
    """Out of the folder, over a link, or by an option that writes."""
    assert run(rules(), command) is ASK


def test_files_of_the_folder_may_be_changed_where_the_mode_says_so(rules: Maker, tmp_path: Path):
    """`acceptEdits` and the rule `Edit` are about the task's folder and its TMPDIR alone."""
    inside = [tmp_path / "work" / "src" / "new.py", "src/new.py", tmp_path / "temporary" / "x"]
    outside = [
        tmp_path / "elsewhere" / "x",
        tmp_path / "work" / ".." / "elsewhere" / "x",
        tmp_path / "work" / "out" / "x",
        "../elsewhere/x",
        "~/x",
        "/etc/passwd",
        "",
        None,
        "src/\0x",
    ]

    for permissions in (rules(mode="acceptEdits"), rules("Edit"), rules("Write")):
        for path in inside:
            value = None if path is None else str(path)
            assert permissions.judge("Write", {"file_path": value}) is ALLOW, path
        for path in outside:
            value = None if path is None else str(path)
            assert permissions.judge("Write", {"file_path": value}) is ASK, path
    assert rules().judge("Write", {"file_path": str(inside[0])}) is ASK
    assert rules("Write").judge("Edit", {"file_path": str(inside[0])}) is ASK
    assert rules("Edit").judge("NotebookEdit", {"notebook_path": "a.ipynb"}) is ALLOW


@pytest.mark.parametrize(
    "path", [".git/config", "src/.git/hooks/x", ".claude/settings.json", ".mcp.json", ".GIT/config"]
)
def test_what_is_obeyed_later_is_asked_even_where_edits_are_allowed(rules: Maker, path: str):
    """A hook of git or of Claude Code would run what nobody has allowed."""
    assert rules("Edit", "Edit(**)", mode="acceptEdits").judge("Write", {"file_path": path}) is ASK


def test_a_rule_with_a_path_allows_that_path(rules: Maker, tmp_path: Path):
    """Below the folder, from the root with `//`, from the home with `~/`; links are followed."""
    permissions = rules(
        "Edit(src/**)", "Edit(~/notes/*.md)", f"Read(/{tmp_path}/elsewhere/**)", "Write(//srv/**)"
    )

    def edits(path: object) -> Decision:
        return permissions.judge("Edit", {"file_path": str(path)})

    assert edits("src/deep/a.py") is ALLOW
    assert edits("a.py") is ASK
    assert edits(tmp_path / "home" / "notes" / "a.md") is ALLOW
    assert edits(tmp_path / "home" / "notes" / "deep" / "a.md") is ASK
    assert edits("/srv/x") is ASK
    assert permissions.judge("Write", {"file_path": "/srv/x"}) is ALLOW
    assert permissions.judge("Read", {"file_path": str(tmp_path / "elsewhere" / "x")}) is ALLOW
    assert permissions.judge("Read", {"file_path": "out/x"}) is ALLOW
    assert edits(tmp_path / "elsewhere" / "x") is ASK


def test_reading_stays_in_the_folder(rules: Maker):
    """What lies elsewhere may be a secret: of the worker, or of the person it runs as."""
    permissions = rules()

    assert permissions.judge("Read", {"file_path": "src/a.py"}) is ALLOW
    assert permissions.judge("Grep", {"pattern": "/etc/.*"}) is ALLOW
    assert permissions.judge("Glob", {"pattern": "**/*.py"}) is ALLOW
    assert permissions.judge("Read", {"file_path": "/proc/self/environ"}) is ASK
    assert permissions.judge("Read", {"file_path": "out/x"}) is ASK
    assert permissions.judge("Grep", {"pattern": "x", "path": "/etc"}) is ASK
    assert permissions.judge("Glob", {"pattern": "/etc/*"}) is ASK
    assert permissions.judge("Glob", {"pattern": "{..,src}/*"}) is ASK


def test_who_may_only_read_is_never_asked_about(rules: Maker):
    """The auditor's calls are allowed or denied, whatever the project allows."""
    auditor = rules("Bash", "Write", "Edit", mode="bypassPermissions", may_write=False)

    assert auditor.judge("Read", {"file_path": "src/a.py"}) is ALLOW
    assert auditor.judge("StructuredOutput", {"verdict": "x"}) is ALLOW
    assert auditor.judge("Read", {"file_path": "/etc/passwd"}) is DENY
    assert auditor.judge("Write", {"file_path": "src/a.py"}) is DENY
    assert auditor.judge("Bash", {"command": "ls"}) is DENY
    assert auditor.judge("Agent", {"prompt": "write it"}) is DENY


def test_other_tools_go_by_their_names(rules: Maker):
    """What is not known is asked; what changes nothing needs nobody."""
    permissions = rules("mcp__db__read", "mcp__wiki", "mcp__mail__*", "WebFetch(domain:a.org)")

    assert permissions.judge("Agent", {"prompt": "x"}) is ALLOW
    assert permissions.judge("BrandNewTool", {}) is ASK
    assert permissions.judge("Monitor", {"command": "x"}) is ASK
    assert permissions.judge("mcp__db__read", {}) is ALLOW
    assert permissions.judge("mcp__db__write", {}) is ASK
    assert permissions.judge("mcp__wiki__edit", {}) is ALLOW
    assert permissions.judge("mcp__wikipedia__edit", {}) is ASK
    assert permissions.judge("mcp__mail__send", {}) is ALLOW
    assert permissions.judge("WebFetch", {"url": "https://a.org/x"}) is ALLOW
    assert permissions.judge("WebFetch", {"url": "https://a.org.evil.com/"}) is ASK
    assert permissions.judge("WebFetch", {"url": "https://a.org@evil.com/"}) is ASK
    assert permissions.judge("WebFetch", {"url": "https://evil.com/?a.org"}) is ASK


def test_modes_decide_what_is_left(rules: Maker):
    """Bypassing allows all; not asking denies all; nothing else changes the answer."""
    command = {"command": "rm -rf /"}

    assert rules(mode="bypassPermissions").judge("Bash", command) is ALLOW
    assert rules(mode="dontAsk").judge("Bash", command) is DENY
    assert rules("Bash", mode="dontAsk").judge("Bash", command) is ALLOW
    assert rules(mode="auto").judge("Bash", command) is ASK


@pytest.mark.parametrize("text", ["", "Bash(make", "rm -rf /", "(x)"])
def test_what_is_no_rule_is_refused(text: str):
    """So that a config with a mistake is told, and allows nothing."""
    with pytest.raises(ValueError, match="is no tool"):
        Rule.parse(text)


def test_words_are_split_as_a_shell_splits_them():
    """Quotes join and vanish; empty words stay."""
    assert plain_words("""a 'b c' "d"'e'f '' g""") == ["a", "b c", "def", "", "g"]
    assert plain_words("a\tb") == ["a", "b"]
    assert plain_words("") == []


@pytest.mark.parametrize("isolation", ["worktree", "remote"])
def test_an_agent_in_another_place_is_asked_about(rules: Maker, isolation: str):
    """It would leave a worktree and a branch in the repository, or send that to the cloud."""
    tool_input = {"prompt": "x", "isolation": isolation}

    assert rules().judge("Agent", tool_input) is ASK
    assert rules("Agent").judge("Agent", tool_input) is ALLOW
