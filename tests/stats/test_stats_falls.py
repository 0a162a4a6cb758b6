"""Falls of recorded streams: the arithmetic of the detector, for all scores at once."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.stats.detectors import DropDetector
from flywheel.stats.falls import DROPS, bets_for, fall_history, log_evidence

SCORES = st.lists(st.sampled_from([0.0, 0.25, 1.0]), min_size=1, max_size=60)


@given(SCORES, st.sampled_from([0.1, 0.5, 0.9, 0.99]))
def test_all_at_once_is_one_after_the_other(scores: list[float], level: float) -> None:
    """The evidence after each score is that of the detector that counts them one by one."""
    detector = DropDetector.for_drops(level, 1e9)
    path = log_evidence(np.array(scores), level)
    for score, evidence in zip(scores, path, strict=True):
        detector = detector.update(score)
        assert np.exp(evidence) == pytest.approx(detector.evidence, rel=1e-9)


def test_the_evidence_is_the_sum_over_all_starts() -> None:
    """By hand, in fractions: the sum over starts of the products of 1 + b (level - x) / (1 - level)."""
    scores, level = [1, 0, 1, 0, 0], Fraction(4, 5)
    total = Fraction(0)
    for drop in (Fraction(str(d)) for d in DROPS):
        factors = [1 + (drop / level) * (level - x) / (1 - level) for x in scores]
        for start in range(len(factors)):
            product = Fraction(1)
            for factor in factors[start:]:
                product *= factor
            total += product / len(DROPS)

    assert np.exp(log_evidence(np.array(scores, float), 0.8))[-1] == pytest.approx(float(total), rel=1e-12)


@pytest.mark.parametrize("level", [0.3, 0.8, 0.99])
def test_at_the_usual_level_a_bet_wins_nothing(level: float) -> None:
    """The factors of a pass and of a failure average to 1, so that evidence grows by luck alone."""
    for bet in bets_for(level):
        failed, passed = 1 + bet * level / (1 - level), 1 - bet
        assert level * passed + (1 - level) * failed == pytest.approx(1.0, abs=1e-12)


def test_a_fall_is_found_with_its_start_and_its_end() -> None:
    """Fallen at 2,000, well again at 2,400: both are placed within a day's worth of scores."""
    rng = np.random.default_rng(4)
    rates = np.repeat([0.95, 0.75, 0.95], [2_000, 400, 2_000])
    history = fall_history(rng.random(rates.size) < rates, 0.945, 200_000, 6_000)

    (fall,) = history.falls
    assert abs(fall.onset - 2_000) < 60
    assert fall.onset < fall.shown < 2_200
    assert fall.over is not None
    assert 2_400 < fall.over < 2_900
    assert fall.level == pytest.approx(0.75, abs=0.1)
    assert history.fallen is None


def test_a_stream_may_fall_twice() -> None:
    """After the end of a fall the watch begins anew."""
    rng = np.random.default_rng(5)
    rates = np.repeat([0.95, 0.6, 0.95, 0.6], 1_500)
    history = fall_history(rng.random(rates.size) < rates, 0.94, 200_000, 6_000)

    assert [fall.over is None for fall in history.falls] == [False, True]
    assert history.fallen is not None
    assert abs(history.fallen.onset - 4_500) < 60


@given(SCORES, st.integers(0, 59))
def test_a_failure_more_never_lowers_the_evidence(scores: list[float], place: int) -> None:
    """One score turned into 0 leaves every later value as high or higher."""
    place %= len(scores)
    worse = [0.0 if at == place else score for at, score in enumerate(scores)]

    assert np.all(log_evidence(np.array(worse), 0.8) >= log_evidence(np.array(scores), 0.8) - 1e-12)


def test_a_million_failures_do_not_overflow() -> None:
    """Wealth is kept in logarithms; what is shown of it is finite."""
    history = fall_history(np.zeros(1_000_000), 0.95, 1e6, 1e3)

    assert history.fallen is not None
    assert history.fallen.onset == 0
    assert np.isfinite(history.evidence)


def test_nonsense_is_refused() -> None:
    """Scores outside their range, unknown ones, or a level at the end of the range."""
    for scores in ([2.0], [float("nan")]):
        with pytest.raises(ValueError, match="Nothing was watched"):
            fall_history(scores, 0.9, 100, 100)
    with pytest.raises(ValueError, match="rate in"):
        fall_history([1.0], 1.0, 100, 100)
