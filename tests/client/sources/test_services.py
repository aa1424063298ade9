"""Services of the system are confined: whoever adds a source learns which do not see it yet."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from claude_task_client.sources import services
from claude_task_client.sources.registry import Source
from claude_task_client.worker import systemd
from claude_task_client.worker.config import ProjectConfig, WorkerConfig
from claude_task_client.worker.service import Service

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd")

PROJECTS = {name: ProjectConfig(name=name, path=Path("/srv") / name) for name in ("app", "web")}


def service(*sources: Source) -> Service:
    return Service(
        program=["/usr/bin/claude-task-client"],
        config=WorkerConfig(projects=PROJECTS),
        config_path=Path("/var/lib/w/worker.toml"),
        state=Path("/var/lib/w/state"),
        instance="pi",
        search_path="/usr/bin",
        home=Path("/var/lib/w"),
        user="w",
        sources=sources,
    )


def install(folder: Path, made: Service) -> None:
    for name, text in systemd.files(made, PROJECTS.values()).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")


@pytest.mark.parametrize(
    ("project", "confined"), [("app", ["app"]), (None, ["app", "web"]), ("other", [])]
)
def test_services_that_would_watch_a_new_source_are_named(tmp_path, project, confined):
    install(tmp_path, service())

    source = Source(id="new", path=Path("/mnt/new tasks"), project=project)

    assert services.shut_out(source, tmp_path) == confined


def test_once_installed_anew_none_is_named(tmp_path):
    source = Source(id="new", path=Path("/mnt/new 100% tasks"), project="app")
    install(tmp_path, service(source))

    assert services.shut_out(source, tmp_path) == []
    assert services.shut_out(replace(source, path=Path("/mnt/other")), tmp_path) == ["app"]


def test_what_lies_in_the_home_of_the_service_is_open(tmp_path):
    install(tmp_path, service())

    assert services.shut_out(Source(id="own", path=Path("/var/lib/w/own")), tmp_path) == []


def test_where_no_service_is_there_is_none_to_name(tmp_path):
    assert services.shut_out(Source(id="any", path=Path("/srv/any")), tmp_path) == []


def test_the_advice_restarts_what_runs():
    """A unit that has changed holds from the next start on."""
    told = services.advice(["app"])

    assert "work install --system --user NAME app" in told
    assert "systemctl restart athena-worker@app.service" in told
