"""Trials of screening before the gate; run as a program it prints a table of docs/statistics.md."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from simulated_trials import Shipped, Summary, gate_trial, percent, summarise
from simulated_worlds import HARD, MEDIUM, Prior, draw_scores

from flywheel.learn.screening import ranked
from flywheel.records.execution import Execution, Outcome

BUDGET, GATE, CANDIDATES, EACH = 500, 200, 7, 14
"""500 calls with 200 gate cases pay for one arm beside the live version, and for 7 x 14 screening calls."""

TRIALS = 4000


@dataclass(frozen=True)
class Cycles:
    """Many cycles of one kind.

    Attributes:
        summary: what was shipped.
        gain: mean true gain of a cycle, 0 where nothing was shipped, rate units.
    """

    summary: Summary
    gain: float


def as_run(scores: np.ndarray) -> list[Execution]:
    """Executions of one arm, case by case."""
    return [
        Execution(
            execution_id=f"e{n}",
            case_id=f"case-{n}",
            outcome=Outcome.PASSED if score else Outcome.FAILED,
            score=float(score),
        )
        for n, score in enumerate(scores)
    ]


def first_trial(rng: np.random.Generator, gains: np.ndarray) -> Shipped:
    """The first candidate of the order, which knows nothing, on all gate cases."""
    return gate_trial(rng, gains[:1], GATE)


def screened_trial(rng: np.random.Generator, gains: np.ndarray) -> Shipped:
    """All candidates on a few reflect cases, the best of them on all gate cases."""
    scores = draw_scores(rng, EACH, gains)
    control = {f"case-{n}": float(score) for n, score in enumerate(scores[:, 0])}
    ran = {str(i): as_run(scores[:, 1 + i]) for i in range(gains.size)}
    best = int(ranked(control, ran)[0].version)
    found = gate_trial(rng, gains[best : best + 1], GATE)
    return replace(found, calls=found.calls + EACH * gains.size)


TRIED = {"the first of 7 on 200 gate cases": first_trial, "7 screened on 14, the best on 200": screened_trial}


def cycles(name: str, prior: Prior | None, trials: int = TRIALS) -> Cycles:
    """Cycles with seven candidates whose gains follow a prior; None: nothing is better."""
    world = 0 if prior is None else len(prior.name)
    rng = np.random.default_rng([112, list(TRIED).index(name), world])
    draws = (np.zeros(CANDIDATES) if prior is None else prior.draw(rng, CANDIDATES) for _ in range(trials))
    done = [TRIED[name](rng, gains) for gains in draws]
    return Cycles(summarise(name, done), float(np.mean([one.gain or 0.0 for one in done])))


def print_table() -> None:
    """The table, as Markdown."""
    print("| world | procedure | cycles | released | really better | harmful | calls | gain a cycle |")
    print("|---|---|---|---|---|---|---|---|")
    for prior in (None, MEDIUM, HARD):
        for name in TRIED:
            told = cycles(name, prior)
            one = told.summary
            better = "-" if prior is None else percent(one.real_share, one.real_range)
            print(
                f"| {prior.name if prior else 'nothing is better'} | {name} | {one.trials:,} "
                f"| {percent(one.ship_share, one.ship_range)} | {better} | {one.harmful} "
                f"| {one.calls:,.0f} | {100 * told.gain:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    print_table()
