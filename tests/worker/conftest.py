"""Fixtures of the worker's tests."""

from __future__ import annotations

from tests.fakes.model.fixtures import claude_env, model

__all__ = ["claude_env", "model"]
