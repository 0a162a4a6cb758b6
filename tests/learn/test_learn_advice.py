"""Advice: what to refine first, what would be cheaper, what changed."""

from __future__ import annotations

import numpy as np
import pytest

from flywheel.learn.advice import Grounds, advice, changes_since
from flywheel.learn.cost import cost_savings
from flywheel.learn.execution_table import columns_of
from flywheel.learn.patterns import failure_patterns
from flywheel.learn.scoring import ScoringRules
from flywheel.records.execution import Execution
from flywheel.records.strategy_outcome import StrategyOutcome


def runs(
    model: str, count: int, *, passing: int, price: float, seed: int = 0, slow: float = 1.0
) -> list[Execution]:
    """So many of a hundred passed; a request costs its tokens times a price."""
    draw = np.random.default_rng(seed)
    made = []
    for number in range(count):
        tokens, out = int(draw.integers(800, 1200)), int(draw.integers(20, 60))
        made.append(
            Execution(
                execution_id=f"{model}-{number}",
                model=model,
                outcome="passed" if number % 100 < passing else "failed",
                input_tokens=tokens,
                output_tokens=out,
                cost_usd=price * tokens + 4 * price * out,
                latency_ms=float(draw.lognormal(6, 0.2)) * slow,
            )
        )
    return made


def test_a_model_as_good_and_cheaper_is_a_saving_with_its_interval():
    """The cheap one is named where it is as good, not where it is worse; a shorter prompt has a number."""
    large = runs("large", 900, passing=90, price=1e-4)
    as_good = cost_savings(columns_of([*large, *runs("small", 600, passing=91, price=1e-5)]))
    worse = cost_savings(columns_of([*large, *runs("small", 600, passing=70, price=1e-5)]))

    model, shorter = as_good
    assert (model.way, model.name) == ("model", "small")
    assert model.low_usd <= model.saving_usd <= model.high_usd
    assert shorter.saving_usd == pytest.approx(0.1 * 1e-4 * 1000, rel=0.03)
    assert [one.way for one in worse] == ["shorten"]


def test_few_or_free_requests_promise_nothing():
    """Without a cost, or with a handful, no saving is told."""
    free = [one.model_copy(update={"cost_usd": None}) for one in runs("m", 200, passing=90, price=1e-4)]

    assert cost_savings(columns_of(free)) == ()
    assert cost_savings(columns_of(runs("m", 10, passing=9, price=1e-4))) == ()


def test_cost_above_the_limit_asks_for_a_shorter_prompt_with_the_saving():
    """The strategy for cost says what it is expected to save, and which model saves more."""
    both = [*runs("large", 900, passing=100, price=1e-3), *runs("small", 600, passing=100, price=1e-5)]

    found = advice(Grounds(columns_of(both)), ScoringRules(max_cost_per_request=0.5))

    assert found.strategy == "shorten"
    assert "expected to save 0.1" in found.because
    assert "model small saves 1." in found.because


def test_what_helped_before_is_told_for_the_failures_that_are_there():
    """A strategy that clearly helped more often overrules the rule, with its record."""
    failures = [
        Execution(execution_id=f"e{n}", outcome="failed", expected="a", output="b", model="m")
        for n in range(9)
    ]
    patterns = tuple(failure_patterns(failures))
    kind = patterns[0].kind
    outcomes = tuple(
        StrategyOutcome(
            cycle_id=f"{name}{n}",
            prompt="p",
            version=f"v{n}",
            strategy=name,
            kind=kind,
            ruling="ship" if helped else "reject",
            helped=helped,
        )
        for name, good in (("definitions", 1), ("demonstrations", 15))
        for n in range(20)
        for helped in (n < good,)
    )

    found = advice(Grounds(columns_of(failures), patterns, outcomes))

    assert found.strategy == "demonstrations"
    assert (found.learned[0].strategy, found.learned[0].helped, found.learned[0].tried) == (
        "demonstrations",
        15,
        20,
    )


def test_a_change_is_shown_only_beyond_chance():
    """Slower and worse is told with intervals; the same again is no difference; nothing is unknown."""
    before = columns_of(runs("m", 800, passing=95, price=1e-4))
    worse = columns_of(runs("m", 800, passing=80, price=1e-4, seed=1, slow=1.5))
    again = columns_of(runs("m", 800, passing=95, price=1e-4, seed=2))

    told = {one.measure: one.verdict for one in changes_since(worse, before)}
    same = {one.verdict for one in changes_since(again, before)}
    nothing = {one.verdict for one in changes_since(again, columns_of([]))}

    assert told["pass rate"] == told["p95 response time"] == "worse"
    assert same == {"no difference shown"}
    assert nothing == {"unknown"}
