"""`python -m tests.fakes.discord --port 5055`: the stand-in for hand work."""

from __future__ import annotations

import argparse
import asyncio
import sys

from tests.fakes.discord.console import HELP, Console
from tests.fakes.discord.stand_in import TOKEN, DiscordStandIn


async def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fakes.discord", epilog=HELP)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--port", type=int, default=5055)
    parser.add_argument("--token", default=TOKEN)
    parser.add_argument("--channel", action="append", help="a channel's name; may be repeated")
    parser.add_argument("--rate-limits", action="store_true")
    given = parser.parse_args()
    channels = given.channel or ["general", "claude-tasks"]
    async with DiscordStandIn(
        port=given.port, token=given.token, channels=channels, rate_limits=given.rate_limits
    ) as discord:
        for name, value in discord.environment.items():
            print(f"export {name}={value}")
        print("type help", flush=True)
        await _converse(Console(discord))


async def _converse(console: Console) -> None:
    """One line in, one answer out, until the input ends."""
    while line := (await asyncio.to_thread(sys.stdin.readline)):
        if line.strip() == "quit":
            return
        print(await console.run(line.strip()), flush=True)


asyncio.run(main())
