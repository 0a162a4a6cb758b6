"""Verdicts: what ships, what waits, what is refused."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from score_tables import pairs, table_of

from flywheel.learn.experiments import GateRules, judge
from flywheel.records.strategy import LearningStrategy
from flywheel.records.verdict import Evidence, Ruling

RULES = GateRules(flips=2000)
GOOD = pairs(wins=31, losses=8, both=80, neither=41)


def only(table, rules=RULES, **kwargs):
    """The judgement on the one candidate `new` against `old`."""
    (judgement,) = judge(table, "old", ["new"], rules, "recorded", **kwargs)
    return judgement


def test_a_clear_gain_ships_with_its_numbers():
    """A clear gain ships, and its sentence gives cases, points, range and p."""
    judged = only(table_of({"old": GOOD[0], "new": GOOD[1]}))

    assert judged.ruling is Ruling.SHIP
    assert judged.because.startswith(
        "Better on 31 cases, worse on 8, tied on 121: +14.4 points (95% range +6.9 to "
    )
    assert judged.because.endswith("p < 0.001. It is better.")
    evidence = judged.evidence
    assert (evidence.pairs, evidence.method, evidence.e_value > 5) == (160, "mcnemar_exact", True)
    assert 0 < evidence.shrunken_gain < evidence.estimate


def test_a_clear_loss_is_rejected():
    """The same data with the arms swapped are rejected."""
    judged = only(table_of({"old": GOOD[1], "new": GOOD[0]}))

    assert judged.ruling is Ruling.REJECT
    assert judged.because.endswith("It is worse.")


def test_a_promising_gain_waits():
    """A gain between the two thresholds is staged for a person."""
    old, new = pairs(wins=14, losses=6, both=80, neither=20)
    judged = only(table_of({"old": old, "new": new}))

    assert 0.05 < judged.evidence.adjusted_p <= 0.20
    assert judged.ruling is Ruling.STAGE
    assert "a person or more cases must decide" in judged.because


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (*pairs(12, 2, 5, 5), "Only 24 cases were scored under both versions; 30 are needed to decide."),
        (*pairs(0, 0, 30, 30), "Every case is a tie. No difference is shown on 60 cases."),
        (*pairs(11, 10, 50, 20), "No difference is shown; the live version stays."),
        ([0.5] * 60, [0.6] * 60, "Every difference is the same."),
        ([0.5] * 60, [1.5] * 60, "The candidate has scores outside [0, 1]."),
        ([np.nan] * 60, [1.0] * 60, "The control has no scored executions that name a case."),
        ([1.0] * 60, [np.nan] * 60, "The candidate has no scored executions that name a case."),
        ([1.0, np.nan] * 30, [np.nan, 1.0] * 30, "No case was scored under both arms."),
    ],
)
def test_what_cannot_be_decided_is_held(old: list[float], new: list[float], said: str):
    """Too few pairs, ties, constant differences, wrong scores and empty arms are hold with a because."""
    judged = only(table_of({"old": old, "new": new}))

    assert judged.ruling is Ruling.HOLD
    assert said in judged.because


def test_numbers_that_do_not_exist_are_missing():
    """A hold without a test carries None, never 0 or 1."""
    evidence = only(table_of({"old": [np.nan] * 40, "new": [1.0] * 40})).evidence

    assert (evidence.estimate, evidence.p_value, evidence.adjusted_p, evidence.e_value) == (None,) * 4
    assert evidence.confidence_score is None


def test_a_candidate_nobody_ran_is_held():
    """A candidate that is not in the table, and the control itself, are held."""
    table = table_of({"old": GOOD[0], "new": GOOD[1]})
    absent, same = judge(table, "old", ["gone", "old"], RULES, "recorded")

    assert absent.ruling is same.ruling is Ruling.HOLD
    assert "the live version itself" in same.because.lower()


def test_a_clean_sweep_ships():
    """A candidate that passes all 40 cases the live version fails is shipped."""
    assert only(table_of({"old": [0.0] * 40, "new": [1.0] * 40})).ruling is Ruling.SHIP


def test_candidates_are_decided_together():
    """The same candidate needs more among seven idle rivals, and each candidate has one ruling."""
    rng = np.random.default_rng(0)
    old, new = pairs(wins=30, losses=13, both=100, neither=57)
    arms = {"old": old, "new": new}
    for i in range(7):
        swaps = np.array(old).copy()
        flipped = rng.choice(200, 30, replace=False)
        swaps[flipped] = 1 - swaps[flipped]
        arms[f"rival-{i}"] = swaps.tolist()
    table = table_of(arms)
    alone = only(table)
    among = judge(table, "old", [a for a in arms if a != "old"], RULES, "recorded")

    assert alone.ruling is Ruling.SHIP
    assert len(among) == 8
    assert among[0].evidence.adjusted_p > alone.evidence.adjusted_p
    assert among[0].ruling is Ruling.STAGE
    assert "corrected for 8 comparisons" in among[0].because


def test_tiny_gains_meet_the_second_lock():
    """Gains of two points everywhere are significant, yet wait, since rare breakages are not ruled out."""
    rng = np.random.default_rng(1)
    old = rng.uniform(0.3, 0.7, 60)
    judged = only(table_of({"old": old.tolist(), "new": (old + rng.uniform(0.01, 0.03, 60)).tolist()}))

    assert judged.evidence.adjusted_p < 0.01
    assert judged.ruling is Ruling.STAGE
    assert "rule out rare breakages" in judged.because


@pytest.mark.parametrize(
    ("factor", "passed", "ruling"), [(1.02, True, Ruling.SHIP), (1.5, False, Ruling.STAGE)]
)
def test_latency_is_a_guardrail(factor: float, passed: bool, ruling: Ruling):
    """A better candidate ships when its latency is proven near the old one, and waits when it is slower."""
    base = np.random.default_rng(2).lognormal(6, 0.3, 160)
    latency = {"old": base.tolist(), "new": (base * factor).tolist()}
    judged = only(table_of({"old": GOOD[0], "new": GOOD[1]}, latency_ms=latency))
    guard, cost = judged.evidence.guardrails

    assert (guard.measure, guard.passed) == ("latency", passed)
    assert (cost.measure, cost.passed, cost.because) == ("cost", None, "not recorded")
    assert judged.ruling is ruling


def test_free_calls_pass_the_cost_guardrail():
    """Costs of zero on both arms pass, and a cost where there was none fails."""
    free = [0.0] * 160
    table = table_of({"old": GOOD[0], "new": GOOD[1]}, cost_usd={"old": free, "new": free})
    paid = table_of({"old": GOOD[0], "new": GOOD[1]}, cost_usd={"old": free, "new": [0.01] * 160})

    assert only(table).evidence.guardrails[1].passed is True
    assert only(paid).ruling is Ruling.STAGE


def test_a_worse_slice_stops_a_ship():
    """A candidate that is better in all but shown to be worse on one slice waits for a person."""
    big, small = pairs(60, 5, 60, 35), pairs(1, 22, 20, 7)
    table = table_of(
        {"old": big[0] + small[0], "new": big[1] + small[1]}, slices=["big"] * 160 + ["small"] * 50
    )
    judged = only(table)

    assert judged.ruling is Ruling.STAGE
    assert "worse on small -42.0 points" in judged.because
    assert [s.slice for s in judged.slices] == ["big", "small"]


def test_the_same_cases_have_the_same_digest():
    """The digest names the compared cases, so that the same cases are not counted twice."""
    table = table_of({"old": GOOD[0], "new": GOOD[1], "other": GOOD[1]})
    first, second = judge(table, "old", ["new", "other"], RULES, "recorded")

    assert first.evidence.cases_digest == second.evidence.cases_digest != ""


def test_rules_follow_the_strategy():
    """The rules of a strategy carry its levels, and the second lock follows its error rate."""
    rules = GateRules.from_strategy(LearningStrategy.conservative(), seed=3)

    assert (rules.significance_level, rules.stage_level, rules.min_pairs, rules.e_min, rules.seed) == (
        0.01,
        0.05,
        100,
        20.0,
        3,
    )
    assert GateRules.from_strategy(LearningStrategy.aggressive()).e_min == 3.0


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=80), st.randoms())
def test_order_of_cases_does_not_matter(rows: list[tuple[bool, bool]], random):
    """Shuffling the cases of a pass-or-fail table changes neither ruling nor numbers."""
    shuffled = list(rows)
    random.shuffle(shuffled)
    results = []
    for data in (rows, shuffled):
        old, new = ([float(r[i]) for r in data] for i in (0, 1))
        judged = only(table_of({"old": old, "new": new}))
        results.append((judged.ruling, judged.evidence.estimate, judged.evidence.adjusted_p))

    assert results[0] == results[1]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), max_size=50))
def test_evidence_is_always_a_valid_record(rows: list[tuple[float, float]]):
    """Whatever the scores, the evidence is a valid record whose interval holds its estimate."""
    judged = only(table_of({"old": [r[0] for r in rows], "new": [r[1] for r in rows]}))
    evidence = Evidence.model_validate_json(judged.evidence.model_dump_json())

    assert evidence.wins + evidence.losses + evidence.ties == evidence.pairs
    if evidence.low is not None:
        assert evidence.low <= evidence.estimate <= evidence.high
    assert evidence.adjusted_p is None or evidence.pairs >= 30
