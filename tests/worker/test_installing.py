"""`work install`: services that systemd and launchd take, and that hold no secret."""

from __future__ import annotations

import json
import os
import plistlib
import pwd
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import click.testing
import pytest

from claude_task_client.cli import group
from claude_task_client.sources.registry import Source
from claude_task_client.worker import installing, launchd, places, systemd
from claude_task_client.worker.config import ProjectConfig, WorkerConfig
from claude_task_client.worker.service import Service, own_program

ANALYZE = shutil.which("systemd-analyze")
needs_systemd = pytest.mark.skipif(ANALYZE is None, reason="this machine has no systemd")


class Account:
    """A home with a config of two projects, and a `systemctl` that only writes down its calls."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.config = home / ".config/claude-task-client"
        self.units = home / ".config/systemd/user"
        self.config.mkdir(parents=True)
        for name in ("app", "my web"):
            subprocess.run(["git", "init", "-q", str(home / name)], check=True)
        (self.config / "worker.toml").write_text(
            f'[projects.app]\npath = "{home}/app"\n[projects."web.2"]\npath = "{home}/my web"\n',
            "utf-8",
        )
        (home / "bin").mkdir()
        systemctl = home / "bin/systemctl"
        systemctl.write_text(f'#!/bin/sh\necho "$@" >> {home}/calls\n', "utf-8")
        systemctl.chmod(0o755)

    def run(self, *words: str) -> click.testing.Result:
        environment: dict[str, str | None] = {
            "HOME": str(self.home),
            "PATH": f"{self.home}/bin:{os.environ['PATH']}",
            "XDG_CONFIG_HOME": None,
            "XDG_STATE_HOME": None,
            "ATHENA_API_KEY": "ath_0123456789abcdef",
            "CLAUDE_INSTANCE": "pi",
        }
        return click.testing.CliRunner().invoke(group, ["work", *words], env=environment)

    @property
    def calls(self) -> list[str]:
        file = self.home / "calls"
        return file.read_text("utf-8").splitlines() if file.exists() else []


@pytest.fixture
def account(tmp_path: Path) -> Account:
    return Account(tmp_path / "home")


def service(home: Path, **further: object) -> Service:
    projects = {"app": ProjectConfig(name="app", path=home / "app")}
    usual = Service(
        program=own_program(),
        config=WorkerConfig(projects=projects),
        config_path=home / "worker.toml",
        state=home / "state/worker",
        instance="pi",
        search_path="/usr/bin:/bin",
        home=home,
        secrets=[home / "worker.env"],
    )
    return replace(usual, **further)  # type: ignore[arg-type]  # by their names


def setting(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}=(.*)$", text, re.MULTILINE)


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_installing_writes_units_and_says_what_to_run(account):
    """Nothing is started; a second time nothing is changed."""
    first = account.run("install", "app", "web.2")
    second = account.run("install", "app", "web.2", "--json")

    assert first.exit_code == 0, first.output
    written = {str(path.relative_to(account.units)) for path in account.units.rglob("*.*")}
    assert {name for name in written if not name.endswith(".d")} == {
        "athena-worker@.service",
        "athena-worker@app.service.d/project.conf",
        "athena-worker@web.2.service.d/project.conf",
    }
    assert "systemctl --user enable --now athena-worker@app athena-worker@web.2" in first.output
    assert "enable-linger" in first.output
    assert json.loads(second.stdout)["changed"] == []
    assert account.calls == []


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_a_service_has_state_slug_and_label_of_its_own(account):
    """Two workers with one lock or one slug would be in each other's way."""
    account.run("install", "app")
    text = (account.units / "athena-worker@.service").read_text("utf-8")
    (start,) = setting(text, "ExecStart")

    assert "--project %i" in start
    assert start.endswith("--label pi")
    assert f"--state {account.home}/.local/state/claude-task-client/worker@%i" in start
    assert "CLAUDE_INSTANCE=pi-%i" in text
    assert setting(text, "TimeoutStopSec") == ["70"]  # the grace period, and time to tell Athena
    assert setting(text, "RestartPreventExitStatus") == ["2"]


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_no_secret_gets_into_a_unit(account):
    """Units are for all to read; where the key will not be found, it is said."""
    done = account.run("install", "app")
    shown = account.run("install", "app", "--print")

    text = "".join(path.read_text("utf-8") for path in account.units.rglob("*.*") if path.is_file())
    assert "ath_0123456789abcdef" not in text + shown.output
    assert f"EnvironmentFile=-{account.config}/worker.env" in text
    assert "claude-task-client login" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_secrets_that_others_can_read_are_refused(account):
    secrets = account.config / "worker.env"
    secrets.write_text("ATHENA_API_KEY=ath_0123456789abcdef\n", "utf-8")
    secrets.chmod(0o640)
    refused = account.run("install", "app")
    secrets.chmod(0o600)
    done = account.run("install", "app")

    assert refused.exit_code == 2
    assert f"chmod 600 {secrets}" in refused.stderr
    assert done.stderr == ""


