"""Stopping the task of a document for good."""

from __future__ import annotations

from claude_task_client.commands import cancel
from claude_task_client.sources.naming import by_document

command = by_document(cancel.command)
