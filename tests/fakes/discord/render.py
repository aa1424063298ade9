"""What the stand-in knows, written as Discord writes it: the JSON of its API and gateway."""

from __future__ import annotations

from typing import Final

from tests.fakes.discord.channel import Channel, ChannelType, Guild
from tests.fakes.discord.jsontypes import Json
from tests.fakes.discord.message import Attachment, Flag, Message
from tests.fakes.discord.people import Member, Overwrite, Permission, Role, User
from tests.fakes.discord.snowflakes import at, iso

LONG_AGO = "2024-01-01T00:00:00.000000+00:00"

_GUILD_NULLS: Final = (
    "icon splash banner description home_header discovery_splash application_id afk_channel_id"
    " system_channel_id widget_channel_id max_presences vanity_url_code rules_channel_id"
    " safety_alerts_channel_id public_updates_channel_id incidents_data"
).split()
_GUILD_ZEROS: Final = (
    "system_channel_flags explicit_content_filter mfa_level nsfw_level premium_tier"
    " premium_subscription_count"
).split()


def user_json(user: User) -> Json:
    return {
        "id": str(user.id),
        "username": user.name,
        "global_name": None if user.bot else user.name.capitalize(),
        "discriminator": "0000" if user.bot else "0",
        "avatar": None,
        "bot": user.bot,
        "banner": None,
        "accent_color": None,
        "avatar_decoration_data": None,
        "collectibles": None,
        "primary_guild": None,
        "public_flags": 0,
        "flags": 0,
    }


def me_json(user: User) -> Json:
    account = {"verified": True, "mfa_enabled": True, "email": None, "locale": "en-US"}
    return {**user_json(user), **account}


def role_json(role: Role) -> Json:
    return {
        "id": str(role.id),
        "name": role.name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "icon": None,
        "unicode_emoji": None,
        "position": role.position,
        "permissions": str(role.permissions.value),
        "managed": False,
        "mentionable": role.mentionable,
        "flags": 0,
    }


def member_json(member: Member, permissions: Permission | None = None) -> Json:
    """A member; `permissions` (those in the channel) is there in interactions only."""
    data: Json = {
        "user": user_json(member.user),
        "nick": member.nick,
        "avatar": None,
        "banner": None,
        "roles": [str(role.id) for role in member.roles],
        "joined_at": LONG_AGO,
        "premium_since": None,
        "deaf": False,
        "mute": False,
        "flags": 0,
        "pending": False,
        "communication_disabled_until": None,
    }
    if permissions is not None:
        data["permissions"] = str(permissions.value)
    return data


def overwrite_json(target_id: int, overwrite: Overwrite) -> Json:
    return {
        "id": str(target_id),
        "type": 1 if overwrite.is_member else 0,
        "allow": str(overwrite.allow.value),
        "deny": str(overwrite.deny.value),
    }


def channel_json(channel: Channel) -> Json:
    if channel.is_thread:
        return thread_json(channel)
    last = channel.history[-1].id if channel.history else None
    if channel.guild is None:
        recipients = [user_json(channel.recipient)] if channel.recipient else []
        return {
            "id": str(channel.id),
            "type": ChannelType.DM,
            "flags": 0,
            "last_message_id": str(last) if last else None,
            "recipients": recipients,
        }
    return {
        "id": str(channel.id),
        "type": channel.type,
        "guild_id": str(channel.guild.id),
        "name": channel.name,
        "topic": channel.topic,
        "position": [c for c in channel.guild.channels if not c.is_thread].index(channel),
        "permission_overwrites": [overwrite_json(i, o) for i, o in channel.overwrites.items()],
        "parent_id": None,
        "nsfw": False,
        "rate_limit_per_user": channel.rate_limit_per_user,
        "last_message_id": str(last) if last else None,
        "flags": 0,
    }


def thread_json(thread: Channel) -> Json:
    assert thread.guild is not None
    assert thread.parent is not None
    assert thread.owner is not None
    said = len(thread.messages)
    return {
        "id": str(thread.id),
        "type": thread.type,
        "guild_id": str(thread.guild.id),
        "parent_id": str(thread.parent.id),
        "owner_id": str(thread.owner.id),
        "name": thread.name,
        "last_message_id": str(thread.history[-1].id) if thread.history else None,
        "message_count": said,
        "total_message_sent": said,
        "member_count": len(thread.thread_members),
        "rate_limit_per_user": thread.rate_limit_per_user,
        "flags": 0,
        "thread_metadata": {
            "archived": thread.archived,
            "auto_archive_duration": thread.auto_archive_minutes,
            "archive_timestamp": iso(thread.archive_changed_at),
            "locked": thread.locked,
            "create_timestamp": iso(at(thread.id)),
        },
    }


def thread_member_json(thread: Channel, user_id: int) -> Json:
    return {
        "id": str(thread.id),
        "user_id": str(user_id),
        "join_timestamp": iso(at(thread.id)),
        "flags": 0,
    }


