"""The ledger as rows: every attempt to get an answer from a model."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlmodel import Field

from flywheel.records.model_call import ANSWERED, CACHED, CallSummary, LedgerGroup, ModelCall, Spend
from flywheel.store.base import StoreTable
from flywheel.store.encoding import to_us
from flywheel.store.session import Database, table_of


class ModelCallRow(StoreTable, table=True):
    """One attempt; NULL is what the provider did not tell."""

    __tablename__ = "model_call"
    __table_args__ = (
        sa.UniqueConstraint("call_id", name="uq_model_call"),
        sa.Index("ix_model_call_started", "started_us"),
        sa.Index("ix_model_call_cycle", "workspace", "cycle_id"),
    )

    seq: int | None = Field(
        default=None,
        sa_column=sa.Column(sa.BigInteger().with_variant(sa.Integer(), "sqlite"), primary_key=True),
    )
    call_id: str
    workspace: str
    cycle_id: str | None = None
    purpose: str
    provider: str
    model: str
    outcome: str
    finish_reason: str | None = None
    input_tokens: int | None = Field(default=None, sa_type=sa.BigInteger)
    output_tokens: int | None = Field(default=None, sa_type=sa.BigInteger)
    cost_usd: float | None = None
    latency_ms: float | None = None
    started_us: int = Field(sa_type=sa.BigInteger)


CALL = table_of(ModelCallRow)
_GROUPS: dict[LedgerGroup, sa.ColumnElement[Any]] = {
    LedgerGroup.MODEL: CALL.c.model,
    LedgerGroup.PURPOSE: CALL.c.purpose,
    LedgerGroup.CYCLE: CALL.c.cycle_id,
}
_SENT = CALL.c.outcome != CACHED
_KNOWN = CALL.c.input_tokens.is_not(None) & CALL.c.output_tokens.is_not(None)


class SqlModelCalls:
    """Attempts of all workspaces in one database.

    Args:
        db: where they are kept.

    Examples:
        >>> from datetime import UTC, datetime
        >>> from flywheel.store.open import open_store
        >>> calls, now = open_store("sqlite://").model_calls, datetime.now(UTC)
        >>> calls.write([ModelCall(call_id="1", purpose="case", provider="p", model="p/m", outcome="answered",
        ...     input_tokens=9, output_tokens=1, started_at=now)])
        1
        >>> calls.spent(now).tokens
        10
    """

    def __init__(self, db: Database) -> None:
        self._db = db

    def write(self, calls: Sequence[ModelCall]) -> int:
        """Keep attempts in one transaction; one that is kept already changes nothing.

        Returns:
            How many were new.
        """
        with self._db.write() as connection:
            return self._db.upsert(connection, CALL, [_row(call) for call in calls], key=("call_id",))

    def spent(self, since: datetime) -> Spend:
        """What all calls of all workspaces from a moment on took; ceilings hold for the account."""
        query = sa.select(*_sums()).where(_SENT, CALL.c.started_us >= to_us(since))
        with self._db.read() as connection:
            return _spend(connection.execute(query).one())

    def of_cycle(self, workspace: str, cycle_id: str) -> Spend:
        """What one cycle took."""
        query = sa.select(*_sums()).where(_SENT, CALL.c.workspace == workspace, CALL.c.cycle_id == cycle_id)
        with self._db.read() as connection:
            return _spend(connection.execute(query).one())

    def summary(
        self, since: datetime, workspace: str | None = None, by: LedgerGroup = LedgerGroup.MODEL
    ) -> list[CallSummary]:
        """The ledger in groups, from a moment on, ordered by name; calls outside of a cycle come first.

        Args:
            since: calls that started earlier are left out.
            workspace: None takes all.
            by: what makes a group.
        """
        group = _GROUPS[LedgerGroup(by)]
        wanted = [CALL.c.started_us >= to_us(since)]
        if workspace is not None:
            wanted.append(CALL.c.workspace == workspace)
        groups = sa.select(group, CALL.c.outcome, sa.func.count()).where(*wanted)
        latency = sa.func.avg(sa.case((CALL.c.outcome == ANSWERED, CALL.c.latency_ms)))
        spends = sa.select(group, latency, *_sums()).where(*wanted, _SENT)
        with self._db.read() as connection:
            counted = connection.execute(groups.group_by(group, CALL.c.outcome)).all()
            sums = {row[0]: row for row in connection.execute(spends.group_by(group))}
            ranks = {row[0]: row[1:] for row in connection.execute(_ranked(group, wanted))}
        outcomes: dict[str | None, dict[str, int]] = {}
        for name, outcome, number in sorted(counted, key=lambda row: (row[0] or "", row[1])):
            outcomes.setdefault(name, {})[outcome] = number
        return [
            CallSummary(
                group=name,
                outcomes=found,
                spend=_spend(sums[name][2:]) if name in sums else Spend(),
                mean_latency_ms=sums[name][1] if name in sums else None,
                p50_latency_ms=ranks[name][0] if name in ranks else None,
                p95_latency_ms=ranks[name][1] if name in ranks else None,
            )
            for name, found in outcomes.items()
        ]


def _ranked(group: sa.ColumnElement[Any], wanted: Sequence[sa.ColumnElement[bool]]) -> sa.Select[Any]:
    """Nearest-rank p50 and p95 of the latency of answers, by group."""
    answered = (CALL.c.outcome == ANSWERED, CALL.c.latency_ms.is_not(None))
    rank = sa.func.row_number().over(partition_by=group, order_by=CALL.c.latency_ms).label("rank")
    number = sa.func.count().over(partition_by=group).label("number")
    rows = (
        sa.select(group.label("name"), CALL.c.latency_ms, rank, number).where(*wanted, *answered).subquery()
    )

    def at(percent: int) -> sa.ColumnElement[Any]:
        """Smallest latency that so many percent of the answers do not exceed."""
        return sa.func.min(sa.case((rows.c.rank * 100 >= rows.c.number * percent, rows.c.latency_ms)))

    return sa.select(rows.c.name, at(50), at(95)).group_by(rows.c.name)


def _sums() -> tuple[sa.ColumnElement[Any], ...]:
    """Columns of a Spend over the rows of a group."""
    tokens = sa.case((_KNOWN, CALL.c.input_tokens + CALL.c.output_tokens), else_=0)
    unpriced = sa.case((_KNOWN & CALL.c.cost_usd.is_(None), 1), else_=0)
    return (
        sa.func.count(),
        sa.func.coalesce(sa.func.sum(tokens), 0),
        sa.func.coalesce(sa.func.sum(CALL.c.cost_usd), 0.0),
        sa.func.coalesce(sa.func.sum(unpriced), 0),
    )


def _spend(row: Sequence[Any]) -> Spend:
    calls, tokens, usd, unpriced = row
    return Spend(calls=calls, tokens=int(tokens), usd=float(usd), unpriced=int(unpriced))


def _row(call: ModelCall) -> dict[str, object]:
    row = call.model_dump(exclude={"started_at"})
    row["started_us"] = to_us(call.started_at)
    return row
