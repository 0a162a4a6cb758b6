"""What is believed of models, as rows that change only when a belief moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Connection
from sqlmodel import Field

from flywheel.records.base import Record
from flywheel.records.model_belief import Measure, ModelBelief
from flywheel.store.base import StoreTable
from flywheel.store.encoding import from_us, to_us
from flywheel.store.session import Database, table_of

_KEY = ("workspace", "prompt", "model", "slice")
_NUMBERS = ("outcomes", "passed", "failed", "mean", "low", "high", "own_from")
_MEASURES = ("cost_usd", "latency_ms")


class _Measures(Record):
    cost_usd: Measure
    latency_ms: Measure


class ModelBeliefRow(StoreTable, table=True):
    """One belief; an empty prompt is all prompts together, an empty slice all slices."""

    __tablename__ = "model_belief"

    workspace: str = Field(primary_key=True)
    prompt: str = Field(primary_key=True)
    model: str = Field(primary_key=True)
    slice: str = Field(primary_key=True)
    outcomes: int = Field(sa_type=sa.BigInteger)
    passed: float
    failed: float
    mean: float
    low: float
    high: float
    own_from: int
    measures_json: str = Field(sa_type=sa.Text)
    updated_us: int = Field(sa_type=sa.BigInteger)


BELIEF = table_of(ModelBeliefRow)


def beliefs_of(connection: Connection, workspace: str, prompt: str | None) -> list[ModelBelief]:
    """Beliefs of one prompt, or of all together, in order of model with slice."""
    row = BELIEF.c
    query = (
        sa.select(BELIEF)
        .where(row.workspace == workspace, row.prompt == (prompt or ""))
        .order_by(row.model, row.slice)
    )
    return [_record(found) for found in connection.execute(query)]


def keep_beliefs(db: Database, connection: Connection, beliefs: Sequence[ModelBelief], at: datetime) -> int:
    """Keep beliefs in place of those of the same model with slice; gives how many."""
    rows = [_row(one, at) for one in beliefs]
    if not rows:
        return 0
    update = (*_NUMBERS, "measures_json", "updated_us")
    return db.upsert(connection, BELIEF, rows, key=_KEY, update=update)


def _row(one: ModelBelief, at: datetime) -> dict[str, Any]:
    measures = {name: getattr(one, name) for name in _MEASURES}
    return {
        **one.model_dump(include={"workspace", "model", *_NUMBERS}),
        "prompt": one.prompt or "",
        "slice": one.slice or "",
        "measures_json": _Measures(**measures).model_dump_json(),
        "updated_us": to_us(at),
    }


def _record(row: sa.Row[Any]) -> ModelBelief:
    measures = _Measures.model_validate_json(row.measures_json)
    return ModelBelief(
        workspace=row.workspace,
        prompt=row.prompt or None,
        model=row.model,
        slice=row.slice or None,
        cost_usd=measures.cost_usd,
        latency_ms=measures.latency_ms,
        updated_at=from_us(row.updated_us),
        **{name: getattr(row, name) for name in _NUMBERS},
    )