def guild_json(guild: Guild) -> Json:
    """A guild as GET /guilds/{id} gives it: what this one lacks is null or 0 or empty."""
    return {
        **dict.fromkeys(_GUILD_NULLS),
        **dict.fromkeys(_GUILD_ZEROS, 0),
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner.id),
        "roles": [role_json(role) for role in [guild.everyone, *guild.roles]],
        "emojis": [],
        "stickers": [],
        "features": [],
        "verification_level": 1,
        "default_message_notifications": 1,
        "premium_progress_bar_enabled": False,
        "widget_enabled": False,
        "nsfw": False,
        "preferred_locale": "en-US",
        "region": "deprecated",
        "afk_timeout": 300,
        "max_members": 500_000,
        "max_video_channel_users": 25,
        "max_stage_video_channel_users": 50,
    }


def guild_create_json(guild: Guild, bot: User) -> Json:
    """A guild as the gateway announces it: the bot alone of its members, unless asked for more."""
    me = guild.member(bot)
    seen = [c for c in guild.channels if c.allows(bot, Permission.VIEW_CHANNEL) or not c.is_thread]
    return {
        **guild_json(guild),
        "joined_at": LONG_AGO,
        "large": False,
        "unavailable": False,
        "member_count": len(guild.members),
        "members": [member_json(me)] if me else [],
        "channels": [channel_json(c) for c in seen if not c.is_thread],
        "threads": [
            {**thread_json(c), "member": thread_member_json(c, bot.id)}
            for c in seen
            if c.is_thread and not c.archived
        ],
        "presences": [],
        "voice_states": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }


def attachment_json(attachment: Attachment, *, ephemeral: bool = False) -> Json:
    data: Json = {
        "id": str(attachment.id),
        "filename": attachment.filename,
        "size": len(attachment.content),
        "url": attachment.url,
        "proxy_url": attachment.url,
        "content_type": attachment.content_type,
    }
    if attachment.description is not None:
        data["description"] = attachment.description
    if ephemeral:
        data["ephemeral"] = True
    return data


def message_json(message: Message, *, nested: bool = False) -> Json:
    """A message as REST answers it and the gateway sends it; the reply's target goes inside."""
    data: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "type": message.type,
        "author": user_json(message.author),
        "content": message.content,
        "embeds": [{"type": "rich", **embed} for embed in message.embeds],
        "components": message.components,
        "attachments": [
            attachment_json(a, ephemeral=message.ephemeral) for a in message.attachments
        ],
        "mentions": [user_json(user) for user in sorted(message.pings.users, key=lambda u: u.id)],
        "mention_roles": [str(role.id) for role in message.pings.roles],
        "mention_everyone": message.pings.everyone,
        "timestamp": iso(at(message.id)),
        "edited_timestamp": iso(message.edited_at) if message.edited_at else None,
        "tts": message.tts,
        "pinned": message.pinned,
        "flags": message.flags | (Flag.HAS_THREAD if message.thread else 0),
    }
    if message.reactions:
        data["reactions"] = _reactions(message)
    data |= _origin(message)
    if message.thread is not None and not nested:
        data["thread"] = thread_json(message.thread)
    if message.reply_to_id is not None:
        data |= _reference(message, nested=nested)
    return data


def _origin(message: Message) -> Json:
    """Where it came from: the sender's nonce, or the interaction that it answers."""
    data: Json = {}
    if message.nonce is not None:
        data["nonce"] = message.nonce
    if message.webhook_id is not None:
        data |= {"webhook_id": str(message.webhook_id), "application_id": str(message.webhook_id)}
    if message.interaction is not None:
        data["interaction_metadata"] = message.interaction
    return data


def _reactions(message: Message) -> list[Json]:
    return [
        {
            "emoji": {"id": None, "name": emoji},
            "count": len(users),
            "count_details": {"burst": 0, "normal": len(users)},
            "burst_colors": [],
            "me": any(user.bot for user in users),
            "me_burst": False,
        }
        for emoji, users in message.reactions.items()
    ]


def _reference(message: Message, *, nested: bool) -> Json:
    guild = message.channel.guild
    place = message.reply_to.channel if message.reply_to else message.channel
    reference: Json = {
        "type": 0,
        "message_id": str(message.reply_to_id),
        "channel_id": str(place.id),
    }
    if guild:
        reference["guild_id"] = str(guild.id)
    data: Json = {"message_reference": reference}
    if not nested:
        stands = message.reply_to is not None and not message.reply_to.deleted
        data["referenced_message"] = (
            message_json(message.reply_to, nested=True) if stands and message.reply_to else None
        )
    return data


def event_message_json(message: Message) -> Json:
    """A message as the gateway sends it: with the guild and the author's membership."""
    data = message_json(message)
    guild = message.channel.guild
    if guild is not None:
        data["guild_id"] = str(guild.id)
        member = guild.member(message.author)
        if member is not None and message.webhook_id is None:
            data["member"] = {k: v for k, v in member_json(member).items() if k != "user"}
    return data
