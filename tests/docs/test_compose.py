"""docker-compose.yml and the proxy's config: one server, or replicas behind a proxy when asked."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

ROOT: Final = Path(__file__).resolve().parents[2]
COMPOSE_SERVICES: Final = ["athena", "athena-1", "athena-2", "postgres", "proxy", "secrets"]


def load(path: str) -> Any:
    return yaml.safe_load((ROOT / path).read_text("utf-8"))


def test_compose_has_these_services():
    """The list that the tests below go through is complete."""
    assert sorted(load("docker-compose.yml")["services"]) == COMPOSE_SERVICES


@pytest.mark.parametrize("name", COMPOSE_SERVICES)
def test_compose_service_is_hardened(name):
    """No container has rights that it does not use, and all are bounded."""
    service = load("docker-compose.yml")["services"][name]

    assert service["read_only"] is True
    assert service["init"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["restart"] == ("no" if name == "secrets" else "unless-stopped")
    assert service["mem_limit"]
    assert service["pids_limit"]
    assert service["stop_grace_period"]
    assert service["logging"]["options"]["max-size"]


def test_compose_starts_one_server_on_sqlite():
    """Who asks for nothing else gets one service, with its settings and its volume."""
    services = load("docker-compose.yml")["services"]

    assert [name for name, service in services.items() if "profiles" not in service] == ["athena"]
    assert services["athena"]["volumes"] == ["data:/data"]
    assert services["athena"]["env_file"] == [{"path": ".env", "required": False}]


def test_compose_publishes_one_port_on_this_machine_only():
    """What answers people is the single server or the proxy; replicas and database are inside."""
    services = load("docker-compose.yml")["services"]

    published = {name: service["ports"] for name, service in services.items() if "ports" in service}

    port = ["${PUBLISH_ADDRESS:-127.0.0.1}:${ATHENA_PORT:-5051}:5051"]
    assert published == {"athena": port, "proxy": port}
    assert services["postgres"]["networks"] == ["database"]
    assert load("docker-compose.yml")["networks"]["database"]["internal"] is True


def test_compose_replicas_are_alike():
    """Any replica may be killed, so none may differ but by its name."""
    services = load("docker-compose.yml")["services"]

    assert services["athena-1"] | {"hostname": "athena-2"} == services["athena-2"]
    assert services["athena-1"]["profiles"] == services["proxy"]["profiles"] == ["postgres"]
    assert services["athena-1"]["image"] == services["athena"]["image"]


def test_compose_holds_no_password():
    """The password of the database is made at the first start, and read from a file."""
    services = load("docker-compose.yml")["services"]
    replica, postgres = services["athena-1"]["environment"], services["postgres"]["environment"]

    assert replica["ATHENA_DATABASE_URL"] == ""
    assert replica["ATHENA_DATABASE_URL_FILE"] == "/run/athena/database_url"
    assert postgres["POSTGRES_PASSWORD_FILE"] == "/run/athena/postgres_password"
    assert "POSTGRES_PASSWORD" not in postgres
    assert "POSTGRES_HOST_AUTH_METHOD" not in postgres


def test_compose_pins_what_it_does_not_build():
    """A new major version of the database or the proxy comes when somebody asks for it."""
    services = load("docker-compose.yml")["services"]

    assert re.fullmatch(r"postgres:\d+", services["postgres"]["image"])
    assert re.fullmatch(r"haproxy:\d+\.\d+", services["proxy"]["image"])


def test_example_names_the_settings_of_compose_with_their_defaults():
    """Every variable that compose reads stands in the example, with what holds without it."""
    compose = (ROOT / "docker-compose.yml").read_text("utf-8")
    example = (ROOT / ".env.example").read_text("utf-8")
    read = dict(re.findall(r"\$\{([A-Z_]+):-([^}]*)\}", compose))
    named = dict(re.findall(r"^#([A-Z_]+)=(.*)$", example, re.MULTILINE))

    assert set(read) - set(named) == set()
    differ = {name for name, default in read.items() if named[name] != default}
    assert differ == {"SQLITE_SERVICES"}  # shown as what it takes to leave SQLite


def proxy_config() -> str:
    return (ROOT / "deploy/haproxy.cfg").read_text("utf-8")


def test_proxy_knows_every_replica():
    """Both of its backends have the replicas of the compose file, at their port."""
    services = load("docker-compose.yml")["services"]
    replicas = [name for name in services if name.startswith("athena-")]

    servers = re.findall(r"^\tserver (\S+) (\S+)$", proxy_config(), re.MULTILINE)

    assert servers == [(name, f"{name}:5051") for name in replicas] * 2
    assert (
        "./deploy/haproxy.cfg:/usr/local/etc/haproxy/haproxy.cfg:ro" in services["proxy"]["volumes"]
    )


def test_proxy_repeats_no_request_that_may_have_been_carried_out():
    """What a replica may have received is sent again only where it is a GET."""
    config = proxy_config()

    assert "http-request disable-l7-retry unless METH_GET" in config
    assert re.findall(r"^\tretry-on (.+)$", config, re.MULTILINE) == ["conn-failure empty-response"]


def test_proxy_hangs_up_for_a_client_that_has_gone():
    """Else the poll of a client that is gone takes the next task, and keeps it for a lease."""
    assert "\toption abortonclose\n" in proxy_config()


def test_proxy_waits_longer_than_any_poll():
    """Long polls last for up to a minute."""
    timeouts = dict(
        re.findall(r"^\ttimeout (client|server)\s+(\d+)s$", proxy_config(), re.MULTILINE)
    )

    assert set(timeouts) == {"client", "server"}
    assert all(int(seconds) >= 90 for seconds in timeouts.values())


def test_proxy_takes_its_config(tmp_path):
    """HAProxy itself finds no fault in it, where it is installed."""
    haproxy = shutil.which("haproxy", path=f"{os.defpath}:/usr/sbin")
    if haproxy is None:
        pytest.skip("haproxy is not installed")
    config = tmp_path / "haproxy.cfg"
    config.write_text(re.sub(r"athena-\d:", "127.0.0.1:", proxy_config()), "utf-8")

    done = subprocess.run([haproxy, "-c", "-f", str(config)], capture_output=True, text=True)

    assert (done.returncode, re.findall("WARNING|ALERT", done.stderr)) == (0, [])
