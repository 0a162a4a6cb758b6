"""Which score of an agent predicts its next outcome best."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from flywheel.learn.counting import count_of
from flywheel.records.trust import ScoreLoss, TrustComparison
from flywheel.stats.clusters import clustered_mean
from flywheel.stats.hierarchy import Stream, predicted_success
from flywheel.stats.known_scores import count_scores, ema_scores, seed_scores

Floats = NDArray[np.float64]

DECIDES = "bayesian"
LEAST_AGENTS = 5
"""Agents are the units of an interval; with fewer it covers too rarely to be shown."""

SUREST = 0.99
"""No score is taken to be surer than this, so that one surprise cannot decide the comparison."""


def compare_scores(
    stream: Stream, prior_outcomes: float = 10.0, workspace: str = "default"
) -> TrustComparison:
    """Every score predicts each outcome before it is known.

    Args:
        stream: outcomes in the order of time, one at least.
        prior_outcomes: k of the known score n / (n + k).
        workspace: whose outcomes they are.

    Returns:
        The scores by their loss, the best first; each difference has an
        interval whose unit is the agent.
    """
    losses = {name: _loss(chance, stream) for name, chance in _chances(stream, prior_outcomes).items()}
    total = max(float(stream.weight.sum()), 1e-12)
    agents = int(np.unique(stream.agent).size)
    found = []
    for name, loss in losses.items():
        extra = (loss - losses[DECIDES]) * stream.weight * (len(stream) / total)
        shown = name != DECIDES and agents >= LEAST_AGENTS
        interval = clustered_mean(extra, stream.agent).interval if shown else None
        found.append(
            ScoreLoss(
                score=name,
                log_loss=float((loss * stream.weight).sum() / total),
                worse_by=float(extra.mean()),
                low=None if interval is None else interval.low,
                high=None if interval is None else interval.high,
                decides=name == DECIDES,
            )
        )
    found.sort(key=lambda one: (one.log_loss, not one.decides))
    return TrustComparison(
        workspace=workspace,
        outcomes=len(stream),
        agents=agents,
        scores=tuple(found),
        because=_because(found, len(stream)),
    )


def _chances(stream: Stream, prior: float) -> dict[str, Floats]:
    everybody = Stream(stream.success, stream.weight, np.zeros(len(stream), np.int64), stream.context)
    population = count_scores(everybody)
    zero = count_scores(stream, (0.0, max(prior, 1e-9)))
    # (s + k m) / (n + k) is s / (n + k) with what is missing of the weight put on m.
    seen = count_scores(
        Stream(np.ones(len(stream)), stream.weight, stream.agent, stream.context), (0.0, max(prior, 1e-9))
    )
    return {
        DECIDES: predicted_success(stream),
        "plain rate": count_scores(stream),
        "known": zero + (1.0 - seen) * population,
        "known, from zero": zero,
        "moving average": ema_scores(stream)[0],
        "literal update": seed_scores(stream)[0],
        "everybody": population,
    }


def _loss(chance: Floats, stream: Stream) -> Floats:
    p = np.clip(chance, 1.0 - SUREST, SUREST)
    return np.asarray(-(stream.success * np.log(p) + (1.0 - stream.success) * np.log1p(-p)))


def _because(found: list[ScoreLoss], outcomes: int) -> str:
    best = found[0]
    counted = count_of(outcomes, "outcome")
    if best.decides:
        sure = [one.score for one in found if one.low is not None and one.low > 0.0]
        than = f", surely better than {', '.join(sure)}" if sure else "; no difference is sure yet"
        return f"The Bayesian score predicted best over {counted}{than}."
    if best.high is not None and best.high < 0.0:
        return (
            f"{best.score!r} predicted better over {counted} by {-best.worse_by:.4f}, which is no accident. "
            "The Bayesian score still decides; docs/trust.md says when that is worth changing."
        )
    return (
        f"{best.score!r} predicted better over {counted} by {-best.worse_by:.4f}, which may be an accident. "
        "The Bayesian score decides."
    )
