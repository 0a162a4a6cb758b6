"""Intervals of quantiles between order statistics."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from flywheel.stats.quantiles import quantile_interval


@pytest.mark.parametrize(
    ("n", "low", "high"), [(6, 1, 6), (10, 2, 9), (20, 6, 15), (50, 18, 33), (100, 40, 61)]
)
def test_the_median_has_the_ranks_of_the_published_table(n, low, high):
    """Ranks of the 95 % interval of a median: Conover (1999), Practical Nonparametric Statistics, 3.2."""
    found = quantile_interval(range(1, n + 1))

    assert (found.low, found.high) == (low, high)


@given(n=st.integers(1, 300), share=st.floats(0.02, 0.98), coverage=st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_coverage_is_at_least_what_is_promised(n, share, coverage):
    """The chance that the order statistics hold the quantile, by the binomial distribution itself."""
    found = quantile_interval(range(1, n + 1), share, coverage)

    low = 0 if found.low is None else int(found.low)
    high = n + 1 if found.high is None else int(found.high)
    held = stats.binom.cdf(high - 1, n, share) - stats.binom.cdf(low - 1, n, share)
    assert held >= coverage - 1e-9
    if found.low is not None:
        missed = stats.binom.cdf(low, n, share)
        assert missed > (1 - coverage) / 2, "one rank nearer would break the promise"


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=60), st.floats(0.1, 10))
def test_the_interval_scales_with_its_unit(values, factor):
    """Seconds or milliseconds: the same order statistics."""
    one, other = quantile_interval(values), quantile_interval(np.array(values) * factor)

    assert (one.low is None) == (other.low is None)
    if one.low is not None and other.low is not None:
        assert other.low == pytest.approx(one.low * factor)


def test_without_values_nothing_is_known():
    """No number, but a reason."""
    found = quantile_interval([])

    assert (found.estimate, found.low, found.high, found.because) == (None, None, None, "no values")
