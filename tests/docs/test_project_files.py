"""The files around the code parse, are complete, and say nothing that they must not."""

import re
import stat
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from athena.settings import Settings

ROOT: Final = Path(__file__).resolve().parents[2]
ROLE: Final = ROOT / "ansible/roles/athena"


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def tracked_files() -> Iterator[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    yield from (ROOT / name for name in listed.stdout.split("\0") if name)


def test_env_example_names_every_setting():
    """Whoever configures Athena finds all there is in one file."""
    text = (ROOT / ".env.example").read_text("utf-8")

    named = re.findall(r"^#?ATHENA_([A-Z_]+)=", text, re.MULTILINE)

    assert len(named) == len(set(named))
    assert set(named) == {name.upper() for name in Settings.model_fields}


def test_env_example_shows_the_defaults():
    """What stands there commented is what holds without it."""
    text = (ROOT / ".env.example").read_text("utf-8")
    shown = dict(re.findall(r"^#ATHENA_([A-Z_]+)=(.+)$", text, re.MULTILINE))
    shown.pop("PUBLIC_URL")  # an example: there is no default

    settings = Settings.model_validate({name.lower(): value for name, value in shown.items()})

    defaults = {name: field.default for name, field in Settings.model_fields.items()}
    assert settings.model_dump() == defaults


def test_env_example_sets_nothing():
    """A copied example changes no default, and holds no secret that many would then share."""
    text = (ROOT / ".env.example").read_text("utf-8")

    assert [line for line in text.splitlines() if line and not line.startswith("#")] == []


def test_readme_fits_on_few_screens():
    """The README is an entrance, not the manual."""
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) <= 150


@pytest.mark.parametrize("name", ["build", "server", "worker", "dev", "bench"])
def test_requirements_are_hashed_and_name_no_place(name):
    """What is installed is fixed by content; where it comes from is each machine's own affair."""
    text = (ROOT / f"requirements/{name}.txt").read_text("utf-8")
    packages = re.split(r"\n(?=\S)", text.strip())

    assert "://" not in text
    assert "--index-url" not in text
    assert [p.split()[0] for p in packages if "--hash=sha256:" not in p] == []


def test_smaller_requirements_are_part_of_the_larger():
    """Switching between `make run` and `make test` installs nothing anew."""

    def pins(name: str) -> set[str]:
        text = (ROOT / f"requirements/{name}.txt").read_text("utf-8")
        return set(re.findall(r"^([\w.-]+==[^\s;\\]+)", text, re.MULTILINE))

    assert pins("server") | pins("worker") | pins("build") <= pins("dev")


def test_make_help_names_every_target_for_people():
    """The Makefile explains itself."""
    done = subprocess.run(["make", "help"], cwd=ROOT, capture_output=True, text=True, timeout=30)

    assert done.returncode == 0
    for target in (
        "setup",
        "run",
        "test",
        "check",
        "fix",
        "bench",
        "bench-peers",
        "release",
        "lock",
    ):
        assert f"make {target} " in done.stdout


def test_image_runs_as_a_user_without_rights_and_reports_its_health():
    """The last stage names a numeric user, forms that pass signals on, and a check without curl."""
    final = (ROOT / "Dockerfile").read_text("utf-8").split("\nFROM ")[-1]

    assert "USER 10001:10001" in final
    assert 'ENTRYPOINT ["athena"]' in final
    assert 'CMD ["serve"]' in final
    assert re.search(r'^HEALTHCHECK .*CMD \["athena", "healthcheck"\]$', final, re.MULTILINE)
    assert len(re.findall(r"org\.opencontainers\.image\.\w+=", final)) == 7


def test_image_context_lets_in_only_what_is_copied():
    """Secrets and data cannot get into an image by accident."""
    ignore = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    rules = [line for line in ignore if line and not line.startswith("#")]
    build = (ROOT / "Dockerfile").read_text("utf-8")
    copied = {
        word.split("/")[0]
        for line in re.findall(r"^COPY (?!--from)(.+)$", build, re.MULTILINE)
        for word in line.split()[:-1]
    }

    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied


@pytest.mark.parametrize(
    "path", sorted(str(p.relative_to(ROOT)) for p in (ROOT / "ansible").rglob("*.yml"))
)
def test_ansible_files_parse(path):
    """A slip of indentation is found here, not on somebody's host."""
    assert load(path)


