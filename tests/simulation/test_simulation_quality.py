"""Promises of watching quality, kept at 200 executions a day with fixed seeds."""

from __future__ import annotations

import pytest
from scipy.stats import chi2
from simulated_quality import GRID, days_to_a_cell, days_to_a_fall, episodes, has_fallen, is_flagged, is_told

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]


def test_a_healthy_stream_rarely_falls():
    """At most 1 false fall in 1,000 daily windows, with an upper 95 % limit of at most 1.5."""
    days = 15_000
    (false,) = episodes(days, has_fallen)

    assert 1_000 * false / days <= 1
    assert 1_000 * chi2.ppf(0.95, 2 * false + 2) / 2 / days <= 1.5


def test_days_that_differ_by_a_point_are_no_falls():
    """With days that differ by a standard deviation of one point there are at most 2 in 1,000."""
    (false,) = episodes(6_000, has_fallen, wobble=0.01)

    assert 1_000 * false / 6_000 <= 2


@pytest.mark.parametrize(("rate", "days"), [(0.90, 2.5), (0.85, 1.0)])
def test_a_fall_is_shown_in_days(rate: float, days: float):
    """From 95 to 90 % half of the falls are shown within two and a half days, to 85 % within one."""
    assert days_to_a_fall(rate, 60) <= days


def test_a_grid_of_cells_is_quiet():
    """Of 49 healthy cells at most .02 begin to be told a day; fixed thresholds flag a hundred times more."""
    told, flagged = episodes(450, is_told, is_flagged, grid=GRID)

    assert told / 450 <= 0.02
    assert flagged / 450 > 2


def test_one_bad_cell_is_found():
    """A cell at 70 %, four executions a day, is told within eight days half of the time."""
    assert days_to_a_cell(0.70, 25) <= 8
