"""Which agent to hand a task to, how much its word counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from flywheel.errors import NotEnoughData
from flywheel.learn.effectiveness import own_from
from flywheel.learn.routing import allowed_by, drawn, shares_of
from flywheel.stats.pooling import PooledBeliefs, chance_above

MOST = 3.0
"""Largest weight of a vote, in log-odds: no agent is worth more than 20 to 1."""


@dataclass(frozen=True, slots=True)
class AgentChoice:
    """An agent, with the chance that it was chosen.

    Attributes:
        shares: of tasks each agent gets, in the order of the names.
    """

    agent: str
    propensity: float
    shares: tuple[float, ...]


def choose_agent(
    beliefs: PooledBeliefs,
    names: Sequence[str],
    context: int,
    key: str,
    explore: float = 0.05,
    floor: float | None = None,
) -> AgentChoice:
    """The agent for a task, in proportion to the chance that it is the best.

    Args:
        beliefs: in k agents.
        names: of the k.
        context: position of the type of task; -1 is none of the known ones.
        key: whom the task is for; equal keys get equal agents while the beliefs stand.
        explore: most of the tasks that go to others than the best one.
        floor: success rate an agent must reach with a chance of 80 %; None asks for none.

    Raises:
        NotEnoughData: there is no agent.

    Examples:
        >>> from flywheel.stats.pooling import counted, pooled
        >>> record = counted([0] * 60 + [1] * 60, [0] * 120, [1] * 55 + [0] * 5 + [1] * 20 + [0] * 40, (2, 1))
        >>> choose_agent(pooled(record), ["ann", "bob"], 0, "task 7").agent
        'ann'
    """
    if not names:
        raise NotEnoughData("a judged agent", 0, 1)
    passed, failed = beliefs.arm_passed, beliefs.arm_failed
    outcomes = beliefs.outcomes.sum(axis=1)
    own_passed, own_failed = passed, failed
    if context >= 0:
        own_passed, own_failed = beliefs.passed[:, context], beliefs.failed[:, context]
        known = beliefs.outcomes[:, context] >= own_from(beliefs.concentration)
        passed, failed = np.where(known, own_passed, passed), np.where(known, own_failed, failed)
        outcomes = np.where(known, beliefs.outcomes[:, context], outcomes)
    allowed = np.ones(len(names), dtype=bool)
    if floor is not None:
        allowed = allowed_by(chance_above(own_passed, own_failed, floor), 0.8)
    shares, _ = shares_of(passed, failed, outcomes, (np.zeros(len(names)), allowed), explore)
    place = drawn(shares, names, key)
    return AgentChoice(names[place], float(shares[place]), tuple(shares.tolist()))


def vote_weights(success: ArrayLike) -> NDArray[np.float64]:
    """What the word of each agent adds to the log-odds, at most 3 either way.

    Args:
        success: expected success rates, shape (k,), in [0, 1].

    References:
        Nitzan, Paroush (1982), International Economic Review 23:289-297.

    Examples:
        >>> vote_weights([0.5, 0.9, 1.0]).round(2).tolist()
        [0.0, 2.2, 3.0]
    """
    p = np.clip(np.asarray(success, dtype=np.float64), 1e-9, 1 - 1e-9)
    return np.asarray(np.clip(np.log(p / (1 - p)), -MOST, MOST), dtype=np.float64)
