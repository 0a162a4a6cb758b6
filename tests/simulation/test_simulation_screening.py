"""What screening before the gate promises, in simulated worlds with fixed seeds."""

from __future__ import annotations

import pytest
from simulated_screening import TRIED, cycles
from simulated_worlds import MEDIUM

pytestmark = pytest.mark.slow

FIRST, SCREENED = TRIED


def test_screening_lets_no_more_noise_through():
    """With no better candidate, at most half the significance level ships, far from 5 %."""
    told = cycles(SCREENED, None).summary

    assert told.ship_range[0] <= 0.025
    assert told.ship_range[1] <= 0.05


def test_screening_gains_three_times_as_much_at_the_same_price():
    """Of what ships 95 % is really better, and a cycle gains three times what the first of the list does."""
    before, told = cycles(FIRST, MEDIUM), cycles(SCREENED, MEDIUM)

    assert told.summary.real_share >= 0.95
    assert told.summary.harmful / told.summary.ships <= 0.01
    assert told.gain >= 3 * before.gain
    assert told.summary.calls <= 500
