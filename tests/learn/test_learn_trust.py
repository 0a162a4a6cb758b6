"""Trust in agents from their record."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from trust_streams import NOBODY_JUDGED, NOTHING_RAN, judged, ran

from flywheel.learn.trust import TrustScorer
from flywheel.learn.trust_evidence import trust_evidence
from flywheel.records.columns import AgentColumns, Coded, RecommendationColumns
from flywheel.records.trust import AgentTrust, Strength, Trend, TrustReport, TrustSettings

NOW = datetime(2026, 11, 21, tzinfo=UTC)


def report_of(
    recommendations: RecommendationColumns = NOBODY_JUDGED,
    executions: AgentColumns = NOTHING_RAN,
    **settings: object,
) -> TrustReport:
    """Trust with some settings."""
    return TrustScorer(TrustSettings.model_validate(settings)).scores(recommendations, executions, NOW)


def agent_of(report: TrustReport, name: str) -> AgentTrust:
    """One agent of a report."""
    return next(one for one in report.agents if one.agent == name)


@pytest.fixture(scope="module")
def team() -> TrustReport:
    """A good agent, a bad one, a newcomer with one success."""
    rng = np.random.default_rng(3)
    rows = [("good", "a", float(rng.random() < 0.95)) for _ in range(120)]
    rows += [("bad", "a", float(rng.random() < 0.4)) for _ in range(120)]
    order = rng.permutation(len(rows))
    return report_of(judged([rows[i] for i in order] + [("new", "a", 1.0)]), judge_limit=1_000)


def test_a_good_agent_is_trusted(team: TrustReport):
    """Its chance to reach the target is high, it is strong, its vote counts."""
    good = agent_of(team, "good")

    assert good.trusted
    assert good.strength in (Strength.STRONG, Strength.VERY_STRONG)
    assert good.accuracy.low < good.accuracy.value < good.accuracy.high
    assert good.vote > 1.5
    assert team.agents[0].agent == "good"


def test_a_bad_agent_speaks_against_itself(team: TrustReport):
    """Below one half the vote is negative; nobody trusts it."""
    bad = agent_of(team, "bad")

    assert not bad.trusted
    assert bad.vote < 0
    assert bad.strength is Strength.WEAK


def test_a_newcomer_is_near_the_population(team: TrustReport):
    """One success makes nobody trusted: the interval is wide, the known score near everybody's."""
    new = agent_of(team, "new")

    assert not new.trusted
    assert new.accuracy.high - new.accuracy.low > 0.4
    assert abs(new.known_score - team.population) < 0.15
    assert new.confidence == pytest.approx(1 / 11)


def test_shrinking_to_zero_is_the_literal_formula():
    """With `zero` the known score is the rate times n / (n + k)."""
    rows = [("ann", "a", 1.0)] * 8 + [("ann", "a", 0.0)] * 2
    literal = agent_of(report_of(judged(rows), shrink="zero"), "ann")

    assert literal.confidence == pytest.approx(0.5)
    assert literal.known_score == pytest.approx(0.8 * 0.5)


def test_without_evidence_there_is_no_number():
    """No agent, no population; nothing is 0."""
    report = report_of()

    assert report.agents == ()
    assert report.population is None


def test_an_agent_that_only_errs_has_no_accuracy():
    """Errors without a score count for reliability alone; the score is unknown with a reason."""
    report = report_of(
        executions=ran([("ann", "c1", "error"), ("ann", "c2", "error"), ("bob", "c1", "passed")])
    )
    ann = agent_of(report, "ann")

    assert ann.score is None
    assert ann.accuracy.value is None
    assert ann.accuracy.because == "no judged outcome"
    assert ann.reliability.value < 0.6
    assert report.agents[-1].agent == "ann"


def test_what_is_unknown_takes_no_weight():
    """Judgements know nothing of latency; the score is made of what is known."""
    report = report_of(judged([("ann", "a", 1.0)] * 30), judge_limit=100)
    ann = agent_of(report, "ann")

    assert ann.timeliness.value is None
    assert ann.reliability.because == "no execution names this agent"
    assert ann.score == pytest.approx(ann.accuracy.value)


