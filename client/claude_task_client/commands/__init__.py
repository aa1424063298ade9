"""One file a command: `command` in it is what `claude-task-client <file>` runs."""
