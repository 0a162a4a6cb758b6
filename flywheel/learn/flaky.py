"""Flaky tests: those that pass as well as fail although nothing changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, betaln, expit

from flywheel.records.columns import OUTCOMES, ExecutionColumns
from flywheel.records.findings import FlakyTest

FLAKY_SHARE = 0.036
"""Flaky tests among all, before any outcome: 811 of 22,245 over 10,000 runs (FlakeFlagger)."""

SHAPE = (0.15, 1.0)
"""Beta of the failure rate of a flaky test; its quartiles 0.01 %, 1 %, 15 % are near the
0.04 %, 0.7 %, 17 % of those 811."""

CHANGE = 0.003
"""Chance that a test that depends on nothing but the code changes its outcome from run to run."""

CHANGE_WITH_VERSION = 0.5
"""The same where the version changed in between: then either outcome is as good as the other."""

STARTS_BROKEN = 0.1
SURE = 0.9
MAX_RERUNS = 200
EM_ROUNDS = 20

PASSED, FAILED, ERROR = (OUTCOMES.index(name) for name in ("passed", "failed", "error"))


@dataclass(frozen=True, slots=True)
class Histories:
    """Sufficient numbers of each test's outcomes in the order they ran, m tests.

    Attributes:
        cases: ids.
        runs, failures: of each test.
        flips, steady: pairs of neighbouring runs on one version, with and without a change of outcome.
        version_flips, version_steady: the same where the version changed in between.
        versions: distinct ones.
        first_failed, last_failed: whether the first, the last run failed.
    """

    cases: tuple[str, ...]
    runs: NDArray[np.int64]
    failures: NDArray[np.int64]
    flips: NDArray[np.int64]
    steady: NDArray[np.int64]
    version_flips: NDArray[np.int64]
    version_steady: NDArray[np.int64]
    versions: NDArray[np.int64]
    first_failed: NDArray[np.bool_]
    last_failed: NDArray[np.bool_]


def histories(columns: ExecutionColumns) -> Histories:
    """Outcomes of each test in the order they were stored; skipped, unscored ones do not count.

    A test under another model or agent is another test of its own: the
    version of a run is its version with both.
    """
    counted = np.isin(columns.outcome, (PASSED, FAILED, ERROR)) & (columns.case.codes >= 0)
    rows = np.flatnonzero(counted)
    case = columns.case.codes[rows]
    arm = arms(columns, rows)
    failed = columns.outcome[rows] != PASSED
    # Runs of one arm stand together, in the order they were stored.
    order = np.lexsort((rows, arm, case))
    case, arm, failed = case[order], arm[order], failed[order]
    m = len(columns.case.names)
    same_case = case[1:] == case[:-1]
    same_arm = same_case & (arm[1:] == arm[:-1])
    changed = failed[1:] != failed[:-1]
    owner = case[1:]

    def count(mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.bincount(owner[mask], minlength=m)

    starts = np.flatnonzero(np.concatenate([[True], ~same_case])) if case.size else np.empty(0, np.int64)
    ends = np.append(starts[1:] - 1, case.size - 1) if case.size else starts
    first, last = np.zeros(m, bool), np.zeros(m, bool)
    first[case[starts]], last[case[ends]] = failed[starts], failed[ends]
    other_arm = same_case & ~same_arm
    return Histories(
        cases=columns.case.names,
        runs=np.bincount(case, minlength=m),
        failures=np.bincount(case[failed], minlength=m),
        flips=count(same_arm & changed),
        steady=count(same_arm & ~changed),
        version_flips=count(other_arm & changed),
        version_steady=count(other_arm & ~changed),
        versions=count(other_arm) + (np.bincount(case, minlength=m) > 0),
        first_failed=first,
        last_failed=last,
    )


def flaky_probabilities(past: Histories, share: float | None = None) -> NDArray[np.float64]:
    """Posterior chance of each test to be flaky.

    How often tests are flaky, and how often the others change, is learned from all of them.

    Two explanations are weighed: a flaky test fails at random with a rate of
    its own on every version; any other test keeps its outcome, and changes it
    rarely, more often with a version. So a test that broke once is broken,
    not flaky, and one that changed with a version is neither.

    Args:
        past: of m tests.
        share: of flaky tests before any outcome; estimated from all of them when None.

    Returns:
        float64, shape (m,).

    References:
        Beta-binomial marginal likelihood: Gelman et al. (2013), section 2.4; share by
        expectation maximisation, Dempster, Laird, Rubin (1977), JRSS B 39:1-38.
    """
    prior, change = (FLAKY_SHARE if share is None else share), CHANGE
    pairs = past.flips + past.steady
    known = pairs > 0
    for _ in range(EM_ROUNDS if known.any() else 1):
        ratio = _log_flaky(past) - _log_steady(past, change)
        chance = np.asarray(expit(ratio + np.log(prior / (1 - prior))), dtype=np.float64)
        # Prior tests and prior runs keep both rates in place where there is little to learn from.
        if share is None:
            prior = float((chance[known].sum() + 50 * FLAKY_SHARE) / (known.sum() + 50))
        steady = 1 - chance
        change = float(((steady * past.flips).sum() + 1000 * CHANGE) / ((steady * pairs).sum() + 1000))
    return chance


def flaky_tests(columns: ExecutionColumns, sure: float = SURE) -> tuple[FlakyTest, ...]:
    """Every test with at least one failure, the most surely flaky first.

    Args:
        columns: executions of the tests, in the order they were stored.
        sure: posterior from which a test is called flaky, or not flaky below 1 - sure.

    Returns:
        Status flaky, broken (fails, and keeps failing), healthy (failed once, passes since), or
        unknown with the number of reruns that would tell.
    """
    past = histories(columns)
    return _told(past, flaky_probabilities(past), past.failures > 0, (sure, last_failures(columns)))


def flaky_only(columns: ExecutionColumns, sure: float = SURE) -> tuple[FlakyTest, ...]:
    """The tests that `flaky_tests` calls flaky, without the work of describing the others."""
    past = histories(columns)
    chance = flaky_probabilities(past)
    return _told(past, chance, (chance >= sure) & (past.flips > 0), (sure, last_failures(columns)))


def last_failures(columns: ExecutionColumns) -> NDArray[np.float64]:
    """When each test failed last, seconds since 1970 in UTC, shape (m,); -inf where no failure has a time."""
    rows = np.isin(columns.outcome, (FAILED, ERROR)) & (columns.case.codes >= 0)
    rows &= ~np.isnan(columns.started_at)
    last = np.full(len(columns.case.names), -np.inf)
    np.maximum.at(last, columns.case.codes[rows], columns.started_at[rows])
    return last


def _told(
    past: Histories,
    chance: NDArray[np.float64],
    wanted: NDArray[np.bool_],
    more: tuple[float, NDArray[np.float64]],
) -> tuple[FlakyTest, ...]:
    sure, last = more
    a, b = past.failures + SHAPE[0], past.runs - past.failures + SHAPE[1]
    found = [
        FlakyTest(
            case_id=past.cases[i],
            status=_status(past, int(i), float(chance[i]), sure),
            probability=float(chance[i]),
            runs=int(past.runs[i]),
            failures=int(past.failures[i]),
            flips=int(past.flips[i]),
            failure_rate=float(a[i] / (a[i] + b[i])),
            low=float(betaincinv(a[i], b[i], 0.025)),
            high=float(betaincinv(a[i], b[i], 0.975)),
            reruns=reruns_to_tell(int(past.failures[i]), int(past.runs[i])),
            versions=int(past.versions[i]),
            last_failed=datetime.fromtimestamp(last[i], UTC) if np.isfinite(last[i]) else None,
            because=_because(past, int(i)),
        )
        for i in np.flatnonzero(wanted)
    ]
    return tuple(sorted(found, key=lambda t: (-t.probability, -t.failures, t.case_id)))


def reruns_to_tell(failures: int, runs: int, certainty: float = 0.95) -> int | None:
    """Reruns on one version after which a flaky test would have shown a pass with the asked certainty.

    When all of them fail, the test is broken with that certainty.

    Args:
        failures: so far.
        runs: so far.
        certainty: in (0, 1).

    Returns:
        None when more than 200 would be needed.

    Examples:
        >>> reruns_to_tell(2, 10), reruns_to_tell(9, 10)
        (2, 34)
    """
    a, b = failures + SHAPE[0], runs - failures + SHAPE[1]
    all_fail = 1.0
    for done in range(MAX_RERUNS):
        all_fail *= (a + done) / (a + b + done)
        if all_fail <= 1 - certainty:
            return done + 1
    return None


def quarantine(tests: Sequence[FlakyTest]) -> tuple[str, ...]:
    """Ids of the flaky tests, sorted; a broken test is never put away."""
    return tuple(sorted(t.case_id for t in tests if t.status == "flaky"))


def share_between(failures: int, runs: int, low: float = 0.05, high: float = 0.95) -> float:
    """Posterior chance that a failure rate lies strictly between two bounds.

    Examples:
        >>> round(share_between(5, 10), 3)
        1.0
    """
    a, b = failures + SHAPE[0], runs - failures + SHAPE[1]
    return float(betainc(a, b, high) - betainc(a, b, low))


def arms(columns: ExecutionColumns, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Version with model and agent of the given rows, as one number each."""
    arm = np.zeros(rows.size, dtype=np.int64)
    for coded in (columns.version, columns.model, columns.agent):
        arm = arm * (len(coded.names) + 1) + coded.codes[rows] + 1
    return arm


