"""Experiments while they run, before they run, after they ran."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from score_tables import pairs, table_of

from flywheel.learn.accumulation import accumulate, fresh_evidence
from flywheel.learn.evidence import Arms
from flywheel.learn.experiments import GateRules, judge
from flywheel.learn.planning import CallCost, Forecast, affordable_cases, forecast_cost, outlook
from flywheel.learn.racing import RacePlan, Standing, judge_race, race, watched_guardrails
from flywheel.learn.replication import replicate
from flywheel.learn.wear import false_share_bound, worn
from flywheel.records.verdict import Ruling

RULES = GateRules(flips=1000)


def draws(gains: list[float], cases: int, seed: int = 0) -> np.ndarray:
    """Differences of pass or fail: 15 % discordant, with the given gains."""
    rng = np.random.default_rng(seed)
    u = rng.random((cases, len(gains)))
    g = np.array(gains)
    return (u < 0.075 + g / 2).astype(float) - (u > 0.925 + g / 2).astype(float)


def test_a_race_stops_early_for_a_gain():
    """A gain of 30 points wins long before the planned end, and judging it ships it."""
    d = draws([0.3], 300)
    plan = RacePlan(n_max=300)
    finished = race(d[:100], ["new"], RULES, plan)

    assert finished.runners[0].standing is Standing.WON
    assert finished.done
    assert finished.cases < 100
    assert finished.method == "exact_sequential_mcnemar"


def test_a_race_gives_up_on_the_hopeless():
    """Candidates without a chance stop as futile or worse before the planned end."""
    finished = race(draws([-0.1, 0.0], 300, seed=1), ["bad", "idle"], RULES, RacePlan(n_max=300, flips=1000))

    assert finished.done
    assert {r.standing for r in finished.runners} <= {Standing.WORSE, Standing.FUTILE, Standing.OUTRUN}
    assert all(r.stopped_at < 300 for r in finished.runners)


def test_a_race_waits_for_its_looks():
    """Between looks nothing is decided, and the next look is named."""
    plan = RacePlan(n_max=200)
    early = race(draws([0.5], 29), ["new"], RULES, plan)

    assert (early.cases, early.done, early.next_look) == (0, False, 30)
    assert early.running == ("new",)


def test_a_race_can_be_taken_up_again():
    """Replaying the same cases gives the same race; more cases never undo a stop."""
    d = draws([0.12, 0.0, 0.05], 300, seed=2)
    plan = RacePlan(n_max=300, flips=800)
    names = ["a", "b", "c"]
    part, again = race(d[:150], names, RULES, plan), race(d[:150], names, RULES, plan)
    whole = race(d, names, RULES, plan)

    assert part == again
    stopped = {r.candidate: r.stopped_at for r in part.runners if r.stopped_at}
    assert stopped.items() <= {r.candidate: r.stopped_at for r in whole.runners}.items()


def test_more_cases_than_planned_are_refused():
    """A race refuses cases beyond its plan and judges nothing."""
    with pytest.raises(ValueError, match="planned for 50"):
        race(draws([0.0], 60), ["new"], RULES, RacePlan(n_max=50))


def test_a_race_is_judged_without_a_second_look():
    """Rulings of a race carry its own p-values, and what still runs is held."""
    old, new = pairs(40, 5, 80, 35)
    order = np.random.default_rng(3).permutation(160)
    old, new = np.array(old)[order], np.array(new)[order]
    plan = RacePlan(n_max=160)
    finished = race((new - old)[:, None], ["new"], RULES, plan)
    (judged,) = judge_race(table_of({"old": old, "new": new}), "old", finished, RULES, "live")
    unfinished = race((new - old)[:20, None], ["new"], RULES, plan)
    (waiting,) = judge_race(table_of({"old": old[:20], "new": new[:20]}), "old", unfinished, RULES, "live")

    assert judged.ruling is Ruling.SHIP
    assert judged.evidence.adjusted_p == finished.runners[0].p_value
    assert judged.evidence.low <= judged.evidence.estimate <= judged.evidence.high
    assert waiting.ruling is Ruling.HOLD
    assert "not finished" in waiting.because


def test_scores_race_with_sign_flips():
    """Scores between 0 and 1 race with the sign-flip test."""
    rng = np.random.default_rng(4)
    finished = race(
        rng.normal(0.1, 0.2, (200, 1)).clip(-1, 1), ["new"], RULES, RacePlan(n_max=200, flips=1000)
    )

    assert finished.method == "sequential_sign_flip"
    assert finished.runners[0].standing is Standing.WON


def test_fresh_cases_confirm_or_stage():
    """A ship stays one when fresh cases agree, waits when they do not, and other rulings stay."""
    old, new = pairs(31, 8, 80, 41)
    (ship,) = judge(table_of({"old": old, "new": new}), "old", ["new"], RULES, "live")
    agree, against = pairs(9, 3, 30, 18), pairs(3, 9, 30, 18)

    kept = replicate(ship, table_of({"old": agree[0], "new": agree[1]}), RULES)
    lost = replicate(ship, table_of({"old": against[0], "new": against[1]}), RULES)
    thin = replicate(ship, table_of({"old": [0.0] * 5, "new": [1.0] * 5}), RULES)

    assert kept.ruling is Ruling.SHIP
    assert 0 < kept.evidence.shrunken_gain < ship.evidence.estimate
    assert "Repeated on 60 fresh cases: +10.0 points." in kept.because
    assert lost.ruling is thin.ruling is Ruling.STAGE
    (reject,) = judge(table_of({"old": new, "new": old}), "old", ["new"], RULES, "live")
    assert replicate(reject, table_of({"old": old, "new": new}), RULES) is reject


@pytest.mark.parametrize(
    ("scores", "said"),
    [
        ([], "no scores"),
        ([1.0] * 12, "Only 12 gate cases"),
        ([1.0] * 99 + [0.0], "at most 1.0 points can be gained"),
        ([1.0] * 30 + [0.0] * 5, "add cases first"),
    ],
)
def test_some_prompts_should_be_left_alone(scores: list[float], said: str):
    """No scores, few cases, no headroom, or too little power mean: do not optimize, with the reason."""
    look = outlook(scores, RULES, candidates=4)

    assert not look.worthwhile
    assert said in look.because


def test_an_outlook_states_noise_power_with_cost():
    """Two runs of the same version give a noise floor, a plan its power, and the cost a ceiling."""
    rng = np.random.default_rng(5)
    first = (rng.random(400) < 0.7).astype(float)
    second = np.where(rng.random(400) < 0.1, 1 - first, first)
    look = outlook(first, RULES, 3, again=second, cost=CallCost(usd=0.001, input_tokens=200))

    assert look.worthwhile
    assert 0.02 < look.noise_floor < 0.06
    assert 0 < look.plan.power < 1
    assert (look.forecast.calls, look.forecast.input_tokens, look.forecast.output_tokens) == (
        1600,
        320_000,
        None,
    )
    assert look.forecast.usd == pytest.approx(1.6)


def test_a_batch_never_exceeds_the_budget():
    """The largest affordable batch costs no more than what is left, in every unit."""
    cost = CallCost(input_tokens=300, output_tokens=50, usd=0.002)
    left = Forecast(calls=500, input_tokens=60_000, output_tokens=20_000, usd=0.5)
    cases = affordable_cases(3, left, cost)
    spent = forecast_cost(cases, 3, cost)

    assert cases == 50
    assert spent.calls <= left.calls
    assert spent.input_tokens <= left.input_tokens
    assert spent.usd <= left.usd
    assert affordable_cases(3, Forecast(3, None, None, None), cost) == 0


def test_gate_cases_wear_out():
    """Every look brings the end nearer, and worn cases ask for fresh ones."""
    states = [worn(looks, 250, RULES) for looks in range(13)]

    assert [s.looks_left for s in states[:3]] == [10, 9, 8]
    assert [s.worn for s in states] == [False] * 10 + [True] * 3
    assert "Add fresh cases" in states[-1].because
    with pytest.raises(ValueError, match=">= 0"):
        worn(-1, 250, RULES)


def test_evidence_grows_over_cycles():
    """E-values of different cases multiply, the same cases count once, other versions are refused."""
    old, new = pairs(14, 6, 80, 20)
    (one,) = judge(table_of({"old": old, "new": new}), "old", ["new"], RULES, "live")
    table = table_of({"old": old, "new": new})
    first = fresh_evidence(one.evidence, table, "new", frozenset())
    again = fresh_evidence(one.evidence, table, "new", frozenset(table.cases))
    total = accumulate([first, again, first], RULES)

    assert total.e_value == pytest.approx(one.evidence.e_value**2)
    assert (total.counted, total.pairs) == (2, 240)
    assert (again.fresh_pairs, again.fresh_e_value) == (0, None)
    assert accumulate([], RULES).e_value is None
    with pytest.raises(ValueError, match="different versions"):
        accumulate([first, first.model_copy(update={"candidate": "third"})], RULES)


def test_the_share_of_wrong_ships_is_bounded():
    """Few ships among many experiments may all be wrong, and without a ship there is no share."""
    assert false_share_bound(1, 100, RULES) == 1.0
    assert false_share_bound(20, 40, RULES) == pytest.approx(0.05)
    assert false_share_bound(0, 40, RULES) is None
    with pytest.raises(ValueError, match="shipped <= experiments"):
        false_share_bound(5, 4, RULES)


def test_a_guardrail_pays_for_every_look_and_gets_a_second_chance_on_fresh_cases():
    """A slow candidate is stopped, an equal one is proven in the end, a close one is left open till then."""
    rng = np.random.default_rng(4)
    won = np.ones(200)
    lost = np.array([0.0, 1.0] * 100)
    finished = race((won - lost)[:60, None], ["new"], RULES, RacePlan(n_max=100, fresh=100))
    noise = np.exp(rng.normal(0.0, 0.5, (200, 2)))

    def rail(ratio: float, cases: int, fresh: int = 0):
        table = table_of({"old": list(lost[:cases]), "new": list(won[:cases])})
        slow = 100.0 * noise[:cases] * np.array([1.0, ratio])
        timed = dataclasses.replace(table, latency_ms=slow)
        return watched_guardrails(timed, Arms("old", "new", "live"), finished, RULES, fresh)[0].passed

    assert finished.cases < 60
    assert [rail(ratio, finished.cases) for ratio in (0.3, 0.95, 2.0)] == [True, None, False]
    assert [rail(ratio, finished.cases + 100, 100) for ratio in (0.3, 0.8, 1.3)] == [True, True, False]
