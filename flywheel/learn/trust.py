"""Trust in agents from their record."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc, betaincinv, ndtr

from flywheel.learn.trust_evidence import TrustEvidence, trust_evidence
from flywheel.learn.trust_loss import compare_scores
from flywheel.learn.trust_parts import Part, belief_part, consistency_part, rows_known
from flywheel.records.columns import AgentColumns, RecommendationColumns
from flywheel.records.trust import (
    AgentTrust,
    ContextTrust,
    Strength,
    Trend,
    TrustComparison,
    TrustReport,
    TrustSettings,
)
from flywheel.stats.hierarchy import Hierarchy
from flywheel.stats.known_scores import ema_scores, ema_update, seed_scores, seed_update

Floats = NDArray[np.float64]

LARGEST_VOTE = 3.0
"""Log-odds of 95 %: no single agent outvotes several good ones."""

TREND_SURE = 0.9
"""Chance of a rise or a fall from which it is called one."""

_STRENGTHS = ((0.99, Strength.VERY_STRONG), (0.95, Strength.STRONG), (0.8, Strength.MODERATE))


@dataclass(frozen=True, slots=True)
class TrustScorer:
    """Scores of the agents of a workspace.

    Attributes:
        settings: weights, target, limits.

    Examples:
        >>> round(TrustScorer().ema_update(0.5, 1.0), 3)
        0.55
    """

    settings: TrustSettings = field(default_factory=TrustSettings)

    def scores(
        self,
        recommendations: RecommendationColumns,
        executions: AgentColumns,
        now: datetime,
        workspace: str = "default",
    ) -> TrustReport:
        """All agents, the most trusted first.

        Args:
            recommendations: what judges made of them.
            executions: those that name an agent.
            now: when it is computed.
            workspace: whose they are.

        Returns:
            A report without agents where there is no evidence.
        """
        evidence = trust_evidence(recommendations, executions, self.settings)
        return trust_report(evidence, self.settings, now, workspace)

    def compare(
        self,
        recommendations: RecommendationColumns,
        executions: AgentColumns,
        workspace: str = "default",
    ) -> TrustComparison | None:
        """Which score predicts the next outcome best on this stream; None without outcomes."""
        evidence = trust_evidence(recommendations, executions, self.settings)
        found = rows_known(evidence, evidence.success)
        if found is None:
            return None
        return compare_scores(found[0], self.settings.prior_outcomes, workspace)

    @staticmethod
    def ema_update(current: float, success: float, rate: float = 0.1) -> float:
        """A score one outcome later as a moving average; `flywheel.stats.ema_update`."""
        return ema_update(current, success, rate)

    @staticmethod
    def seed_update(current: float, quality_factor: float, impact: float = 0.0) -> float:
        """A score one outcome later by the literal rule; `flywheel.stats.seed_update`."""
        return seed_update(current, quality_factor, impact)


def trust_report(
    evidence: TrustEvidence, settings: TrustSettings, now: datetime, workspace: str = "default"
) -> TrustReport:
    """Trust in every agent of the evidence.

    Args:
        evidence: outcomes in the order of time.
        settings: weights, target, limits.
        now: when it is computed.
        workspace: whose agents they are.

    Returns:
        Agents with the highest score first; those without a score last.
    """
    accuracy, beliefs, known = belief_part(evidence, evidence.success, "no judged outcome")
    consistency = consistency_part(evidence, beliefs, known)
    timeliness, _, _ = belief_part(evidence, evidence.timely, "no latency is known")
    reliability, _, _ = belief_part(evidence, evidence.reliable, "no execution names this agent")
    made = _Made(
        workspace, evidence, settings, (accuracy, consistency, timeliness, reliability), beliefs, known
    )
    agents = sorted(made.agents(), key=lambda one: (one.score is None, -(one.score or 0.0), one.agent))
    return TrustReport(
        workspace=workspace,
        computed_at=now,
        agents=tuple(agents),
        population=None if beliefs is None else beliefs.population,
        forgetting=None if beliefs is None else beliefs.forgetting,
        judgements=evidence.judgements,
        executions=evidence.executions,
        own_judgements=evidence.own,
        capped_judgements=evidence.capped,
    )


@dataclass(frozen=True, slots=True)
class _Made:
    """Columns over agents, then one record each."""

    workspace: str
    evidence: TrustEvidence
    settings: TrustSettings
    parts: tuple[Part, Part, Part, Part]
    beliefs: Hierarchy | None
    known: NDArray[np.int64]

    def agents(self) -> list[AgentTrust]:
        names, accuracy = self.evidence.agents, self.parts[0]
        outcomes = np.bincount(self.evidence.agent[~np.isnan(self.evidence.success)], minlength=len(names))
        score, low, high = self._score()
        known_score, confidence = self._known_score()
        chance, drift, trend = self._chances()
        ema, seed = self._old_scores()
        contexts = self._contexts()
        vote = np.nan_to_num(_log_odds(accuracy.value))
        made = []
        for agent, name in enumerate(names):
            sure = bool(chance[agent] >= self.settings.sureness)
            made.append(
                AgentTrust(
                    agent=name,
                    workspace=self.workspace,
                    outcomes=int(outcomes[agent]),
                    accuracy=self.parts[0].of(agent),
                    consistency=self.parts[1].of(agent),
                    timeliness=self.parts[2].of(agent),
                    reliability=self.parts[3].of(agent),
                    score=_known(score[agent]),
                    score_low=_known(low[agent]),
                    score_high=_known(high[agent]),
                    known_score=_known(known_score[agent]),
                    ema=_known(ema[agent]),
                    seed=_known(seed[agent]),
                    confidence=float(confidence[agent]),
                    chance=_known(chance[agent]),
                    strength=_strength(chance[agent]),
                    trend=trend[agent],
                    drift=_known(drift[agent]),
                    vote=float(vote[agent]),
                    trusted=sure and bool(accuracy.n_eff[agent] >= self.settings.least_outcomes),
                    known_trusted=bool(known_score[agent] >= self.settings.target),
                    contexts=contexts.get(agent, ()),
                )
            )
        return made

    def _weighted(self, columns: tuple[Floats, ...], power: int = 1) -> Floats:
        """Weighted mean of the parts that are known; NaN where accuracy is not."""
        values = np.stack(columns)
        weights = np.array(self.settings.weights)[:, None] * ~np.isnan(values)
        total = np.maximum(weights.sum(axis=0), 1e-12)
        summed = (np.nan_to_num(values) * (weights / total) ** power).sum(axis=0)
        return np.where(np.isnan(columns[0]), np.nan, summed)

    def _score(self) -> tuple[Floats, Floats, Floats]:
        mean = self._weighted(tuple(part.value for part in self.parts))
        variance = self._weighted(tuple(part.variance for part in self.parts), power=2)
        inside = np.clip(mean, 1e-6, 1 - 1e-6)
        size = np.maximum(inside * (1 - inside) / np.maximum(variance, 1e-12) - 1.0, 1e-3)
        tails = [betaincinv(inside * size, (1 - inside) * size, q) for q in (0.025, 0.975)]
        return mean, tails[0], tails[1]

    def _known_score(self) -> tuple[Floats, Floats]:
        count = len(self.evidence.agents)
        scored = ~np.isnan(self.evidence.success)
        n = np.bincount(self.evidence.agent[scored], self.evidence.weight[scored], count)
        confidence = n / np.maximum(n + self.settings.prior_outcomes, 1e-12)
        rate = self._weighted(tuple(part.rate for part in self.parts))
        towards = 0.0
        if self.settings.shrink == "population" and not np.isnan(rate).all():
            towards = float(np.nansum(rate * n) / max(float(n.sum()), 1e-12))
        return confidence * rate + (1.0 - confidence) * towards, confidence

    def _chances(self) -> tuple[Floats, Floats, list[Trend | None]]:
        count = len(self.evidence.agents)
        chance, drift = np.full(count, np.nan), np.full(count, np.nan)
        trend: list[Trend | None] = [None] * count
        if self.beliefs is None:
            return chance, drift, trend
        agents, fast, slow = self.beliefs.agents, self.beliefs.fast, self.beliefs.slow
        chance[self.known] = 1.0 - betainc(agents.passed, agents.failed, self.settings.target)
        moved = fast.mean - slow.mean
        variance = sum(one.mean * (1.0 - one.mean) / (one.passed + one.failed + 1.0) for one in (fast, slow))
        rises = ndtr(moved / np.sqrt(variance))
        drift[self.known] = moved
        for agent, up in zip(self.known.tolist(), rises.tolist(), strict=True):
            sure = Trend.UP if up >= TREND_SURE else Trend.DOWN if up <= 1 - TREND_SURE else Trend.STEADY
            trend[agent] = sure
        return chance, drift, trend

    def _old_scores(self) -> tuple[Floats, Floats]:
        count = len(self.evidence.agents)
        ema, seed = np.full(count, np.nan), np.full(count, np.nan)
        found = rows_known(self.evidence, self.evidence.success)
        if found is not None:
            stream, agents = found
            ema[agents], seed[agents] = ema_scores(stream)[1], seed_scores(stream)[1]
        return ema, seed

    def _contexts(self) -> dict[int, tuple[ContextTrust, ...]]:
        if self.beliefs is None:
            return {}
        cells = self.beliefs.cells
        low, high = (betaincinv(cells.passed, cells.failed, q) for q in (0.025, 0.975))
        chance = 1.0 - betainc(cells.passed, cells.failed, self.settings.target)
        found: dict[int, list[ContextTrust]] = {}
        for cell in np.argsort(-cells.n_eff, kind="stable").tolist():
            accuracy = {
                "value": float(cells.mean[cell]),
                "low": float(low[cell]),
                "high": float(high[cell]),
                "n_eff": float(cells.n_eff[cell]),
            }
            one = ContextTrust.model_validate(
                {
                    "context": self.evidence.contexts[self.beliefs.cell_context[cell]],
                    "accuracy": accuracy,
                    "chance": float(chance[cell]),
                }
            )
            found.setdefault(int(self.known[self.beliefs.cell_agent[cell]]), []).append(one)
        return {agent: tuple(contexts) for agent, contexts in found.items()}


def _known(number: float) -> float | None:
    return None if np.isnan(number) else float(number)


def _log_odds(rate: Floats) -> Floats:
    inside = np.clip(rate, 1e-6, 1 - 1e-6)
    return np.asarray(np.clip(np.log(inside / (1.0 - inside)), -LARGEST_VOTE, LARGEST_VOTE))


def _strength(chance: float) -> Strength | None:
    if np.isnan(chance):
        return None
    return next((strength for least, strength in _STRENGTHS if chance >= least), Strength.WEAK)