def test_playbook_defaults_are_the_service_that_is_shipped():
    """The role's folders are those that the units name."""
    defaults = load("ansible/roles/athena/defaults/main.yml")
    unit = (ROOT / "deploy/athena.service").read_text("utf-8")

    assert defaults["athena_install"] in {"docker", "venv"}
    assert f"ExecStart={defaults['athena_home']}/venv/bin/athena serve" in unit
    assert f"EnvironmentFile=-{defaults['athena_config']}/athena.env" in unit
    assert defaults["athena_api_key"] == defaults["athena_discord_token"] == ""


def test_role_keeps_the_address_of_the_database_to_itself():
    """A password is in one file for one user, and shown by no task, setting or argument."""
    holders = [
        path for path in ROLE.rglob("*.*") if "{{ athena_database_url }}" in path.read_text()
    ]
    (write, _) = load("ansible/roles/athena/tasks/database.yml")

    assert [path.name for path in holders] == ["database.yml"]
    assert write["ansible.builtin.copy"]["mode"] == "0600"
    assert write["no_log"] == "{{ athena_hide_secrets }}"
    assert load("ansible/roles/athena/defaults/main.yml")["athena_database_url"] == ""


def test_role_brings_every_file_that_it_names():
    """Templates and files of the source that a task copies exist, and none lies about unused."""
    tasks = "\n".join(path.read_text("utf-8") for path in (ROLE / "tasks").glob("*.yml"))

    templates = set(re.findall(r"src: (\S+\.j2)", tasks))
    copied = set(re.findall(r"/src/(deploy/[\w.-]+)", tasks))

    assert templates == {path.name for path in (ROLE / "templates").iterdir()}
    assert [path for path in copied if not (ROOT / path).is_file()] == []


@pytest.mark.parametrize("name", [".ci/run", "deploy/athena-admin", "deploy/athena-backup"])
def test_scripts_are_executable_and_parse(name):
    """A script is started by its name."""
    path = ROOT / name
    shell = path.read_text("utf-8").splitlines()[0].split("/")[-1].split()[-1]

    done = subprocess.run([shell, "-n", str(path)], capture_output=True, text=True, timeout=30)

    assert path.stat().st_mode & stat.S_IXUSR
    assert (done.returncode, done.stderr) == (0, "")


def test_backup_keeps_the_newest_and_deletes_only_after_success(tmp_path):
    """Old copies go when a new one is there; a failed backup costs none of them."""
    script = str(ROOT / "deploy/athena-backup")
    old = [tmp_path / f"athena-2020010{day}-000000.sqlite3" for day in range(1, 5)]
    for path in old:
        path.touch()
    (tmp_path / "mine.sqlite3").touch()

    failed = subprocess.run([script, str(tmp_path), "3", "false"], timeout=30)
    kept_after_failure = sorted(tmp_path.glob("athena-*"))
    done = subprocess.run([script, str(tmp_path), "3", "touch"], capture_output=True, timeout=30)

    assert failed.returncode != 0
    assert kept_after_failure == old
    assert done.returncode == 0
    kept = sorted(tmp_path.glob("athena-*"))
    assert (len(kept), kept[:2]) == (3, old[2:])
    assert (tmp_path / "mine.sqlite3").exists()


def test_backup_of_one_kind_leaves_the_other_alone(tmp_path):
    """Who has moved to PostgreSQL keeps the last copies of the SQLite store: the way back."""
    script = str(ROOT / "deploy/athena-backup")
    before = [tmp_path / f"athena-2020010{day}-000000.sqlite3" for day in range(1, 4)]
    for path in before:
        path.touch()
    write = tmp_path / "athena"
    write.write_text('#!/bin/sh\n[ "$1" = export ] && touch "$2"\n', "utf-8")
    write.chmod(0o755)

    done = subprocess.run([script, str(tmp_path), "1", str(write), "export"], timeout=30)

    assert done.returncode == 0
    assert sorted(tmp_path.glob("*.sqlite3")) == before
    assert len(list(tmp_path.glob("athena-*.export.gz"))) == 1


def test_license_is_the_one_that_the_package_names():
    """MIT, in full."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / "LICENSE").read_text("utf-8")

    assert project["license"] == "MIT"
    assert text.startswith("MIT License")
    assert "WITHOUT WARRANTY OF ANY KIND" in text


def test_no_secret_or_store_is_tracked():
    """`.env`, keys and databases stay where they are made."""
    bad = {".env", ".npmrc", ".pypirc", "id_rsa", "id_ed25519", "inventory.yml", "vault.yml"}

    names = {path.name for path in tracked_files()}

    assert names & bad == set()
    assert [name for name in names if name.endswith((".db", ".sqlite3", ".pem"))] == []
