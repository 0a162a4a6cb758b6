"""How effective each model is, as a belief that moves when the evidence does."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from flywheel.learn.attributes import ERROR, FAILED, PASSED
from flywheel.records.columns import ExecutionColumns
from flywheel.records.model_belief import Measure, ModelBelief
from flywheel.stats.pooling import PooledBeliefs, counted, credible_range, pooled

CELL_OUTCOMES = 50
"""Outcomes in a slice from which a model is judged there by its record in that slice, at the latest."""

COVERAGE = 0.95


@dataclass(frozen=True, slots=True)
class BeliefRules:
    """How evidence becomes belief.

    Attributes:
        keep: what an outcome keeps of its weight with every further one of its model in its slice.
        concentration: outcomes that a model's other slices count for in one of them; None fits it.
    """

    keep: float = 0.995
    concentration: float | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """What an update does with the beliefs that are kept.

    Attributes:
        moved: new ones, and those that moved by more than the threshold; they are to be written.
        unmoved: how many stay as they are kept.
        largest: move of those that stay, rate units; None when none stays.
    """

    moved: tuple[ModelBelief, ...]
    unmoved: int
    largest: float | None


def model_beliefs(
    columns: ExecutionColumns,
    workspace: str = "default",
    prompt: str | None = None,
    rules: BeliefRules | None = None,
) -> tuple[ModelBelief, ...]:
    """The posterior of every model's pass rate, over all slices and in each of them.

    Passed, failed and errored executions that name their model count; an error
    counts as a failure, as whoever asked got no answer. Executions without a
    slice count for their model alone.

    Args:
        columns: executions in the order they were stored; where all have a start, that order counts.
        workspace: named in the beliefs.
        prompt: the same; None is all prompts together.
        rules: how evidence becomes belief.

    Returns:
        One belief per model, then one per model with slice, also where a model was never asked.
    """
    how = rules or BeliefRules()
    counts = np.isin(columns.outcome, (PASSED, FAILED, ERROR)) & (columns.model.codes >= 0)
    rows = _in_order(columns, np.flatnonzero(counts))
    models, slices = columns.model.names, columns.slice.names
    # One more column of cells holds what names no slice.
    shape = (len(models), len(slices) + 1)
    context = columns.slice.codes[rows]
    context = np.where(context >= 0, context, len(slices))
    model, passed = columns.model.codes[rows].astype(np.int64), columns.outcome[rows] == PASSED
    beliefs = pooled(counted(model, context, passed, shape, how.keep), how.concentration)
    cell = model * shape[1] + context
    measures = [
        (measures_of(model, values[rows], shape[0]), measures_of(cell, values[rows], shape[0] * shape[1]))
        for values in (columns.cost_usd, columns.latency_ms)
    ]
    seen = np.flatnonzero(beliefs.outcomes.sum(axis=1) > 0)
    found = []
    for k, c, row in _rows(beliefs, seen, len(slices)):
        cost, latency = (of[0][k] if c is None else of[1][k * shape[1] + c] for of in measures)
        found.append(
            ModelBelief(
                workspace=workspace,
                prompt=prompt,
                model=models[k],
                slice=None if c is None else slices[c],
                cost_usd=cost,
                latency_ms=latency,
                own_from=own_from(beliefs.concentration),
                **row,
            )
        )
    return tuple(found)


def own_from(concentration: float) -> int:
    """Outcomes in a slice from which the record there decides: as soon as it outweighs the other slices.

    Args:
        concentration: outcomes that the other slices of a model count for.

    Examples:
        >>> own_from(16.0), own_from(2.0), own_from(1024.0)
        (16, 2, 50)
    """
    return math.ceil(min(float(CELL_OUTCOMES), concentration))


def update_of(kept: Sequence[ModelBelief], found: Sequence[ModelBelief], threshold: float) -> Kept:
    """Which beliefs moved so far that the kept ones are to be replaced.

    Small moves are left alone, so that what is routed by these beliefs stays
    with its model until there is a reason.

    Args:
        kept: of the last update.
        found: from all evidence now, of the same prompt.
        threshold: `model_update_threshold` of the strategy, rate units.

    Examples:
        >>> old = ModelBelief(model="a", outcomes=9, passed=8, failed=3, mean=0.7, low=0.4, high=0.9)
        >>> new = old.model_copy(update={"outcomes": 12, "mean": 0.75})
        >>> update_of([old], [new], 0.1).moved, update_of([old], [new], 0.01).moved == (new,)
        ((), True)
    """
    before = {(one.model, one.slice): one for one in kept}
    moved, moves = [], []
    for one in found:
        old = before.get((one.model, one.slice))
        if old is None or _moved(old, one) > threshold or _comes_of_age(old, one):
            moved.append(one)
        else:
            moves.append(_moved(old, one))
    return Kept(tuple(moved), len(moves), max(moves, default=None))


def _moved(old: ModelBelief, new: ModelBelief) -> float:
    """Largest move of a belief: of its mean or an end of its interval; of a price or a time as a share."""
    moves = [abs(old.mean - new.mean), abs(old.low - new.low), abs(old.high - new.high)]
    for before, after in ((old.cost_usd.mean, new.cost_usd.mean), (old.latency_ms.mean, new.latency_ms.mean)):
        if (before is None) != (after is None):
            return 1.0
        if before is not None and after is not None and max(before, after) > 0:
            moves.append(abs(before - after) / max(before, after))
    return max(moves)


def _comes_of_age(old: ModelBelief, new: ModelBelief) -> bool:
    return (old.outcomes >= old.own_from) != (new.outcomes >= new.own_from)


def _in_order(columns: ExecutionColumns, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Rows by their start where every one has it, else as they were stored."""
    started = columns.started_at[rows]
    return rows if bool(np.isnan(started).any()) else rows[np.argsort(started, kind="stable")]


