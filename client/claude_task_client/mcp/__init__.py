"""The MCP server: Athena's queue as tools of whatever model a person sits in front of."""
