"""What tests are worth: which tell versions apart, whether they improve, which failures they keep."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from flywheel.records.columns import Coded
from flywheel.records.value import TestedCase, ValueMetric, ValuePart
from flywheel.records.value_evidence import ValueColumns
from flywheel.stats.means import Moments, mean_interval
from flywheel.stats.proportions import Counts, Interval, wilson
from flywheel.stats.trend import clustered_slope

MOST_TESTS = 10
"""Tests that are named; the rest is in the mean."""

LEAST_RUNS = 30
"""Runs of a model in each half before it is one to choose."""

MONTH_S = 30 * 86_400.0

Ints = NDArray[np.int64]


def value_per_test(columns: ValueColumns) -> tuple[ValueMetric, tuple[TestedCase, ...]]:
    """How well each test tells versions and models apart.

    Four times the variance of the pass rates of its arms: 0 where all are
    alike, 1 where half of them always pass and half never do. A test that
    answers by chance has rates in the middle, so that noise is no value.
    Runs that say the same again move nothing.

    Args:
        columns: n executions; those with a case id are tests.

    Returns:
        The mean over tests that ran on two arms or more, with the most valuable ones.
    """
    rows = np.flatnonzero(columns.case.codes >= 0)
    case = _joint(rows, columns.prompt, columns.case)
    arm = _joint(rows, columns.version, columns.model)
    cases, of_case = np.unique(case, return_inverse=True)
    pairs, first, of_pair = np.unique(
        of_case * (int(arm.max(initial=0)) + 1) + arm, return_index=True, return_inverse=True
    )
    runs = np.bincount(of_pair, minlength=pairs.size)
    rate = np.bincount(of_pair, weights=columns.passed[rows], minlength=pairs.size) / np.maximum(runs, 1)
    owner = of_case[first]
    arms = np.bincount(owner, minlength=cases.size)
    mean = np.bincount(owner, weights=rate, minlength=cases.size) / np.maximum(arms, 1)
    spread = np.bincount(owner, weights=(rate - mean[owner]) ** 2, minlength=cases.size)
    value = np.clip(4 * spread / np.maximum(arms, 1), 0.0, 1.0)
    known = np.flatnonzero(arms >= 2)
    found = mean_interval(Moments.of(value[known]))
    total = np.bincount(owner, weights=runs, minlength=cases.size)
    best = known[np.lexsort((known, -value[known]))][:MOST_TESTS]
    example = np.zeros(cases.size, dtype=np.int64)
    example[of_case] = rows
    tests = tuple(
        TestedCase(
            prompt=_name(columns.prompt, int(example[one])),
            case_id=_name(columns.case, int(example[one])) or "",
            arms=int(arms[one]),
            runs=round(float(total[one])),
            value=float(value[one]),
        )
        for one in best
    )
    metric = ValueMetric(
        name="value_score_per_test",
        title="value score per test",
        unit="share",
        value=found.estimate,
        low=None if found.low is None else max(0.0, found.low),
        high=None if found.high is None else min(1.0, found.high),
        of=int(known.size),
        over=f"tests that ran on two versions or models, of {cases.size:,} tests",
        formula="4 x variance of the pass rates over versions and models, mean over tests",
        because="" if known.size else "no test ran on two versions or models",
    )
    return metric, tests


def pass_rate_slope(columns: ValueColumns) -> tuple[ValuePart, ValuePart]:
    """Points in 30 days that the same tests gain, and the new ones; easy tests that are added raise neither.

    Each test is held against itself, and the range counts tests, not runs.

    Args:
        columns: n executions; a test is new when it first ran in the second half of the time they cover.
    """
    rows = np.flatnonzero(columns.case.codes >= 0)
    moment, passed = columns.moment[rows], columns.passed[rows]
    _, case = np.unique(_joint(rows, columns.prompt, columns.case), return_inverse=True)
    first = np.full(int(case.max(initial=-1)) + 1, np.inf)
    np.minimum.at(first, case, moment)
    middle = (moment.min() + moment.max()) / 2 if moment.size else 0.0
    is_new = first[case] >= middle if case.size else np.zeros(0, dtype=bool)
    return (
        _slope("same tests", clustered_slope(moment[~is_new] / MONTH_S, passed[~is_new], case[~is_new])),
        _slope("new tests", clustered_slope(moment[is_new] / MONTH_S, passed[is_new], case[is_new])),
    )


def model_selection(columns: ValueColumns) -> ValueMetric:
    """Whether the model that led on a prompt's slice went on leading.

    Args:
        columns: n executions; in order of time they are cut into two halves.
    """
    half = np.zeros(len(columns), dtype=np.int64)
    half[np.argsort(columns.moment, kind="stable")[len(columns) // 2 :]] = 1
    rows = np.flatnonzero(columns.model.codes >= 0)
    contexts, context = np.unique(_joint(rows, columns.prompt, columns.slice), return_inverse=True)
    models = len(columns.model.names)
    place = (context * models + columns.model.codes[rows]) * 2 + half[rows]
    shape = (contexts.size, models, 2)
    runs = np.bincount(place, minlength=math.prod(shape)).reshape(shape)
    passes = np.bincount(place, weights=columns.passed[rows], minlength=math.prod(shape)).reshape(shape)
    usable: NDArray[np.bool_] = np.asarray((runs >= LEAST_RUNS).all(axis=2), dtype=np.bool_)
    rate = np.where(usable[:, :, None], passes / np.maximum(runs, 1), -1.0)
    several = usable.sum(axis=1) >= 2
    chosen = rate[several, :, 0].argmax(axis=1) if several.any() else np.zeros(0, dtype=np.int64)
    later = rate[several, :, 1]
    right = int((later[np.arange(chosen.size), chosen] >= later.max(axis=1)).sum()) if chosen.size else 0
    found = wilson(Counts(right, int(chosen.size)))
    by_chance = float((1 / usable[several].sum(axis=1)).mean()) if chosen.size else None
    return ValueMetric(
        name="model_selection_accuracy",
        title="model selection accuracy",
        unit="share",
        value=found.estimate,
        low=found.low,
        high=found.high,
        of=int(chosen.size),
        over=f"prompts x slices with two models of {LEAST_RUNS} runs in each half of the time",
        formula="model with the best pass rate in the first half is the best in the second half too",
        because="" if chosen.size else f"no prompt has two models with {LEAST_RUNS} runs in each half",
        parts=(ValuePart(name="by chance", value=by_chance),),
    )


def edge_case_coverage(columns: ValueColumns, kept: frozenset[str]) -> ValueMetric:
    """How many of the cases that failed in use are tests of a suite.

    Args:
        columns: n executions.
        kept: ids of the cases of all suites.
    """
    failed = np.unique(columns.case.codes[(columns.passed == 0) & (columns.case.codes >= 0)])
    there = sum(columns.case.names[code] in kept for code in failed.tolist())
    found = wilson(Counts(there, int(failed.size)))
    return ValueMetric(
        name="edge_case_coverage",
        title="edge-case coverage",
        unit="share",
        value=found.estimate,
        low=found.low,
        high=found.high,
        of=int(failed.size),
        over="cases that failed at least once",
        formula="cases that failed and are a case of a suite / cases that failed",
        because="" if failed.size else "no execution with a case id failed",
    )


def _slope(name: str, found: Interval) -> ValuePart:
    return ValuePart(
        name=f"pass rate of {name}, points in 30 days",
        value=_points(found.estimate),
        low=_points(found.low),
        high=_points(found.high),
        because=found.because,
    )


def _points(share: float | None) -> float | None:
    return None if share is None else 100 * share


def _joint(rows: Ints, one: Coded, other: Coded) -> Ints:
    """One code for each pair of codes; unknown is a value of its own."""
    wide = len(other.names) + 1
    return (one.codes[rows].astype(np.int64) + 1) * wide + other.codes[rows] + 1


def _name(coded: Coded, row: int) -> str | None:
    code = int(coded.codes[row])
    return coded.names[code] if code >= 0 else None
