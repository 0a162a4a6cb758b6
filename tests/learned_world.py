"""Made-up recommendations whose true success rates are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

from flywheel.records.columns import Coded
from flywheel.records.judged import JudgedColumns
from flywheel.records.recommendation import Recommendation, RecommendationOutcome

START = datetime(2026, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class World:
    """Judged recommendations with the truth behind them.

    Attributes:
        judged: n recommendations.
        rates: true success rates by agent and type.
    """

    judged: JudgedColumns
    rates: NDArray[np.float64]

    def truth(self, agent: str | None, kind: str | None) -> float:
        """True success rate of an agent, a type, or both; over all of them where one is None."""
        a, t = self.judged.agent, self.judged.type
        rows = np.ones(len(self.judged), dtype=bool)
        if agent is not None:
            rows &= a.codes == a.names.index(agent)
        if kind is not None:
            rows &= t.codes == t.names.index(kind)
        return float(self.rates[a.codes[rows], t.codes[rows]].mean())


def world(count: int = 3000, agents: int = 40, types: int = 3, seed: int = 0, spread: float = 0.9) -> World:
    """Agents of different skill on different types; each question is put to one agent.

    Args:
        count: recommendations.
        agents: how many.
        types: of recommendations.
        seed: of all draws.
        spread: standard deviation of the agents' skill, in log-odds; half of it between types.
    """
    rng = np.random.default_rng(seed)
    skill = logit(0.75) + rng.normal(0, spread, (agents, 1)) + rng.normal(0, spread / 2, (agents, types))
    rates = expit(skill)
    agent, kind = rng.integers(0, agents, count), rng.integers(0, types, count)
    success = rng.random(count) < rates[agent, kind]
    names = tuple(f"a{i}" for i in range(agents))
    judged = columns(agent, kind, success.astype(float), (names, tuple("xyzuvw"[:types])))
    return World(judged, rates)


def columns(
    agent: Sequence[int] | NDArray[np.int64],
    kind: Sequence[int] | NDArray[np.int64],
    success: Sequence[float] | NDArray[np.float64],
    names: tuple[tuple[str, ...], tuple[str, ...]],
    confidence: float | NDArray[np.float64] = 0.9,
) -> JudgedColumns:
    """Judged recommendations that nothing joins to each other."""
    n = len(success)
    unknown = Coded(np.full(n, -1, dtype=np.int32), ())
    stated = np.broadcast_to(np.asarray(confidence, dtype=np.float64), (n,)).copy()
    return JudgedColumns(
        agent=Coded(np.asarray(agent, dtype=np.int32), names[0]),
        type=Coded(np.asarray(kind, dtype=np.int32), names[1]),
        workflow=unknown,
        correlation=unknown,
        content=unknown,
        confidence=stated,
        success=np.asarray(success, dtype=np.float64),
        judged_at=np.arange(n, dtype=np.float64),
    )


def records(count: int = 200) -> tuple[list[Recommendation], list[RecommendationOutcome]]:
    """Recommendations of `ann`, who is right 19 times in 20, and of `bob`, right on billing alone."""
    given, judged = [], []
    for i in range(count):
        agent, kind = ("ann", "bob")[i % 2], ("billing", "login")[i // 2 % 2]
        right = i % 20 != 2 if agent == "ann" or kind == "billing" else i % 20 == 3
        given.append(
            Recommendation(
                recommendation_id=f"r{i:04}",
                agent=agent,
                type=kind,
                correlation_id=f"q{i // 2}",
                content={"say": "yes" if right else f"no {i}"},
                confidence=0.9 if agent == "ann" else 0.6,
                created_at=START + timedelta(hours=i),
            )
        )
        judged.append(
            RecommendationOutcome(
                recommendation_id=f"r{i:04}",
                status="approved" if right else "rejected",
                judged_by="eve",
                evaluated_at=START + timedelta(hours=i, minutes=5),
            )
        )
    return given, judged