def _log_flaky(past: Histories) -> NDArray[np.float64]:
    a, b = SHAPE
    return np.asarray(
        betaln(a + past.failures, b + past.runs - past.failures) - betaln(a, b), dtype=np.float64
    )


def _log_steady(past: Histories, change: float) -> NDArray[np.float64]:
    start = np.where(past.first_failed, np.log(STARTS_BROKEN), np.log(1 - STARTS_BROKEN))
    return np.asarray(
        np.where(past.runs > 0, start, 0.0)
        + past.flips * np.log(change)
        + past.steady * np.log(1 - change)
        + past.version_flips * np.log(CHANGE_WITH_VERSION)
        + past.version_steady * np.log(1 - CHANGE_WITH_VERSION),
        dtype=np.float64,
    )


def _status(past: Histories, i: int, chance: float, sure: float) -> str:
    """Flaky needs both outcomes on one version, whatever the chance."""
    if chance >= sure and past.flips[i] > 0:
        return "flaky"
    if chance > 1 - sure or past.flips[i] + past.steady[i] == 0:
        return "unknown"
    return "broken" if past.last_failed[i] else "healthy"


def _because(past: Histories, i: int) -> str:
    versions = "one version" if past.versions[i] == 1 else f"{past.versions[i]} versions"
    flips, with_version = int(past.flips[i]), int(past.version_flips[i])
    told = (
        f"{past.failures[i]} of {past.runs[i]} runs failed on {versions}; the outcome changed {flips} times"
    )
    return f"{told} without a change, {with_version} times with one"
