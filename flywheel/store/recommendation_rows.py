"""Recommendations as rows: the two tables, with the way from a record to a row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any, Final

import msgspec
from sqlalchemy import BigInteger, Column, Index, LargeBinary, Row, Text, UniqueConstraint
from sqlmodel import Field

from flywheel.errors import InputError
from flywheel.records.recommendation import Recommendation, RecommendationOutcome
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_json, from_us, to_json, to_us
from flywheel.store.execution_rows import SEQUENCE
from flywheel.store.session import table_of

ABOUT: Final = ("agent", "correlation_id", "workflow", "type", "confidence", "created_us")
"""Columns of a recommendation that its outcomes carry too, so that they outlive it."""

_PACK = msgspec.msgpack.Encoder().encode


class _AboutColumns(StoreTable):
    workspace: str
    recommendation_id: str
    agent: str
    correlation_id: str | None = None
    workflow: str | None = None
    type: str
    confidence: float | None = None
    created_us: int = Field(sa_type=BigInteger)


class RecommendationRow(_AboutColumns, table=True):
    """What an agent recommended."""

    __tablename__ = "recommendation"
    __table_args__ = (
        UniqueConstraint("workspace", "recommendation_id", name="uq_recommendation"),
        Index("ix_recommendation_agent", "workspace", "agent", "created_us"),
        Index("ix_recommendation_workflow", "workspace", "workflow"),
        Index("ix_recommendation_correlation", "workspace", "correlation_id"),
        Index("ix_recommendation_created", "workspace", "created_us"),
    )

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))
    content_hash: bytes = Field(sa_type=LargeBinary)
    content: str | None = Field(default=None, sa_type=Text)
    reasoning: str | None = Field(default=None, sa_type=Text)
    evidence: str | None = Field(default=None, sa_type=Text)


class OutcomeRow(_AboutColumns, table=True):
    """What one judge made of it; the empty name is the unknown judge."""

    __tablename__ = "recommendation_outcome"
    __table_args__ = (
        UniqueConstraint("workspace", "recommendation_id", "judged_by", name="uq_recommendation_outcome"),
        Index("ix_recommendation_outcome_time", "workspace", "evaluated_us", "seq"),
    )

    seq: int | None = Field(default=None, sa_column=Column(SEQUENCE, primary_key=True, autoincrement=True))
    judged_by: str
    status: str
    overall: float | None = None
    evaluated_us: int = Field(sa_type=BigInteger)
    content_hash: bytes = Field(sa_type=LargeBinary)
    qualities: str | None = Field(default=None, sa_type=Text)
    feedback: str | None = Field(default=None, sa_type=Text)


RECOMMENDATION = table_of(RecommendationRow)
OUTCOME = table_of(OutcomeRow)


def recommendation_row(given: Recommendation) -> dict[str, Any]:
    """The row of a recommendation.

    Raises:
        InputError: a text holds half a character, which no database keeps.
    """
    return _hashed(
        given.recommendation_id,
        lambda: {
            **given.model_dump(exclude={"content", "evidence", "created_at"}),
            "content": to_json(given.content),
            "evidence": to_json(given.evidence),
            "created_us": to_us(given.created_at),
        },
    )


def outcome_row(given: RecommendationOutcome) -> dict[str, Any]:
    """The row of an outcome, without the columns of ABOUT.

    Raises:
        InputError: a text holds half a character, which no database keeps.
    """
    return _hashed(
        given.recommendation_id,
        lambda: {
            **given.model_dump(exclude={"qualities", "evaluated_at", "status"}),
            "status": given.status.value,
            "judged_by": given.judged_by or "",
            "qualities": to_json(dict(given.qualities) or None),
            "evaluated_us": to_us(given.evaluated_at),
        },
    )


def _hashed(recommendation_id: str, columns: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        row = columns()
        return {**row, "content_hash": hashlib.blake2b(_PACK(sorted(row.items())), digest_size=16).digest()}
    except UnicodeEncodeError as error:
        msg = (
            f"Recommendation {recommendation_id!r} holds half a character that no database keeps: {error}. "
            "Nothing was stored. Replace lone surrogates."
        )
        raise InputError(msg) from error


def recommendation_of(row: Row[Any]) -> Recommendation:
    """The recommendation of a row."""
    return Recommendation(
        recommendation_id=row.recommendation_id,
        workspace=row.workspace,
        agent=row.agent,
        correlation_id=row.correlation_id,
        workflow=row.workflow,
        type=row.type,
        content=from_json(row.content),
        confidence=row.confidence,
        reasoning=row.reasoning,
        evidence=from_json(row.evidence),
        created_at=from_us(row.created_us),
    )


def outcome_of(row: Row[Any]) -> RecommendationOutcome:
    """The outcome of a row."""
    qualities: Any = from_json(row.qualities)
    return RecommendationOutcome(
        recommendation_id=row.recommendation_id,
        workspace=row.workspace,
        qualities=qualities or {},
        overall=row.overall,
        status=row.status,
        feedback=row.feedback,
        evaluated_at=from_us(row.evaluated_us),
        judged_by=row.judged_by or None,
    )
