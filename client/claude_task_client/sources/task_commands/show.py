"""Everything about the task of a document."""

from __future__ import annotations

from claude_task_client.commands import show
from claude_task_client.sources.naming import by_document

command = by_document(show.command)
