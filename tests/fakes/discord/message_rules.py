"""What Discord accepts as a message, also where its OpenAPI document is silent.

Source of the numbers: Discord's documentation ("Message", "Embed Limits", "Allowed Mentions").
"""

from __future__ import annotations

from typing import Final

from tests.fakes.discord.component_rules import check_message_components
from tests.fakes.discord.errors import Problem
from tests.fakes.discord.findings import Findings
from tests.fakes.discord.jsontypes import Json
from tests.fakes.discord.message import Flag, embed_lines

CONTENT_MAX: Final = 2000
EMBEDS_MAX: Final = 10
EMBED_CHARACTERS_MAX: Final = 6000
FILES_MAX: Final = 10
FILE_BYTES_MAX: Final = 10 * 1024 * 1024
NONCE_MAX: Final = 25

_CREATE_FLAGS = Flag.SUPPRESS_EMBEDS | Flag.SUPPRESS_NOTIFICATIONS | Flag.COMPONENTS_V2
_EDIT_FLAGS = Flag.SUPPRESS_EMBEDS | Flag.COMPONENTS_V2
_EMBED_LIMITS = {"title": 256, "description": 4096, "url": 2048}


def check_message(body: Json, *, editing: bool = False, interaction: bool = False) -> list[Problem]:
    """All that is wrong with the form of a message; `interaction`: an answer to one may be hidden.

    Emptiness is not judged here: it depends on the files, and on what an edit leaves standing.
    """
    findings = Findings()
    findings.length(("content",), body.get("content"), CONTENT_MAX)
    _check_embeds(body.get("embeds") or [], findings)
    _check_mentions(body.get("allowed_mentions"), findings)
    nonce = body.get("nonce")
    findings.length(("nonce",), None if nonce is None else str(nonce), NONCE_MAX)
    flags = _check_flags(body.get("flags") or 0, findings, editing, interaction)
    v2 = bool(flags & Flag.COMPONENTS_V2)
    if v2:
        _check_v2_alone(body, findings)
    check_message_components(body.get("components") or [], findings, v2=v2)
    return findings.problems


def is_empty(body: Json, files: int) -> bool:
    """Whether a new message says nothing (50006)."""
    if files or body.get("poll") or body.get("sticker_ids"):
        return False
    said = str(body.get("content") or "").strip()
    return not (said or body.get("embeds") or body.get("components"))


def _check_flags(flags: int, findings: Findings, editing: bool, interaction: bool) -> int:
    allowed = _EDIT_FLAGS if editing else _CREATE_FLAGS
    if interaction and not editing:
        allowed |= Flag.EPHEMERAL
    # An edit that carries an ephemeral flag is ignored by Discord; on a new message it is a bug.
    ignored = Flag.EPHEMERAL | Flag.HAS_THREAD if editing else 0
    if flags & ~(allowed | ignored):
        findings.add(("flags",), "MESSAGE_FLAGS_INVALID", f"Flags {flags} may not be set here.")
        return 0
    return flags


def _check_v2_alone(body: Json, findings: Findings) -> None:
    for key in ("content", "embeds", "poll", "sticker_ids"):
        if body.get(key):
            code = "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2"
            message = f"The '{key}' field cannot be used when using MessageFlags.IS_COMPONENTS_V2"
            findings.add((key,), code, message)


def _check_embeds(embeds: list[Json], findings: Findings) -> None:
    findings.count(("embeds",), embeds, EMBEDS_MAX)
    total = 0
    for index, embed in enumerate(embeds):
        _check_embed(index, embed, findings)
        total += sum(len(line) for line in embed_lines(embed))
    if total > EMBED_CHARACTERS_MAX:
        message = f"Embed size exceeds maximum size of {EMBED_CHARACTERS_MAX} (it is {total})"
        findings.add(("embeds",), "MAX_EMBED_SIZE_EXCEEDED", message)


def _check_embed(index: int, embed: Json, findings: Findings) -> None:
    at = ("embeds", index)
    for key, longest in _EMBED_LIMITS.items():
        findings.length((*at, key), embed.get(key), longest)
    for number, field in enumerate(findings.count((*at, "fields"), embed.get("fields") or [], 25)):
        findings.length((*at, "fields", number, "name"), field.get("name"), 256, 1)
        findings.length((*at, "fields", number, "value"), field.get("value"), 1024, 1)
    if embed.get("footer"):
        findings.length((*at, "footer", "text"), embed["footer"].get("text"), 2048)
    if embed.get("author"):
        findings.length((*at, "author", "name"), embed["author"].get("name"), 256, 1)
    seen = any(line.strip() for line in embed_lines(embed))
    if not seen and not (embed.get("image") or embed.get("thumbnail")):
        findings.add((*at, "description"), "BASE_TYPE_REQUIRED", "This field is required")


def _check_mentions(mentions: Json | None, findings: Findings) -> None:
    if mentions is None:
        return
    parse = mentions.get("parse") or []
    for index, word in enumerate(parse):
        if word not in ("users", "roles", "everyone"):
            at = ("allowed_mentions", "parse", index)
            findings.add(at, "BASE_TYPE_CHOICES", "Must be one of users, roles, everyone.")
    for key in ("users", "roles"):
        ids = findings.count(("allowed_mentions", key), mentions.get(key) or [], 100)
        if ids and key in parse:
            code = "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE"
            message = f'parse:["{key}"] and {key}: [ids...] are mutually exclusive.'
            findings.add(("allowed_mentions",), code, message)
