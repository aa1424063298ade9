"""Fixtures of the worker's tests."""

from __future__ import annotations

from tests.fakes.model.fixtures import claude_env, model
from tests.worker.at_work import place

__all__ = ["claude_env", "model", "place"]
