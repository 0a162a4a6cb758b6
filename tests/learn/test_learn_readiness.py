"""The older rule of readiness, beside the verdict."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from flywheel.learn.readiness import MIN_CONFIDENCE, MIN_GAIN, readiness
from flywheel.records.proposal import Proposal
from flywheel.records.verdict import Evidence, Verdict


def verdict(ruling: str, estimate: float | None, p: float | None) -> Verdict:
    """A verdict with this evidence."""
    found = Evidence(
        control="a", candidate="b", source="live", method="m", pairs=400, estimate=estimate, adjusted_p=p
    )
    proposal = Proposal(parent="a", version="b", text="t", strategy="nudge", rationale="r")
    return Verdict(proposal=proposal, ruling=ruling, because="b", evidence=found)


@pytest.mark.parametrize(
    ("estimate", "p", "is_ready"),
    [
        (0.02, 0.2, True),
        (0.019, 0.001, False),
        (0.3, 0.21, False),
        (0.3, 0.0, True),
        (-0.3, 0.0, False),
        (None, 0.1, None),
        (0.3, None, None),
    ],
)
def test_both_limits_must_be_reached(estimate, p, is_ready):
    """Two points and 80 %; what is unknown is neither ready nor not."""
    assert readiness(verdict("hold", estimate, p)).is_ready is is_ready


@pytest.mark.parametrize("ruling", ["ship", "stage", "hold", "reject"])
def test_the_verdict_decides(ruling):
    """The recommendation follows the verdict, whatever the rule says."""
    said = {readiness(verdict(ruling, gain, 0.01)).recommendation.split(".")[0] for gain in (0.5, -0.5)}

    assert len(said) == 1
    assert said.pop().endswith(ruling)


def test_how_often_the_rule_is_wrong():
    """What the docstring says: 24 and 5 of 100, at daily looks for two weeks; one look alone 4."""
    rng = np.random.default_rng(7)
    days, each, runs = 14, 200, 20_000

    def let_through(candidate: float) -> np.ndarray:
        trials = each * np.arange(1, days + 1)
        before, after = (
            rng.binomial(each, rate, (runs, days)).cumsum(axis=1) / trials for rate in (0.9, candidate)
        )
        error = np.sqrt((before * (1 - before) + after * (1 - after)) / trials)
        confidence = 1 - 2 * norm.sf(np.abs(after - before) / error)
        return (after - before >= MIN_GAIN) & (confidence >= MIN_CONFIDENCE)

    equal, worse = let_through(0.9), let_through(0.88)

    assert equal.any(axis=1).mean() == pytest.approx(0.24, abs=0.01)
    assert worse.any(axis=1).mean() == pytest.approx(0.05, abs=0.01)
    assert equal[:, 6].mean() == pytest.approx(0.04, abs=0.01)
