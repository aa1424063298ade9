"""The live view: `claude-task-client watch` on a terminal."""