def test_late_executions_are_not_timely():
    """Timeliness is the share of executions within the limit."""
    rows = [("ann", f"c{i}", "passed") for i in range(40)]

    slow = agent_of(report_of(executions=ran(rows, latency_ms=6_000)), "ann").timeliness
    quick = agent_of(report_of(executions=ran(rows, latency_ms=50)), "ann").timeliness
    patient = agent_of(report_of(executions=ran(rows, latency_ms=6_000), latency_limit_ms=7_000), "ann")

    assert slow.value < 0.1
    assert quick.value > 0.9
    assert patient.timeliness.value == pytest.approx(quick.value)


def test_consistency_is_agreement_of_repeats():
    """An agent that fails every time is as consistent as one that passes every time."""
    rows = [(agent, f"c{i % 5}", "passed" if ok else "failed") for i in range(30) for agent, ok in tempers(i)]
    report = report_of(executions=ran(rows))

    always, never, moody = (agent_of(report, name).consistency for name in ("always", "never", "moody"))
    assert always.value == pytest.approx(never.value)
    assert always.value > 0.9 > moody.value
    assert always.n_eff == 25


def tempers(i: int) -> tuple[tuple[str, bool], ...]:
    """What three agents do in round i."""
    return (("always", True), ("never", False), ("moody", (i // 5) % 2 == 0))


def test_without_repeats_consistency_is_evenness_over_contexts():
    """It says that it has no interval; one context gives no number at all."""
    rows = [("even", c, 1.0) for c in "ab" for _ in range(20)]
    rows += [("uneven", c, float(c == "a")) for c in "ab" for _ in range(20)]
    rows += [("single", "a", 1.0)] * 5
    report = report_of(judged(rows), judge_limit=1_000)

    even, uneven, single = (agent_of(report, name).consistency for name in ("even", "uneven", "single"))
    assert even.value > uneven.value
    assert even.low is None
    assert "no interval" in even.because
    assert single.value is None


def test_self_feedback_is_ignored():
    """Judgements by the agent itself are counted apart and move nothing."""
    honest = judged([("ann", "a", 0.0)] * 5)
    flattered = judged([("ann", "a", 0.0)] * 5 + [("ann", "a", 1.0)] * 50, judge=["eve"] * 5 + ["ann"] * 50)

    report = report_of(flattered)

    assert report.own_judgements == 50
    assert agent_of(report, "ann") == agent_of(report_of(honest), "ann")


def test_one_judge_moves_an_agent_by_so_much_a_day():
    """A hundred praises in a day weigh as twenty; several judges weigh as several."""
    rows = [("ann", "a", 1.0)] * 100
    one = trust_evidence(judged(rows, step_s=1.0), NOTHING_RAN, TrustSettings())
    many = trust_evidence(
        judged(rows, step_s=1.0, judge=[f"j{i % 10}" for i in range(100)]), NOTHING_RAN, TrustSettings()
    )
    unknown = trust_evidence(judged(rows, step_s=1.0, judge=None), NOTHING_RAN, TrustSettings())

    assert one.weight.sum() == pytest.approx(20)
    assert one.capped == 100
    assert many.weight.sum() == pytest.approx(100)
    assert unknown.weight.sum() == pytest.approx(20)


def test_judges_of_one_recommendation_share_one_outcome():
    """Three judges of the same recommendation are not three outcomes."""
    rows = [("ann", "a", 1.0), ("ann", "a", 0.0), ("ann", "a", 1.0)]
    evidence = trust_evidence(
        judged(rows, judge=["x", "y", "z"], recommendation=[0, 0, 0]), NOTHING_RAN, TrustSettings()
    )

    assert evidence.weight.sum() == pytest.approx(1.0)


def test_a_fall_is_a_trend():
    """An agent that turned bad lately goes down, one that stayed as it was is steady."""
    rng = np.random.default_rng(1)
    fallen = [("fallen", "a", float(rng.random() < (0.95 if i < 100 else 0.3))) for i in range(140)]
    steady = [("steady", "a", float(rng.random() < 0.8)) for _ in range(140)]
    rows = [row for pair in zip(fallen, steady, strict=True) for row in pair]
    report = report_of(judged(rows), judge_limit=1_000)

    assert agent_of(report, "fallen").trend is Trend.DOWN
    assert agent_of(report, "fallen").drift < -0.2
    assert agent_of(report, "steady").trend is Trend.STEADY


def test_an_agent_better_than_the_rest_does_not_seem_to_fall():
    """One that is always right among others that are not is steady, and so is one that is always wrong."""
    rows = [row for _ in range(60) for row in (("best", "a", 1.0), ("worst", "a", 0.0), ("other", "a", 0.5))]
    report = report_of(judged(rows), judge_limit=1_000)

    assert {agent_of(report, name).trend for name in ("best", "worst")} == {Trend.STEADY}


def test_contexts_are_told_apart():
    """An agent good in one type only has a cell above and a cell below its own mean."""
    rng = np.random.default_rng(2)
    rows = [("ann", c, float(rng.random() < (0.95 if c == "a" else 0.3))) for _ in range(60) for c in "ab"]
    ann = agent_of(report_of(judged(rows), judge_limit=1_000), "ann")

    by_context = {one.context: one.accuracy for one in ann.contexts}
    assert by_context["a"].low > by_context["b"].high
    assert by_context["b"].value < ann.accuracy.value < by_context["a"].value


def test_executions_and_judgements_are_one_stream():
    """An agent known from both has the outcomes of both, in the order of time."""
    report = report_of(
        judged([("ann", "a", 1.0)] * 4), ran([("ann", "c1", "passed"), ("ann", "c2", "skipped")])
    )

    assert agent_of(report, "ann").outcomes == 5
    assert (report.judgements, report.executions) == (4, 1)
    assert {one.context for one in agent_of(report, "ann").contexts} == {"a", "general"}


def test_the_comparison_names_the_best_score():
    """On agents that differ in contexts the Bayesian score predicts best, and says so."""
    rng = np.random.default_rng(5)
    rates = {(a, c): rng.beta(4, 1.5) for a in "abcdefghij" for c in "xyz"}
    keys = [list(rates)[i] for i in rng.integers(len(rates), size=1_500)]
    rows = [(a, c, float(rng.random() < rates[a, c])) for a, c in keys]

    compared = TrustScorer(TrustSettings(judge_limit=1e6)).compare(judged(rows), NOTHING_RAN)

    assert compared.scores[0].score == "bayesian"
    assert compared.scores[0].decides
    literal = next(one for one in compared.scores if one.score == "literal update")
    assert literal.low > 0
    assert "predicted best over 1,500 outcomes" in compared.because
    assert TrustScorer().compare(NOBODY_JUDGED, NOTHING_RAN) is None


def test_the_literal_update_drifts_to_one():
    """An agent right 60 % of the time ends near 1 by the literal rule, near 0.6 by the others."""
    rng = np.random.default_rng(4)
    rows = [("ann", "a", float(rng.random() < 0.6)) for _ in range(2_000)]
    ann = agent_of(report_of(judged(rows), judge_limit=1e6), "ann")

    assert ann.seed > 0.75
    assert ann.accuracy.value == pytest.approx(0.6, abs=0.05)


def test_names_in_any_order_give_the_same_trust():
    """Codes of a column carry no meaning."""
    rows = [("ann", "a", 1.0), ("bob", "b", 0.0)] * 6
    columns = judged(rows)
    turned = replace(columns, agent=Coded(1 - columns.agent.codes, ("bob", "ann")))

    one, other = report_of(columns), report_of(turned)
    assert [agent.agent for agent in one.agents] == [agent.agent for agent in other.agents]
    assert [agent.score for agent in one.agents] == pytest.approx([agent.score for agent in other.agents])
