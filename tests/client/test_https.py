"""Athena behind a proxy that ends TLS."""

import shutil
import ssl
import subprocess

import pytest

from claude_task_client import Athena, Unreachable
from tests.client import strangers

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl")


@pytest.fixture
def certificate(tmp_path):
    """A certificate for 127.0.0.1 that nobody trusts yet, and its key."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    subprocess.run(
        [
            *"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes".split(),
            *"-days 2 -subj /CN=athena -addext subjectAltName=IP:127.0.0.1".split(),
            *["-keyout", key, "-out", certificate],
        ],
        check=True,
        capture_output=True,
    )
    return certificate, key


@pytest.fixture
def secure_url(athena, certificate):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificate)
    with strangers.before(athena.url, tls=context) as url:
        yield url


def test_a_trusted_certificate_is_enough(secure_url, laptop, certificate, athena, monkeypatch):
    """`SSL_CERT_FILE` adds a private authority, for the commands and for the classes."""
    laptop.variables |= {"ATHENA_API_URL": secure_url, "SSL_CERT_FILE": str(certificate[0])}
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))

    done = laptop.run("check", "--strict")
    with Athena(secure_url, athena.key) as blocking:
        health = blocking.health()

    assert done.returncode == 0, done
    assert health.status == "ok"


def test_an_untrusted_certificate_is_not_athena(secure_url, laptop, athena):
    laptop.variables["ATHENA_API_URL"] = secure_url

    done = laptop.run("list")
    with Athena(secure_url, athena.key, retry_seconds=0) as blocking, pytest.raises(Unreachable):
        blocking.health()

    assert done.returncode == 3
    assert "certificate" in done.stderr.lower()
