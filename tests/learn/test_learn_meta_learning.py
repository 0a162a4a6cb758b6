"""What outcomes of recommendations teach."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from learned_world import World, columns, world

from flywheel.learn.agent_choice import vote_weights
from flywheel.learn.learned_rules import rules_from
from flywheel.learn.meta_learning import MetaLearner
from flywheel.records.columns import Coded
from flywheel.records.judged import JudgedColumns
from flywheel.records.learned import LearnedPattern, PatternKind, PatternTier

pytestmark = pytest.mark.unit
LEARNER = MetaLearner()


@pytest.fixture(scope="module")
def skilled() -> World:
    """3,000 recommendations of 40 agents on three types."""
    return world()


@pytest.fixture(scope="module")
def mined(skilled: World) -> tuple[LearnedPattern, ...]:
    """Its patterns."""
    return LEARNER.patterns(skilled.judged)


def told(pattern: LearnedPattern) -> dict[str, str]:
    """Conditions by attribute."""
    return {one.attribute: one.value for one in pattern.where}


def test_every_pattern_carries_its_numbers(mined: tuple[LearnedPattern, ...]):
    """Rates lie in their intervals, shares are shares, and a tier asks for what it says."""
    assert {PatternKind.HIGH_CONFIDENCE, PatternKind.EXPERT_OPINION} <= {one.kind for one in mined}
    for one in mined:
        assert one.low <= one.shrunk_rate <= one.high
        assert one.success_rate == pytest.approx(one.succeeded / one.judged)
        assert 0 < one.frequency <= 1
        if one.tier is PatternTier.PROVEN:
            assert one.q_value <= 0.10
            assert one.later >= 5
            assert one.later_rate is not None
    tiers = [list(PatternTier).index(one.tier) for one in mined]
    assert tiers == sorted(tiers, reverse=True)
    assert len({one.pattern_key for one in mined}) == len(mined)


def test_patterns_are_found_on_the_earlier_part_alone(skilled: World):
    """Other outcomes of the later part change no number that was found, only what it says of them."""
    judged = skilled.judged
    other = judged.success.copy()
    other[2_100:] = 0.0

    found = LEARNER.patterns(judged)
    again = {one.pattern_key: one for one in LEARNER.patterns(replace(judged, success=other))}

    assert set(again) == {one.pattern_key for one in found}
    assert all(again[one.pattern_key].shrunk_rate == one.shrunk_rate for one in found)
    assert not any(
        one.tier is PatternTier.PROVEN
        for one in again.values()
        if one.kind is not PatternKind.FAILURE_AVOIDANCE
    )


def test_a_pattern_that_no_longer_holds_is_only_observed():
    """Right on 200, wrong on the last 100: the rate says 100 %, the tier does not follow it."""
    judged = columns([0] * 300, [0] * 300, [1.0] * 210 + [0.0] * 90, (("ann",), ("x",)))

    found = [one for one in LEARNER.patterns(judged) if one.kind is PatternKind.HIGH_CONFIDENCE]

    assert found
    assert {one.tier for one in found} == {PatternTier.OBSERVED}
    assert found[0].later_rate == 0.0


def test_experts_are_agents_that_are_surely_trusted(mined: tuple[LearnedPattern, ...], skilled: World):
    """Whoever an expert pattern names is truly right more often than the average."""
    experts = {told(one)["agent"] for one in mined if one.kind is PatternKind.EXPERT_OPINION}
    everyone = float(skilled.rates.mean())

    assert len(experts) >= 5
    assert np.mean([skilled.truth(one, None) for one in experts]) > everyone + 0.05


def asked_together(agreeing: float, alone: float, questions: int = 300) -> JudgedColumns:
    """Two agents on each question; they agree on the first half of the questions only, by turns."""
    rng = np.random.default_rng(3)
    number = np.repeat(np.arange(questions), 2)
    agree = number % 2 == 0
    one_draw = rng.random(questions)[number]
    right = np.where(agree, one_draw < agreeing, rng.random(2 * questions) < alone)
    judged = columns(np.tile([0, 1], questions), [0] * 2 * questions, right, (("ann", "bob"), ("x",)), 0.6)
    content = np.where(agree, number, questions + np.arange(2 * questions))
    return replace(
        judged,
        correlation=Coded(number.astype(np.int32), tuple(f"q{i}" for i in range(questions))),
        content=Coded(content.astype(np.int32), tuple(f"t{i}" for i in range(3 * questions))),
    )


def test_agents_that_agree_are_right_and_count_once():
    """A consensus of two is one case, and its pattern is proven where it holds."""
    found = LEARNER.patterns(asked_together(agreeing=0.95, alone=0.5))

    kind = PatternKind.CONSENSUS
    (consensus,) = [one for one in found if one.kind is kind and told(one) == {"agreeing": "2"}]
    assert consensus.judged == pytest.approx(105, abs=2)
    assert consensus.tier is PatternTier.PROVEN
    assert consensus.lift > 1.3


def test_indicators_point_both_ways():
    """Agreement indicates success there, and standing alone failure."""
    found = LEARNER.patterns(asked_together(agreeing=0.95, alone=0.5))

    up = [one for one in found if one.kind is PatternKind.SUCCESS_INDICATOR]
    down = [one for one in found if one.kind is PatternKind.FAILURE_AVOIDANCE]
    assert told(up[0]) == {"agreeing": "2"}
    assert told(down[0]) == {"agreeing": "1"}
    assert up[0].tier is down[0].tier is PatternTier.PROVEN
    assert up[0].lift > 1 > down[0].lift


def test_rules_come_from_proven_patterns_alone(mined: tuple[LearnedPattern, ...]):
    """One for each, the largest effect first; one acts alone only where its bar is 95 % sure."""
    rules = rules_from(mined)

    assert {one.pattern_key for one in rules} == {
        one.pattern_key for one in mined if one.tier is PatternTier.PROVEN
    }
    assert all(one.acts_alone == (one.confidence >= 0.95) for one in rules)
    effects = [max(one.lift, 1 / one.lift) for one in rules if one.lift]
    assert effects == sorted(effects, reverse=True)
    assert all(one.says.startswith("Follow" if one.follow else "Doubt") for one in rules)


def test_a_profile_tells_strengths_from_weaknesses():
    """Right on billing, wrong on login, as good as ever on the rest."""
    kinds = np.tile(np.arange(4), 60)
    right = np.concatenate([np.arange(240) // 4 < 0]).astype(float)
    for kind, rate in enumerate((0.95, 0.2, 0.6, 0.6)):
        rows = np.flatnonzero(kinds == kind)
        right[rows[: round(rate * rows.size)]] = 1.0
    judged = columns([0] * 240, kinds, right, (("ann",), ("billing", "login", "x", "y")))

    found = LEARNER.profile(judged, "ann")

    assert (found.strengths, found.weaknesses, found.judged) == (("billing",), ("login",), 240)
    assert [one.type for one in found.contexts][::3] == ["billing", "login"]
    assert found.low < 0.5875 < found.high


def test_a_profile_of_nobody_has_no_numbers():
    """Unknown is not zero."""
    judged = columns([0], [0], [1.0], (("ann",), ("x",)))

    assert LEARNER.profile(judged, "zoe").mean is None
    assert "Nobody judged" in LEARNER.profile(judged, "zoe").because
    assert LEARNER.profile(judged, "ann").contexts[0].q_value is None


def test_skill_is_shown_where_there_is_something_to_learn(skilled: World):
    """Agents that differ foretell outcomes better than the base rate; the curve falls to the whole."""
    report = LEARNER.predict(skilled.judged)

    assert report.skill_low > 0
    assert report.accuracy > report.base_accuracy - 0.02
    assert report.curve[-1].accuracy == pytest.approx(report.accuracy)
    assert report.curve[2].accuracy > report.curve[-1].accuracy
    assert report.learned + report.held_out == 3_000
    assert report.met == (report.accuracy_at_target >= 0.8)


def test_a_high_base_rate_alone_meets_no_target():
    """Nine in ten succeed whoever recommends: 90 % accurate, and nothing was learned."""
    rng = np.random.default_rng(5)
    judged = columns(
        rng.integers(0, 10, 2_000),
        [0] * 2_000,
        (rng.random(2_000) < 0.9) * 1.0,
        (tuple("abcdefghij"), ("x",)),
    )

    report = LEARNER.predict(judged)

    assert report.accuracy > 0.85
    assert report.skill_low < 0
    assert report.met is False
    assert "not shown to be better" in report.because


def test_too_few_outcomes_foretell_nothing():
    """No number, but what is needed."""
    report = LEARNER.predict(columns([0] * 10, [0] * 10, [1.0] * 10, (("ann",), ("x",))))

    assert (report.met, report.accuracy, report.curve) == (None, None, ())
    assert report.because.startswith("10 recommendations are judged; 40 to learn from")


def test_nothing_judged_teaches_nothing():
    """An empty workspace has no patterns and no rules."""
    nothing = columns([], [], [], ((), ()))

    assert LEARNER.patterns(nothing) == ()
    assert LEARNER.rules(()) == ()


def test_a_vote_has_its_log_odds_and_no_more():
    """A coin adds nothing, a poor agent counts against, a perfect one is cut."""
    assert vote_weights([0.5, 0.2, 1.0, 0.0]).round(2).tolist() == [0.0, -1.39, 3.0, -3.0]
