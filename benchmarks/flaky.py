"""How well flaky tests are told from the others after 10, 30, 100 runs, on a simulation.

Usage: python -m benchmarks.flaky [--runs 10 30 100] [--rounds 10] [--seed 7]

A round has 2,000 tests: 108 flaky ones with failure rates like those of FlakeFlagger (median 0.7 %, a
quarter above 17 %), 100 that break for good at some run, 30 broken from the start, 20 that fail on every
other version, the others sound. A new version comes every tenth run.
"""

from __future__ import annotations

import argparse

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import beside
from flywheel.learn.flaky import flaky_tests
from flywheel.records.columns import Coded, ExecutionColumns

TESTS, FLAKY, BREAKING, BROKEN, VERSIONED = 2000, 108, 100, 30, 20
SHARES = [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1]
RATES = [1e-5, 1e-4, 4e-4, 0.0071, 0.17, 0.55, 0.9]


def simulated(rng: np.random.Generator, runs: int) -> ExecutionColumns:
    """Outcomes of all tests over so many runs."""
    rate = np.zeros(TESTS)
    rate[:FLAKY] = np.exp(np.interp(rng.random(FLAKY), SHARES, np.log(RATES)))
    failed = rng.random((runs, TESTS)) < rate
    for test in range(FLAKY, FLAKY + BREAKING):
        failed[rng.integers(1, runs) :, test] = True
    failed[:, FLAKY + BREAKING : FLAKY + BREAKING + BROKEN] = True
    version = np.arange(runs) // 10
    bad = version % 2 == 1
    failed[bad, FLAKY + BREAKING + BROKEN : FLAKY + BREAKING + BROKEN + VERSIONED] = True
    return columns_of(failed, version)


def columns_of(failed: NDArray[np.bool_], version: NDArray[np.int64]) -> ExecutionColumns:
    """Outcomes, shape (runs, tests), as executions in the order they ran."""
    runs, tests = failed.shape
    unknown, nothing = np.full(failed.size, np.nan), Coded(np.full(failed.size, -1, dtype=np.int32), ())
    versions = tuple(f"v{i}" for i in range(int(version.max()) + 1))
    return ExecutionColumns(
        seq=np.arange(failed.size),
        outcome=failed.ravel().astype(np.int8),
        score=unknown,
        confidence=unknown,
        latency_ms=unknown,
        cost_usd=unknown,
        input_tokens=unknown,
        output_tokens=unknown,
        started_at=unknown,
        version=Coded(np.repeat(version, tests).astype(np.int32), versions),
        slice=nothing,
        model=nothing,
        agent=nothing,
        case=Coded(np.tile(np.arange(tests, dtype=np.int32), runs), tuple(f"c{i}" for i in range(tests))),
        error_type=nothing,
    )


def main() -> None:
    """One row per number of runs, summed over the rounds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, nargs="*", default=[10, 30, 100])
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--seed", type=int, default=7)
    asked = parser.parse_args()
    print(beside(always="the truth of the simulation"))
    print("runs  show both  found of those  mean posterior: flaky shown / others that failed  false alarms")
    for runs in asked.runs:
        rng = np.random.default_rng(asked.seed)
        shown = found = false = 0
        posterior: list[float] = []
        of_others: list[float] = []
        for _ in range(asked.rounds):
            columns = simulated(rng, runs)
            failures = columns.outcome.reshape(runs, TESTS).sum(axis=0)
            both = set(np.flatnonzero((failures[:FLAKY] > 0) & (failures[:FLAKY] < runs)).tolist())
            shown += len(both)
            for test in flaky_tests(columns):
                number = int(test.case_id[1:])
                (posterior if number in both else of_others).append(test.probability)
                found += test.status == "flaky" and number in both
                false += test.status == "flaky" and number >= FLAKY
        sound = asked.rounds * (TESTS - FLAKY)
        print(
            f"{runs:4}  {shown / (asked.rounds * FLAKY):8.0%}  {found / max(1, shown):14.0%}  "
            f"{np.mean(posterior):31.2f} / {np.mean(of_others):.2f}  {false} of {sound} ({false / sound:.2%})"
        )


if __name__ == "__main__":
    main()
