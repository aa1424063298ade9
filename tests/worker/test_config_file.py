"""The worker's config file: what it may say, and how it is told what is wrong with it."""

from __future__ import annotations

import subprocess
from dataclasses import fields
from pathlib import Path

import pytest

from claude_task_client.worker import config_keys, values
from claude_task_client.worker.config import (
    ExecutorName,
    Isolation,
    Limits,
    ProjectConfig,
    Texts,
    WorkerConfig,
)
from claude_task_client.worker.config_file import BadConfig, load
from claude_task_client.worker.permissions import Rule


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    return folder


@pytest.fixture
def file(tmp_path: Path, repository: Path) -> Path:
    """A path to write a config file to, beside a repository `app`."""
    return tmp_path / "worker.toml"


def read(file: Path, text: str) -> WorkerConfig:
    file.write_text(text, "utf-8")
    return load(file, state=file.parent / "state")


def problems(file: Path, text: str) -> list[str]:
    """What is said of a text, without the file's name in front."""
    with pytest.raises(BadConfig) as refused:
        read(file, text)
    assert all(problem.startswith(f"{file}:") for problem in refused.value.problems)
    return [problem.removeprefix(f"{file}:") for problem in refused.value.problems]


PROJECT = '[projects.app]\npath = "app"\n'


def test_a_path_is_enough(file, repository):
    """All else has the defaults of the specification."""
    config = read(file, PROJECT)

    assert config == WorkerConfig(
        projects={"app": ProjectConfig(name="app", path=repository)}, file=file
    )


def test_everything_can_be_said(file, repository):
    """Each key ends up in its field; spans are seconds."""
    config = read(
        file,
        """
jobs = 3
labels = ["gpu", "linux"]
claude_command = "/opt/claude"
claude_environment = ["ANTHROPIC_API_KEY"]
lease = "5m"
grace = 0
disk_free_mb_min = 0

[sources]
watch = false

[limits]
iterations = 5
pauses = 0
audits = 1
test_rounds = 2
feedback_every = 0
patience = "1h30m"
generated_test_timeout = 20.5

[texts]
go_on = "Go on {}"
after_error = '''
{error} and {{braces}}
'''

[projects."app.v2"]
path = "app"
repository = "git@github.com:you/app.git"
base_branch = "release/2"
isolation = "in-place"
executor = "shell"
shell_command = ["./run", "--fast"]
model = "opus"
audit_model = "haiku"
permission_mode = "dontAsk"
allowed_tools = ["WebFetch", "Bash(make test:*)", "mcp__github__*"]
protected_paths = [".github/**"]
test_paths = ["spec/**", "*.spec.ts"]
allow_project_settings = true
environment = { NODE_ENV = "test" }
pass_environment = ["SSH_AUTH_SOCK"]
max_turns = 7
max_cost_usd = 2
timeout = "30m"
silence = "90s"
audit = false
generate_tests = true
test_command = "make test"
test_timeout = 60
regression_command = ["make", "regression"]
regression_timeout = "1m"
commit = true
push = true
remote = "upstream"
pull_request = true
forge = "gitea"
forge_url = "https://git.example.org/"
""",
    )

    assert (config.jobs, config.labels, config.claude_command) == (
        3,
        ("gpu", "linux"),
        "/opt/claude",
    )
    assert (config.lease_seconds, config.grace_seconds, config.disk_free_mb_min) == (300, 0, 0)
    assert not config.watch_sources
    assert config.limits == Limits(
        iterations=5,
        pauses=0,
        audits=1,
        test_rounds=2,
        feedback_every=0,
        patience_seconds=5400,
        generated_test_seconds=20.5,
    )
    assert config.texts == Texts(go_on="Go on {}", after_error="{error} and {{braces}}\n")
    assert config.projects["app.v2"] == ProjectConfig(
        name="app.v2",
        path=repository,
        repository="git@github.com:you/app.git",
        base_branch="release/2",
        isolation=Isolation.IN_PLACE,
        executor=ExecutorName.SHELL,
        shell_command=("./run", "--fast"),
        model="opus",
        audit_model="haiku",
        permission_mode="dontAsk",
        allowed_tools=("WebFetch", "Bash(make test:*)", "mcp__github__*"),
        protected_paths=(".github/**",),
        test_paths=("spec/**", "*.spec.ts"),
        allow_project_settings=True,
        environment={"NODE_ENV": "test"},
        pass_environment=("SSH_AUTH_SOCK",),
        max_turns=7,
        max_cost_usd=2.0,
        timeout_seconds=1800,
        silence_seconds=90,
        audit=False,
        generate_tests=True,
        test_command="make test",
        test_seconds=60,
        regression_command=("make", "regression"),
        regression_seconds=60,
        push=True,
        remote="upstream",
        pull_request=True,
        forge="gitea",
        forge_url="https://git.example.org",
    )


