"""Which model is asked, how often, and why."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel.errors import NotEnoughData
from flywheel.learn.agent_choice import choose_agent
from flywheel.learn.effectiveness import BeliefRules, model_beliefs, update_of
from flywheel.learn.routing import RouteRules, drawn, route
from flywheel.learn.routing_replay import Requests, play, replay
from flywheel.records.columns import Coded, ExecutionColumns, ScoreTable
from flywheel.records.model_belief import Measure, ModelBelief
from flywheel.stats.pooling import counted, pooled

pytestmark = pytest.mark.unit


def belief(model: str, passed: float, failed: float, **fields: object) -> ModelBelief:
    """A belief as wide as its outcomes make it."""
    mean = passed / (passed + failed)
    half = 2 * (mean * (1 - mean) / (passed + failed)) ** 0.5
    return ModelBelief(
        model=model,
        outcomes=int(passed + failed),
        passed=passed,
        failed=failed,
        mean=mean,
        low=max(0.0, mean - half),
        high=min(1.0, mean + half),
        **fields,
    )


def columns_of(
    models: list[int], slices: list[int], passed: list[bool], **numbers: float
) -> ExecutionColumns:
    """Executions of models m0, m1, m2 on slices s0, s1; -1 is no slice."""
    n = len(models)
    unknown, empty = np.full(n, np.nan), Coded(np.full(n, -1, np.int32), ())
    known = {name: np.full(n, value) for name, value in numbers.items()}
    names = ("score", "confidence", "latency_ms", "cost_usd", "input_tokens", "output_tokens", "started_at")
    return ExecutionColumns(
        seq=np.arange(n),
        outcome=np.where(passed, 0, 1).astype(np.int8),
        **{name: known.get(name, unknown) for name in names},
        version=empty,
        slice=Coded(np.array(slices, np.int32), ("s0", "s1")),
        model=Coded(np.array(models, np.int32), ("m0", "m1", "m2")),
        agent=empty,
        case=empty,
        error_type=empty,
    )


def test_beliefs_are_given_for_every_model_and_slice():
    """Whole models first; one that nobody asked on a slice has a belief without outcomes there."""
    found = model_beliefs(columns_of([0] * 40 + [1] * 20, [0] * 40 + [1] * 20, [True] * 60, cost_usd=0.01))

    assert [(b.model, b.slice) for b in found] == [
        ("m0", None), ("m1", None), ("m0", "s0"), ("m0", "s1"), ("m1", "s0"), ("m1", "s1")
    ]  # fmt: skip
    assert [b.outcomes for b in found] == [40, 20, 40, 0, 0, 20]
    cost = found[0].cost_usd
    assert (cost.n, cost.mean, cost.low) == (40, pytest.approx(0.01), pytest.approx(0.01))
    assert found[3].cost_usd == Measure()
    assert found[0].latency_ms.mean is None
    assert all(b.low < b.mean < b.high for b in found)


def test_executions_without_a_slice_count_for_their_model_alone():
    """The model has them, no slice does."""
    found = {(b.model, b.slice): b for b in model_beliefs(columns_of([0] * 9, [-1] * 9, [True] * 9))}

    assert found["m0", None].outcomes == 9
    assert found["m0", "s0"].outcomes == 0


def test_what_a_model_did_lately_counts_for_more():
    """400 failures, then 200 passes: with fading the belief is far above a third."""
    rows = columns_of([0] * 600, [0] * 600, [False] * 400 + [True] * 200)

    faded, whole = (model_beliefs(rows, rules=BeliefRules(keep=keep))[0].mean for keep in (0.995, 1.0))
    assert whole == pytest.approx(1 / 3, abs=0.01)
    assert faded > 0.6


def test_a_small_move_is_not_kept():
    """Only beliefs that moved beyond the threshold are written, and the largest move left alone is said."""
    old = [belief("a", 80, 20), belief("b", 50, 50)]
    new = [belief("a", 82, 18), belief("b", 80, 20), belief("c", 5, 5)]

    done = update_of(old, new, 0.1)

    assert [b.model for b in done.moved] == ["b", "c"]
    assert done.unmoved == 1
    assert done.largest == pytest.approx(0.02, abs=0.01)
    assert update_of(new, new, 0.0).moved == ()


def test_a_price_that_doubled_is_kept():
    """Cost and time move a belief by their share, not by their amount."""
    old = belief("a", 80, 20, cost_usd=Measure(n=9, mean=0.001))

    assert update_of([old], [old.model_copy(update={"cost_usd": Measure(n=9, mean=0.002)})], 0.1).moved
    assert update_of([old], [old.model_copy(update={"cost_usd": Measure()})], 0.1).moved


@settings(max_examples=40)
@given(st.lists(st.tuples(st.floats(1, 300), st.floats(1, 300)), min_size=1, max_size=4), st.floats(0, 1))
def test_shares_sum_to_one_and_exploring_has_its_ceiling(counts, explore):
    """Whatever the beliefs, and the chosen model has the share that is logged."""
    beliefs = [belief(f"m{i}", a, b) for i, (a, b) in enumerate(counts)]
    choice = route(beliefs, rules=RouteRules(explore=explore), key="k")

    shares = {one.model: one.share for one in choice.options}
    assert sum(shares.values()) == pytest.approx(1.0)
    assert choice.propensity == shares[choice.model] > 0
    if choice.options[0].outcomes >= 30:
        assert choice.options[0].share >= 1 - explore - 1e-9


def test_safe_mode_asks_the_best_alone():
    """Nothing explores, whoever asks."""
    beliefs = [belief("a", 60, 40), belief("b", 59, 41)]

    asked = {route(beliefs, key=str(i), rules=RouteRules(explore=0)).model for i in range(50)}
    assert asked == {"a"}


def test_a_cold_start_is_no_monopoly():
    """While the leader has fewer than 30 outcomes the ceiling does not hold, so that others are tried."""
    beliefs = [belief("a", 3, 1), belief("b", 2, 2)]

    assert route(beliefs).options[1].share > 0.05


def test_the_slice_decides_once_its_record_outweighs_the_others():
    """Below `own_from` outcomes the whole model counts, from there on the slice."""
    wholes = [belief("a", 900, 100), belief("b", 500, 500)]
    bad, good = belief("a", 5, 45, slice="s", own_from=50), belief("b", 45, 5, slice="s", own_from=50)

    assert route([*wholes, bad, good], "s").model == "b"
    young = [one.model_copy(update={"outcomes": 49}) for one in (bad, good)]
    assert route([*wholes, *young], "s").model == "a"
    assert route([*wholes, bad, good], "nobody knows it").model == "a"


def test_a_dear_model_must_be_worth_it():
    """One point better for a cent more: at 2 passes a USD it is asked no more."""
    dear = belief("dear", 9_100, 900, cost_usd=Measure(n=100, mean=0.011))
    cheap = belief("cheap", 9_000, 1_000, cost_usd=Measure(n=100, mean=0.001))

    assert route([dear, cheap]).options[0].model == "dear"
    assert route([dear, cheap], rules=RouteRules(cost_weight=2.0)).options[0].model == "cheap"
    slow = dear.model_copy(update={"latency_ms": Measure(n=9, mean=9_000)})
    fast = cheap.model_copy(update={"latency_ms": Measure(n=9, mean=1_000)})
    assert route([slow, fast], rules=RouteRules(latency_weight=0.05)).options[0].model == "cheap"


def test_an_unknown_price_counts_as_the_dearest():
    """Unknown is not free."""
    known = belief("known", 80, 20, cost_usd=Measure(n=9, mean=0.5))
    unknown = belief("unknown", 82, 18)

    choice = route([known, unknown], rules=RouteRules(cost_weight=0.1))
    assert {one.model: one.cost_usd for one in choice.options} == {"known": 0.5, "unknown": None}
    assert choice.options[0].model == "unknown"


def test_a_floor_leaves_out_what_is_not_sure_to_reach_it():
    """And where none is sure, the likeliest is asked and the sentence says so."""
    beliefs = [belief("a", 95, 5), belief("b", 70, 30)]

    kept = route(beliefs, rules=RouteRules(floor=0.9))
    none = route(beliefs, rules=RouteRules(floor=0.99))

    assert [(one.model, one.because) for one in kept.options] == [
        ("a", ""),
        ("b", "not sure enough to reach 90%"),
    ]
    assert "1 model left out by the floor of 90%" in kept.because
    assert "no model is sure enough to reach 99%" in none.because
    assert none.model == "a"


def test_without_a_belief_nothing_is_chosen():
    """An empty list is refused in words."""
    with pytest.raises(NotEnoughData, match="a belief in a model"):
        route([])


def test_keys_get_their_shares_and_keep_their_model():
    """Of 4,000 keys each name gets its share; when one share grows no key goes elsewhere than there."""
    names, before, after = ["a", "b", "c"], [0.5, 0.3, 0.2], [0.6, 0.24, 0.16]

    first = np.array([drawn(before, names, f"user {i}") for i in range(4_000)])
    then = np.array([drawn(after, names, f"user {i}") for i in range(4_000)])

    assert np.bincount(first) / 4_000 == pytest.approx(before, abs=0.03)
    assert np.bincount(then) / 4_000 == pytest.approx(after, abs=0.03)
    assert set(then[first != then]) == {0}


def table(scores: np.ndarray, slices: list[str | None], cost: list[float]) -> ScoreTable:
    """A table of models m0, m1 ... with a cost for each."""
    n, k = scores.shape
    return ScoreTable(
        cases=tuple(f"c{i:04}" for i in range(n)),
        slices=tuple(slices),
        arms=tuple(f"m{j}" for j in range(k)),
        scores=scores,
        runs=np.ones((n, k), np.int32),
        latency_ms=np.full((n, k), np.nan),
        cost_usd=np.tile(cost, (n, 1)),
    )


def test_a_replay_finds_the_model_of_each_slice():
    """With slices on which opposite models are right the router beats the best single model."""
    rng = np.random.default_rng(0)
    easy = rng.integers(0, 2, 600)
    rates = np.where(easy[:, None] == 0, [0.9, 0.5], [0.2, 0.9])
    scores = (rng.random((600, 2)) < rates).astype(float)

    found = replay(table(scores, [f"s{c}" for c in easy], [0.001, 0.01]), orders=2)
    rows = {row.name: row for row in found.rows}

    assert list(rows) == ["router", "random", "best single", "best per slice", "oracle"]
    assert found.over_best.low > 0.05
    assert rows["router"].recovered > 0.7
    assert rows["random"].recovered == pytest.approx(0.0)
    assert rows["best per slice"].recovered == pytest.approx(1.0)
    assert rows["oracle"].rate.estimate >= rows["best per slice"].rate.estimate
    assert sum(found.calls.values()) == pytest.approx(1.0)
    assert found.gap_recovered > 0.62


def test_a_replay_that_weighs_cost_saves_it():
    """Models that are equally good: the cheap one is asked, and what is saved is said."""
    scores = (np.random.default_rng(1).random((400, 2)) < 0.8).astype(float)

    found = replay(table(scores, [None] * 400, [0.001, 0.1]), RouteRules(cost_weight=5.0), orders=1)

    assert found.calls["m0"] > 0.9
    best = next(row for row in found.rows if row.name == "best single")
    if best.cost_usd > 0.05:
        assert found.cost_saved > 0.8


def test_a_replay_of_too_little_says_what_is_missing():
    """Nothing is invented from 10 cases or from one model."""
    few = replay(table(np.ones((10, 2)), [None] * 10, [0.1, 0.1]))
    alone = replay(table(np.ones((100, 1)), [None] * 100, [0.1]))

    assert (few.rows, few.cost_saved) == ((), None)
    assert "the same 10 cases; two models with 30 common cases are needed" in few.because
    assert "1 model answered" in alone.because


def test_routing_learns_from_what_it_asked_alone():
    """Answers of models that were not asked change nothing of what is asked next."""
    rng = np.random.default_rng(2)
    scores = (rng.random((300, 3)) < [0.9, 0.6, 0.3]).astype(float)
    nothing = np.full(3, np.nan)
    context = np.zeros(300, dtype=np.int64)
    chosen = play(Requests(scores, context, 1, nothing, nothing), ["a", "b", "c"])
    hidden = np.where(np.arange(3) == chosen[:, None], scores, 1 - scores)

    again = play(Requests(hidden, context, 1, nothing, nothing), ["a", "b", "c"])

    assert np.array_equal(chosen, again)
    assert (chosen[150:] == 0).mean() > 0.8


def test_tasks_go_to_the_agent_that_is_trusted_on_them():
    """The type decides, a floor can leave an agent out, and an empty house is refused."""
    agent, kind = np.repeat([0, 0, 1, 1], 60), np.tile(np.repeat([0, 1], 60), 2)
    right = np.concatenate([np.arange(60) < n for n in (57, 12, 12, 57)])
    beliefs = pooled(counted(agent, kind, right, (2, 2)), None)

    chosen = [choose_agent(beliefs, ["ann", "bob"], c, "task", explore=0).agent for c in (0, 1)]
    picky = choose_agent(beliefs, ["ann", "bob"], 0, "task", floor=0.8)

    assert chosen == ["ann", "bob"]
    assert picky.shares == (1.0, 0.0)
    with pytest.raises(NotEnoughData):
        choose_agent(beliefs, [], 0, "task")
