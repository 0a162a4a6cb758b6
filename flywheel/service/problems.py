"""What a refused request is told: RFC 9457, always in the same words."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any, Final

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import Field
from starlette.exceptions import HTTPException
from starlette.responses import Response

from flywheel.errors import (
    FlywheelError,
    InputError,
    LineageError,
    ModelError,
    NotEnoughData,
    PolicyError,
    ServiceError,
    StaleRelease,
    StoreError,
    UnknownName,
)
from flywheel.records.base import Record
from flywheel.records.intake import RejectedItem

MEDIA_TYPE: Final = "application/problem+json"
SHOWN: Final = 120
"""Characters of what was got that a problem repeats."""

_STATUS: Final[tuple[tuple[type[FlywheelError], int], ...]] = (
    (UnknownName, 404),
    (InputError, 422),
    (PolicyError, 422),
    (NotEnoughData, 409),
    (StaleRelease, 409),
    (StoreError, 503),
    (ModelError, 502),
    (ServiceError, 502),
    (LineageError, 409),
)
"""The first that fits."""

_NEXT: Final[dict[int, str]] = {
    404: "Check the address; /openapi.json lists every route.",
    405: "Use a method that Allow names.",
    409: "Read what is there now, then decide again.",
    422: "Correct the request and send it again.",
    500: "Look at the log of the server; the request may be sent again.",
    503: "Send the same request again when the store is back; nothing is stored twice.",
}


class WrongPart(Record):
    """One part of a request that cannot be used."""

    where: str
    got: str | None
    need: str


class Problem(Record):
    """Why a request was not done (RFC 9457); what is not known is null.

    Attributes:
        type: names the kind of problem, stable over versions.
        title: the kind in words.
        detail: what happened, and what was left as it was.
        instance: path of the request.
        got: what was sent.
        need: what would have been taken.
        next: what to do now.
        errors: each part that cannot be used.
        rejections: executions that are no evidence.
    """

    type: str = Field(examples=["urn:flywheel:problem:unknown-name"])
    title: str
    status: int
    detail: str
    instance: str
    got: str | None = None
    need: str | None = None
    next: str | None = None
    errors: tuple[WrongPart, ...] = ()
    rejections: tuple[RejectedItem, ...] = ()


class Refused(HTTPException):
    """A request that a route does not do.

    Args:
        status: of the answer.
        kind: ends the type of the problem.
        detail: what happened, what was left as it was.
        told: the other fields of `Problem`.
        headers: of the answer.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        told: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(status, detail, headers)
        self.kind = kind
        self.told = told or {}


def problem_response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    """A problem as an answer."""
    return Response(problem.model_dump_json(), problem.status, headers, MEDIA_TYPE)


def problem_of(request: Request, status: int, kind: str, detail: str, **told: Any) -> Problem:  # noqa: ANN401
    """A problem; what to do next is that of its status, where nothing better is told."""
    return Problem(
        type=f"urn:flywheel:problem:{kind}",
        title=HTTPStatus(status).phrase,
        status=status,
        detail=detail,
        instance=request.url.path,
        **{"next": _NEXT.get(status), **told},
    )


def status_of(error: FlywheelError) -> int:
    """The status an error of flywheel is answered with.

    Examples:
        >>> status_of(UnknownName("x")), status_of(StoreError("x")), status_of(StaleRelease("x"))
        (404, 503, 409)
    """
    return next((status for kind, status in _STATUS if isinstance(error, kind)), 500)


def on_flywheel_error(request: Request, error: Exception) -> Response:
    """An error of the tree; its message says what, got, need and next itself."""
    if not isinstance(error, FlywheelError):
        raise error
    status = status_of(error)
    sentences = re.split(r"(?<=[.?]) (?=[A-Z])", str(error))
    told = {"next": sentences[-1]} if len(sentences) > 1 else {}
    headers = {"Retry-After": "5"} if status == 503 else None
    return problem_response(problem_of(request, status, _kind(error), str(error), **told), headers)


def on_http_error(request: Request, error: Exception) -> Response:
    """What a route refused, or what no route takes."""
    if not isinstance(error, HTTPException):
        raise error
    headers = dict(error.headers) if error.headers else None
    if isinstance(error, Refused):
        found = problem_of(request, error.status_code, error.kind, error.detail, **error.told)
        return problem_response(found, headers)
    told = {"got": f"{request.method} {request.url.path}"[:SHOWN]}
    if headers and "Allow" in headers:
        told["need"] = headers["Allow"]
    kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
    return problem_response(problem_of(request, error.status_code, kind, f"{error.detail}.", **told), headers)


def on_invalid_request(request: Request, error: Exception) -> Response:
    """A parameter or a body of the wrong form; nothing was done."""
    if not isinstance(error, RequestValidationError):
        raise error
    parts = tuple(
        WrongPart(
            where=".".join(str(step) for step in one["loc"])[:SHOWN],
            got=None if one["type"] == "missing" else repr(one.get("input"))[:SHOWN],
            need=str(one["msg"]),
        )
        for one in error.errors()
    )
    first = parts[0]
    return problem_response(
        problem_of(
            request,
            422,
            "invalid-request",
            f"{first.where}: {first.need}. Nothing was done.",
            got=first.got,
            need=first.need,
            errors=parts,
        )
    )


def on_crash(request: Request, _error: Exception) -> Response:
    """A mistake of the program; the log has it, the caller gets no inside."""
    detail = "The server met an error of its own. What was stored before is kept."
    return problem_response(problem_of(request, 500, "internal-error", detail))


def answers(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of a route, for OpenAPI.

    Examples:
        >>> sorted(answers(404))
        [401, 404, 422, 503]
    """
    return {
        status: {
            "model": Problem,
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status in sorted({401, 422, 503, *statuses})
    }


def _kind(error: FlywheelError) -> str:
    """The name of a class as words: UnknownName becomes unknown-name."""
    return re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()