def test_printing_writes_nothing(account):
    before = sorted(account.home.rglob("*"))

    done = account.run("install", "app", "--print")

    assert "--label" in done.output
    assert sorted(account.home.rglob("*")) == before


@pytest.mark.parametrize(
    ("words", "what"),
    [
        (["none"], "there are app, web.2"),
        (["app", "--instance", "x" * 61], "too long"),
        (["app", "--system"], "--user NAME"),
        (["app", "--user", "nobody"], "--system --user"),
        (["app", "--system", "--user", "root"], "not run as root"),
        (["app", "--system", "--user", "no-such-user", "--print"], "useradd"),
        ([], "PROJECT"),
    ],
)
@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_what_cannot_be_installed_says_what_to_do(account, words, what):
    done = account.run("install", *words)

    assert done.exit_code == 2
    assert what in done.stderr if os.geteuid() == 0 else done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_uninstalling_ends_the_service_and_keeps_the_rest(account):
    """The template goes with the last service; what people wrote beside it stays."""
    account.run("install", "app", "web.2")
    own = account.units / "athena-worker@app.service.d/memory.conf"
    own.write_text("[Service]\nMemoryMax=4G\n", "utf-8")

    one = account.run("uninstall", "app")
    kept = {path.name for path in account.units.iterdir()}
    unknown = account.run("uninstall", "app")
    rest = account.run("uninstall")

    assert account.calls[0] == "--user disable --now athena-worker@app.service"
    assert one.exit_code == rest.exit_code == 0
    assert kept == {
        "athena-worker@.service",
        "athena-worker@app.service.d",
        "athena-worker@web.2.service.d",
    }
    assert (unknown.exit_code, "there are web.2" in unknown.stderr) == (4, True)
    assert [path for path in account.units.rglob("*") if path.is_file()] == [own]
    assert (account.config / "worker.toml").exists()


@needs_systemd
@pytest.mark.parametrize("user", [None, "daemon"])
def test_systemd_takes_the_units(tmp_path, user):
    """Also with what systemd reads otherwise in paths: blanks, percent signs, dollars, quotes."""
    home = tmp_path / 'a b%i$HOME"c'
    home.mkdir()
    made = service(home, user=user)

    for name, text in systemd.files(made, made.config.projects.values()).items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, "utf-8")
    done = subprocess.run(
        [ANALYZE or "", "verify", str(tmp_path / systemd.TEMPLATE)], capture_output=True, text=True
    )

    assert [line for line in done.stderr.splitlines() if "athena-worker" in line] == []
    assert done.returncode == 0, done.stderr


@needs_systemd
@pytest.mark.parametrize(("user", "exposure_max"), [("daemon", 2.0), (None, 7.0)])
def test_units_are_confined(tmp_path, user, exposure_max):
    """What systemd itself counts; the rest is the network, and what V8 and builds need."""
    unit = tmp_path / systemd.TEMPLATE
    unit.write_text(systemd.template(service(Path("/var/lib/worker"), user=user)), "utf-8")

    done = subprocess.run(
        [ANALYZE or "", "security", "--offline=true", str(unit)], capture_output=True, text=True
    )

    found = re.search(r"exposure level for \S+: ([\d.]+)", done.stdout)
    if found is None:
        pytest.skip("this systemd is older than 250")
    assert float(found[1]) <= exposure_max
    assert "MemoryDenyWriteExecute=" not in unit.read_text("utf-8")
    assert "SystemCallErrorNumber=EPERM" in unit.read_text("utf-8")


@pytest.mark.parametrize(
    ("home", "path", "wanted"),
    [
        ("/var/lib/w", "/var/lib/w/app", None),
        ("/var/lib/w", "/srv/app", "ReadWritePaths=-/srv/app"),
        ("/var/lib/w", "/home/ada/app", "BindPaths=-/home/ada/app"),
        ("/home/w", "/home/ada/app", "ReadWritePaths=-/home/ada/app"),
    ],
)
def test_a_service_of_the_system_sees_its_projects_and_no_home_but_its_own(home, path, wanted):
    made = service(Path(home), user="w")
    project = ProjectConfig(name="app", path=Path(path))

    template, drop_in = systemd.template(made), systemd.drop_in(made, project)

    assert setting(template, "ProtectHome") == ["no" if home.startswith("/home") else "tmpfs"]
    assert setting(template, "ReadWritePaths") == [home]
    assert ("[Service]" in drop_in) is (wanted is not None)
    assert wanted is None or wanted in drop_in.splitlines()


