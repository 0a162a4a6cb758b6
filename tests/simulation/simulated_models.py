"""Trials over several models, counted; run as a program it prints a table of docs/statistics.md."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri
from simulated_worlds import BASE_RATE, as_table, latent_correlation, wilson_range

from flywheel.learn.evidence import Arms, measure
from flywheel.learn.experiments import GateRules, Judgement
from flywheel.learn.other_models import (
    OnModels,
    across_models,
    decided_gain,
    gain_on_model,
    with_other_models,
)
from flywheel.learn.racing import RacePlan, Standing, race
from flywheel.learn.replication import replicate
from flywheel.records.verdict import Ruling

PLANNED, FRESH = 300, 100
"""Cases of the race with those for a second opinion; the other models answer all of them."""

SHARED = 0.5
"""Part of what makes a case hard, or of what a version does to it, that all models share."""


@dataclass(frozen=True)
class ModelWorld:
    """True gains of one candidate on every model, the deciding one first."""

    name: str
    gains: tuple[float, ...]
    trials: int


WORLDS = (
    ModelWorld("nothing is better, 1 model", (0.0,), 3000),
    ModelWorld("nothing is better, 3 models", (0.0,) * 3, 3000),
    ModelWorld("nothing is better, 7 models", (0.0,) * 7, 3000),
    ModelWorld("+5 on 1 model", (0.05,), 300),
    ModelWorld("+5 on each of 3", (0.05,) * 3, 300),
    ModelWorld("+5 on each of 7", (0.05,) * 7, 300),
    ModelWorld("+10 on 1 model", (0.10,), 200),
    ModelWorld("+10 on each of 7", (0.10,) * 7, 200),
    ModelWorld("+10 on the first, 0 on 2 others", (0.10, 0.0, 0.0), 200),
    ModelWorld("+10 on the first, 0 on 6 others", (0.10,) + (0.0,) * 6, 200),
    ModelWorld("+10 on 6 of 7, -5 on one", (0.10,) * 6 + (-0.05,), 600),
    ModelWorld("+10 on 6 of 7, -10 on one", (0.10,) * 6 + (-0.10,), 200),
)


@dataclass(frozen=True)
class Trial:
    """One cycle with one candidate: what the first model said, what all said."""

    alone: bool
    ships: bool
    covered: bool | None
    p_value: float | None


@dataclass(frozen=True)
class Tally:
    """Many cycles of one world.

    Attributes:
        alone: cycles in which the first model alone would have shipped.
        ships: cycles that shipped after all models.
        covered: share of intervals of the mean that hold it, of winners or not.
        differs: share of cycles in which Q had p <= 0.05.
    """

    world: ModelWorld
    trials: int
    alone: int
    ships: int
    covered: float
    differs: float

    @property
    def ship_range(self) -> tuple[float, float]:
        """95 % range of the share that shipped."""
        return wilson_range(self.ships, self.trials)


def draw_models(
    rng: np.random.Generator, cases: int, gains: Sequence[float], discordance: float = 0.15
) -> np.ndarray:
    """Scores 0 or 1 of control with candidate on every model, shape (models, cases, 2).

    A case is hard for all models in part, and a version changes it for all models in part.
    """
    rho, m = latent_correlation(discordance), len(gains)
    hard = np.sqrt(SHARED) * rng.standard_normal((1, cases, 1))
    hard = hard + np.sqrt(1 - SHARED) * rng.standard_normal((m, cases, 1))
    changed = np.sqrt(SHARED) * rng.standard_normal((1, cases, 2))
    changed = changed + np.sqrt(1 - SHARED) * rng.standard_normal((m, cases, 2))
    rates = np.column_stack([np.full(m, BASE_RATE), BASE_RATE + np.asarray(gains)])[:, None, :]
    return (np.sqrt(rho) * hard + np.sqrt(1 - rho) * changed < ndtri(rates)).astype(np.float64)


def model_trial(rng: np.random.Generator, gains: Sequence[float]) -> Trial:
    """A race with a second opinion on the first model, then all other models on all cases."""
    scores = draw_models(rng, PLANNED + FRESH, gains)
    rules = GateRules(flips=200, seed=int(rng.integers(1 << 30)))
    d = scores[:, :, 1] - scores[:, :, 0]
    across = across_models(d.T, 0.95) if len(gains) > 1 else None
    truth = float(np.mean(gains))
    covered = None if across is None or across.low is None else across.low <= truth <= across.high
    p_value = across.p_value if across else None
    finished = race(d[0, :PLANNED, None], ["c0"], rules, RacePlan(n_max=PLANNED))
    if finished.runners[0].standing is not Standing.WON:
        return Trial(alone=False, ships=False, covered=covered, p_value=p_value)
    # What won a race without guardrails ships: judge_race would only add an interval, which is slow.
    seen = measure(as_table(scores[0, : finished.cases]), Arms("control", "c0", "live"), rules)
    judged = Judgement("c0", Ruling.SHIP, "", seen.evidence)
    judged = replicate(judged, as_table(scores[0, PLANNED:]), rules)
    found = [decided_gain("first", judged.evidence)]
    found += [
        gain_on_model(as_table(one), Arms("control", "c0", "live"), f"m{i}", rules)
        for i, one in enumerate(scores[1:], start=1)
    ]
    after = with_other_models(judged, OnModels(tuple(found)))
    return Trial(judged.ruling is Ruling.SHIP, after.ruling is Ruling.SHIP, covered, p_value)


def many(world: ModelWorld, trials: int | None = None) -> Tally:
    """Cycles of one world, counted."""
    rng = np.random.default_rng([106, WORLDS.index(world)])
    done = [model_trial(rng, world.gains) for _ in range(trials or world.trials)]
    covered = [t.covered for t in done if t.covered is not None]
    known = [t.p_value for t in done if t.p_value is not None]
    return Tally(
        world,
        len(done),
        sum(t.alone for t in done),
        sum(t.ships for t in done),
        float(np.mean(covered)) if covered else float("nan"),
        float(np.mean([p <= 0.05 for p in known])) if known else float("nan"),
    )


def print_table(worlds: Sequence[ModelWorld] = WORLDS) -> None:
    """The table, as Markdown."""
    print("| true gain | cycles | first model alone ships | all models: ships | mean covered | Q p <= 0.05 |")
    print("|---|---|---|---|---|---|")
    for world in worlds:
        told = many(world)
        low, high = told.ship_range
        rest = (
            ["-", "-"]
            if len(world.gains) == 1
            else [f"{100 * told.covered:.0f} %", f"{100 * told.differs:.0f} %"]
        )
        print(
            f"| {world.name} | {told.trials:,} | {100 * told.alone / told.trials:.1f} % "
            f"| {100 * told.ships / told.trials:.1f} % ({100 * low:.1f} to {100 * high:.1f}) "
            f"| {rest[0]} | {rest[1]} |",
            flush=True,
        )


if __name__ == "__main__":
    print_table()
