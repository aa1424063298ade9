"""Where refusals become `application/problem+json`: the one place that knows statuses (RFC 9457).

No problem repeats what was sent. The refusals that only HTTP knows stand here; all others are the
tree of `model/errors.py`.
"""

from __future__ import annotations

from typing import Final

from typing_extensions import TypedDict

from athena.api.reply import PROBLEM_TYPE, Reply, json_bytes
from athena.model import errors
from athena.model.errors import AthenaError

# Whoever sends hundreds of wrong fields learns of the first ones.
_ERRORS_SHOWN_MAX: Final = 20


class HttpError(AthenaError):
    """A refusal that has its reason in HTTP."""

    status = 400
    headers: tuple[tuple[str, str], ...] = ()


class BadRequest(HttpError):
    """This is not a request in HTTP that Athena understands."""

    code = "bad_request"


class NoSuchPath(HttpError):
    """There is nothing at this path; see /docs."""

    code = "not_found"
    status = 404


class NoSuchMethod(HttpError):
    """This path does not have that method; see the Allow header."""

    code = "method_not_allowed"
    status = 405

    def __init__(self, allowed: str) -> None:
        super().__init__()
        self.headers = (("Allow", allowed),)


class TooSlow(HttpError):
    """The body of the request did not arrive in time."""

    code = "request_timeout"
    status = 408


class TooLarge(HttpError):
    """The body of the request is too large: at most 256 KiB are taken."""

    code = "too_large"
    status = 413


class WrongMediaType(HttpError):
    """The body of a request is JSON in UTF-8: send Content-Type: application/json."""

    code = "unsupported_media_type"
    status = 415


class ExpectationFailed(HttpError):
    """Only the expectation 100-continue is met."""

    code = "expectation_failed"
    status = 417


class WrongField(TypedDict):
    """One field that is not as it must be."""

    field: str
    message: str


class Problem(TypedDict, total=False):
    """What went wrong: `code` is stable, `detail` is for people, `errors` names wrong fields."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    errors: list[WrongField]


_STATUS: Final[tuple[tuple[type[AthenaError], int], ...]] = (
    (errors.NotFound, 404),
    (errors.Conflict, 409),
    (errors.Invalid, 422),
    (errors.Unauthorized, 401),
    (errors.Denied, 403),
    (errors.TooMany, 429),
    (errors.Unavailable, 503),
)


def status_of(error: type[AthenaError]) -> int:
    """The HTTP status that a refusal is answered with."""
    if issubclass(error, HttpError):
        return error.status
    return next((status for kind, status in _STATUS if issubclass(error, kind)), 500)


def title_of(code: str) -> str:
    """A short name for a code."""
    return code.replace("_", " ").capitalize()


def problem_of(error: AthenaError) -> Problem:
    """The refusal as a problem document."""
    problem = Problem(
        type=f"/docs#{error.code}",
        title=title_of(error.code),
        status=status_of(type(error)),
        detail=error.detail,
        code=error.code,
    )
    if isinstance(error, errors.Invalid) and error.errors:
        problem["errors"] = [
            WrongField(field=wrong.field, message=wrong.message)
            for wrong in error.errors[:_ERRORS_SHOWN_MAX]
        ]
    return problem


def reply_for(error: AthenaError) -> Reply:
    """The answer that tells of the refusal."""
    return Reply(
        status_of(type(error)),
        json_bytes(problem_of(error)),
        media_type=PROBLEM_TYPE,
        headers=_headers_for(error),
    )


def _headers_for(error: AthenaError) -> tuple[tuple[str, str], ...]:
    match error:
        case HttpError():
            return error.headers
        case errors.TooMany() | errors.Unavailable():
            return (("Retry-After", str(error.retry_after_seconds)),)
        case errors.Unauthorized():
            return (("WWW-Authenticate", 'Bearer realm="athena"'),)
        case _:
            return ()


class InternalError(AthenaError):
    """Something went wrong inside Athena; the log says what."""

    code = "internal_error"
