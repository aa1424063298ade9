"""The tools, by noun. Each module has a class with the desk, and lists its tools."""