def _rows(
    beliefs: PooledBeliefs, seen: NDArray[np.int64], slices: int
) -> list[tuple[int, int | None, dict[str, float | int]]]:
    """Position of model with slice, and the numbers of each belief."""
    k = np.concatenate([seen, np.repeat(seen, slices)]).astype(int)
    c = np.concatenate([np.full(seen.size, -1), np.tile(np.arange(slices), seen.size)]).astype(int)
    whole = c < 0
    a = np.where(whole, beliefs.arm_passed[k], beliefs.passed[k, c])
    b = np.where(whole, beliefs.arm_failed[k], beliefs.failed[k, c])
    n = np.where(whole, beliefs.outcomes.sum(axis=1)[k], beliefs.outcomes[k, c])
    low, high = credible_range(a, b, COVERAGE)
    names = ("outcomes", "passed", "failed", "mean", "low", "high")
    table = zip(*(v.tolist() for v in (n, a, b, a / (a + b), low, high)), strict=True)
    return [
        (int(i), None if j < 0 else int(j), dict(zip(names, row, strict=True)))
        for i, j, row in zip(k, c, table, strict=True)
    ]


def measures_of(group: NDArray[np.int64], values: NDArray[np.float64], groups: int) -> list[Measure]:
    """Mean of a quantity in each group, with its t interval.

    Args:
        group: codes from 0 on, shape (n,).
        values: >= 0, shape (n,); NaN does not count.
        groups: number of them.

    Examples:
        >>> measures_of(np.array([0, 0, 1]), np.array([10.0, 20.0, np.nan]), 2)[0].mean
        15.0
    """
    known = ~np.isnan(values)
    g, v = np.asarray(group)[known], values[known]
    n = np.bincount(g, minlength=groups)
    mean = np.bincount(g, weights=v, minlength=groups) / np.maximum(n, 1)
    squares = np.bincount(g, weights=(v - mean[g]) ** 2, minlength=groups)
    half = np.sqrt(squares / np.maximum(n - 1, 1) / np.maximum(n, 1)) * stdtrit(
        np.maximum(n - 1, 1), (1 + COVERAGE) / 2
    )
    return [
        Measure(
            n=int(n[i]),
            mean=float(mean[i]) if n[i] else None,
            low=max(0.0, float(mean[i] - half[i])) if n[i] > 1 else None,
            high=float(mean[i] + half[i]) if n[i] > 1 else None,
        )
        for i in range(groups)
    ]
