"""Refinement strategies are chosen by what they did before."""

from __future__ import annotations

import numpy as np

from flywheel.learn.helping import helped
from flywheel.learn.strategy_learning import (
    Arm,
    belief_of,
    expected_gain,
    strategy_records,
    thompson_order,
)
from flywheel.records.proposal import Proposal
from flywheel.records.strategy_outcome import StrategyOutcome

ARMS = [Arm("nudge", "format"), Arm("demonstrations", "format"), Arm("output_format", "format")]


def outcome(strategy: str, *, good: bool | None, kind: str = "format", number: int = 0, model: str = "m"):
    """One outcome; model m answered."""
    return StrategyOutcome(
        cycle_id=f"c{number}",
        prompt="p",
        version=f"v{number}",
        strategy=strategy,
        kind=kind,
        model=model,
        ruling="ship" if good else "hold",
        helped=good,
        estimate=0.2 if good else 0.0,
    )


def history(strategy: str, good: int, bad: int, **where: str) -> list[StrategyOutcome]:
    """So many outcomes of a strategy."""
    return [outcome(strategy, good=n < good, number=n, **where) for n in range(good + bad)]


def test_without_history_the_given_order_stays():
    """Nothing is drawn at random before anything is known."""
    assert thompson_order([], ARMS, "m", seed=5) == [0, 1, 2]


def test_what_helped_is_tried_first():
    """A strategy with many successes comes before one with many failures, whatever the seed."""
    known = [*history("output_format", 30, 1), *history("nudge", 0, 30), *history("demonstrations", 10, 20)]

    orders = [thompson_order(known, ARMS, "m", seed) for seed in range(50)]

    assert all(order[0] == 2 and order[-1] == 0 for order in orders)


def test_the_same_seed_gives_the_same_order():
    """A cycle that is run again draws the same."""
    known = history("nudge", 2, 2)

    assert thompson_order(known, ARMS, "m", 9) == thompson_order(known, ARMS, "m", 9)


def test_what_was_never_tried_gets_its_turn():
    """An unknown strategy is drawn before a mediocre one now and then: exploring is built in."""
    known = [*history("nudge", 5, 5), *history("demonstrations", 5, 5)]

    first = [thompson_order(known, ARMS, "m", seed)[0] for seed in range(200)]

    assert 40 < sum(position == 2 for position in first) < 160


def test_a_strategy_that_answers_few_failures_waits():
    """The chance to help is weighed by the share of the failures it would answer."""
    arms = [Arm("a", "format", 0.05), Arm("b", "format", 0.9)]
    known = [*history("a", 20, 2), *history("b", 20, 2)]

    assert [thompson_order(known, arms, "m", seed)[0] for seed in range(50)] == [1] * 50


def test_other_contexts_are_a_hint_that_own_outcomes_overrule():
    """A thousand outcomes elsewhere weigh as four; six own ones outweigh them."""
    elsewhere = history("output_format", 1000, 0, kind="confusion")
    arm = Arm("output_format", "format")

    hint = belief_of(elsewhere, arm, "m")
    decided = belief_of([*elsewhere, *history("output_format", 0, 6)], arm, "m")

    assert np.isclose(hint.mean, 5 / 6)
    assert decided.mean < 0.5
    assert np.isclose(belief_of(elsewhere, Arm("output_format", "confusion"), "m").mean, 1001 / 1002)


def test_another_model_is_another_context():
    """What helps one model says little about the next."""
    known = [*history("nudge", 20, 0, model="other"), *history("nudge", 0, 20)]

    assert belief_of(known, Arm("nudge", "format"), "m").mean < 0.25
    assert belief_of(known, Arm("nudge", "format"), "other").mean > 0.75


def test_an_experiment_too_small_to_tell_counts_neither_way():
    """Unknown is not a failure."""
    told = strategy_records([outcome("a", good=None), outcome("a", good=True, number=1)])

    assert helped(0.1, -0.2, 0.05) is None
    assert [(r.helped, r.tried, r.undecided) for r in told] == [(1, 1, 1)]


def test_the_forecast_moves_to_what_was_measured():
    """Three gains of 20 points pull a forecast of 10 to 16; elsewhere it stays."""
    proposal = Proposal(
        version="x", parent="y", text="t", strategy="a", rationale="r", expected_delta=0.1, kind="format"
    )
    known = history("a", 3, 0)

    assert expected_gain(known, proposal, "m") == 0.16
    assert expected_gain(known, proposal, "another") == 0.1