@pytest.mark.parametrize(
    ("kind", "keys", "elsewhere"),
    [
        (
            WorkerConfig,
            (*config_keys.worker_keys(), *config_keys.source_keys()),
            {"projects", "file", "limits", "texts"},
        ),
        (ProjectConfig, config_keys.project_keys(Path()), {"name"}),
        (Limits, config_keys.limit_keys(), set()),
        (Texts, config_keys.text_keys(), set()),
    ],
)
def test_each_field_has_one_key(kind, keys, elsewhere):
    """Nothing of the config can only be had in code."""
    named = [key.field for key in keys]

    assert sorted(named) == sorted({field.name for field in fields(kind)} - elsewhere)
    assert len({key.name for key in keys}) == len(keys)


@pytest.mark.parametrize(
    "tool", ["WebFetch", "Bash(make test:*)", "mcp__github__*", "Read(//etc/hosts)", "Bash(a (b))"]
)
def test_tools_that_the_config_takes_are_rules_of_a_run(tool):
    """A mistake is told at the start, not by the first task."""
    assert values.tool(tool) == tool
    assert Rule.parse(tool).tool == tool.split("(")[0]


def test_a_repository_needs_no_path(file):
    """It is cloned below the worker's own folder."""
    config = read(file, '[projects.app]\nrepository = "https://example.org/app.git"\n')

    assert config.projects["app"].path == file.parent / "state/repositories/app"


def test_all_that_is_wrong_is_said_at_once_with_its_line(file):
    """Whoever mends the file mends it once."""
    said = problems(
        file,
        """
jobs = 0
lables = ["x"]

[projects.app]
path = "app"
timeout = "soon"
allowed_tools = [
  "Bash(make)",
  "rm -rf",
]

[texts]
feedback = "{tasks}"
""",
    )

    assert said == [
        "2: jobs must be a whole number from 1 to 64",
        "3: lables is no setting: did you mean labels?",
        (
            '7: [projects.app] timeout must be a length of time, such as "2h", "90s", "1h30m",'
            " or seconds"
        ),
        (
            "8: [projects.app] allowed_tools number 2, 'rm -rf': is no tool of Claude Code: that"
            " looks like WebFetch or Bash(make test:*)"
        ),
        (
            "14: [texts] feedback has {tasks}, which nothing fills in: {iterations}, {task} may"
            " stand here; write {{ and }} for braces that are meant"
        ),
    ]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ('jobs = "2"', "whole number"),
        ("jobs = true", "whole number"),
        ('labels = "gpu"', "list"),
        ('labels = ["gpu", "gpu"]', "twice"),
        ('labels = ["a b"]', "letters, digits"),
        ('lease = "2s"', "between 15s and 24h"),
        ("lease = nan", "length of time"),
        ("lease = true", "length of time"),
        ('claude_command = ""', "is empty"),
        ('claude_environment = ["ATHENA_API_KEY"]', "belongs to the worker"),
        ('claude_environment = ["A-B"]', "no name of a variable"),
        ("projects = 5", "must be a table"),
        ("limits = []", "must be a table"),
        ("[sources]\nwatch = 1", "true or false"),
        ("[limits]\nfeedback_every = -1", "whole number from 0"),
        ("[limits]\npatience = 1e400", "length of time"),
        ("[texts]\ngo_on = '{task}'", "nothing fills in: take it out"),
        ("[texts]\nafter_error = '{'", "single brace"),
        ("[texts]\nafter_error = '{error!r}'", "nothing fills in"),
        ("[texts]\nafter_error = ' '", "something in it"),
        ("nonsense = 1", "is no setting: take it out"),
    ],
)
def test_what_the_worker_cannot_use_is_refused(file, line, what):
    """A sentence says what could be written instead."""
    said = problems(file, f"{line}\n" + ("" if "projects" in line else PROJECT))

    assert what in said[0]


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("path = 5", "text in quotes"),
        ('path = "~nobody-here/x"', "home"),
        ('repository = "app"', "no repository"),
        ('repository = "https://me:secret@example.org/app"', "password"),
        ('base_branch = "a..b"', "git takes"),
        ('remote = "-x"', "git takes"),
        ('isolation = "container"', '"worktree" or "in-place"'),
        ('executor = "shell"', "needs a program"),
        ('shell_command = ["x"]', 'executor = "shell"'),
        ('executor = "shell"\nshell_command = []', "names no program"),
        ('model = "a\\nb"', "one line"),
        ('permission_mode = "plan"', "must be"),
        ('allowed_tools = ["Bash()"]', "no tool"),
        ('protected_paths = ["/etc"]', "top of the repository"),
        ('protected_paths = ["../x"]', "top of the repository"),
        ('protected_paths = ["[ab"]', "no pattern"),
        ('test_paths = ["[b-a]"]', "no pattern"),
        ("environment = { A = 1 }", "must be a text"),
        ('environment = { "A B" = "1" }', "no name of a variable"),
        ('environment = { ATHENA_API_KEY = "x" }', "belongs to the worker"),
        ('pass_environment = ["ATHENA_API_KEY"]', "belongs to the worker"),
        ("max_turns = 0", "whole number from 1"),
        ("max_cost_usd = 0", "more than 0"),
        ("max_cost_usd = inf", "more than 0"),
        ('max_cost_usd = "1"', "number of dollars"),
        ("timeout = 0", "between 1s and 168h"),
        ('audit = "yes"', "true or false"),
        ("test_command = 5", "must be a line"),
        ('test_command = " "', "is empty"),
        ('test_command = ["make", 1]', "list of texts"),
        ("pull_request = true", "needs push"),
        ("push = true\ncommit = false", "needs commit"),
        ('forge = "svn"', "must be"),
        ('forge_url = "git.example.org"', "must be an address"),
    ],
)
def test_what_a_project_cannot_be_is_refused(file, line, what):
    """A sentence says what could be written instead, and where."""
    path = "" if line.startswith("path") else 'path = "app"\n'

    (said,) = problems(file, f"[projects.app]\n{path}{line}\n")

    assert what in said
    assert said.split(":")[0] in {"2", "3", "4"}
    assert "secret" not in said


