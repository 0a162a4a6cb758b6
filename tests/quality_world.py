"""Made-up streams of executions whose true rates are known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flywheel.records.columns import OUTCOMES, Coded, QualityColumns
from flywheel.records.execution import Execution

START = datetime(2026, 1, 1, tzinfo=UTC)
NOTHING = ()


def day(number: float) -> datetime:
    """A moment so many days after the start."""
    return START + timedelta(days=number)


def stream(
    rates: ArrayLike, per_day: int = 200, grid: tuple[int, int] = (1, 1), seed: int = 0, wobble: float = 0.0
) -> QualityColumns:
    """Executions of prompt `p`, in the order of time.

    Args:
        rates: true pass rates, shape (days,) or (days, slices * models).
        per_day: executions a day, over all cells.
        grid: number of slices, of models; 1 leaves the field empty.
        seed: of all draws.
        wobble: standard deviation of what a day adds to all rates.
    """
    rng = np.random.default_rng(seed)
    slices, models = grid
    table = np.asarray(rates, dtype=np.float64)
    table = np.repeat(table[:, None], slices * models, axis=1) if table.ndim == 1 else table
    days = len(table)
    at = np.repeat(np.arange(days), per_day)
    cell = rng.integers(0, slices * models, at.size)
    moment = START.timestamp() + 86_400 * (at + np.sort(rng.random((days, per_day)), axis=1).ravel())
    rate = np.clip(table[at, cell] + wobble * rng.standard_normal(days)[at], 0, 1)
    failed = (rng.random(at.size) >= rate).astype(np.int8)
    return QualityColumns(
        outcome=failed,
        score=1.0 - failed,
        moment=moment,
        prompt=Coded(np.zeros(at.size, np.int32), ("p",)),
        version=Coded(np.full(at.size, -1, np.int32), NOTHING),
        slice=_coded(cell // models, "s", slices),
        model=_coded(cell % models, "m", models),
    )


def part(columns: QualityColumns, rows: NDArray[np.int64] | slice) -> QualityColumns:
    """Some of the rows, in the order given."""

    def of(coded: Coded) -> Coded:
        return Coded(coded.codes[rows], coded.names)

    return QualityColumns(
        columns.outcome[rows],
        columns.score[rows],
        columns.moment[rows],
        *(of(getattr(columns, name)) for name in ("prompt", "version", "slice", "model")),
    )


def until(columns: QualityColumns, now: datetime, days: float) -> QualityColumns:
    """What a store would hand out for a look at a moment."""
    first, last = np.searchsorted(columns.moment, [now.timestamp() - 86_400 * days, now.timestamp()])
    return part(columns, slice(int(first), int(last)))


def executions(columns: QualityColumns, prompt: str = "p", **fields: object) -> list[Execution]:
    """The same as records."""

    def name(coded: Coded, row: int) -> str | None:
        return coded.names[coded.codes[row]] if coded.codes[row] >= 0 else None

    return [
        Execution(
            execution_id=f"{prompt}-{moment:.3f}-{row}",
            prompt=prompt,
            slice=name(columns.slice, row),
            model=name(columns.model, row),
            outcome=OUTCOMES[columns.outcome[row]],
            started_at=datetime.fromtimestamp(moment, UTC),
            **fields,
        )
        for row, moment in enumerate(columns.moment)
    ]


def _coded(codes: NDArray[np.int64], letter: str, count: int) -> Coded:
    if count == 1:
        return Coded(np.full(codes.size, -1, np.int32), NOTHING)
    return Coded(codes.astype(np.int32), tuple(f"{letter}{number}" for number in range(count)))
