"""Parts of trust as beliefs, for all agents at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv

from flywheel.learn.trust_evidence import TrustEvidence
from flywheel.records.trust import TrustPart
from flywheel.stats.hierarchy import Hierarchy, Stream, agent_beliefs

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Part:
    """One part of trust of m agents; NaN where there is no evidence.

    Attributes:
        value, variance: of the belief.
        low, high: 95 % credible interval; NaN where there is none.
        n_eff: discounted outcomes.
        rate: plain share, not discounted, not borrowed from anybody.
        because: why there is no value or no interval, one per agent.
    """

    value: Floats
    variance: Floats
    low: Floats
    high: Floats
    n_eff: Floats
    rate: Floats
    because: tuple[str, ...]

    def of(self, agent: int) -> TrustPart:
        """The record of one agent."""
        value, low, high = (_known(column[agent]) for column in (self.value, self.low, self.high))
        return TrustPart(
            value=value, low=low, high=high, n_eff=float(self.n_eff[agent]), because=self.because[agent]
        )


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


def rows_known(evidence: TrustEvidence, column: Floats) -> tuple[Stream, NDArray[np.int64]] | None:
    """Rows with a known value as a stream, with the agent behind each of its codes; None without a row."""
    known = ~np.isnan(column)
    if not known.any():
        return None
    agents, codes = np.unique(evidence.agent[known], return_inverse=True)
    stream = Stream.of(column[known], codes, evidence.context[known], evidence.weight[known])
    return stream, agents


def belief_part(
    evidence: TrustEvidence, column: Floats, nothing: str
) -> tuple[Part, Hierarchy | None, NDArray[np.int64]]:
    """A part that is a success rate.

    Args:
        evidence: the rows.
        column: success of this part, NaN is unknown.
        nothing: why an agent without a row has no value.

    Returns:
        The part, what it rests on, the agent behind each code of that.
    """
    count = len(evidence.agents)
    found = rows_known(evidence, column)
    if found is None:
        return _empty(count, nothing), None, np.empty(0, np.int64)
    stream, agents = found
    beliefs = agent_beliefs(stream)
    part = _empty(count, nothing)
    passed, failed = beliefs.agents.passed, beliefs.agents.failed
    mean, size = beliefs.agents.mean, passed + failed
    part.value[agents] = mean
    part.variance[agents] = mean * (1.0 - mean) / (size + 1.0)
    part.low[agents], part.high[agents] = betaincinv(passed, failed, 0.025), betaincinv(passed, failed, 0.975)
    part.n_eff[agents] = beliefs.agents.n_eff
    trials = np.bincount(stream.agent, stream.weight, agents.size)
    part.rate[agents] = np.bincount(stream.agent, stream.weight * stream.success, agents.size) / trials
    seen = set(agents.tolist())
    because = tuple("" if agent in seen else nothing for agent in range(count))
    return (
        Part(part.value, part.variance, part.low, part.high, part.n_eff, part.rate, because),
        beliefs,
        agents,
    )


def consistency_part(evidence: TrustEvidence, beliefs: Hierarchy | None, agents: NDArray[np.int64]) -> Part:
    """Share of repeated runs of one case that end alike; where nothing repeats, evenness over contexts.

    Evenness is 1 - 2 x the standard deviation of the rates in the contexts. It
    never looks at the spread of outcomes, which would reward an agent that always fails.

    Args:
        evidence: the rows.
        beliefs: about success.
        agents: behind the codes of the beliefs.
    """
    count = len(evidence.agents)
    part = _empty(count, "nothing was repeated, and outcomes are of one context only")
    because = list(part.because)
    if beliefs is not None:
        cells = np.bincount(beliefs.cell_agent, minlength=agents.size)
        mean = np.bincount(beliefs.cell_agent, beliefs.cells.mean, agents.size) / np.maximum(cells, 1)
        spread = np.bincount(
            beliefs.cell_agent, (beliefs.cells.mean - mean[beliefs.cell_agent]) ** 2, agents.size
        )
        even = np.clip(1.0 - 2.0 * np.sqrt(spread / np.maximum(cells, 1)), 0.0, 1.0)
        several = cells > 1
        part.value[agents[several]] = part.rate[agents[several]] = even[several]
        part.n_eff[agents[several]] = cells[several]
        part.variance[agents[several]] = 0.0
        for agent in agents[several].tolist():
            because[agent] = "nothing was repeated: evenness over contexts, which has no interval"
    repeated, share, extra = _repeats(evidence)
    passed, failed = 1.0 + share * extra, 1.0 + (1.0 - share) * extra
    part.value[repeated] = passed / (passed + failed)
    part.variance[repeated] = part.value[repeated] * (1.0 - part.value[repeated]) / (passed + failed + 1.0)
    part.low[repeated] = betaincinv(passed, failed, 0.025)
    part.high[repeated] = betaincinv(passed, failed, 0.975)
    part.n_eff[repeated], part.rate[repeated] = extra, share
    for agent in repeated.tolist():
        because[agent] = ""
    return Part(part.value, part.variance, part.low, part.high, part.n_eff, part.rate, tuple(because))


def _repeats(evidence: TrustEvidence) -> tuple[NDArray[np.int64], Floats, Floats]:
    """Agents that ran a case twice: share of pairs that end alike, runs beyond the first."""
    rows = (evidence.case >= 0) & ~np.isnan(evidence.success)
    if not rows.any():
        return np.empty(0, np.int64), np.empty(0), np.empty(0)
    cases = int(evidence.case.max()) + 1
    keys, group = np.unique(evidence.agent[rows] * cases + evidence.case[rows], return_inverse=True)
    runs: Floats = np.bincount(group).astype(np.float64)
    good = np.bincount(group, evidence.success[rows] >= 0.5)
    pairs = runs * (runs - 1.0) / 2.0
    alike = (good * (good - 1.0) + (runs - good) * (runs - good - 1.0)) / 2.0
    owner = keys // cases
    all_pairs, all_alike = np.bincount(owner, pairs), np.bincount(owner, alike)
    extra = np.bincount(owner, runs - 1.0)
    agents = np.flatnonzero(all_pairs > 0).astype(np.int64)
    return agents, all_alike[agents] / all_pairs[agents], extra[agents].astype(np.float64)


def _empty(count: int, nothing: str) -> Part:
    def unknown() -> Floats:
        return np.full(count, np.nan)

    return Part(unknown(), unknown(), unknown(), unknown(), np.zeros(count), unknown(), (nothing,) * count)
