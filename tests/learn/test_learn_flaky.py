"""Flaky is told from broken, from regressed, from not known."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from flywheel.learn.flaky import flaky_tests, quarantine, reruns_to_tell
from flywheel.learn.prediction import expert_weights, forecast_failures, held_out_scores, order_tests
from flywheel.records.columns import Coded, ExecutionColumns


def columns(case: np.ndarray, failed: np.ndarray, version: np.ndarray | None = None) -> ExecutionColumns:
    """Outcomes of tests in the order they ran."""
    n = len(case)
    unknown = np.full(n, np.nan)
    nothing = Coded(np.full(n, -1, dtype=np.int32), ())
    versions = nothing
    if version is not None:
        versions = Coded(version.astype(np.int32), tuple(f"v{i}" for i in range(int(version.max()) + 1)))
    return ExecutionColumns(
        seq=np.arange(n, dtype=np.int64),
        outcome=failed.astype(np.int8),
        score=unknown,
        confidence=unknown,
        latency_ms=unknown,
        cost_usd=unknown,
        input_tokens=unknown,
        output_tokens=unknown,
        started_at=unknown,
        version=versions,
        slice=nothing,
        model=nothing,
        agent=nothing,
        case=Coded(case.astype(np.int32), tuple(f"c{i}" for i in range(int(case.max(initial=-1)) + 1))),
        error_type=nothing,
    )


def one(outcomes: str, versions: str | None = None) -> ExecutionColumns:
    """One test: P passed, F failed; a digit per run names its version."""
    failed = np.array([c == "F" for c in outcomes])
    version = None if versions is None else np.array([int(c) for c in versions])
    return columns(np.zeros(len(outcomes), dtype=int), failed, version)


@pytest.mark.parametrize(
    ("outcomes", "status"),
    [
        ("PFPPFPPPFP", "flaky"),
        ("PPPPPPFPPP", "flaky"),
        ("FFFFFFFFFF", "broken"),
        ("PPPPPPFFFF", "broken"),
        ("FFFFFPPPPP", "healthy"),
        ("F", "unknown"),
        ("PF", "unknown"),
    ],
)
def test_the_status_of_a_test_follows_its_outcomes(outcomes: str, status: str):
    """Back and forth is flaky; once for good is broken, or repaired; little is unknown."""
    (test,) = flaky_tests(one(outcomes))

    assert test.status == status


def test_a_change_with_the_version_is_not_flaky():
    """A test that fails on one version, passes on the next, is not flaky, however often."""
    (test,) = flaky_tests(one("PPPFFFPPPFFF", "000111222333"))

    assert test.status != "flaky"
    assert test.flips == 0


def test_the_last_failure_has_its_time():
    """A test says when it failed last; without times it says nothing."""
    history = one("PFPPFPPPFP")
    dated = replace(history, started_at=86_400.0 * np.arange(10))

    assert flaky_tests(history)[0].last_failed is None
    assert flaky_tests(dated)[0].last_failed == datetime(1970, 1, 9, tzinfo=UTC)


def test_only_flaky_tests_are_put_away():
    """A broken test stays in the run."""
    case = np.tile(np.array([0, 1]), 10)
    failed = np.array([[True, n % 3 == 0] for n in range(10)]).ravel()

    assert quarantine(flaky_tests(columns(case, failed))) == ("c1",)


def test_a_test_that_never_failed_is_not_listed():
    """Only tests with a failure are of interest."""
    assert flaky_tests(one("PPPP")) == ()
    assert flaky_tests(columns(np.empty(0, dtype=int), np.empty(0, dtype=bool))) == ()


def test_reruns_grow_with_the_failure_rate():
    """A test that nearly always fails needs more reruns to show that it can pass."""
    assert reruns_to_tell(1, 10) < reruns_to_tell(5, 10) < reruns_to_tell(9, 10)
    assert reruns_to_tell(1000, 1000) is None


def simulated(rng: np.random.Generator, runs: int) -> tuple[np.ndarray, int]:
    """108 flaky tests with the rates of FlakeFlagger, 130 broken or breaking, the others sound."""
    quantiles = np.log([1e-5, 1e-4, 4e-4, 0.0071, 0.17, 0.55, 0.9])
    rate = np.zeros(2000)
    rate[:108] = np.exp(np.interp(rng.random(108), [0, 0.1, 0.25, 0.5, 0.75, 0.9, 1], quantiles))
    failed = rng.random((runs, 2000)) < rate
    for test in range(108, 208):
        failed[rng.integers(1, runs) :, test] = True
    failed[:, 208:238] = True
    return failed, 108


@pytest.mark.slow
@pytest.mark.parametrize("runs", [20, 50])
def test_nearly_all_that_outcomes_can_show_is_found(runs: int):
    """Of the tests that showed both outcomes 90 % are called flaky; broken ones never."""
    shown = found = false = 0
    for seed in range(5):
        failed, flaky = simulated(np.random.default_rng(seed), runs)
        names = {
            int(t.case_id[1:])
            for t in flaky_tests(columns(np.tile(np.arange(2000), runs), failed.ravel()))
            if t.status == "flaky"
        }
        both = {c for c in range(flaky) if 0 < failed[:, c].sum() < runs}
        shown, found, false = shown + len(both), found + len(names & both), false + len(names - both)

    assert found >= 0.9 * shown
    assert false <= 0.01 * 5 * 1892


def wandering(rng: np.random.Generator) -> ExecutionColumns:
    """400 tests with rates of their own, that sometimes break for a while, over 30 runs."""
    base, broken = rng.beta(0.5, 3, 400), rng.random(400) < 0.1
    rows = []
    for _ in range(30):
        broken = np.where(rng.random(400) < 0.03, ~broken, broken)
        rows.append(np.where(broken, rng.random(400) < 0.9, rng.random(400) < base / 2))
    return columns(np.tile(np.arange(400), 30), np.concatenate(rows))


def test_a_forecast_beats_the_base_rate_as_well_as_the_last_outcome():
    """The shrunken history has the lowest Brier score on runs it has not seen."""
    scores = [held_out_scores(wandering(np.random.default_rng(seed))) for seed in range(3)]

    assert all(s["forecast"] < s["last outcome"] < s["base rate"] for s in scores)


def test_a_new_version_unlike_the_others_is_learned():
    """After three good versions a bad one: the forecast follows it, the base rate does not."""
    rng = np.random.default_rng(5)
    version = np.repeat(np.arange(4), 200)
    failed = rng.random(800) < np.where(version == 3, 0.95, 0.05)
    history = columns(np.tile(np.arange(200), 4), failed, version)

    scores = held_out_scores(history)

    assert scores["forecast"] < 0.5 * scores["base rate"]
    assert scores["forecast"] < scores["last outcome"]
    assert expert_weights(history)["version x slice"] > expert_weights(history)["base"]


def test_no_run_makes_no_forecast():
    """Nothing stored, nothing foretold; every expert counts the same."""
    empty = columns(np.empty(0, dtype=int), np.empty(0, dtype=bool))

    assert forecast_failures(empty) == ()
    assert held_out_scores(empty) == {}
    assert len(set(expert_weights(empty).values())) == 1


def test_a_forecast_exists_for_every_test_that_ran():
    """The likeliest to fail comes first; few runs fall back to the shrunken rate."""
    found = forecast_failures(columns(np.tile(np.arange(3), 4), np.tile([True, False, False], 4)))

    assert found[0].case_id == "c0"
    assert len(found) == 3
    assert found[0].last_failed


def test_new_tests_run_first_then_the_likeliest_to_fail():
    """Every case is in the order exactly once."""
    found = forecast_failures(columns(np.tile(np.arange(3), 4), np.tile([False, True, False], 4)))

    assert order_tests(["c0", "c1", "c2", "new", "c1"], found)[:2] == ("new", "c1")
    assert len(order_tests(["c0", "c1", "c2", "new", "c1"], found)) == 4
