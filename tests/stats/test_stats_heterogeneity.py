"""A gain on several models that answered the same cases."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ttest_1samp, ttest_rel

from flywheel.stats.heterogeneity import heterogeneity

RNG = np.random.default_rng(11)
SHARED = RNG.normal(0.05, 0.3, (200, 1))
TWO = SHARED + RNG.normal(0.0, 0.2, (200, 2))


def test_two_models_are_a_paired_t_test():
    """With two models Q is the square of the paired t statistic, and has its p."""
    found, peer = heterogeneity(TWO), ttest_rel(TWO[:, 0], TWO[:, 1])

    assert found.q == pytest.approx(peer.statistic**2, rel=1e-9)
    assert found.p_value == pytest.approx(peer.pvalue, rel=1e-9)


def test_the_mean_is_a_t_test_of_the_case_means():
    """The unit of the mean over models is the case, whose differences are averaged first."""
    found = heterogeneity(TWO)
    peer = ttest_1samp(TWO.mean(axis=1), 0.0).confidence_interval(0.95)

    assert found.mean.estimate == pytest.approx(TWO.mean(), rel=1e-12)
    assert (found.mean.low, found.mean.high) == pytest.approx((peer.low, peer.high), rel=1e-9)


def test_independent_models_give_the_q_of_cochran():
    """Where models share nothing and cases are many, Q nears the sum of squares of Cochran (1954)."""
    d = np.random.default_rng(3).normal([0.0, 0.02, 0.05], [0.2, 0.3, 0.25], (4000, 3))
    weights = len(d) / d.var(axis=0, ddof=1)
    centre = np.average(d.mean(axis=0), weights=weights)

    assert heterogeneity(d).q == pytest.approx((weights * (d.mean(axis=0) - centre) ** 2).sum(), rel=0.05)


def test_models_that_gain_the_same_everywhere_do_not_differ():
    """Two equal columns carry one comparison less, not a division by zero."""
    found = heterogeneity(np.column_stack([TWO, TWO[:, 0]]))

    assert found.df == 1
    assert found.q == pytest.approx(heterogeneity(TWO).q, rel=1e-6)


@pytest.mark.parametrize(
    "differences",
    [np.zeros((0, 3)), np.zeros((50, 1)), np.zeros((3, 3)), np.zeros((50, 2)), np.full((9, 2), np.nan)],
    ids=["no cases", "one model", "few cases", "ties", "unscored"],
)
def test_without_evidence_there_is_no_q(differences):
    """What does not exist is None with a because, never 0."""
    found = heterogeneity(differences)

    assert (found.q, found.p_value, found.i_squared) == (None, None, None)
    assert found.because
