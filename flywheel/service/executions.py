"""Routes of executions: evidence in, evidence read."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import Field

from flywheel.records.base import Name, Record, UtcDatetime
from flywheel.records.columns import Scope
from flywheel.records.execution import Execution, Outcome
from flywheel.records.intake import Intake
from flywheel.service.bodies import BY_LINE, ONE_PIECE, EvidenceBody
from flywheel.service.callers import Reads, Writes
from flywheel.service.problems import Refused, answers
from flywheel.store.execution_page import PageAsked

routes = APIRouter(prefix="/api/v1", tags=["executions"])

MOST = 1_000
"""Executions of one page."""

_LINE = {
    "execution_id": "r1",
    "prompt": "triage",
    "version": "v1",
    "case_id": "case-7",
    "inputs": {"question": "I was charged twice"},
    "output": "billing",
    "expected": "billing",
    "outcome": "passed",
    "latency_ms": 240,
}
_ONE = {"$ref": "#/components/schemas/Execution"}
_BODY = {
    "requestBody": {
        "required": True,
        "description": "Executions as docs/evidence.md describes them; execution_id and workspace may be "
        "left out.",
        "content": {
            ONE_PIECE: {
                "schema": {"anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]},
                "examples": {
                    "one": {"summary": "One execution", "value": _LINE},
                    "several": {
                        "summary": "Several",
                        "value": [_LINE, {**_LINE, "execution_id": "r2", "outcome": "failed"}],
                    },
                },
            },
            BY_LINE[0]: {"schema": {"type": "string"}, "example": '{"outcome": "passed"}\n'},
        },
    }
}


class ExecutionsAsked(Record):
    """Which executions, and where to go on."""

    prompt: Name | None = Field(None, description="Only executions of this prompt.")
    version: Name | None = Field(None, description="Content hash, or label.")
    suite: Name | None = Field(None, description="Only of this suite.")
    slice: Name | None = Field(None, description="Only of this slice.")
    model: Name | None = Field(None, description="Only of this model.")
    session_id: Name | None = Field(None, description="Only of this session.")
    outcome: Outcome | None = Field(None, description="Only with this outcome.")
    since: UtcDatetime | None = Field(None, description="Started then or later.")
    until: UtcDatetime | None = Field(None, description="Started before.")
    oldest_first: bool = Field(default=False, description="In the order of storing; else the newest first.")
    limit: int = Field(100, ge=1, le=MOST, description="Executions of a page.")
    cursor: str | None = Field(None, description="`next` of the page before, with the same filters.")


class ExecutionsFound(Record):
    """A page of executions.

    Attributes:
        next: cursor of the next page; null where there is none.
    """

    executions: tuple[Execution, ...]
    next: str | None


@routes.post(
    "/executions",
    summary="Store one execution or several",
    responses=answers(413, 415),
    openapi_extra=_BODY,
)
def store_executions(asks: Writes, body: EvidenceBody) -> Intake:
    """Judged, redacted and stored as `flywheel import jsonl` does it; sent again, nothing changes.

    Items that are no evidence are rejected with a reason, the others stored. Where none is evidence the
    answer is 422.
    """
    taken = asks.wiring.take(body.content, asks.store, asks.workspace, by_line=body.by_line)
    if taken.rejected and taken.rejected == taken.read:
        first = taken.rejections[0]
        where = f"item {first.position}" + (f", field {first.field!r}" if first.field else "")
        raise Refused(
            422,
            "no-evidence",
            f"None of {taken.read:,} items is evidence; {where}: {first.reason}. Nothing was stored.",
            {"rejections": taken.rejections, "need": "Fields as docs/evidence.md lists them."},
        )
    return taken


@routes.get("/executions", summary="Read executions, a page at a time", responses=answers())
def read_executions(asks: Reads, wanted: Annotated[ExecutionsAsked, Query()]) -> ExecutionsFound:
    """Executions with their texts, those of experiments and probes too.

    Pages do not overlap and leave nothing out, also while others are stored.
    """
    scope = Scope(
        workspace=asks.workspace,
        prompt=wanted.prompt,
        version=wanted.version,
        suite=wanted.suite,
        slice=wanted.slice,
        model=wanted.model,
        session_id=wanted.session_id,
        since=wanted.since,
        until=wanted.until,
    )
    beyond = None if wanted.cursor is None else _position(wanted.cursor)
    asked = PageAsked(wanted.limit, not wanted.oldest_first, beyond, wanted.outcome)
    page = asks.store.executions.page(scope, asked)
    return ExecutionsFound(executions=page.executions, next=None if page.last is None else _cursor(page.last))


def _cursor(position: int) -> str:
    return base64.urlsafe_b64encode(f"after {position}".encode()).decode().rstrip("=")


def _position(cursor: str) -> int:
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        word, _, number = base64.urlsafe_b64decode(padded.encode("ascii")).decode("ascii").partition(" ")
        if word == "after" and number.isdigit() and int(number) < 2**63:
            return int(number)
    except (binascii.Error, UnicodeError):
        pass
    told = {"got": repr(cursor)[:120], "need": "`next` of an earlier answer", "next": "Start without cursor."}
    raise Refused(422, "unknown-cursor", "The cursor is none of this server. Nothing was read.", told)
