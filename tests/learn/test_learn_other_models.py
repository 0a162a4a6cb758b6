"""Verdicts on the models beside the one that decides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from score_tables import pairs, table_of

from flywheel.learn.evidence import Arms
from flywheel.learn.experiments import judge
from flywheel.learn.other_models import (
    OnModels,
    across_models,
    decided_gain,
    futile,
    gain_on_model,
    not_run,
    passed_over,
    with_other_models,
    worth_other_models,
)
from flywheel.learn.rulings import GateRules, Judgement
from flywheel.records.columns import ScoreTable
from flywheel.records.model_gain import ModelGain, ModelStanding
from flywheel.records.verdict import Evidence, Ruling

ARMS = Arms("old", "new", "live")


def passes(both: int, wins: int = 0, losses: int = 0, neither: int = 0) -> ScoreTable:
    """Pass or fail of two arms, by counts."""
    old, new = pairs(wins, losses, both, neither)
    return table_of({"old": old, "new": new})


def standing_of(table: ScoreTable, **rules: float) -> ModelStanding:
    """Where the candidate stands."""
    return gain_on_model(table, ARMS, "m", GateRules(**rules)).standing


@pytest.mark.parametrize(
    ("table", "standing"),
    [
        (passes(150, wins=20), ModelStanding.NOT_WORSE),
        (passes(300), ModelStanding.NOT_WORSE),
        (passes(150, losses=20), ModelStanding.WORSE),
        (passes(150, wins=8, losses=10), ModelStanding.NOT_SHOWN),
        (passes(25, wins=4), ModelStanding.NOT_SHOWN),
    ],
    ids=["better", "equal", "worse", "unclear", "too few"],
)
def test_where_a_candidate_stands_on_a_model(table, standing):
    """Not worse needs enough cases and an interval above minus the margin; a shown loss is worse."""
    assert standing_of(table) is standing


def test_a_shown_loss_within_the_margin_is_still_worse():
    """A margin excuses what is unknown, never what is shown."""
    gain = gain_on_model(passes(960, losses=20, neither=20), ARMS, "m", GateRules())

    assert gain.low > -0.05
    assert gain.standing is ModelStanding.WORSE


def test_a_wider_margin_asks_for_less():
    """The margin is a setting of the strategy."""
    table = passes(150, wins=8, losses=10)

    assert standing_of(table, model_margin=0.05) is ModelStanding.NOT_SHOWN
    assert standing_of(table, model_margin=0.15) is ModelStanding.NOT_WORSE


def test_several_winners_share_the_level():
    """With two winners the interval is wider, because the better of those that pass is released."""
    one, two = (gain_on_model(passes(150, wins=20), ARMS, "m", GateRules(), n) for n in (1, 2))

    assert (one.coverage, two.coverage) == (0.95, 0.975)
    assert two.low < one.low


def test_rare_breakages_of_graded_scores_are_not_excluded_by_an_interval_alone():
    """Thirty small gains make a narrow interval, and do not win the bet against a loss of the margin."""
    table = table_of({"old": [0.7] * 40, "new": [0.7 + 0.01 * (n % 3) for n in range(40)]})

    gain = gain_on_model(table, ARMS, "m", GateRules())

    assert gain.low > -0.05
    assert gain.e_value < 5
    assert gain.standing is ModelStanding.NOT_SHOWN


def test_scores_that_cannot_be_compared_are_unknown():
    """A scorer that gives more than 1 leaves the model not run, with the reason."""
    gain = gain_on_model(table_of({"old": [2.0] * 50, "new": [1.0] * 50}), ARMS, "m", GateRules())

    assert gain.standing is ModelStanding.NOT_RUN
    assert gain.estimate is None


def test_a_guardrail_counts_on_every_model():
    """A candidate that is not worse but much dearer on another model does not ship by itself."""
    old, new = pairs(wins=20, losses=0, both=150, neither=0)
    cost = {"old": [0.001] * 170, "new": np.linspace(0.002, 0.0021, 170).tolist()}
    dear = table_of({"old": old, "new": new}, cost_usd=cost)

    gain = gain_on_model(dear, ARMS, "m", GateRules())

    assert gain.standing is ModelStanding.GUARDRAIL
    assert "cost" in gain.because


def test_a_candidate_that_cannot_recover_stops():
    """Futility looks at what is left of the planned cases; it never stops one that may still pass."""
    rules = GateRules()

    assert futile(np.array([-1.0, 0.0, 0.0, 0.0] * 20), 300, rules)
    assert not futile(np.array([0.0] * 80), 300, rules)
    assert not futile(np.array([-1.0] * 20), 300, rules), "too few to forecast anything"


def shipping(name: str = "new", estimate: float = 0.1) -> Judgement:
    """A ship on the first model."""
    found = Evidence(
        control="old", candidate=name, source="live", method="mcnemar_exact", pairs=200, estimate=estimate
    )
    return Judgement(name, Ruling.SHIP, "It is better.", found)


def gain_of(standing: ModelStanding, model: str) -> ModelGain:
    """A gain with a standing and nothing else."""
    return ModelGain(model=model, standing=standing, because="Because.")


def test_the_because_names_the_worst_model_first():
    """A person reads first which model is harmed, and what can be done about it."""
    gains = (
        gain_of(ModelStanding.DECIDED, "a"),
        gain_of(ModelStanding.NOT_SHOWN, "b"),
        gain_of(ModelStanding.WORSE, "c"),
    )

    because = with_other_models(shipping(), OnModels(gains)).because

    assert because.index("On c") < because.index("On b")
    assert "a prompt of its own for c" in because


RULINGS = st.sampled_from(list(Ruling))
STANDINGS = st.sampled_from([s for s in ModelStanding if s is not ModelStanding.DECIDED])


@given(ruling=RULINGS, standings=st.lists(STANDINGS, max_size=7), more=STANDINGS)
def test_another_model_never_makes_a_ship(ruling, standings, more):
    """Adding a model turns no verdict into a ship, and takes a ship away where it is not shown fine."""
    first = Judgement("new", ruling, "Because.", shipping().evidence)
    gains = tuple(gain_of(s, f"m{i}") for i, s in enumerate(standings))
    decided = decided_gain("first", first.evidence)

    before = with_other_models(first, OnModels((decided, *gains))).ruling
    after = with_other_models(first, OnModels((decided, *gains, gain_of(more, "more")))).ruling

    if after is Ruling.SHIP:
        assert before is Ruling.SHIP
        assert more is ModelStanding.NOT_WORSE
    if before is Ruling.SHIP and more is ModelStanding.NOT_WORSE:
        assert after is Ruling.SHIP
    if ruling is not Ruling.SHIP:
        assert after is ruling


@given(
    cells=st.lists(st.integers(0, 60), min_size=4, max_size=4),
    other=st.lists(st.integers(0, 60), min_size=4, max_size=4),
)
def test_a_ship_of_several_models_is_a_ship_of_the_first(cells, other):
    """Whatever the counts, what ships with a second model ships without it."""
    if not sum(cells) or not sum(other):
        return
    rules = GateRules(flips=200)
    (alone,) = judge(passes(*cells), "old", ["new"], rules, "live")
    gains = (decided_gain("a", alone.evidence), gain_on_model(passes(*other), ARMS, "b", rules))

    both = with_other_models(alone, OnModels(gains))

    assert not (both.ruling is Ruling.SHIP and alone.ruling is not Ruling.SHIP)


def test_the_best_two_winners_go_on():
    """One is released, so a second is enough for the case that the first harms a model."""
    ships = [shipping(name, gain) for name, gain in (("a", 0.1), ("b", 0.3), ("c", 0.2))]
    waits = [
        Judgement("d", Ruling.STAGE, "", shipping("d", 0.4).evidence),
        Judgement("e", Ruling.HOLD, "", shipping("e").evidence),
    ]

    assert worth_other_models([*ships, *waits]) == ("b", "c")
    assert worth_other_models(waits) == ("d",)
    assert worth_other_models(waits[1:]) == ()
    assert passed_over(ships[0]).ruling is Ruling.STAGE


def test_the_mean_counts_each_case_once():
    """Cases that were not answered by every model are left out; the case is the unit."""
    d = np.array([[1.0, 0.0], [0.0, 0.0], [1.0, np.nan], [0.0, 1.0], [1.0, 1.0]])

    across = across_models(d, 0.95)

    assert (across.models, across.cases) == (2, 4)
    assert across.estimate == pytest.approx(0.5)


def test_a_model_that_was_not_run_is_never_fine():
    """Unknown is not zero, and not fine."""
    ruled = with_other_models(
        shipping(), OnModels((gain_of(ModelStanding.DECIDED, "a"), not_run("b", "no key")))
    )

    assert ruled.ruling is Ruling.STAGE
    assert "Not run on b: no key." in ruled.because
