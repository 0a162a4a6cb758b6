"""Pooled beliefs, Thompson shares, the recovered gap, effects of factors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel.stats.allocation import thompson_shares
from flywheel.stats.beta import Beta, prob_best
from flywheel.stats.factor_logistic import fit_factors
from flywheel.stats.gap import average_gap_recovered
from flywheel.stats.pooling import CellCounts, chance_above, counted, credible_range, pooled

pytestmark = pytest.mark.unit
COUNTS = st.lists(st.floats(0.5, 200), min_size=2, max_size=6)


@given(rows=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 1), st.booleans()), max_size=60))
def test_unfaded_counts_do_not_depend_on_where_a_list_is_cut(rows):
    """Counts of two halves add up to those of the whole."""
    table = np.array(rows, dtype=float).reshape(-1, 3)
    whole = counted(*table.T, (3, 2))
    halves = counted(*table[::2].T, (3, 2)) + counted(*table[1::2].T, (3, 2))

    assert np.array_equal(whole.passed, halves.passed)
    assert np.array_equal(whole.outcomes, halves.outcomes)
    assert whole.outcomes.sum() == len(rows)


@pytest.mark.parametrize("keep", [0.0, 1.5])
def test_a_share_that_cannot_be_kept_is_refused(keep):
    """What an outcome keeps lies above 0 and is at most all."""
    with pytest.raises(ValueError, match="need a share above 0"):
        counted([0], [0], [1], (1, 1), keep)


def test_an_arm_alone_in_one_context_is_not_counted_twice():
    """Its belief there is hardly narrower than its own outcomes make it."""
    beliefs = pooled(counted([0] * 100, [0] * 100, [1] * 70 + [0] * 30, (1, 1)))

    assert 100 < beliefs.passed[0, 0] + beliefs.failed[0, 0] < 106


def test_contexts_that_differ_are_pooled_less():
    """The fitted concentration decides what an unseen context is expected to do, and how surely."""
    alike = CellCounts(
        np.array([[80.0, 79.0, 0.0]]), np.array([[20.0, 21.0, 0.0]]), np.array([[100, 100, 0]])
    )
    unlike = CellCounts(
        np.array([[98.0, 30.0, 0.0]]), np.array([[2.0, 70.0, 0.0]]), np.array([[100, 100, 0]])
    )

    widths = []
    for counts in (alike, unlike):
        beliefs = pooled(counts, None)
        low, high = credible_range(beliefs.passed, beliefs.failed)
        widths.append(float((high - low)[0, 2]))
    assert widths[0] < 0.45
    assert widths[1] > 0.75


def test_a_newcomer_is_expected_to_do_as_the_others():
    """Its mean is that of the arms, its interval is wide."""
    beliefs = pooled(counted([0] * 50, [0] * 50, [1] * 45 + [0] * 5, (2, 1)))

    assert beliefs.arm_mean[1] == pytest.approx(46 / 52)
    assert chance_above(beliefs.arm_passed, beliefs.arm_failed, 0.5)[1] < 0.95


@settings(max_examples=30)
@given(passed=COUNTS, seed=st.integers(0, 9))
def test_shares_without_a_bonus_are_chances_to_be_best(passed, seed):
    """Thompson sampling picks an arm as often as it is the best, and that is known exactly."""
    failed = np.random.default_rng(seed).uniform(0.5, 50, len(passed))
    exact = prob_best([Beta(a, b) for a, b in zip(passed, failed, strict=True)])

    assert thompson_shares(passed, failed) == pytest.approx(exact, abs=2e-3)


def test_shares_with_a_bonus_are_what_drawing_gives():
    """400,000 draws agree to a few thousandths."""
    passed, failed, bonus = np.array([9.0, 5.0, 2.0]), np.array([3.0, 7.0, 2.0]), np.array([-0.4, 0.0, -0.1])
    draws = np.random.default_rng(1).beta(passed, failed, (400_000, 3)) + bonus

    drawn = np.bincount(draws.argmax(axis=1), minlength=3) / 400_000
    assert thompson_shares(passed, failed, bonus) == pytest.approx(drawn, abs=4e-3)


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), min_size=2, max_size=30))
def test_the_recovered_gap_is_the_mean_over_all_thresholds(rows):
    """It equals the trapezoids between the points of every threshold, and lies at a half for equal scores."""
    score, weak, strong = np.array(rows, dtype=float).T
    gain = strong - weak
    found = average_gap_recovered(score, weak, strong)
    if gain.sum() <= 0:
        assert found is None
        return
    xs, ys = [0.0], [0.0]
    for level in sorted(set(score), reverse=True):
        xs.append(float((score >= level).mean()))
        ys.append(float(gain[score >= level].sum() / gain.sum()))

    assert found == pytest.approx(float(np.trapezoid(ys, xs)))
    assert average_gap_recovered(np.ones(len(rows)), weak, strong) == pytest.approx(0.5)


def test_free_effects_are_the_rates_of_the_groups():
    """With hardly any penalty the fitted chance of a level is its rate; a strong penalty gives the mean."""
    codes, outcome = [[0] * 100 + [1] * 100], [1] * 90 + [0] * 10 + [1] * 20 + [0] * 80

    free = fit_factors(codes, [2], outcome, [100.0]).chance([[0, 1, -1]])
    held = fit_factors(codes, [2], outcome, [0.001]).chance([[0, 1]])

    assert free[:2] == pytest.approx([0.9, 0.2], abs=0.002)
    assert held == pytest.approx([0.55, 0.55], abs=0.01)