def test_projects_that_get_in_each_others_way_are_refused(file):
    """Files have their names, and a folder can be worked in by one alone."""
    said = problems(
        file,
        PROJECT
        + '[projects.App]\npath = "app"\n'
        + '[projects.other]\npath = "app"\nisolation = "in-place"\n'
        + '[projects."a b"]\npath = "app"\n'
        + "[projects.'app.error']\n"
        + "[projects.empty]\n"
        + "[projects]\nflat = 1\n",
    )

    assert [one.split(":")[0] for one in said] == ["3", "7", "8", "10", "11", "13"]
    assert "like the one in line 1" in said[0]
    assert "same folder as app" in said[1]
    assert "no name of a project" in said[2]
    assert "error logs" in said[3]
    assert "lacks a path" in said[4]
    assert "[projects.flat]" in said[5]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("jobs = \n", 1, "is no TOML"),
        (PROJECT + 'path = "app"\n', 3, "second time"),
        (PROJECT + PROJECT, 3, "second time"),
        ('[projects.app]\npath = """\n', 3, "is no TOML"),
    ],
)
def test_what_is_no_toml_is_told_by_line(file, text, line, what):
    (said,) = problems(file, text)

    assert said.startswith(f"{line}: ")
    assert what in said


def test_a_folder_that_is_away_is_no_mistake(file):
    """It may be mounted later: until then that project is sick, and no other."""
    config = read(file, '[projects.app]\npath = "app"\n[projects.lib]\npath = "gone"\n')

    assert list(config.projects) == ["app", "lib"]


def test_no_project_is_told_how_to_add_one(file):
    assert problems(file, "jobs = 1\n") == [
        "1: names no project: in its repository, run: claude-task-client work init"
    ]


def test_no_file_is_told_how_to_write_one(tmp_path):
    with pytest.raises(BadConfig, match="work init"):
        load(tmp_path / "worker.toml")


def test_lines_are_counted_through_all_that_toml_has(file):
    """Comments, texts and lists over several lines, dotted and quoted keys, Windows' line ends."""
    file.write_bytes(
        b'# a = """\r\nlabels = [ # [b]\r\n  "x",\r\n]\r\n[texts] # "\r\n'
        b'go_on = """\r\n[projects.no]\r\nbad = 1\r\n"""\r\n'
        b'"no_end" = 1\r\n[projects]\r\napp.path = "app"\r\napp.environment.X = 1\r\n'
    )

    with pytest.raises(BadConfig) as refused:
        load(file)

    lines = [problem.removeprefix(f"{file}:").split(":")[0] for problem in refused.value.problems]
    assert lines == ["10", "13"]
