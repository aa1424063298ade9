"""A stand-in for Discord on loopback: REST v10, gateway v10 and CDN, for one bot, in memory.

Use it in a test like this (the bot runs in a process of its own)::

    async with DiscordStandIn() as discord:          # guild "Athena HQ": #general, #claude-tasks
        server = await start_athena(env=discord.environment)   # token, API URL, gateway URL
        await discord.wait_ready("task")     # signed in, and its commands registered
        alice = discord.member("alice", discord.role("dev"))

        answer = await discord.slash(alice, "task", description="Deploy", priority="high")
        assert "Task #1 queued" in answer.text and not answer.ephemeral

        card = await discord.wait_for_message("#1", in_=discord.channel("claude-tasks"))
        pressed = await discord.press(alice, card, "Cancel")     # by label or custom_id
        assert pressed.ephemeral
        assert card.edits == 1 and discord.state.pings_of(alice) == []
        assert discord.violations == []

What people do (all wait until the person sees an outcome; `start_slash`, `start_press` do not, and
`outcome` waits later): `slash` (options by name; `in_=` another channel, a thread or `dm(user)`),
`autocomplete(user, "cancel", "id", "dep")`, `message_menu(user, "Queue as task", message)`,
`press`, `press_stale`, `choose` (select menus), `submit_modal(user, form, {"Description": "…"})`,
`say`, `attach` (a file as the value of an option), `deliver_again` (an interaction twice).
They raise `Impossible` for what Discord's client would not allow and `NoAnswer` where the bot fails
its 3 seconds. An Interaction has `text`, `content`, `embeds`, `buttons`, `ephemeral`, `modal`
(`.title`, `.fields`), `choices`, `followups`, `callback`, `acknowledged_seconds`.

Who and where: `member(name, *roles)`, `stranger(name)`, `role(name, Permission…)`, `add_guild`,
`remove_bot`, `add_channel`, `channel(name)`, `dm(user)`, `join`, `leave`, `give`, `take`,
`open_command`.
A message has `text`, `edits`, `versions`, `pings`, `thread`, `buttons`, `reply_to`, `reactions`.

Mishaps: `faults.rate_limit / fail / drop / lose_answer / delay / delay_answer(route)` with routes
like "POST /channels/*/messages"; `gateway.refuse_next(4014)`, `drop(4000)`, `cut()`,
`ask_to_reconnect()`, `invalidate()`, `become_zombie()`, `emit(event, data)`, `away`,
`ready_delay_seconds`; `go_away()` and `come_back(forgetful=…)`; `deny(channel,
Permission.SEND_MESSAGES)`, `allow(channel)`, `delete(channel | thread | message)`,
`archive(thread, locked=…)`; `state.active_threads_max`;
`state.clock.advance(minutes=15)` ages tokens; `DiscordStandIn(rate_limits=True)` answers 429.

What tests read: `wait_for(lambda state: …)`, `wait_for_message`, `wait_connected`, `violations`
(what no correct bot sends: bad bodies by Discord's rules or its OpenAPI document, secrets given to
`forbid`, unknown routes), `refusals` (every 4xx with its code), `unanswered`, `requests`,
`state.pings_of`, `state.commands.puts`, `gateway.identifies`, `gateway.resumes`,
`limits.exceeded`, `describe()`.

By hand: `python -m tests.fakes.discord --port 5055` prints the variables for `athena serve`, shows
what happens and takes commands (`help`).
"""

from tests.fakes.discord.driver import NoAnswer
from tests.fakes.discord.gateway import Intent
from tests.fakes.discord.interactions import Callback, Interaction, Kind
from tests.fakes.discord.message import Attachment, Message
from tests.fakes.discord.offers import Impossible
from tests.fakes.discord.people import Permission, Role, User
from tests.fakes.discord.stand_in import DiscordStandIn

__all__ = [
    "Attachment",
    "Callback",
    "DiscordStandIn",
    "Impossible",
    "Intent",
    "Interaction",
    "Kind",
    "Message",
    "NoAnswer",
    "Permission",
    "Role",
    "User",
]
