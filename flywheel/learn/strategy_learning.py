"""Which refinement strategy works where, learned from the verdicts on its candidates."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from flywheel.records.proposal import Proposal
from flywheel.records.strategy_outcome import StrategyOutcome
from flywheel.stats.beta import Beta
from flywheel.stats.proportions import Counts, Interval

POOLED = 4.0
"""Most pseudo-outcomes that what happened elsewhere counts for here."""

PRIOR_GAINS = 2.0
"""Measured gains that the forecast from failure patterns counts for."""


@dataclass(frozen=True, slots=True)
class Arm:
    """A refinement strategy that could be tried now.

    Attributes:
        strategy: its name.
        kind: kind of failure pattern it would answer.
        share: of the failures it answers, in [0, 1].
    """

    strategy: str
    kind: str | None
    share: float = 1.0


@dataclass(frozen=True, slots=True)
class StrategyRecord:
    """What is known of a strategy for one kind of failure pattern.

    Attributes:
        helped, tried: outcomes that could tell; None in `kind` sums over all kinds.
        undecided: experiments that could not tell.
        belief: chance that it helps, with its 95 % credible interval.
    """

    strategy: str
    kind: str | None
    helped: int
    tried: int
    undecided: int
    belief: Interval


def belief_of(outcomes: Iterable[StrategyOutcome], arm: Arm, model: str | None) -> Beta:
    """Chance that a strategy helps here: its own record, with a little of what it did elsewhere.

    Outcomes of the same kind of pattern with the same model count fully.
    All other outcomes of the strategy, on other prompts, kinds or models, are
    worth at most four outcomes together, so that a new context starts from
    them and is soon decided by its own.

    Args:
        outcomes: of a workspace.
        arm: strategy with the kind of pattern it would answer.
        model: that answers.

    Returns:
        A Beta posterior over Beta(1, 1).

    References:
        Ibrahim, Chen (2000), Power prior distributions for regression models, Statistical Science 15:46-60.
    """
    here, elsewhere = [0, 0], [0, 0]
    for outcome in outcomes:
        if outcome.strategy != arm.strategy or outcome.helped is None:
            continue
        cell = here if (outcome.kind, outcome.model) == (arm.kind, model) else elsewhere
        cell[0] += outcome.helped
        cell[1] += 1
    weight = min(1.0, POOLED / elsewhere[1]) if elsewhere[1] else 0.0
    prior = Beta(1.0 + weight * elsewhere[0], 1.0 + weight * (elsewhere[1] - elsewhere[0]))
    return prior + Counts(here[0], here[1])


def thompson_order(
    outcomes: Sequence[StrategyOutcome], arms: Sequence[Arm], model: str | None, seed: int
) -> list[int]:
    """Positions of the arms, the one to try first in front.

    Each arm's chance to help is drawn from its belief and multiplied by the
    share of the failures it answers. While nothing is known of any arm the
    given order stays.

    Args:
        outcomes: of a workspace.
        arms: what could be tried.
        model: that answers.
        seed: of the draws; the same seed with the same outcomes gives the same order.

    References:
        Thompson (1933), Biometrika 25:285-294.
    """
    known = {o.strategy for o in outcomes if o.helped is not None}
    if not known & {arm.strategy for arm in arms}:
        return list(range(len(arms)))
    rng = np.random.default_rng(seed)
    beliefs = [belief_of(outcomes, arm, model) for arm in arms]
    drawn = [float(rng.beta(b.passed, b.failed)) * a.share for b, a in zip(beliefs, arms, strict=True)]
    return sorted(range(len(arms)), key=lambda i: (-drawn[i], i))


def expected_gain(outcomes: Sequence[StrategyOutcome], proposal: Proposal, model: str | None) -> float | None:
    """What a candidate may be expected to gain: its own forecast, moved by what its strategy gained.

    Args:
        outcomes: of a workspace; those with the same kind of pattern and the same model count.
        proposal: with the forecast its failure patterns give.
        model: that answers.

    Returns:
        Rate units; None when nothing supports a number.
    """
    gains = [
        o.estimate
        for o in outcomes
        if (o.strategy, o.kind, o.model) == (proposal.strategy, proposal.kind, model)
        and o.estimate is not None
    ]
    if not gains:
        return proposal.expected_delta
    prior = proposal.expected_delta
    if prior is None:
        return round(sum(gains) / len(gains), 4)
    return round((PRIOR_GAINS * prior + sum(gains)) / (PRIOR_GAINS + len(gains)), 4)


def strategy_records(outcomes: Sequence[StrategyOutcome]) -> tuple[StrategyRecord, ...]:
    """What is known of every strategy by kind of failure pattern, the surest help first.

    Args:
        outcomes: of a workspace, all models together.
    """
    cells: dict[tuple[str, str | None], list[StrategyOutcome]] = {}
    for outcome in outcomes:
        cells.setdefault((outcome.strategy, outcome.kind), []).append(outcome)
    records = []
    for (strategy, kind), found in cells.items():
        told = [o.helped for o in found if o.helped is not None]
        belief = Beta() + Counts(sum(told), len(told)) if told else Beta()
        records.append(
            StrategyRecord(strategy, kind, sum(told), len(told), len(found) - len(told), belief.interval())
        )
    return tuple(sorted(records, key=lambda r: (-(r.belief.low or 0.0), r.strategy, r.kind or "")))
