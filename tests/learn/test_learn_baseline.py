"""Baselines: rows of a matrix, targets, changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from flywheel.learn.baseline import Targets, baseline_matrix, changes_since, model_rows, stands
from flywheel.learn.rulings import GateRules
from flywheel.records.baseline import BaselineMatrix, Target
from flywheel.records.execution import Execution, Outcome
from flywheel.stats.proportions import Counts, clopper_pearson

RULES = GateRules()
NAMED = BaselineMatrix(suite="s", prompt="p", version="v", session_id="baseline/s/p@v")


def runs(model: str, passed: list[bool | None], latency_ms: float | None = 100.0) -> list[Execution]:
    """One execution per case; None is a case without an answer. Cases alternate between two slices."""
    outcomes = {True: Outcome.PASSED, False: Outcome.FAILED, None: Outcome.ERROR}
    return [
        Execution(
            execution_id=f"{model}-{n}",
            model=model,
            case_id=f"c{n}",
            slice="even" if n % 2 == 0 else "odd",
            outcome=outcomes[ok],
            score=None if ok is None else float(ok),
            latency_ms=None if ok is None else latency_ms,
        )
        for n, ok in enumerate(passed)
    ]


def test_every_case_of_a_model_is_in_one_slice_of_its_row():
    """Cells add up to the total; a case without an answer counts as failed."""
    [row] = model_rows({"m": runs("m", [True, False, None, True, True])}, ["even", "odd"], {}, RULES)

    assert [(c.slice, c.cases, c.passed) for c in row.slices] == [("even", 3, 2), ("odd", 2, 1)]
    assert (row.overall.cases, row.overall.scored, row.overall.passed) == (5, 5, 3)
    assert row.overall.pass_rate == 0.6
    assert row.quality is Target.NONE


def test_a_target_is_met_or_missed_only_when_the_whole_interval_says_so():
    """Ninety of a hundred meet 0.7, miss 0.99, and say nothing about 0.88."""
    done = {"m": runs("m", [True] * 90 + [False] * 10)}

    def quality(target: float) -> Target:
        return model_rows(done, [], {"m": Targets(pass_rate=target)}, RULES)[0].quality

    assert [quality(t) for t in (0.7, 0.88, 0.99)] == [Target.MET, Target.UNCLEAR, Target.MISSED]


def test_a_response_time_that_nobody_recorded_is_not_zero():
    """Unknown latency neither meets nor misses a limit."""
    done = {"m": runs("m", [True] * 50, latency_ms=None)}

    [row] = model_rows(done, [], {"m": Targets(response_ms=100)}, RULES)

    assert row.overall.median_ms is None
    assert row.response is Target.UNCLEAR


def test_a_slow_model_misses_its_limit():
    """A median whose interval lies above the limit."""
    done = {"m": runs("m", [True] * 50, latency_ms=700.0)}

    assert model_rows(done, [], {"m": Targets(response_ms=500)}, RULES)[0].response is Target.MISSED
    assert model_rows(done, [], {"m": Targets(response_ms=700)}, RULES)[0].response is Target.MET


def test_the_better_model_comes_first_with_its_place():
    """Rows are in the order of the ranking on common cases."""
    done = {"weak": runs("weak", [False, True] * 40), "strong": runs("strong", [True] * 80)}

    rows = model_rows(done, [], {}, RULES)

    assert [(row.model, row.place) for row in rows] == [("strong", 1), ("weak", 2)]


def test_a_model_that_fell_is_called_worse_and_a_new_one_is_left_out():
    """Paired by case with the same model before."""
    before = {"m": runs("m", [True] * 60)}
    now = {"m": runs("m", [True] * 30 + [False] * 30), "new": runs("new", [True] * 60)}

    matrix = baseline_matrix(NAMED, now, {}, RULES, before)

    [change] = matrix.changes
    assert (change.model, change.pairs, change.difference, change.verdict) == ("m", 60, -0.5, "worse")
    assert change.adjusted_p is not None
    assert change.adjusted_p < 0.001
    assert matrix.slices == ("even", "odd")


def test_too_few_common_cases_are_unknown_not_unchanged():
    """Below the least number of cases there is no difference to show, and none is denied."""
    [change] = changes_since({"m": runs("m", [False] * 5)}, {"m": runs("m", [True] * 5)}, RULES)

    assert (change.verdict, change.difference, change.adjusted_p) == ("unknown", None, None)


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), models=st.integers(1, 5))
def test_the_same_executions_give_no_change(seed, models):
    """A baseline beside itself: no model is better or worse."""
    draw = np.random.default_rng(seed)
    done = {f"m{k}": runs(f"m{k}", [bool(x) for x in draw.random(40) < 0.6]) for k in range(models)}

    assert {c.verdict for c in changes_since(done, done, RULES)} == {"no difference shown"}


@pytest.mark.parametrize("cases", [20, 120, 389])
@pytest.mark.parametrize("rate", [0.3, 0.8, 0.95])
def test_models_exactly_on_their_targets_are_seldom_called(cases, rate):
    """Over seven models that sit on their target, at most one baseline in twenty names any of them."""
    coverage = 1 - 0.05 / 7
    named = sum(
        float(stats.binom.pmf(passed, cases, rate))
        for passed in range(cases + 1)
        if stands(clopper_pearson(Counts(passed, cases), coverage), rate) is not Target.UNCLEAR
    )

    assert 1 - (1 - named) ** 7 <= 0.05
