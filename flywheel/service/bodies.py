"""Bodies of requests: no larger than allowed, of a kind that is read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import Depends, Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from flywheel.service.problems import Refused

ONE_PIECE: Final = "application/json"
BY_LINE: Final = ("application/x-ndjson", "application/jsonl", "application/jsonlines")


@dataclass(frozen=True, slots=True)
class Body:
    """What came with a request.

    Attributes:
        content: its bytes.
        by_line: whether it is one JSON object a line.
    """

    content: bytes
    by_line: bool


class LimitedBodies:
    """Middleware that reads no more of a body than allowed.

    Args:
        app: what answers; it meets a `Refused` with 413 where it reads on.
        limit: bytes.
    """

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self.app = app
        self.limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        told = Headers(scope=scope).get("content-length", "")
        length = int(told) if told.isascii() and told.isdigit() else 0

        async def limited() -> Message:
            nonlocal length
            if length > self.limit:
                raise _too_large(self.limit)
            message = await receive()
            if not told:
                length += len(message.get("body", b""))
            if length > self.limit:
                raise _too_large(self.limit)
            return message

        await self.app(scope, limited, send)


async def evidence_body(request: Request) -> Body:
    """A body of executions.

    Raises:
        Refused: 413 where it is too large, 415 where it is of another kind; nothing was stored.
    """
    kind = kind_of(request)
    if kind != ONE_PIECE and kind not in BY_LINE:
        raise _other_kind(kind, f"{ONE_PIECE}, or {BY_LINE[0]}")
    packed = request.headers.get("content-encoding", "identity").strip().lower()
    if packed != "identity":
        raise _other_kind(f"Content-Encoding: {packed}", "a body that is not packed")
    return Body(await request.body(), kind in BY_LINE)


async def json_only(request: Request) -> None:
    """Refuse what is not said to be JSON: a form of another site's page can be anything but that.

    Raises:
        Refused: 415.
    """
    kind = kind_of(request)
    if kind != ONE_PIECE:
        raise _other_kind(kind, ONE_PIECE)


def kind_of(request: Request) -> str:
    """Media type of a body, without its parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def _too_large(limit: int) -> Refused:
    told = {"need": f"at most {limit:,} bytes", "next": "Send the executions in several requests."}
    return Refused(
        413, "too-large", f"The body has more than {limit:,} bytes. Nothing of it was stored.", told
    )


def _other_kind(kind: str, need: str) -> Refused:
    told = {
        "got": (kind or "no Content-Type")[:120],
        "need": need,
        "next": "Send it as that, and name it in Content-Type.",
    }
    return Refused(415, "other-kind", "The kind of the body is not read here. Nothing was done.", told)


EvidenceBody = Annotated[Body, Depends(evidence_body)]
"""A body of executions, read whole."""
