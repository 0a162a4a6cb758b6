"""Which tests fail next: a chance for each from its history, with an order to run them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from flywheel.learn.experts import EXPERTS, History, features, fitted, mixed
from flywheel.learn.flaky import ERROR, FAILED, PASSED, arms
from flywheel.records.columns import ExecutionColumns
from flywheel.records.findings import FailureForecast


@dataclass(frozen=True, slots=True)
class _Forecasts:
    """What was expected before each run, n runs in order of storing.

    Attributes:
        case: int32, shape (n,).
        failed: bool, shape (n,).
        runs: int64, shape (n,), earlier runs of the test.
        last: int64, shape (n,), outcome before: 1 failed, 0 passed, -1 none.
        base: float64, shape (n,), share of failures among all earlier runs.
        chance: float64, shape (n,), mixed.
        weights: of the experts for the next run.
        next: tests that ran, with the chance of their next run, whether the last one failed.
    """

    case: NDArray[np.int32]
    failed: NDArray[np.bool_]
    runs: NDArray[np.int64]
    last: NDArray[np.int64]
    base: NDArray[np.float64]
    chance: NDArray[np.float64]
    weights: NDArray[np.float64]
    next: dict[int, tuple[float, bool]]


def forecast_failures(columns: ExecutionColumns) -> tuple[FailureForecast, ...]:
    """Chance of every known test to fail in its next run, the likeliest first.

    Seven experts each give a chance: the share of all runs that failed; that
    of the slice; that of the slice under this version, model and agent; the
    test's own decayed share drawn towards either; the share after such a last
    outcome; a logistic regression on these. They are mixed by how well each
    foretold the runs that are over, late ones more than early ones, so a new
    version that behaves unlike the others is learned within a few runs.

    Args:
        columns: executions in the order they were stored.

    Returns:
        One forecast per test with at least one scored run, for a run under the version it ran under last.
    """
    steps = _forecasts(columns)
    runs = np.bincount(steps.case, minlength=len(columns.case.names))
    found = [
        FailureForecast(
            case_id=columns.case.names[i], probability=chance, runs=int(runs[i]), last_failed=last_failed
        )
        for i, (chance, last_failed) in steps.next.items()
    ]
    return tuple(sorted(found, key=lambda f: (-f.probability, f.case_id)))


def expert_weights(columns: ExecutionColumns) -> dict[str, float]:
    """How far each expert counts for the next run; they sum to 1, and are equal before any run."""
    weights = _forecasts(columns).weights
    return dict(zip(EXPERTS, weights.tolist(), strict=True))


def held_out_scores(columns: ExecutionColumns) -> dict[str, float]:
    """Brier scores on the last run of each test, each foretold from the runs stored before it.

    Args:
        columns: executions in the order they were stored.

    Returns:
        Mean squared error of the `forecast`, of the `base rate` of the earlier runs, of the `last
        outcome` of the test, with the number of `runs` scored; empty when no test ran twice.

    References:
        Brier (1950), Monthly Weather Review 78:1-3; Dawid (1984), JRSS A 147:278-292 (prequential).
    """
    steps = _forecasts(columns)
    count = np.bincount(steps.case, minlength=len(columns.case.names))
    final = (steps.runs > 0) & (steps.runs == count[steps.case] - 1)
    if not final.any():
        return {}
    came = steps.failed[final].astype(np.float64)
    return {
        "forecast": float(np.mean((steps.chance[final] - came) ** 2)),
        "base rate": float(np.mean((steps.base[final] - came) ** 2)),
        "last outcome": float(np.mean((steps.last[final] - came) ** 2)),
        "runs": float(came.size),
    }


def order_tests(
    cases: Sequence[str], forecasts: Sequence[FailureForecast], seconds: Mapping[str, float] | None = None
) -> tuple[str, ...]:
    """Tests in the order that finds failures soonest; new ones first.

    Args:
        cases: what will run.
        forecasts: of the known ones.
        seconds: how long each takes, or what it costs; then failures per unit decide.

    Returns:
        Every case once.

    Examples:
        >>> known = [FailureForecast(case_id=c, probability=p, runs=9, last_failed=False)
        ...     for c, p in (("a", 0.1), ("b", 0.6))]
        >>> order_tests(["a", "b", "new"], known), order_tests(["a", "b"], known, {"a": 1, "b": 60})
        (('new', 'b', 'a'), ('a', 'b'))
    """
    chance = {f.case_id: f.probability for f in forecasts}
    price = seconds or {}

    def key(case: str) -> tuple[bool, float, str]:
        return case in chance, -chance.get(case, 1.0) / max(1e-9, price.get(case, 1.0)), case

    return tuple(sorted(dict.fromkeys(cases), key=key))


def _forecasts(columns: ExecutionColumns) -> _Forecasts:
    rows = np.flatnonzero(np.isin(columns.outcome, (PASSED, FAILED, ERROR)) & (columns.case.codes >= 0))
    case, failed = columns.case.codes[rows], columns.outcome[rows] != PASSED
    place, arm = columns.slice.codes[rows], arms(columns, rows)
    history = History()
    expected: list[tuple[float, ...]] = []
    before: list[tuple[int, int]] = []
    counts: dict[int, int] = {}
    newest: dict[int, tuple[int, int]] = {}
    for c, s, a, f in zip(case.tolist(), place.tolist(), arm.tolist(), failed.tolist(), strict=True):
        expected.append(history.expect(c, s, a))
        before.append((counts.get(c, 0), history.before.get(c, -1)))
        history.add(c, s, a, f)
        counts[c] = counts.get(c, 0) + 1
        newest[c] = (s, a)
    runs, last = np.array(before, dtype=np.int64).reshape(-1, 2).T
    six = np.array(expected, dtype=np.float64).reshape(-1, len(EXPERTS) - 1)
    by_fit, weights = fitted(features(six, last), failed, runs > 0)
    chance, shares = mixed(np.column_stack([six, by_fit]), failed)
    names = list(newest)
    now = np.array([history.expect(c, *newest[c]) for c in names], dtype=np.float64).reshape(-1, six.shape[1])
    ended = np.array([history.before[c] for c in names], dtype=np.int64)
    coming = np.column_stack([now, expit(features(now, ended) @ weights)]) @ shares
    following = {c: (float(p), bool(f)) for c, p, f in zip(names, coming, ended, strict=True)}
    return _Forecasts(case, failed, runs, last, six[:, 0], chance, shares, following)
