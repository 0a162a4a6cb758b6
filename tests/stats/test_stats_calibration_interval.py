"""The interval of the calibration error keeps its promise."""

from __future__ import annotations

import numpy as np
import pytest

from flywheel.stats.calibration import calibration_error_interval


def stated(rng: np.random.Generator, cases: int, too_much: float) -> tuple[np.ndarray, np.ndarray]:
    """Confidence, and outcomes that fall short of it by so much."""
    confidence = rng.beta(6, 2, cases)
    return confidence, (rng.random(cases) < np.clip(confidence - too_much, 0, 1)).astype(float)


@pytest.mark.slow
@pytest.mark.parametrize("too_much", [0.0, 0.1, 0.2])
def test_the_interval_holds_the_true_error(too_much: float):
    """At 150 cases at least 88 of 100 intervals of 95 % hold it: three standard errors below the promise."""
    rng = np.random.default_rng(11)
    held = 0
    for number in range(100):
        confidence, passed = stated(rng, 150, too_much)
        interval = calibration_error_interval(confidence, passed, resamples=200, seed=number)
        # Confidence below the shortfall is cut at 0, which moves the true error by less than 0.001.
        held += interval.low <= too_much + 1e-3 and too_much - 1e-3 <= interval.high

    assert held >= 88


def test_a_calibrated_model_is_not_called_anything_else():
    """The range begins at 0 where chance explains the error, and above it where it does not."""
    honest = calibration_error_interval(*stated(np.random.default_rng(3), 200, 0.0))
    boasting = calibration_error_interval(*stated(np.random.default_rng(3), 200, 0.3))

    assert honest.low == 0.0
    assert boasting.low > 0.15


def test_too_few_executions_have_no_range():
    """Nine say too little; none says nothing."""
    assert calibration_error_interval([0.9] * 9, [1] * 9).low is None
    assert calibration_error_interval([], []).estimate is None
