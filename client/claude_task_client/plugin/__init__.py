"""The plugin for Claude Code: what it brings, what its hooks do, and how it is installed."""
