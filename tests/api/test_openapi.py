"""The document that describes the API, held against the API itself."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from athena.api.endpoint import load_endpoints
from athena.api.openapi import openapi_document
from tests.api.driver import ADMIN, ApiDriver
from tests.store.engines import mostly_on

HERE = Path(__file__).parent


def test_document_is_valid_openapi():
    """What the declarations give is OpenAPI 3.1."""
    document = openapi_document(load_endpoints(), version="1")

    OpenAPIV31SpecValidator(document).validate()


async def test_document_is_served_without_a_key(api: ApiDriver):
    """A client may learn what there is before it has a key."""
    answer = await api.ask("GET", "/openapi.json", key=None)

    assert answer.status == 200
    assert answer.body["openapi"] == "3.1.0"


@mostly_on("sqlite", "what a database would choke on is in test_extremes.py")
@pytest.mark.slow
@pytest.mark.timeout(600)
async def test_schemathesis_finds_nothing(api: ApiDriver, tmp_path: Path):
    """Answers are as the document says, for valid and for invalid requests of all kinds."""
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        "--config-file",
        str(HERE / "schemathesis.toml"),
        "run",
        f"{api.url}/openapi.json",
        f"--header=X-API-Key: {ADMIN}",
        "--header=Accept: application/json",
        "--max-examples=20",
        "--exclude-operation-id=revoke_key",  # it would revoke the key that it runs with
        cwd=tmp_path,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "PYTHONPATH": str(HERE)},
    )
    output, _ = await process.communicate()

    assert process.returncode == 0, output.decode()[-8_000:]
