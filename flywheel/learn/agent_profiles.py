"""What each agent is good at, beside the same agent on everything else."""

from __future__ import annotations

import numpy as np
from scipy.stats import fisher_exact

from flywheel.learn.judged import Prepared
from flywheel.records.learned import AgentProfile, ProfileContext
from flywheel.stats.multiplicity import benjamini_hochberg
from flywheel.stats.pooling import PooledBeliefs, chance_above, counted, credible_range, pooled

SURE = 0.9
LEVEL = 0.10
"""Expected share of false ones among the strengths and weaknesses of an agent."""


def profile_of(rows: Prepared, agent: str, workspace: str = "default") -> AgentProfile:
    """Strengths and weaknesses of one agent, by type of recommendation.

    A type is a strength when the agent's rate there lies above its rate on its
    other types with a chance of 90 %, and Fisher's exact p-value, corrected
    over its types, stays at 10 %.

    Args:
        rows: judged recommendations of a workspace.
        agent: its name.
        workspace: named in the profile.

    Returns:
        A profile without numbers, with a because, for an agent nobody judged.

    References:
        Fisher (1935), JRSS 98:39-82; Benjamini, Hochberg (1995), JRSS B 57:289-300.
    """
    agents, types = rows.attributes["agent"], rows.attributes["type"]
    place = agents.names.index(agent) if agent in agents.names else -1
    judged = int((agents.codes == place).sum()) if place >= 0 else 0
    if not judged:
        nothing = f"Nobody judged a recommendation of {agent!r}."
        return AgentProfile(
            workspace=workspace, agent=agent, judged=0, mean=None, low=None, high=None, because=nothing
        )
    counts = counted(agents.codes, types.codes, rows.success, (len(agents.names), len(types.names)))
    beliefs = pooled(counts, None)
    low, high = credible_range(beliefs.arm_passed[[place]], beliefs.arm_failed[[place]])
    contexts = _contexts(beliefs, counts.passed[place], counts.failed[place], place, types.names)
    told = [one for one in contexts if one.q_value is not None and one.q_value <= LEVEL]
    return AgentProfile(
        workspace=workspace,
        agent=agent,
        judged=judged,
        mean=float(beliefs.arm_mean[place]),
        low=float(low[0]),
        high=float(high[0]),
        strengths=tuple(one.type for one in told if one.better >= SURE),
        weaknesses=tuple(one.type for one in reversed(told) if one.better <= 1.0 - SURE),
        contexts=contexts,
    )


def _contexts(
    beliefs: PooledBeliefs,
    passed: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    failed: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    place: int,
    names: tuple[str, ...],
) -> tuple[ProfileContext, ...]:
    seen = np.flatnonzero(passed + failed > 0)
    rest_s, rest_f = passed.sum() - passed, failed.sum() - failed
    a, b = beliefs.passed[place], beliefs.failed[place]
    low, high = credible_range(a, b)
    better = chance_above(a, b, (rest_s + 1.0) / (rest_s + rest_f + 2.0))
    q: list[float | None] = [None] * seen.size
    if seen.size > 1:
        tables = [[[passed[c], failed[c]], [rest_s[c], rest_f[c]]] for c in seen]
        q = benjamini_hochberg([min(1.0, float(fisher_exact(t).pvalue)) for t in tables]).tolist()
    found = [
        ProfileContext(
            type=names[c],
            judged=round(float(passed[c] + failed[c])),
            mean=float(a[c] / (a[c] + b[c])),
            low=float(low[c]),
            high=float(high[c]),
            better=float(better[c]),
            q_value=one,
        )
        for c, one in zip(seen, q, strict=True)
    ]
    return tuple(sorted(found, key=lambda one: (-one.mean, one.type)))
