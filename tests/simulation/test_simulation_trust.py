"""Promises of trust, kept on streams of nine kinds with fixed seeds."""

from __future__ import annotations

import numpy as np
import pytest
from simulated_trust import streams

from flywheel.learn.trust_loss import compare_scores
from flywheel.stats.hierarchy import Stream, agent_beliefs

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def losses() -> dict[str, dict[str, float]]:
    """Log-loss of every score on every stream."""
    return {
        name: {one.score: one.log_loss for one in compare_scores(stream).scores} for name, stream in streams()
    }


def test_the_bayesian_score_beats_averages_nearly_everywhere(losses: dict[str, dict[str, float]]):
    """It predicts better than the moving average on every stream, than the literal update on every stream."""
    assert len(losses) == 27
    for old in ("moving average", "literal update"):
        assert [name for name, loss in losses.items() if loss["bayesian"] >= loss[old]] == []


def test_the_bayesian_score_is_no_worse_than_the_plain_rate(losses: dict[str, dict[str, float]]):
    """On at least four streams of five; where it is worse, by less than a hundredth."""
    worse = {name: loss["bayesian"] - loss["plain rate"] for name, loss in losses.items()}

    assert np.mean([extra <= 0.0 for extra in worse.values()]) >= 0.8
    assert max(worse.values()) < 0.01


def test_shrinking_to_the_population_beats_shrinking_to_zero(losses: dict[str, dict[str, float]]):
    """With that one change the known score predicts better on at least nine streams of ten."""
    assert np.mean([loss["known"] < loss["known, from zero"] for loss in losses.values()]) >= 0.9


def test_intervals_of_agents_hold_what_they_say():
    """Over 200 small worlds of steady agents at least 92 % of the 95 % intervals hold the true rate."""
    from scipy.special import betaincinv

    rng, held = np.random.default_rng(11), []
    for _ in range(200):
        rates = rng.beta(6.0, 3.0, 12)
        agent = rng.integers(12, size=400)
        stream = Stream.of((rng.random(400) < rates[agent]).astype(float), agent, np.zeros(400))
        found = agent_beliefs(stream).agents
        low, high = (betaincinv(found.passed, found.failed, q) for q in (0.025, 0.975))
        held += ((low <= rates) & (rates <= high)).tolist()

    assert np.mean(held) >= 0.92
