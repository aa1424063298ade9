"""A small bot on the real discord.py, run as a process of its own against the stand-in.

It does what bots like Athena do, in the shortest way: the stand-in is under test, not the bot.
"""

from __future__ import annotations

import asyncio
import os
import signal

import discord
from discord import app_commands
from yarl import URL

discord.http.Route.BASE = os.environ["ATHENA_DISCORD_API_URL"]
discord.gateway.DiscordWebSocket.DEFAULT_GATEWAY = URL(os.environ["ATHENA_DISCORD_GATEWAY_URL"])


class Form(discord.ui.Modal, title="New task"):
    description: discord.ui.Label[Form] = discord.ui.Label(
        text="Description",
        component=discord.ui.TextInput(style=discord.TextStyle.paragraph, max_length=4000),
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        assert isinstance(self.description.component, discord.ui.TextInput)
        await interaction.response.send_message(f"queued: {self.description.component.value}")


class Survey(discord.ui.Modal, title="Survey"):
    """One field of each kind that is no text."""

    level: discord.ui.Label[Survey] = discord.ui.Label(
        text="Level",
        component=discord.ui.Select(
            options=[discord.SelectOption(label="High", value="high", default=True)]
        ),
    )
    way: discord.ui.Label[Survey] = discord.ui.Label(
        text="Way",
        component=discord.ui.RadioGroup(
            options=[discord.RadioGroupOption(label=word, value=word) for word in ("up", "down")]
        ),
    )
    parts: discord.ui.Label[Survey] = discord.ui.Label(
        text="Parts",
        component=discord.ui.CheckboxGroup(
            options=[discord.CheckboxGroupOption(label=word, value=word) for word in ("a", "b")],
            max_values=2,
        ),
    )
    sure: discord.ui.Label[Survey] = discord.ui.Label(
        text="Sure", component=discord.ui.Checkbox(default=True)
    )
    files: discord.ui.Label[Survey] = discord.ui.Label(
        text="Files", component=discord.ui.FileUpload(required=False)
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        level, way, parts = self.level.component, self.way.component, self.parts.component
        sure, files = self.sure.component, self.files.component
        assert isinstance(level, discord.ui.Select)
        assert isinstance(way, discord.ui.RadioGroup)
        assert isinstance(parts, discord.ui.CheckboxGroup)
        assert isinstance(sure, discord.ui.Checkbox)
        assert isinstance(files, discord.ui.FileUpload)
        names = [file.filename for file in files.values]
        said = f"{level.values} {way.value} {parts.values} {sure.value} {names}"
        await interaction.response.send_message(said)


class Buttons(discord.ui.View):
    def __init__(self) -> None:
        super().__init__(timeout=None)

    @discord.ui.button(label="Cancel", custom_id="cancel", style=discord.ButtonStyle.danger)
    async def cancel(self, interaction: discord.Interaction, _: discord.ui.Button[Buttons]) -> None:
        await interaction.response.edit_message(content="cancelled", view=None)

    @discord.ui.button(label="Why?", custom_id="why")
    async def why(self, interaction: discord.Interaction, _: discord.ui.Button[Buttons]) -> None:
        await interaction.response.send_message("because", ephemeral=True)

    @discord.ui.select(
        custom_id="level",
        placeholder="Priority",
        options=[discord.SelectOption(label="High", value="high")],
    )
    async def level(
        self, interaction: discord.Interaction, menu: discord.ui.Select[Buttons]
    ) -> None:
        await interaction.response.defer()
        await interaction.edit_original_response(content=f"now {menu.values[0]}")


class Groups(app_commands.Group):
    @app_commands.command(description="List the queue")
    async def list(self, interaction: discord.Interaction, page: int = 1) -> None:
        await interaction.response.send_message(f"page {page}")


class Bot(discord.Client):
    def __init__(self) -> None:
        super().__init__(
            intents=discord.Intents(int(os.environ.get("INTENTS", "1"))),
            allowed_mentions=discord.AllowedMentions.none(),
            max_ratelimit_timeout=30,
            heartbeat_timeout=float(os.environ.get("HEARTBEAT_TIMEOUT", "60")),
        )
        self.tree = app_commands.CommandTree(self)
        add_commands(self.tree)

    async def setup_hook(self) -> None:
        self.add_view(Buttons())
        await self.tree.sync()

    async def on_message(self, message: discord.Message) -> None:
        if message.author != self.user and message.content.startswith("echo"):
            await message.channel.send(message.content, reference=message)


def add_commands(tree: app_commands.CommandTree[Bot]) -> None:
    @tree.command(description="Queue a task")
    @app_commands.describe(description="what to do")
    @app_commands.choices(priority=[app_commands.Choice(name="High", value="high")])
    async def task(
        interaction: discord.Interaction,
        description: str | None = None,
        priority: str = "medium",
        file: discord.Attachment | None = None,
    ) -> None:
        if file is not None:
            description = (await file.read()).decode()
        if description is None:
            await interaction.response.send_modal(Form())
        else:
            await interaction.response.send_message(f"{description} ({priority})", view=Buttons())

    @tree.command(description="Defer, then answer")
    async def slow(interaction: discord.Interaction, hidden: bool = False) -> None:
        await interaction.response.defer(ephemeral=hidden, thinking=True)
        await interaction.followup.send("done at last", file=_file("report.txt"))

    @tree.command(description="Ask much")
    async def survey(interaction: discord.Interaction) -> None:
        await interaction.response.send_modal(Survey())

    @tree.command(description="Take all kinds of options")
    async def kinds(
        interaction: discord.Interaction,
        person: discord.Member,
        role: discord.Role,
        place: discord.TextChannel,
        share: app_commands.Range[float, 0, 1],
        word: app_commands.Range[str, 2, 5] = "none",
    ) -> None:
        said = f"{person.display_name} {role.name} {place.name} {share} {word}"
        await interaction.response.send_message(said)

    @tree.command(description="Show a layout")
    async def layout(interaction: discord.Interaction) -> None:
        view = discord.ui.LayoutView()
        view.add_item(discord.ui.Container(discord.ui.TextDisplay("in a container")))
        await interaction.response.send_message(view=view)

    tree.add_command(Groups(name="queue", description="Work with the queue"))

    @tree.command(description="Never answer")
    async def silent(interaction: discord.Interaction) -> None:
        return

    @tree.command(description="Show a task")
    async def show(interaction: discord.Interaction, id: int) -> None:  # noqa: A002 - its name
        embed = discord.Embed(title=f"Task #{id}", description="@everyone <@1>")
        await interaction.response.send_message(embed=embed, ephemeral=True)

    @show.autocomplete("id")
    async def ids(interaction: discord.Interaction, typed: str) -> list[app_commands.Choice[int]]:
        return [app_commands.Choice(name=f"#{n}", value=n) for n in (7, 71) if typed in str(n)]

    @tree.command(description="Post a card with a thread")
    async def card(interaction: discord.Interaction, text: str, notify: bool = False) -> None:
        await interaction.response.defer(ephemeral=True)
        channel = interaction.channel
        assert isinstance(channel, discord.TextChannel)
        users = [interaction.user] if notify else False
        allowed = discord.AllowedMentions(users=users, everyone=False, roles=False)
        try:
            sent = await channel.send(text, view=Buttons(), allowed_mentions=allowed)
            thread = await sent.create_thread(name="Task", auto_archive_duration=1440)
            await thread.send("in the thread", file=_file("log.txt"))
            await sent.edit(content=f"{text} (edited)")
            await thread.edit(archived=True)
        except discord.HTTPException as error:
            await interaction.followup.send(f"failed: {error.status} {error.code}")
        else:
            await interaction.followup.send("posted")

    @tree.command(description="For admins")
    @app_commands.default_permissions(manage_guild=True)
    @app_commands.guild_only()
    async def pause(interaction: discord.Interaction) -> None:
        rights = interaction.permissions.manage_guild
        await interaction.response.send_message(f"paused {rights}")

    @tree.context_menu(name="Queue as task")
    async def queue(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"queued: {message.content}")


def _file(name: str) -> discord.File:
    import io

    return discord.File(io.BytesIO(b"line\n"), filename=name)


async def main() -> int:
    bot = Bot()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(
            number, lambda: asyncio.ensure_future(bot.close())
        )
    try:
        await bot.start(os.environ["ATHENA_DISCORD_TOKEN"])
    except (discord.LoginFailure, discord.PrivilegedIntentsRequired, discord.ConnectionClosed) as e:
        print(type(e).__name__, flush=True)
        return 3
    finally:
        await bot.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(asyncio.run(main()))
