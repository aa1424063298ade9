"""The commands of `claude-task-client plugin`, a file each."""
