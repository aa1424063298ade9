"""The worker's own eyes on a diff."""

from __future__ import annotations

from collections.abc import Sequence

from claude_task_client.worker.config import ProjectConfig
from claude_task_client.worker.git import Git
from claude_task_client.worker.trees import Tree


async def findings(git: Git, base: str, tree: Tree, project: ProjectConfig) -> Sequence[str]:
    return []
