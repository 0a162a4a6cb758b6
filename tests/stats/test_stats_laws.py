"""Laws that hold for all numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flywheel.stats import (
    Beta,
    Counts,
    Moments,
    SequentialMcNemar,
    benjamini_hochberg,
    betting_confidence_sequence,
    bootstrap_interval,
    brier_score,
    calibration_error,
    compare_paired,
    compare_proportions,
    e_bh,
    fit_isotonic,
    holm,
    max_t_gate,
    mcnemar_exact,
    mixture_e_value,
    paired_proportions,
    prob_best,
    prob_better,
    shrink_gain,
    theil_sen,
    welch_t_test,
    wilson,
)

UNIT = st.floats(0.0, 1.0, allow_nan=False)
SCORES = st.lists(UNIT, min_size=1, max_size=40)
SIGNED = st.lists(st.floats(-1.0, 1.0, allow_nan=False), min_size=1, max_size=40)
CELLS = st.tuples(*[st.integers(0, 60)] * 4)
PASS_FAIL = st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=60)
quick = settings(max_examples=60, deadline=None)


@st.composite
def counts(draw: st.DrawFn) -> Counts:
    """Passes of at most 200 trials."""
    trials = draw(st.integers(0, 200))
    return Counts(draw(st.integers(0, trials)), trials)


@quick
@given(counts(), counts(), counts())
def test_counts_merge_as_a_monoid(a: Counts, b: Counts, c: Counts):
    """Counts merge in any grouping, and empty ones change nothing."""
    assert (a + b) + c == a + (b + c)
    assert a + Counts() == a == Counts() + a


@quick
@given(SCORES, SCORES, SCORES)
def test_moments_merge_as_a_monoid(x: list[float], y: list[float], z: list[float]):
    """Moments of parts merge to the moments of the whole, in any grouping."""
    a, b, c = Moments.of(x), Moments.of(y), Moments.of(z)
    whole = Moments.of([*x, *y, *z])

    for merged in ((a + b) + c, a + (b + c)):
        assert merged.n == whole.n
        assert merged.mean == pytest.approx(whole.mean, abs=1e-12)
        assert merged.m2 == pytest.approx(whole.m2, abs=1e-9)
    assert a + Moments() == a == Moments() + a


@quick
@given(counts(), counts(), st.floats(0.5, 0.99))
def test_intervals_of_rates_hold_the_estimate(a: Counts, b: Counts, coverage: float):
    """An interval of a rate, or of a difference, holds its estimate inside the possible range."""
    for interval, bottom in ((wilson(a, coverage), 0.0), (compare_proportions(a, b, coverage), -1.0)):
        if interval.estimate is None:
            assert interval.because
        else:
            assert bottom - 1e-12 <= interval.low <= interval.estimate + 1e-12
            assert interval.estimate - 1e-12 <= interval.high <= 1.0 + 1e-12


@quick
@given(CELLS)
def test_paired_interval_turns_with_the_arms(cells: tuple[int, int, int, int]):
    """Swapping the arms swaps the sign of the paired interval, which never collapses to a point."""
    wins, losses, both, neither = cells
    assume(sum(cells) > 0)
    one = paired_proportions(wins, losses, both, neither)
    other = paired_proportions(losses, wins, both, neither)

    assert (one.estimate, one.low, one.high) == pytest.approx((-other.estimate, -other.high, -other.low))
    assert one.low <= one.estimate <= one.high
    assert one.high > one.low


@quick
@given(PASS_FAIL)
def test_swapped_arms_swap_the_comparison(rows: list[tuple[bool, bool]]):
    """Swapping the arms of a paired comparison swaps wins with losses and keeps the p-value."""
    a, b = np.array(rows, dtype=float).T
    one, other = compare_paired(a, b), compare_paired(b, a)

    assert (one.wins, one.losses, one.p_value) == (other.losses, other.wins, other.p_value)
    assert one.estimate == pytest.approx(-other.estimate)
    assert one.p_value is None or 0 < one.p_value <= 1
    assert one.wins + one.losses + one.ties == one.pairs == len(rows)


@quick
@given(st.lists(st.tuples(UNIT, UNIT), min_size=3, max_size=40))
def test_swapped_arms_swap_scores(rows: list[tuple[float, float]]):
    """With any scores, swapping the arms swaps the interval, and the same seed keeps the p-value."""
    a, b = np.array(rows).T
    one, other = compare_paired(a, b, flips=200), compare_paired(b, a, flips=200)

    assert one.p_value == other.p_value
    if one.low is not None:
        assert (one.low, one.high) == pytest.approx((-other.high, -other.low))
        assert one.low <= one.estimate <= one.high


@quick
@given(st.integers(0, 80), st.integers(0, 80))
def test_mcnemar_is_a_p_value(wins: int, losses: int):
    """The exact p-value is symmetric, lies in (0, 1], and is missing when every case is a tie."""
    p = mcnemar_exact(wins, losses)

    assert p == mcnemar_exact(losses, wins)
    assert (p is None) == (wins + losses == 0)
    assert p is None or 0 < p <= 1


@quick
@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=30))
def test_corrections_never_help(p_values: list[float]):
    """Adjusted p-values are not below the raw ones, keep their order, and Holm is the stricter."""
    p = np.array(p_values)
    strict, mild = holm(p), benjamini_hochberg(p)
    order = np.argsort(p, kind="stable")

    assert (p <= mild + 1e-12).all()
    assert (mild <= strict + 1e-12).all()
    assert (np.diff(strict[order]) >= -1e-12).all()
    assert strict.max() <= 1


@quick
@given(st.lists(st.floats(0, 1000), min_size=1, max_size=20), st.floats(0.01, 0.5))
def test_more_evidence_never_loses_a_finding(e_values: list[float], level: float):
    """Raising one e-value never takes a finding away."""
    found = e_bh(e_values, level)
    raised = [e_values[0] + 500.0, *e_values[1:]]

    assert (found <= e_bh(raised, level)).all()


@quick
@given(SIGNED)
def test_an_e_value_is_positive_and_fair(d: list[float]):
    """An e-value is not negative; averaged over all signs of all differences it is 1."""
    part = np.array(d[:8])
    signs = np.array(np.meshgrid(*[[-1, 1]] * part.size)).reshape(part.size, -1).T
    values = [mixture_e_value(row * part) for row in signs]

    assert min(values) >= 0
    assert np.mean(values) == pytest.approx(1.0, rel=1e-9)


@quick
@given(SIGNED, st.floats(0.5, 0.99))
def test_confidence_sequence_holds_the_mean(d: list[float], coverage: float):
    """A confidence sequence holds the mean, stays in [-1, 1], and turns with the arms."""
    one, other = (
        betting_confidence_sequence(d, coverage),
        betting_confidence_sequence([-x for x in d], coverage),
    )

    assert -1 <= one.low <= one.estimate <= one.high <= 1
    assert (one.low, one.high) == pytest.approx((-other.high, -other.low), abs=1e-9)


@quick
@given(st.lists(st.lists(st.floats(-1, 1), min_size=2, max_size=2), min_size=2, max_size=30))
def test_the_gate_gives_p_values(rows: list[list[float]]):
    """Gate p-values lie in (0, 1], adjusted ones are not smaller, and flipped arms give the same."""
    d = np.array(rows)
    gate, turned = max_t_gate(d, flips=200), max_t_gate(-d, flips=200)

    for p, adjusted in zip(gate.p_value, gate.adjusted_p, strict=True):
        assert (p is None) == (adjusted is None)
        assert p is None or 0 < p <= adjusted <= 1
    assert gate.adjusted_p == turned.adjusted_p


@quick
@given(st.lists(st.sampled_from([-1, 0, 1]), min_size=1, max_size=60))
def test_a_sequential_p_value_never_rises(d: list[int]):
    """Looking again never raises the p-value of a gain or of a loss, and both lie in (0, 1]."""
    test = SequentialMcNemar(n_max=60)
    up = down = 1.0
    for one in d:
        test.add(int(one > 0), int(one < 0), int(one == 0))
        now = test.look()
        assert 0 < now.up <= up
        assert 0 < now.down <= down
        up, down = now.up, now.down


@quick
@given(st.floats(-0.6, 0.6), st.floats(0.005, 0.3))
def test_shrinking_draws_towards_zero(estimate: float, error: float):
    """A shrunken gain lies between 0 and the estimate, and turns with it."""
    shrunken = shrink_gain(estimate, error)

    assert abs(shrunken) <= abs(estimate) + 1e-3
    assert abs(shrunken) < 1e-12 or shrunken * estimate > 0
    assert shrink_gain(-estimate, error) == pytest.approx(-shrunken, abs=1e-12)


@quick
@given(counts(), counts())
def test_beliefs_add_up(a: Counts, b: Counts):
    """The chances to be better add up to 1, and agree with the chances to be best."""
    one, other = Beta() + a, Beta() + b
    forth, back = prob_better(one, other), prob_better(other, one)

    assert forth + back == pytest.approx(1.0, abs=1e-4)
    assert prob_best([one, other])[0] == pytest.approx(forth, abs=1e-4)


@quick
@given(st.lists(st.tuples(UNIT, st.booleans()), min_size=1, max_size=60), st.integers(1, 20))
def test_brier_parts_add_up(rows: list[tuple[float, bool]], bins: int):
    """The parts of the Brier score add up to it, and debiasing never adds error."""
    c, y = np.array(rows, dtype=float).T
    brier, error = brier_score(c, y, bins), calibration_error(c, y, bins)

    total = brier.reliability - brier.resolution + brier.uncertainty + brier.within
    assert brier.score == pytest.approx(total, abs=1e-12)
    assert 0 <= error.debiased <= error.plug_in + 1e-12


@quick
@given(st.lists(st.tuples(UNIT, st.booleans()), min_size=1, max_size=60))
def test_isotonic_never_falls(rows: list[tuple[float, bool]]):
    """The isotonic correction never falls, stays in [0, 1], and keeps the mean of the outcomes."""
    c, y = np.array(rows, dtype=float).T
    fitted = fit_isotonic(c, y)

    assert (np.diff(fitted.rates) >= -1e-12).all()
    assert fitted(c).mean() == pytest.approx(y.mean(), abs=1e-9)


@quick
@given(st.lists(st.floats(-10, 10), min_size=3, max_size=25), st.floats(0.1, 5), st.floats(-3, 3))
def test_theil_sen_follows_the_scale(values: list[float], factor: float, shift: float):
    """Stretching and shifting the measure stretches the median slope and nothing else."""
    x = np.arange(len(values), dtype=float)
    plain, moved = theil_sen(x, values), theil_sen(x, factor * np.array(values) + shift)

    assert moved.slope == pytest.approx(factor * plain.slope, abs=1e-9)
    assert plain.low is None or plain.low <= plain.slope <= plain.high


@quick
@given(SCORES, SCORES)
def test_welch_turns_with_the_arms(x: list[float], y: list[float]):
    """Swapping the arms of Welch's test swaps the sign and keeps p; confidence is at most 0.99."""
    one, other = welch_t_test(x, y), welch_t_test(y, x)

    assert one.p_value == other.p_value
    if one.p_value is None:
        assert one.because
    else:
        assert 0 < one.p_value <= 1
        assert one.confidence <= 0.99
        assert one.estimate == pytest.approx(-other.estimate)


@settings(max_examples=20, deadline=None)
@given(st.lists(UNIT, min_size=3, max_size=30), st.integers(0, 5))
def test_bootstrap_repeats_itself(x: list[float], seed: int):
    """The same seed gives the same bootstrap range, which holds the estimate."""
    one, again = (bootstrap_interval(x, resamples=200, seed=seed) for _ in range(2))

    assert one == again
    assert one.low is None or one.low <= one.estimate <= one.high
