"""Numbers of quality, held against exact arithmetic in fractions."""

from __future__ import annotations

from fractions import Fraction
from math import comb

import numpy as np
import pytest

from flywheel.learn.quality_falls import Reference
from flywheel.learn.quality_levels import Prior, chances_below, flat_prior, row_and_column
from flywheel.records.quality import QualityLevels


def exact_below(passed: int, failed: int, edge: Fraction) -> Fraction:
    """P(rate < edge) of Beta(passed, failed) with whole pseudo-counts.

    Source: Abramowitz, Stegun (1964), 26.5.24: the incomplete beta as a binomial tail.
    """
    n = passed + failed - 1
    return sum((comb(n, k) * edge**k * (1 - edge) ** (n - k) for k in range(passed, n + 1)), Fraction(0))


@pytest.mark.parametrize(("passed", "failed"), [(176, 24), (19, 1), (85, 15), (1, 1), (990, 10)])
def test_chances_are_exact(passed: int, failed: int) -> None:
    """To ten digits, for posteriors with whole counts."""
    levels = QualityLevels()
    edges = [
        Fraction(str(edge)) for edge in (levels.critical, levels.warning, levels.target, levels.excellent)
    ]
    expected = [float(exact_below(passed, failed, edge)) for edge in edges]

    found = chances_below(np.array([float(passed)]), np.array([float(failed)]), levels)[0]

    assert found.tolist() == pytest.approx(expected, rel=1e-10, abs=1e-14)


def test_a_prior_counts_as_executions() -> None:
    """Twenty executions at 90 % and 10 with 4 passes are 22 and 8; no opinion is Beta(1, 1)."""
    passed, failed = Prior(np.array([0.9]), 20).with_data(np.array([10.0]), np.array([4.0]))
    flat = flat_prior(1).with_data(np.array([0.0]), np.array([0.0]))

    assert (passed[0], failed[0]) == (pytest.approx(22), pytest.approx(8))
    assert (flat[0][0], flat[1][0]) == (1.0, 1.0)


def test_a_cell_is_expected_where_row_and_column_meet() -> None:
    """Odds multiply: 9 (row) times 4 (column) over 6 (whole) are 6, which is 6/7."""
    found = row_and_column(np.array([6 / 7]), np.array([0.9]), np.array([0.8]))

    assert found[0] == pytest.approx(6 / 7, rel=1e-12)


def test_the_bound_is_a_quantile() -> None:
    """Below the bound of one detector lies 16 % of the posterior, of 64 a quarter of a percent."""
    usual = Reference(rate=0.95, weight=200.0, executions=200)
    for detectors, tail in ((1, 0.16), (64, 0.0025)):
        edge = Fraction(usual.bound(detectors))
        assert float(exact_below(190, 10, edge)) == pytest.approx(tail, rel=1e-6)


def test_days_that_differ_lower_the_bound() -> None:
    """What days differ by is taken off whole, on top of the quantile."""
    calm = Reference(rate=0.95, weight=200.0, executions=200)
    wild = Reference(rate=0.95, weight=200.0, wobble=0.02, executions=200)

    assert calm.bound(1) - wild.bound(1) == pytest.approx(0.02)
