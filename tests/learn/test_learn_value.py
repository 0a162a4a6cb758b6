"""Value metrics: laws, examples, what is refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel.learn.value import value_report
from flywheel.learn.value_health import HEALTH, health_score
from flywheel.learn.value_tests import pass_rate_slope, value_per_test
from flywheel.records.alert import Alert
from flywheel.records.columns import Coded
from flywheel.records.value_evidence import PastCycle, PastPattern, ValueColumns, ValueEvidence
from flywheel.stats.rates import poisson_rate, poisson_rate_ratio
from flywheel.stats.survival import median_time

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BEGIN = NOW - timedelta(days=90)


def columns(
    seed: int, count: int = 300, *, cases: int = 20, rates: tuple[float, ...] = (0.4, 0.9)
) -> ValueColumns:
    """Executions of the last days: cases on versions with these pass rates."""
    draw = np.random.default_rng(seed)
    version = draw.integers(0, len(rates), count)
    case = draw.integers(0, cases, count)
    passed = (draw.random(count) < np.array(rates)[version]).astype(float)
    one = coded(np.zeros(count, dtype=int), 1)
    return ValueColumns(
        passed,
        NOW.timestamp() - draw.uniform(0, 6 * 86_400, count),
        draw.uniform(0.5, 1.0, count),
        one,
        coded(version, len(rates)),
        coded(case, cases),
        one,
        one,
    )


def coded(codes: np.ndarray, names: int) -> Coded:
    """Codes with names n0, n1 and so on."""
    return Coded(codes.astype(np.int32), tuple(f"n{number}" for number in range(names)))


def times(found: ValueColumns, count: int) -> ValueColumns:
    """The same executions so many times."""

    def more(one):
        return Coded(np.tile(one.codes, count), one.names) if isinstance(one, Coded) else np.tile(one, count)

    return ValueColumns(*(more(getattr(found, name)) for name in ValueColumns.__slots__))


def report(evidence: ValueEvidence, value_usd: float | None = None):
    """All metrics of ninety days."""
    return value_report(evidence, BEGIN, NOW, value_usd)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.integers(2, 5))
def test_no_score_moves_when_only_the_number_of_runs_changes(seed: int, count: int):
    """Every execution again, with the same outcomes, leaves the scores as they are."""
    found = columns(seed)
    once, often = report(ValueEvidence(found)), report(ValueEvidence(times(found, count)))

    for name in ("health_score", "value_score_per_test", "edge_case_coverage"):
        assert often.metric(name).value == pytest.approx(once.metric(name).value)
    assert often.metric("health_score").low >= once.metric("health_score").low


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000))
def test_easy_tests_that_are_added_raise_no_slope(seed: int):
    """New tests that always pass leave the slope of the same tests as it is."""
    draw = np.random.default_rng(seed)
    found = columns(seed)
    found = replace(found, moment=BEGIN.timestamp() + draw.uniform(0, 90 * 86_400, len(found)))
    easy = replace(
        found,
        passed=np.ones(len(found)),
        case=Coded(found.case.codes + 20, tuple(f"n{number}" for number in range(40))),
        moment=NOW.timestamp() - draw.uniform(0, 10 * 86_400, len(found)),
    )
    wide = replace(found, case=Coded(found.case.codes, easy.case.names))
    both = ValueColumns(
        *(joined(getattr(wide, name), getattr(easy, name)) for name in ValueColumns.__slots__)
    )

    before, after = pass_rate_slope(found)[0], pass_rate_slope(both)[0]

    assert after.value == pytest.approx(before.value)


def joined(one, other):
    """Two columns after each other."""
    if isinstance(one, Coded):
        return Coded(np.concatenate((one.codes, other.codes)), other.names)
    return np.concatenate((one, other))


def test_a_test_is_worth_what_it_tells_apart():
    """One that passes on half of the versions is worth 1, one that always passes nothing, chance little."""
    count = 200
    version = np.repeat([0, 1], count // 2)
    one = coded(np.zeros(count, dtype=int), 1)
    flat = np.zeros(count)

    def value(passed: np.ndarray) -> float:
        found = ValueColumns(passed.astype(float), flat, flat, one, coded(version, 2), one, one, one)
        return value_per_test(found)[0].value

    assert value(version == 1) == 1.0
    assert value(np.ones(count)) == 0.0
    assert value(np.arange(count) % 2 == 0) == pytest.approx(0.0, abs=1e-9)


def test_an_open_critical_alert_holds_the_health_down():
    """However good the rest is the health is at most 0.59, and its own alert takes no part in it."""
    found = columns(1, rates=(0.99, 0.99))
    found = replace(found, confidence=np.full(len(found), 0.99))
    critical = Alert(alert_id="a", severity="critical", subject="x", message="m", raised_at=NOW)
    own = critical.model_copy(update={"subject": HEALTH})

    well = health_score(found, (), (), NOW)
    held = health_score(found, (), (critical,), NOW)

    assert well.value > 0.95
    assert held.value <= 0.59
    assert "critical" in held.because
    assert health_score(found, (), (own,), NOW).value == well.value


def test_what_is_not_known_has_a_reason():
    """An empty store has no value that is 0, and each metric says why."""
    nothing = ValueEvidence(columns(1, count=0))
    found = report(nothing)

    assert all(one.value is None and one.because for one in found.metrics)
    assert len({one.name for one in found.metrics}) == 16


def test_the_return_on_money_is_refused_without_a_price():
    """Without a value per outcome the ROI is unknown, with one and no spend it is unknown for that."""
    evidence = ValueEvidence(columns(1))

    assert "--value-per-outcome" in report(evidence).metric("test_roi_ratio").because
    assert "no money was spent" in report(evidence, 0.1).metric("test_roi_ratio").because


def test_failures_that_are_alone_say_what_is_unseen():
    """By Good and Turing the chance of a new kind is the share of failures alone of their kind."""
    cycle = PastCycle("c1", "triage", "completed", "v1", NOW - timedelta(days=3))
    patterns = tuple(
        PastPattern("c1", "triage", key, count, count / 10) for key, count in (("a", 7), ("b", 2), ("c", 1))
    )
    found = report(ValueEvidence(columns(1), cycles=(cycle,), patterns=patterns))

    assert found.metric("pattern_discovery_rate").of == 3
    assert found.metric("pattern_discovery_rate").parts[0].value == pytest.approx(0.1)
    assert found.metric("insight_generation_rate").value == pytest.approx(1 / 3)
    assert found.metric("time_to_improvement").because == "over half of 3 still wait"


def test_the_median_time_is_that_of_a_known_trial():
    """Freireich (1963), remission with 6-MP and placebo: medians 23 and 8 weeks, as every textbook has."""
    mp = [6, 6, 6, 6, 7, 9, 10, 10, 11, 13, 16, 17, 19, 20, 22, 23, 25, 32, 32, 34, 35]
    happened = [1, 1, 1, 0, 1, 0, 1, 0, 0, 1, 1, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0]
    placebo = [1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23]

    treated, control = median_time(mp, happened), median_time(placebo, [1] * 21)

    assert (treated.estimate, treated.high) == (23, None)
    assert (control.estimate, control.low, control.high) == (8, 4, 11)


def test_rates_agree_with_known_intervals():
    """Garwood's interval of 10 events, and a ratio of equal rates holds 1."""
    found = poisson_rate(10, 1.0)
    ratio = poisson_rate_ratio(10, 100.0, 10, 100.0)

    assert (round(found.low, 3), round(found.high, 3)) == (4.795, 18.39)
    assert ratio.low < 1 < ratio.high
    assert poisson_rate_ratio(3, 10.0, 0, 10.0).estimate is None
