"""Sequential tests on cases whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from flywheel.stats import (
    SequentialGate,
    SequentialMcNemar,
    betting_confidence_sequence,
    exact_spending_boundary,
    max_t_gate,
    mixture_e_value,
    predictive_probability,
    sequential_halving,
    sequential_non_inferiority,
    sequential_p_value,
    spending_bounds,
)


@pytest.mark.parametrize("looks", [(3, 7, 12), (5, 6, 9, 13), (14,), (1, 2, 3, 4, 5, 6, 7, 8)])
def test_the_exact_boundary_keeps_its_error(looks: tuple[int, ...]):
    """Over all coin sequences, the boundary rejects no more often than its level allows by each look."""
    shares = np.array(looks) / looks[-1]
    bounds = exact_spending_boundary(looks, shares, 0.05)
    paths = np.array(list(itertools.product((0, 1), repeat=looks[-1])))
    crossed = np.zeros(len(paths), dtype=bool)

    for look, share, bound in zip(looks, shares, bounds, strict=True):
        crossed |= paths[:, :look].sum(axis=1) >= bound
        assert crossed.mean() <= 0.05 * share**2 + 1e-12


def test_the_p_value_keeps_its_level_at_every_look():
    """Over all coin sequences of 11 pairs, the chance of p <= u is at most u for every level u."""
    paths = itertools.product((1, -1), repeat=11)
    values = np.array([sequential_p_value(path, n_max=11).up for path in paths])

    for level in np.unique(values[values < 1]):
        assert (values <= level).mean() <= level + 1e-12


def test_more_pairs_than_planned_are_refused():
    """A test planned for 10 pairs refuses the eleventh, and says what to do."""
    test = SequentialMcNemar(n_max=10)
    test.add(3, 2, 5)

    with pytest.raises(ValueError, match=r"planned for 10.*\n?.*Plan a larger experiment"):
        test.add(1, 0, 0)
    assert test.pairs == 10


def test_scores_are_refused_by_the_exact_test():
    """Differences that are not 1, 0 or -1 are refused with the name of the test that takes them."""
    with pytest.raises(ValueError, match="SequentialGate"):
        sequential_p_value([0.5], n_max=10)


def test_the_gate_at_its_end_agrees_with_one_look():
    """Looked at once, at the end, a sequential gate gives its leader about the p-value of the fixed gate."""
    d = np.random.default_rng(3).normal([0.09, 0.0, 0.0], 0.3, size=(80, 3))
    gate = SequentialGate(arms=3, n_max=80, flips=20_000, seed=5)
    gate.add(d)
    p = max_t_gate(d, flips=20_000).adjusted_p[0]

    # The sequential p-value is the next of its levels, each about a fifth above the last.
    assert 0.001 < p < 0.2
    assert p * 0.9 <= gate.look()[0].two_sided <= p * 1.35 + 0.002


def test_the_gate_repeats_itself():
    """The same seed and data give the same p-values."""
    d = np.random.default_rng(1).normal(0.1, 0.3, size=(60, 2))
    results = []
    for _ in range(2):
        gate = SequentialGate(arms=2, n_max=60, flips=500, seed=9)
        for start in range(0, 60, 20):
            gate.add(d[start : start + 20])
        results.append(gate.look())

    assert results[0] == results[1]


def test_a_dropped_candidate_keeps_its_place():
    """A candidate that stops running keeps a p-value, and more cases of the others do not lower it."""
    d = np.random.default_rng(2).normal(0.2, 0.3, size=(80, 2))
    gate = SequentialGate(arms=2, n_max=80, flips=1000)
    gate.add(d[:40])
    before = gate.look()[1].two_sided
    gate.add(np.column_stack([d[40:, 0], np.full(40, np.nan)]))
    after = gate.look()

    assert after[0].two_sided < 0.01
    assert after[1].two_sided <= before


def test_all_ties_are_no_evidence():
    """Ties alone give p = 1, an e-value of 1, and a range around 0."""
    ties = np.zeros(50)
    interval = betting_confidence_sequence(ties)

    assert sequential_p_value(ties, n_max=50).two_sided == 1.0
    assert mixture_e_value(ties) == 1.0
    assert interval.low < 0 < interval.high


def test_a_rare_breakage_keeps_the_lock_shut():
    """Small gains everywhere never pay for a few total failures, however sure a t test is."""
    d = np.array([0.02] * 97 + [-0.65] * 3)

    assert mixture_e_value(d) < 1.0
    assert mixture_e_value(np.full(60, 0.02)) < 5.0


def test_futility_knows_the_ends():
    """At the planned end the chance of success is 0 or 1, and before it lies between."""
    good = [1.0, 0.0, 0.0] * 20

    assert predictive_probability(good, n_max=60) == 1.0
    assert predictive_probability([0.0, -1.0] * 30, n_max=60) == 0.0
    assert 0 < predictive_probability([1.0, 0.0, 0.0, -1.0, 0.0] * 10, n_max=300) < 1
    assert predictive_probability([1.0], n_max=60) is None


def test_bounds_of_one_look_are_the_usual_ones():
    """A single look at the end has the bound everyone knows."""
    assert spending_bounds([1.0], 0.025)[0] == pytest.approx(1.959964, abs=1e-6)


def test_bounds_refuse_shares_that_do_not_rise():
    """Shares of information must rise to at most 1."""
    with pytest.raises(ValueError, match="rising numbers"):
        spending_bounds([0.5, 0.4], 0.05)


def test_a_guardrail_is_proven_once():
    """A guardrail that is proven at one look stays proven."""
    rng = np.random.default_rng(0)
    looks = sequential_non_inferiority(rng.normal(0.0, 0.2, 200), (40, 80, 120, 160, 200), limit=1.2)
    states = [look.proven for look in looks]

    assert states == sorted(states)
    assert states[-1]
    assert not sequential_non_inferiority(rng.normal(0.3, 0.2, 200), (100, 200), limit=1.2)[-1].proven


def test_halving_finds_the_best_for_few_evaluations():
    """Halving keeps the best of eight and runs the weak ones on few cases."""
    d = np.random.default_rng(4).normal(np.linspace(0, 0.35, 8), 0.3, size=(140, 8))
    screening = sequential_halving(d)

    assert screening.best == 7
    assert [len(s) for s in screening.survivors] == [4, 2, 1]
    assert screening.evaluations == 20 * 9 + 40 * 5 + 80 * 3
