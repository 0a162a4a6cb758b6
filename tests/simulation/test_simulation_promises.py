"""Statistical promises, kept in simulated worlds with fixed seeds."""

from __future__ import annotations

import pytest
from simulated_trials import (
    SAVINGS,
    clustered_rows,
    mixed_world,
    rare_breakages,
    same_versions,
    saving,
)
from simulated_worlds import HARD, MEDIUM, Prior

pytestmark = pytest.mark.slow

HALF = 0.025
"""Half of the significance level: what may ship wrongly."""


@pytest.mark.parametrize(
    "procedure",
    [
        "race, 1 candidate, look every 10",
        "race, 1 candidate, look every pair",
        "race, 8 candidates, look every 10",
        "joint gate, 1 candidate",
        "joint gate, 8 candidates",
    ],
)
def test_equal_versions_are_rarely_shipped(procedure: str):
    """With no better candidate, the share of wrong ships agrees with at most half the significance level."""
    trials = same_versions(procedure)

    assert trials.ship_range[0] <= HALF
    assert trials.ship_share <= HALF + 3 * (HALF * (1 - HALF) / trials.trials) ** 0.5


def test_the_usual_rules_ship_noise():
    """Watching a t test, or taking the best mean, releases equal versions many times as often."""
    assert same_versions("Welch p < .05, 1 candidate, look every 10").ship_range[0] > 2 * HALF
    assert same_versions("best mean of 8 on 100 cases").ship_range[0] > 0.5


@pytest.mark.parametrize("prior", [MEDIUM, HARD], ids=lambda p: p.name)
@pytest.mark.parametrize("procedure", ["joint gate", "race, then 100 fresh cases"])
def test_what_ships_is_really_better(procedure: str, prior: Prior):
    """Of what ships 95 % is really better, and the reported gain is within 1 point of the true one."""
    trials = mixed_world(prior, procedure)

    assert trials.real_share >= 0.95
    assert trials.harmful / trials.ships <= 0.01
    assert abs(trials.reported - trials.true) <= 0.01
    assert trials.raw > trials.reported


@pytest.mark.parametrize("setting", SAVINGS, ids=str)
def test_a_race_needs_fewer_calls(setting: tuple[int, float, float]):
    """A race decides with at most half the calls of a fixed Welch design of equal power."""
    assert saving(*setting, trials=500).factor >= 2.0


def test_a_race_finds_what_it_should():
    """With 300 pairs a gain of 10 points is found 95 times in 100, within 145 pairs on average."""
    found = saving(300, 0.15, 0.10, trials=800)

    assert found.power >= 0.95
    assert found.pairs <= 145


def test_rare_breakages_do_not_ship():
    """Small gains that hide rare breakages pass a test alone, and not the second lock."""
    alone, locked = rare_breakages()

    assert alone > 0.10
    assert locked <= 0.01


def test_related_rows_are_not_evidence():
    """Rows of one input flipped one by one find gains that are not there; flipped together they do not."""
    by_rows, by_inputs = clustered_rows()

    assert by_rows > 2 * HALF
    assert by_inputs <= HALF + 0.01
