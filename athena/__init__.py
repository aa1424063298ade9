"""Athena: a task queue for a fleet of Claude Code instances."""

__version__ = "0.1.0"
