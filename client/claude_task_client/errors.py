"""What can go wrong between this client and Athena, and the exit code of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Final

EXIT_DONE: Final = 0
EXIT_REFUSED: Final = 1
EXIT_WRONG_USAGE: Final = 2
EXIT_UNREACHABLE: Final = 3
EXIT_NOTHING_TO_DO: Final = 4


class AthenaError(Exception):
    """Something went wrong between this client and Athena."""

    exit_code: ClassVar[int] = EXIT_REFUSED


class NotSignedIn(AthenaError):
    """No key is configured."""

    exit_code = EXIT_WRONG_USAGE


class BadSettings(AthenaError):
    """A setting of this client, or a file it keeps, cannot be used."""

    exit_code = EXIT_WRONG_USAGE


class NothingToDo(AthenaError):
    """There is no task to do this with."""

    exit_code = EXIT_NOTHING_TO_DO


class Unreachable(AthenaError):
    """Athena did not answer."""

    exit_code = EXIT_UNREACHABLE


class NotSent(Unreachable):
    """No connection could be made: Athena did not get the request."""


class NotAthena(Unreachable):
    """Something answered, but not Athena: a proxy's page, a redirect, another service."""


class Refused(AthenaError):
    """Athena answered no.

    `code` is the stable word of the API (`already_claimed`), `status` the HTTP status, `errors` the
    fields at fault, `retry_after_seconds` how long Athena asks to wait.
    """

    def __init__(
        self,
        detail: str,
        *,
        status: int,
        code: str,
        errors: Sequence[Mapping[str, object]] = (),
        retry_after_seconds: float | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.status = status
        self.code = code
        self.errors = tuple(errors)
        self.retry_after_seconds = retry_after_seconds

    def __str__(self) -> str:
        """The reason, followed by each field at fault that the reason does not name itself."""
        fields = [f"{error.get('field')}: {error.get('message')}" for error in self.errors]
        return "\n  ".join([self.detail, *(each for each in fields if each not in self.detail)])


class Denied(Refused):
    """The key is unknown (401), or lacks the scope or the instance for this (403)."""


class NotFound(Refused):
    """There is no such thing."""


class Conflict(Refused):
    """The task's state forbids it: another holds it, it has ended, it was cancelled."""


class Invalid(Refused):
    """The request itself is wrong."""


class TooMany(Refused):
    """The rate limit of the key is used up for now."""


class Unavailable(Refused):
    """Athena is there, but cannot do this now."""


_BY_STATUS: Final[Mapping[int, type[Refused]]] = {
    401: Denied,
    403: Denied,
    404: NotFound,
    409: Conflict,
    429: TooMany,
    503: Unavailable,
}


def refusal(
    status: int, problem: Mapping[str, object], *, retry_after_seconds: float | None = None
) -> Refused:
    """The exception for a problem document (RFC 9457) of Athena's."""
    errors = problem.get("errors")
    return _BY_STATUS.get(status, Invalid if status < 500 else Refused)(
        str(problem.get("detail") or problem.get("title") or problem.get("code")),
        status=status,
        code=str(problem.get("code")),
        errors=[error for error in errors if isinstance(error, dict)]
        if isinstance(errors, list)
        else (),
        retry_after_seconds=retry_after_seconds,
    )
