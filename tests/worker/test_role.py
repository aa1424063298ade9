"""The Ansible role `worker`: complete, and quiet about secrets."""

import re
from pathlib import Path
from typing import Any, Final

import yaml

from claude_task_client.worker import systemd

ROOT: Final = Path(__file__).resolve().parents[2]
ROLE: Final = ROOT / "ansible/roles/worker"
SECRETS: Final = [
    "worker_key",
    "worker_claude_token",
    "worker_anthropic_api_key",
    "worker_forge_token",
]


def load(path: str) -> Any:
    return yaml.safe_load((ROLE / path).read_text("utf-8"))


def tasks() -> list[dict[str, Any]]:
    return [task for path in (ROLE / "tasks").glob("*.yml") for task in load(f"tasks/{path.name}")]


def test_it_brings_every_file_that_it_names():
    text = "\n".join(path.read_text("utf-8") for path in (ROLE / "tasks").glob("*.yml"))

    assert set(re.findall(r"src: (\S+\.j2)", text)) == {
        path.name for path in (ROLE / "templates").iterdir()
    }
    assert set(re.findall(r"import_tasks: (\S+)", text)) == {
        path.name for path in (ROLE / "tasks").iterdir()
    } - {"main.yml"}
    assert (ROOT / "requirements/worker.txt").is_file()


def test_every_variable_has_a_default():
    """Whoever uses the role finds all that it takes in one file."""
    files = [
        *(ROLE / "tasks").iterdir(),
        *(ROLE / "templates").iterdir(),
        *(ROLE / "handlers").iterdir(),
    ]
    used = set(re.findall(r"\bworker_\w+", "".join(path.read_text("utf-8") for path in files)))
    made = {task["register"] for task in tasks() if "register" in task}
    own = {name for task in tasks() for name in task.get("vars", {})}

    assert used - made - own == set(load("defaults/main.yml"))


def test_secrets_are_in_one_file_for_root():
    """systemd reads it; the service and what runs in it have no other way to it."""
    defaults = load("defaults/main.yml")
    holders = {
        path.name
        for path in ROLE.rglob("*.*")
        if any(f"{{{{ {secret} }}}}" in path.read_text("utf-8") for secret in SECRETS)
    }
    (write,) = (t for t in tasks() if t["name"] == "Write the secrets")

    assert [defaults[secret] for secret in SECRETS] == [""] * len(SECRETS)
    assert holders == {"worker.env.j2"}
    assert write["ansible.builtin.template"]["mode"] == "0600"
    assert write["ansible.builtin.template"]["dest"] == str(systemd.SYSTEM_SECRETS / "worker.env")
    assert write["no_log"] == "{{ worker_hide_secrets }}"


def test_units_are_those_of_work_install():
    """The text of a unit stands once: in the program."""
    assert list(ROLE.rglob("*.service*")) == []
    assert any("install" in str(task.get("ansible.builtin.command", "")) for task in tasks())
