"""What Discord accepts as application commands.

Source: Discord's documentation, "Application Commands".
"""

from __future__ import annotations

import re
from typing import Final

from tests.fakes.discord.errors import Problem
from tests.fakes.discord.findings import Findings
from tests.fakes.discord.jsontypes import Json, Path

CHAT, USER_MENU, MESSAGE_MENU = 1, 2, 3
SUBCOMMAND, SUBCOMMAND_GROUP = 1, 2
STRING, INTEGER, BOOLEAN, NUMBER, ATTACHMENT = 3, 4, 5, 10, 11
CHARACTERS_MAX: Final = 8000
PER_SCOPE_MAX: Final = {CHAT: 100, USER_MENU: 15, MESSAGE_MENU: 15}

# Letters of any script, digits, "_", "-" and "'"; Python's \w is close enough to Discord's classes.
NAME: Final = re.compile(r"^[-_'\w]{1,32}$")


def check_commands(commands: list[Json]) -> list[Problem]:
    """All that is wrong with a set of commands that is to be the whole of a scope."""
    findings = Findings()
    for index, command in enumerate(commands):
        _check_command((index,), command, findings)
    for kind, most in PER_SCOPE_MAX.items():
        names = [c.get("name") for c in commands if c.get("type", CHAT) == kind]
        code = "APPLICATION_COMMANDS_DUPLICATE_NAME"
        findings.unique((), names, code, "Application command names must be unique")
        if len(names) > most:
            message = f"Maximum number of application commands reached ({most})."
            findings.add((), "BASE_TYPE_MAX_LENGTH", message)
    return findings.problems


def check_command(command: Json) -> list[Problem]:
    findings = Findings()
    _check_command((), command, findings)
    return findings.problems


def characters(command: Json) -> int:
    """What counts towards the 8000: names, descriptions and choice values, all the way down."""
    own = len(str(command.get("name") or "")) + len(str(command.get("description") or ""))
    choices = command.get("choices") or []
    own += sum(len(str(c.get("name"))) + len(str(c.get("value"))) for c in choices)
    return own + sum(characters(option) for option in command.get("options") or [])


def _check_command(at: Path, command: Json, findings: Findings) -> None:
    if command.get("type", CHAT) == CHAT:
        _check_name((*at, "name"), command.get("name"), findings)
        findings.length((*at, "description"), command.get("description"), 100, 1)
        _check_options((*at, "options"), command.get("options") or [], findings)
    else:
        findings.length((*at, "name"), command.get("name"), 32, 1)
        for key in ("description", "options"):
            if command.get(key):
                message = "Context menu commands cannot have a description or options"
                findings.add((*at, key), "APPLICATION_COMMAND_CONTEXT_MENU_FIELD", message)
    size = characters(command)
    if size > CHARACTERS_MAX:
        message = f"Command exceeds maximum size ({size} of {CHARACTERS_MAX})"
        findings.add(at, "APPLICATION_COMMAND_TOO_LARGE", message)


def _check_name(at: Path, name: object, findings: Findings) -> None:
    if not isinstance(name, str) or not NAME.match(name) or name != name.lower():
        code = "APPLICATION_COMMAND_INVALID_NAME"
        findings.add(at, code, f"Command name is invalid: {name!r}")


def _check_options(at: Path, options: list[Json], findings: Findings) -> None:
    findings.count(at, options, 25)
    names = [option.get("name") for option in options]
    code = "APPLICATION_COMMAND_OPTIONS_NAME_ALREADY_EXISTS"
    findings.unique(at, names, code, "Option names must be unique")
    optional_seen = False
    for index, option in enumerate(options):
        here = (*at, index)
        if option.get("required") and optional_seen:
            message = "Required options must be placed before non-required options"
            findings.add(here, "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID", message)
        optional_seen |= not option.get("required")
        _check_option(here, option, findings)
    subcommands = [option.get("type") in (SUBCOMMAND, SUBCOMMAND_GROUP) for option in options]
    if any(subcommands) and not all(subcommands):
        message = "Sub-command and sub-command group option types are mutually exclusive to others"
        findings.add(at, "APPLICATION_COMMAND_OPTIONS_TYPE_INVALID", message)


def _check_option(at: Path, option: Json, findings: Findings) -> None:
    _check_name((*at, "name"), option.get("name"), findings)
    findings.length((*at, "description"), option.get("description"), 100, 1)
    if option.get("type") in (SUBCOMMAND, SUBCOMMAND_GROUP):
        _check_options((*at, "options"), option.get("options") or [], findings)
        return
    choices = option.get("choices") or []
    check_choices((*at, "choices"), choices, findings)
    if choices and option.get("autocomplete"):
        message = "autocomplete may not be set to true if choices are present"
        findings.add((*at, "autocomplete"), "APPLICATION_COMMAND_AUTOCOMPLETE_CHOICES", message)
    for key, lowest in (("min_length", 0), ("max_length", 1)):
        if option.get(key) is not None and not lowest <= option[key] <= 6000:
            findings.add((*at, key), "NUMBER_TYPE_MAX", f"Must be between {lowest} and 6000.")


def check_choices(at: Path, choices: list[Json], findings: Findings) -> None:
    """Fixed choices of an option, and answers to autocomplete."""
    findings.count(at, choices, 25)
    for index, choice in enumerate(choices):
        findings.length((*at, index, "name"), choice.get("name"), 100, 1)
        if isinstance(choice.get("value"), str):
            findings.length((*at, index, "value"), choice["value"], 100, 1)
        elif not isinstance(choice.get("value"), int | float):
            findings.add((*at, index, "value"), "BASE_TYPE_REQUIRED", "This field is required")
    names = [choice.get("name") for choice in choices]
    code = "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_ALREADY_EXISTS"
    findings.unique(at, names, code, "Choice names must be unique")
