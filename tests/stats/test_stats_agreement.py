"""A judge beside labels: known values, laws, and ranges that cover."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.stats import Confusion, Counts, cohen_kappa, prediction_powered_mean, rogan_gladen

COUNTS = st.integers(0, 60)


@pytest.mark.parametrize(
    ("table", "kappa", "low", "high"),
    [
        ((20, 5, 10, 15), 0.4, 0.151092290476661, 0.6489077095233389),
        ((45, 15, 25, 15), 0.13043478260869554, -0.06293827779258965, 0.3238078430099807),
        ((70, 4, 6, 40), 0.8222748815165876, 0.7169865800284968, 0.9275631830046783),
    ],
)
def test_kappa_is_that_of_statsmodels(table, kappa, low, high):
    """Kappa with its range equals statsmodels 0.14, cohens_kappa."""
    found = cohen_kappa(Confusion(*table))

    assert (found.estimate, found.low, found.high) == pytest.approx((kappa, low, high), abs=1e-9)


def test_the_powered_mean_is_that_of_ppi_python():
    """The tuned estimate with its range equals ppi-python, ppi_mean_pointestimate with ppi_mean_ci."""
    labels, judged = [1] * 44 + [0] * 36, [1] * 36 + [0] * 8 + [1] * 4 + [0] * 32

    found = prediction_powered_mean(labels, judged, [1] * 259 + [0] * 141)

    assert (found.estimate, found.low, found.high) == pytest.approx(
        (0.64138519, 0.55819051, 0.72457987), abs=1e-6
    )


@given(COUNTS, COUNTS, COUNTS, COUNTS)
def test_kappa_stays_in_its_bounds(a, b, c, d):
    """Kappa is symmetric in judge and labels, at most 1, and 1 exactly when they agree everywhere."""
    found, swapped = cohen_kappa(Confusion(a, b, c, d)), cohen_kappa(Confusion(a, c, b, d))

    if found.estimate is None:
        assert found.because
        return
    assert found.estimate == pytest.approx(swapped.estimate)
    assert -1 <= found.low <= found.estimate + 1e-9
    assert found.estimate - 1e-9 <= found.high <= 1
    assert (abs(found.estimate - 1) < 1e-12) is (b == c == 0)


@given(COUNTS, COUNTS, COUNTS, COUNTS, st.integers(0, 300), st.integers(0, 300))
def test_a_corrected_rate_is_a_rate_or_says_why_not(a, b, c, d, passes, failures):
    """The corrected rate lies in [0, 1] inside its range; a judge no better than chance gives none."""
    table = Confusion(a, b, c, d)
    found = rogan_gladen(Counts(passes, passes + failures), table.sensitivity, table.specificity)

    if found.estimate is None:
        assert found.because
        return
    assert 0 <= found.low <= found.estimate <= found.high <= 1


def test_a_perfect_judge_needs_no_correction():
    """With many labels and no error the corrected rate is the judged one."""
    found = rogan_gladen(Counts(70, 100), Counts(5000, 5000), Counts(5000, 5000))

    assert found.estimate == pytest.approx(0.7)


def test_a_judge_that_says_nothing_changes_nothing():
    """A judge that passes everything leaves the mean of the labels as it is."""
    labels = [1] * 30 + [0] * 20

    assert prediction_powered_mean(labels, [1] * 50, [1] * 500).estimate == pytest.approx(0.6)


def test_few_labels_of_a_kind_give_no_range():
    """Below ten labels of each kind there is an estimate without a range, and the reason."""
    found = prediction_powered_mean([1] * 50 + [0] * 3, [1] * 50 + [0] * 3, [1] * 10)

    assert (found.low, found.high, found.because) == (None, None, "3 labels of one kind; a range needs 10")
    assert prediction_powered_mean([1], [1], [1]).estimate is None


@pytest.mark.parametrize(
    ("rate", "se", "sp", "rest", "labelled"), [(0.7, 0.9, 0.8, 400, 100), (0.4, 0.75, 0.85, 300, 150)]
)
def test_ranges_cover_the_truth(rate, se, sp, rest, labelled):
    """In 1,000 drawn worlds both ranges hold the true rate in at least 92 % of 95 % promised."""
    rng = np.random.default_rng(20261121)

    def world(n):
        true = rng.random(n) < rate
        return true, np.where(true, rng.random(n) < se, rng.random(n) >= sp)

    corrected = powered = ranged = 0
    for _ in range(1000):
        (labels, judged), (_, unlabelled) = world(labelled), world(rest)
        table = Confusion.of(judged, labels)
        one = rogan_gladen(Counts(int(unlabelled.sum()), rest), table.sensitivity, table.specificity)
        two = prediction_powered_mean(labels, judged, unlabelled)
        corrected += one.low <= rate <= one.high
        ranged += two.low is not None
        powered += two.low is not None and two.low <= rate <= two.high

    assert corrected >= 920
    assert powered >= 0.92 * ranged
    assert ranged > 950
