"""Calibration by group: what is shown, what is left unknown."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit, logit

from flywheel.learn.calibrating import calibration_of_arrays, calibration_report
from flywheel.records.columns import Coded, ConfidenceColumns
from flywheel.stats.calibration import calibration_error, calibration_error_interval
from flywheel.stats.recalibration import fit_logistic, recalibrate


def columns(confidence, passed, groups) -> ConfidenceColumns:
    """Executions of models with these codes."""
    names = tuple(f"m{code}" for code in range(int(groups.max(initial=0)) + 1))
    coded = Coded(groups.astype(np.int32), names)
    return ConfidenceColumns(confidence, passed, coded, coded, coded)


def test_honest_models_are_not_called_missed():
    """Of twenty tables of three models that err by exactly the limit at most a few call any missed."""
    rng = np.random.default_rng(3)
    missed = 0
    for _ in range(20):
        said = rng.uniform(0.6, 0.9, 400)
        passed = (rng.random(400) < said - 0.05).astype(float)
        report = calibration_report(columns(said, passed, np.arange(400) % 3), "model", max_error=0.05)
        missed += any(one.check == "missed" for one in report.groups)

    assert missed <= 3


def test_a_range_of_cells_is_the_range_of_executions():
    """Drawing cells of nearly equal confidence gives the range that drawing executions gives."""
    rng = np.random.default_rng(1)
    said = rng.beta(5, 2, 1500)
    passed = (rng.random(1500) < said - 0.06).astype(float)
    rows = rng.integers(0, 1500, size=(400, 1500))
    drawn = np.array([calibration_error(said[row], passed[row]).debiased for row in rows])

    found = calibration_error_interval(said, passed)
    low, high = np.quantile(drawn, [0.025, 0.975]) - drawn.mean() + found.estimate

    assert found.low == pytest.approx(low, abs=0.006)
    assert found.high == pytest.approx(high, abs=0.006)


def test_the_logistic_correction_is_the_minimum_of_its_loss():
    """Newton ends where a general minimiser of scipy ends."""
    rng = np.random.default_rng(2)
    said = rng.uniform(0.02, 0.98, 60)
    passed = (rng.random(60) < said**2).astype(float)
    odds = logit(said)

    def loss(at):
        z = at[0] + at[1] * odds
        return (np.logaddexp(0, z) - passed * z).sum() + 0.5 * (at[0] ** 2 + (at[1] - 1) ** 2)

    wanted = minimize(loss, [0.0, 1.0], method="BFGS", options={"gtol": 1e-9}).x
    found = fit_logistic(said, passed)

    assert (found.offset, found.slope) == pytest.approx(tuple(wanted), abs=1e-5)


@given(
    st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=40),
    st.floats(0.1, 100),
)
def test_a_correction_never_leaves_the_range_and_always_ends(pairs, ridge):
    """Whatever was said, a corrected confidence is one; a strong ridge leaves it as it is."""
    said, passed = np.array([c for c, _ in pairs]), np.array([float(y) for _, y in pairs])

    corrected = fit_logistic(said, passed, ridge)(said)
    left = fit_logistic(said, passed, 1e9)(said)

    assert bool(((corrected >= 0) & (corrected <= 1)).all())
    assert left == pytest.approx(np.clip(said, 1e-6, 1 - 1e-6), abs=1e-4)


def test_the_gain_of_a_correction_is_measured_on_others():
    """Of confidence that says too much the gain has a range above 0; of honest confidence not."""
    rng = np.random.default_rng(5)
    said = rng.uniform(0.5, 0.99, 2000)
    boastful = recalibrate(said, rng.random(2000) < expit(logit(said) - 1.5), "logistic")
    honest = recalibrate(said, rng.random(2000) < said, "logistic")

    assert boastful.gain.low > 0
    assert boastful.gain.estimate == pytest.approx(boastful.before.score - boastful.after.score)
    assert honest.gain.low <= 0


def test_what_has_no_confidence_is_unknown():
    """No execution, or none with a confidence, is no error of 0."""
    nothing = calibration_of_arrays(np.empty(0), np.empty(0))
    silent = calibration_of_arrays(np.empty(0), np.empty(0), without=3)

    assert nothing.error is None
    assert nothing.because == "no answer was scored"
    assert silent.because == "no answer has a confidence, logged or stated"