def test_what_is_to_be_cloned_has_its_folder_above():
    project = ProjectConfig(name="app", path=Path("/srv/app"), repository="git@host.org:a")

    drop_in = systemd.drop_in(service(Path("/var/lib/w"), user="w"), project)

    assert setting(drop_in, "ReadWritePaths") == ["-/srv"]


def test_a_service_of_the_system_may_write_in_the_sources_that_it_watches():
    """Those of its project, and those without one; what is mounted at the start is waited for."""
    sources = [
        Source(id="own", path=Path("/var/lib/w/own")),
        Source(id="any", path=Path("/srv/any")),
        Source(id="app", path=Path("/home/ada/my tasks"), project="app"),
        Source(id="other", path=Path("/srv/other"), project="other"),
    ]
    project = ProjectConfig(name="app", path=Path("/var/lib/w/app"))
    made = service(Path("/var/lib/w"), user="w", sources=sources)

    drop_in = systemd.drop_in(made, project)
    without = systemd.drop_in(
        replace(made, config=replace(made.config, watch_sources=False)), project
    )

    assert setting(drop_in, "ReadWritePaths") == ["-/srv/any"]
    assert setting(drop_in, "BindPaths") == ['"-/home/ada/my tasks"']
    assert setting(drop_in, "After") == ["remote-fs.target"]
    assert "Paths" not in without
    assert "After" not in without


def test_ones_own_service_writes_where_one_may_oneself():
    """A user's manager confines no paths: there is nothing to say of sources."""
    project = ProjectConfig(name="app", path=Path("/srv/app"))
    made = service(Path("/home/ada"), sources=[Source(id="any", path=Path("/srv/any"))])

    assert "any" not in systemd.drop_in(made, project)


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_the_sources_of_a_service_are_those_of_its_user(account, monkeypatch):
    """Whoever installs it as root has a list of its own, which is none of the service's."""
    folder = account.home / "tasks"
    folder.mkdir()
    file = account.home / ".config/claude-task-client/sources.json"
    file.write_text(json.dumps({"sources": [{"id": "tasks", "path": str(folder)}]}))
    user = SimpleNamespace(pw_dir=str(account.home))
    monkeypatch.setattr(pwd, "getpwnam", lambda _: user)
    monkeypatch.setenv("HOME", str(account.home / "of-root"))

    made = installing.system_service(places.Places(), user="w", instance=None, search_path=None)

    assert [source.id for source in made.sources] == ["tasks"]


def test_the_agent_of_macos_is_complete(tmp_path):
    """It starts with the session, is started again after a failure, and may end in peace."""
    made = service(tmp_path)

    ((name, text),) = launchd.files(made, ["app"]).items()

    agent = plistlib.loads(text.encode())
    assert name == "org.athena.athena-worker.app.plist"
    assert agent["Label"] == "org.athena.athena-worker.app"
    assert agent["ProgramArguments"] == list(made.arguments("app"))
    assert agent["EnvironmentVariables"]["CLAUDE_INSTANCE"] == "pi-app"
    assert agent["KeepAlive"] == {"SuccessfulExit": False}
    assert agent["ExitTimeOut"] == made.stop_seconds
    assert agent["Umask"] == 0o077


def test_on_macos_agents_are_written_and_removed(account, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    agents = account.home / "Library/LaunchAgents"
    config = str(account.config / "worker.toml")

    done = account.run("--config", config, "install", "app")
    written = [path.name for path in agents.iterdir()]
    gone = account.run("uninstall", "app")

    assert done.exit_code == gone.exit_code == 0, done.output + gone.output
    assert written == ["org.athena.athena-worker.app.plist"]
    assert "launchctl bootstrap" in done.output
    assert list(agents.iterdir()) == []


@pytest.mark.skipif(sys.platform != "linux", reason="systemd")
def test_a_service_of_the_system_runs_as_its_user(account):
    """State and sign-in are in the user's home, secrets in a folder of root's."""
    config = str(account.config / "worker.toml")

    done = account.run(
        "--config", config, "install", "app", "--system", "--user", "daemon", "--print", "--json"
    )

    printed = json.loads(done.stdout)
    template = printed["/etc/systemd/system/athena-worker@.service"]
    home = Path("~daemon").expanduser()
    assert setting(template, "User") == ["daemon"]
    assert setting(template, "EnvironmentFile") == [
        "-/etc/athena-worker/worker.env",
        "-/etc/athena-worker/%i.env",
    ]
    assert f"--config {config}" in template
    assert f"--state {home}/.local/state/claude-task-client/worker@%i" in template
    assert "athena-worker@app.service.d/project.conf" in "".join(printed)
