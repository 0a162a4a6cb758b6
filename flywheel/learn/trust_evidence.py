"""Which outcomes count as evidence about an agent, with how much weight."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from flywheel.records.columns import OUTCOMES, AgentColumns, Coded, RecommendationColumns
from flywheel.records.recommendation import RECOMMENDATION_TYPE
from flywheel.records.trust import TrustSettings

DAY_S = 86_400.0

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class TrustEvidence:
    """Outcomes of agents from everywhere, in the order of time, n rows; NaN is unknown.

    Attributes:
        agents, contexts: names behind the codes.
        agent, context, case: int64; case is -1 where nothing repeats.
        success, reliable, timely: float64 in [0, 1].
        weight: float64 in (0, 1].
        moment: float64, seconds since 1970.
        judgements, executions: rows of each kind with a known success.
        own, capped: judgements left out because the judge is the agent; that count less than fully.
    """

    agents: tuple[str, ...]
    contexts: tuple[str, ...]
    agent: NDArray[np.int64]
    context: NDArray[np.int64]
    case: NDArray[np.int64]
    success: Floats
    reliable: Floats
    timely: Floats
    weight: Floats
    moment: Floats
    judgements: int
    executions: int
    own: int
    capped: int

    def __len__(self) -> int:
        return len(self.success)


def trust_evidence(
    recommendations: RecommendationColumns, executions: AgentColumns, settings: TrustSettings
) -> TrustEvidence:
    """Judgements of recommendations with executions that name an agent, as one stream.

    A judgement by the agent itself does not count. Several judges of one
    recommendation share one outcome between them. One judge counts for at most
    `judge_limit` outcomes of one agent a day; the unknown judge is one judge.
    Skipped executions say nothing.

    Returns:
        Rows in the order of time.
    """
    agents, (of_judged, of_run) = _joined(recommendations.agent, executions.agent)
    contexts, (type_, slice_) = _joined(recommendations.type, executions.slice)
    own = _is_own(recommendations)
    judged = ~np.isnan(recommendations.success) & ~own
    weight, capped = _judged_weights(recommendations, judged, settings.judge_limit)
    ran = executions.outcome != OUTCOMES.index("skipped")
    success, reliable, timely = _of_executions(executions, settings)
    runs = int(ran.sum())
    moment = np.concatenate([recommendations.evaluated[judged], executions.moment[ran]])
    order = np.argsort(moment, kind="stable")
    unknown = np.full(int(judged.sum()), np.nan)
    return TrustEvidence(
        agents=agents,
        contexts=contexts,
        agent=np.concatenate([of_judged[judged], of_run[ran]])[order],
        context=np.concatenate([type_[judged], slice_[ran]])[order],
        case=np.concatenate([np.full(unknown.size, -1), executions.case.codes[ran]]).astype(np.int64)[order],
        success=np.concatenate([recommendations.success[judged], success[ran]])[order],
        reliable=np.concatenate([unknown, reliable[ran]])[order],
        timely=np.concatenate([unknown, timely[ran]])[order],
        weight=np.concatenate([weight[judged], np.ones(runs)])[order],
        moment=moment[order],
        judgements=unknown.size,
        executions=int((~np.isnan(success[ran])).sum()),
        own=int((own & ~np.isnan(recommendations.success)).sum()),
        capped=capped,
    )


def _joined(one: Coded, other: Coded) -> tuple[tuple[str, ...], list[NDArray[np.int64]]]:
    """Codes of two columns in one list of names; unknown text is the general context."""
    names = list(dict.fromkeys((*one.names, *other.names)))
    if (one.codes < 0).any() or (other.codes < 0).any():
        names = list(dict.fromkeys((*names, RECOMMENDATION_TYPE)))
    place = {name: number for number, name in enumerate(names)}
    codes = []
    for column in (one, other):
        # The last place answers code -1.
        table = np.array([*(place[name] for name in column.names), place.get(RECOMMENDATION_TYPE, -1)])
        codes.append(table.astype(np.int64)[column.codes])
    return tuple(names), codes


def _is_own(columns: RecommendationColumns) -> NDArray[np.bool_]:
    """Whether the judge carries the agent's name."""
    place = {name: number for number, name in enumerate(columns.agent.names)}
    table = np.array([*(place.get(name, -2) for name in columns.judge.names), -2])
    return np.asarray(table[columns.judge.codes] == columns.agent.codes)


def _judged_weights(
    columns: RecommendationColumns, counted: NDArray[np.bool_], limit: float
) -> tuple[Floats, int]:
    weight = np.zeros(len(columns))
    if not counted.any():
        return weight, 0
    together = np.bincount(columns.recommendation[counted])[columns.recommendation[counted]]
    day = np.floor(columns.evaluated[counted] / DAY_S).astype(np.int64)
    day -= day.min()
    judge = columns.judge.codes[counted].astype(np.int64) + 1
    pair = judge * len(columns.agent.names) + columns.agent.codes[counted]
    _, group = np.unique(pair * (int(day.max()) + 1) + day, return_inverse=True)
    shares = 1.0 / together
    given = np.bincount(group, weights=shares)[group]
    factor = np.minimum(1.0, limit / given)
    weight[counted] = shares * factor
    return weight, int((factor < 1.0).sum())


def _of_executions(columns: AgentColumns, settings: TrustSettings) -> tuple[Floats, Floats, Floats]:
    passed, failed, error, _skipped, unscored = (columns.outcome == code for code in range(len(OUTCOMES)))
    success = np.where(passed, 1.0, np.where(failed, 0.0, np.nan))
    success = np.where(np.isnan(columns.score) | error | unscored, success, columns.score)
    reliable = np.where(error, 0.0, 1.0)
    timely = np.where(columns.latency_ms <= settings.latency_limit_ms, 1.0, 0.0)
    timely[np.isnan(columns.latency_ms)] = np.nan
    return success, reliable, timely
