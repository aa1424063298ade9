"""One file a command of `claude-task-client sources`."""
