"""What belongs to `claude-task-client work`: a file each."""
