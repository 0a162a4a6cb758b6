"""What routing loses against the best model, as a share of what random choice loses; decisions a second.

Usage: python -m benchmarks.routing [--worlds 20] [--decisions 20000]

Each world has 8 models, 5 slices that differ little, 2,000 requests, and true pass rates: spread wide
(stationary), the same with the best model falling half-way (degrades), all between 70 and 85 % (close).
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from benchmarks.peers import beside
from benchmarks.routing_worlds import SETTINGS, regret
from flywheel.learn.effectiveness import BeliefRules
from flywheel.learn.routing import RouteRules, options_of, pick
from flywheel.records.model_belief import ModelBelief

WAYS = {
    "as shipped": (RouteRules(), BeliefRules()),
    "exploring without a ceiling": (RouteRules(explore=1.0), BeliefRules()),
    "nothing fades": (RouteRules(), BeliefRules(keep=1.0)),
    "safe mode": (RouteRules(explore=0.0), BeliefRules()),
}


def beliefs(models: int, slices: int) -> list[ModelBelief]:
    """Beliefs in made-up models."""
    rng = np.random.default_rng(0)
    found = []
    for model in range(models):
        for place in (None, *range(slices)):
            passed, failed = rng.uniform(50, 90), rng.uniform(10, 50)
            mean = passed / (passed + failed)
            found.append(
                ModelBelief(
                    model=f"m{model}",
                    slice=None if place is None else f"s{place}",
                    outcomes=100,
                    passed=passed,
                    failed=failed,
                    mean=mean,
                    low=mean - 0.1,
                    high=min(1.0, mean + 0.1),
                )
            )
    return found


def decisions_a_second(count: int) -> float:
    """How many requests a second one process routes among 7 models on 7 slices."""
    known = beliefs(7, 7)
    options = [options_of(known, f"s{place}", RouteRules()) for place in range(7)]
    started = time.process_time()
    for number in range(count):
        pick(options[number % 7], f"user {number}")
    return count / (time.process_time() - started)


def main() -> None:
    """One line per setting and way, then the speed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worlds", type=int, default=20)
    parser.add_argument("--decisions", type=int, default=20_000)
    asked = parser.parse_args()
    print(beside(always="the truth of the simulation"))
    for name, setting in SETTINGS.items():
        for way, (rules, belief) in WAYS.items():
            lost = [regret(setting, seed, rules, belief) for seed in range(asked.worlds)]
            error = np.std(lost, ddof=1) / len(lost) ** 0.5
            print(f"{name:12} {way:28} {np.mean(lost):6.1%} +- {error:.1%}", flush=True)
    print(f"{decisions_a_second(asked.decisions):,.0f} decisions a second of processor time among 7 models")


if __name__ == "__main__":
    main()
