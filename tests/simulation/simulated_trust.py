"""Streams of outcomes of agents as they come in practice: steady, drifting, new, specialised."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from flywheel.stats.hierarchy import Stream

Rng = np.random.Generator
Floats = np.ndarray


def streams(seed: int = 7) -> Iterator[tuple[str, Stream]]:
    """Twenty-seven streams of nine kinds, three of each."""
    for name, (agents, contexts, outcomes, change) in KINDS.items():
        for number in range(3):
            rng = np.random.default_rng([seed, number, len(name), outcomes])
            yield f"{name} {number}", _stream(rng, agents, contexts, outcomes, change)


def _stream(rng: Rng, agents: int, contexts: int, outcomes: int, change: Callable[..., Floats]) -> Stream:
    """Log-odds of agent, of context, of both together; busy agents have more outcomes."""
    agent = rng.choice(agents, outcomes, p=rng.dirichlet(np.full(agents, 1.5)))
    context = rng.integers(contexts, size=outcomes)
    skill = rng.normal(1.0, 1.0, agents)
    hard = rng.normal(0.0, 0.6 if contexts > 1 else 0.0, contexts)
    together = rng.normal(0.0, 0.6 if contexts > 1 else 0.0, (agents, contexts))
    odds = skill[agent] + hard[context] + together[agent, context]
    odds = odds + change(rng, agent, np.arange(outcomes) / outcomes)
    return Stream.of((rng.random(outcomes) < 1.0 / (1.0 + np.exp(-odds))).astype(float), agent, context)


def _none(_rng: Rng, agent: Floats, _when: Floats) -> Floats:
    return np.zeros(agent.size)


def _falls(_rng: Rng, agent: Floats, when: Floats) -> Floats:
    """A third of the agents get much worse half-way."""
    return np.where((agent % 3 == 0) & (when > 0.5), -2.0, 0.0)


def _wanders(rng: Rng, agent: Floats, when: Floats) -> Floats:
    """Every agent goes its own way, slowly."""
    speed = rng.normal(0.0, 2.0, int(agent.max()) + 1)
    return speed[agent] * (when - 0.5)


def _updates(_rng: Rng, agent: Floats, when: Floats) -> Floats:
    """All get better at once, as after a new model."""
    return np.where(when > 0.6, 1.0, 0.0) + 0.0 * agent


KINDS: dict[str, tuple[int, int, int, Callable[..., Floats]]] = {
    "steady": (20, 5, 2_000, _none),
    "one context": (40, 1, 1_500, _none),
    "cold start": (150, 4, 1_200, _none),
    "very cold": (300, 8, 900, _none),
    "specialised": (10, 12, 2_500, _none),
    "falls": (15, 4, 2_500, _falls),
    "wanders": (15, 3, 2_500, _wanders),
    "updates": (20, 4, 2_000, _updates),
    "few agents": (4, 3, 1_500, _none),
}
