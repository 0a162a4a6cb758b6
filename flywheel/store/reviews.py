"""Staged changes that wait for a person, with the verdict that staged each."""

from __future__ import annotations

import hashlib
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.errors import InputError
from flywheel.records.release import Review
from flywheel.records.verdict import Verdict
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_us, to_us
from flywheel.store.session import Database, table_of

WAITING = "waiting"
APPROVED = "approved"
REJECTED = "rejected"


class ReviewRow(StoreTable, table=True):
    """One staged change; `waiting_key` names the change while it waits and is NULL afterwards."""

    __tablename__ = "review"
    __table_args__ = (
        sa.UniqueConstraint("workspace", "review_id", name="uq_review"),
        sa.UniqueConstraint("workspace", "waiting_key", name="uq_review_waiting"),
        sa.Index("ix_review_version", "workspace", "prompt", "version", "state"),
    )

    seq: int | None = Field(default=None, primary_key=True)
    workspace: str
    review_id: str
    prompt: str
    version: str
    previous: str | None = None
    cycle_id: str | None = None
    state: str
    waiting_key: str | None = None
    because: str = Field(sa_type=sa.Text)
    reviewer: str | None = None
    note: str = Field(default="", sa_type=sa.Text)
    created_us: int = Field(sa_type=sa.BigInteger)
    decided_us: int | None = Field(default=None, sa_type=sa.BigInteger)
    verdict_json: str = Field(sa_type=sa.Text)


REVIEW = table_of(ReviewRow)


def put_review(db: Database, connection: Connection, review: Review, verdict: Verdict) -> Review:
    """Put a change before a person, or give the review it already has.

    A change that waits is one review, whoever staged it. A review that was
    decided comes back as decided for the same cycle; another cycle, with other
    evidence, asks again under the next free id.
    """
    key = _waiting_key(review)
    waiting = _first(connection, review.workspace, REVIEW.c.waiting_key == key)
    if waiting is not None:
        return waiting
    fresh = review.model_copy(update={"state": WAITING, "reviewer": None, "decided_at": None})
    number = 1
    while (held := find_review(connection, review.workspace, fresh.review_id)) is not None:
        if held[0].cycle_id == review.cycle_id and held[0].version == review.version:
            return held[0]
        number += 1
        fresh = fresh.model_copy(update={"review_id": f"{review.review_id}-{number}"})
    row = _row(fresh, key, verdict)
    if db.upsert(connection, REVIEW, [row], key=("workspace", "waiting_key")) == 0:
        found = _first(connection, review.workspace, REVIEW.c.waiting_key == key)
        return fresh if found is None else found
    return fresh


def list_reviews(connection: Connection, workspace: str, state: str | None) -> list[Review]:
    """Reviews in a state, oldest first; all of them when state is None."""
    wanted = [REVIEW.c.workspace == workspace]
    if state is not None:
        wanted.append(REVIEW.c.state == state)
    rows = connection.execute(sa.select(REVIEW).where(*wanted).order_by(REVIEW.c.seq))
    return [_record(row) for row in rows]


def find_review(connection: Connection, workspace: str, review_id: str) -> tuple[Review, Verdict] | None:
    """One review with the verdict that staged it."""
    row = connection.execute(
        sa.select(REVIEW).where(REVIEW.c.workspace == workspace, REVIEW.c.review_id == review_id)
    ).one_or_none()
    return None if row is None else (_record(row), Verdict.model_validate_json(row.verdict_json))


def write_decision(connection: Connection, decided: Review) -> None:
    """Turn waiting into approved or rejected.

    Raises:
        InputError: another person decided in the meantime.
    """
    done = connection.execute(
        sa.update(REVIEW)
        .where(
            REVIEW.c.workspace == decided.workspace,
            REVIEW.c.review_id == decided.review_id,
            REVIEW.c.state == WAITING,
        )
        .values(
            state=decided.state,
            waiting_key=None,
            reviewer=decided.reviewer,
            note=decided.note,
            decided_us=to_us(decided.decided_at) if decided.decided_at else None,
        )
    )
    if done.rowcount != 1:
        found = find_review(connection, decided.workspace, decided.review_id)
        raise InputError(already_decided(decided if found is None else found[0]))


def already_decided(review: Review) -> str:
    """Who decided a review, what and when."""
    who, when = review.reviewer, "an unknown time"
    if review.decided_at:
        when = f"{review.decided_at:%Y-%m-%d %H:%M:%S} UTC"
    said = f" ({review.note!r})" if review.note else ""
    return (
        f"Review {review.review_id!r} of prompt {review.prompt!r} was {review.state} by {who!r} at {when}"
        f"{said}. That decision stands and nothing was changed. "
        f"To undo a release: flywheel rollback {review.prompt} --why TEXT"
    )


def _first(connection: Connection, workspace: str, condition: sa.ColumnElement[bool]) -> Review | None:
    row = connection.execute(sa.select(REVIEW).where(REVIEW.c.workspace == workspace, condition)).first()
    return None if row is None else _record(row)


def _waiting_key(review: Review) -> str:
    parts = "\0".join((review.prompt, review.version, review.previous or ""))
    return hashlib.sha256(parts.encode("utf-8", "surrogatepass")).hexdigest()


def _row(review: Review, key: str, verdict: Verdict) -> dict[str, object]:
    return {
        **review.model_dump(exclude={"created_at", "decided_at"}),
        "waiting_key": key,
        "created_us": to_us(review.created_at),
        "verdict_json": verdict.model_dump_json(),
    }


def _record(row: sa.Row[Any]) -> Review:
    return Review(
        review_id=row.review_id,
        prompt=row.prompt,
        workspace=row.workspace,
        version=row.version,
        previous=row.previous,
        cycle_id=row.cycle_id,
        state=row.state,
        because=row.because,
        reviewer=row.reviewer,
        note=row.note,
        created_at=from_us(row.created_us),
        decided_at=None if row.decided_us is None else from_us(row.decided_us),
    )
