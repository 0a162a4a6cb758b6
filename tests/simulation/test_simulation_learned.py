"""Promises of learned patterns, of beliefs in models, of routing, kept with fixed seeds."""

from __future__ import annotations

import numpy as np
import pytest
from learned_world import columns, world

from benchmarks.routing_worlds import SETTINGS, regret
from flywheel.learn.meta_learning import MetaLearner
from flywheel.records.learned import PatternKind, PatternTier
from flywheel.stats.pooling import counted, credible_range, pooled

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3_600)]

BAR = 0.8


@pytest.fixture(scope="module")
def truths() -> dict[PatternTier, list[float]]:
    """True success rates of the high-confidence patterns of 60 worlds, by tier."""
    found: dict[PatternTier, list[float]] = {tier: [] for tier in PatternTier}
    for seed in range(60):
        made = world(3_000, 40, 3, seed=seed)
        for one in MetaLearner().patterns(made.judged):
            if one.kind is PatternKind.HIGH_CONFIDENCE:
                told = {c.attribute: c.value for c in one.where}
                found[one.tier].append(made.truth(told.get("agent"), told.get("type")))
    return found


def test_supported_patterns_hold(truths: dict[PatternTier, list[float]]):
    """At most 8 % of them lie below the bar in truth; of the observed ones several times more do."""
    supported = np.array(truths[PatternTier.SUPPORTED])

    assert supported.size > 100
    assert (supported < BAR).mean() <= 0.08
    assert (np.array(truths[PatternTier.OBSERVED]) < BAR).mean() > 0.25


def test_proven_patterns_hold(truths: dict[PatternTier, list[float]]):
    """At most 2 % of them lie below the bar in truth."""
    proven = np.array(truths[PatternTier.PROVEN])

    assert proven.size > 100
    assert (proven < BAR).mean() <= 0.02


def test_where_nothing_differs_no_indicator_is_found():
    """With one rate for all, at most 1 world in 10 has an indicator at a level of 10 %, and none proven."""
    indicators, proven = 0, 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        n = 1_500
        judged = columns(
            rng.integers(0, 12, n),
            rng.integers(0, 4, n),
            (rng.random(n) < 0.7) * 1.0,
            (tuple("abcdefghijkl"), tuple("wxyz")),
            rng.uniform(0.3, 1.0, n),
        )
        kinds = (PatternKind.SUCCESS_INDICATOR, PatternKind.FAILURE_AVOIDANCE)
        found = [one for one in MetaLearner().patterns(judged) if one.kind in kinds]
        indicators += bool(found)
        proven += any(one.tier is PatternTier.PROVEN for one in found)

    assert indicators <= 20
    assert proven <= 3


def test_credible_ranges_of_slices_hold_what_they_promise():
    """Of 95 % ranges of models in slices nearly 95 % hold the true rate, where they were asked or not."""
    rng = np.random.default_rng(8)
    held = {"seen": [], "unseen": []}
    for _ in range(150):
        k, c = 6, 8
        rates = np.clip(rng.beta(12, 5, (k, 1)), 0.02, 0.98)
        cells = rng.beta(20 * rates * np.ones((1, c)), 20 * (1 - rates) * np.ones((1, c)))
        n = rng.integers(0, 60, (k, c)) * (rng.random((k, c)) < 0.8)
        model, place = np.repeat(np.arange(k * c) // c, n.ravel()), np.repeat(np.arange(k * c) % c, n.ravel())
        beliefs = pooled(counted(model, place, rng.random(n.sum()) < cells[model, place], (k, c)), None)
        low, high = credible_range(beliefs.passed, beliefs.failed)
        inside = (low <= cells) & (cells <= high)
        held["seen"] += inside[n > 0].tolist()
        held["unseen"] += inside[n == 0].tolist()

    assert 0.925 <= np.mean(held["seen"]) <= 0.98
    assert 0.90 <= np.mean(held["unseen"]) <= 0.99


@pytest.mark.parametrize(("setting", "most"), [("stationary", 0.11), ("degrades", 0.24), ("close", 0.38)])
def test_routing_regrets_little(setting: str, most: float):
    """Of the regret of choosing at random, as a share, in each of the three settings."""
    assert np.mean([regret(SETTINGS[setting], seed) for seed in range(8)]) <= most
