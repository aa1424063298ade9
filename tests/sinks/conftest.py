"""The same Discord and Athena as for the bot."""

from tests.bot.conftest import alice, athena, discord, start_athena

__all__ = ["alice", "athena", "discord", "start_athena"]
