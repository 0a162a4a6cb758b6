"""Edges, contracts, confidence, pairs of models."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_learn_probing import TEXTS, case_of, run_of

from flywheel.learn.probing_calibration import calibrated, calibration_of
from flywheel.learn.probing_comparison import compared_model, pairs_of
from flywheel.learn.probing_contract import contract_of
from flywheel.learn.probing_edges import DERIVED, edges
from flywheel.learn.probing_findings import Asked
from flywheel.learn.probing_invariants import broken_because, edges_of
from flywheel.learn.rulings import GateRules
from flywheel.records.case import AnswerOption, Role, Suite
from flywheel.records.execution import Execution
from flywheel.records.probe import Variant


@given(TEXTS, st.integers(0, 5))
def test_edges_expect_only_what_stays(text: str, seed: int):
    """Reflect cases, the same for a seed, each input once; an expectation only where the meaning stays."""
    case = case_of(text)

    made = edges([case], ["q"], seed)

    assert made == edges([case], ["q"], seed)
    assert {one.case.role for one in made.variants} <= {Role.REFLECT}
    assert len({repr(one.case.inputs) for one in made.variants}) == len(made.variants)
    for one in made.variants:
        assert (one.case.expected == "city") == (one.kind in DERIVED)
        assert "q" in one.case.inputs


def test_dates_and_numbers_are_edges_only_where_they_are():
    """A date is rewritten as the same day, and replaced by days at the ends of the calendar."""
    found = {
        v.kind: v
        for n in range(12)
        for v in edges([case_of(f"What was paid on 2024-03-05 of {n}00 USD?")], ["q"]).variants
    }
    plain = {v.kind for n in range(12) for v in edges([case_of(f"Which city{'?' * n}")], ["q"]).variants}

    assert "5" in found["date format"].after
    assert "2024-03-05" not in found["date format"].after + found["dates"].after
    assert not plain & {"dates", "date format", "numbers", "wide digits"}


@pytest.mark.parametrize(
    ("suite", "right", "good", "bad"),
    [
        (Suite(suite="s", options=(AnswerOption(name="city"),)), [], "city", "town"),
        (Suite(suite="s", scorer="contains", options=(AnswerOption(name="city"),)), [], "the city", "town"),
        (Suite(suite="s", scorer="numeric"), [], "about 4", "four"),
        (Suite(suite="s"), ['{"a": 1}'] * 5, '{"b": 2}', "b"),
        (Suite(suite="s"), ["a"] * 5, "b", "b\nc"),
    ],
)
def test_the_contract_follows_from_the_suite_or_from_right_answers(suite, right, good, bad):
    """Options, number, JSON or one line: one answer keeps it, one does not."""
    contract = contract_of(suite, right)

    assert (contract.kept(good), contract.kept(bad), contract.kept("")) == (True, False, False)


def asked(outcome: str, output: str | None, error_type: str | None = None) -> Asked:
    """An edge beside a case that passes with one word."""
    case = case_of("question")
    variant = Variant(case=case, of=case.case_id, kind="empty", before="x", after="")
    plain = run_of("p", "passed").model_copy(update={"output": "city"})
    changed = run_of("c", outcome).model_copy(update={"output": output, "error_type": error_type})
    return Asked(variant, plain, changed)


@pytest.mark.parametrize(
    ("one", "said"),
    [
        (asked("unscored", "city"), ""),
        (asked("unscored", " "), "no answer"),
        (asked("unscored", "I\ncannot"), "the answer is not what"),
        (asked("failed", "dob"), "passed plain"),
        (asked("error", None, "OpenAIInvalidRequestError"), "refused"),
        (asked("error", None, "OpenAITimeoutError"), None),
        (asked("skipped", None), None),
    ],
)
def test_an_edge_breaks_by_invariants(one: Asked, said: str | None):
    """No answer, out of form, refused or worse than plain; a timeout says nothing."""
    because = broken_because(one, contract_of(Suite(suite="s"), ["city"] * 5))

    assert because == said if not said else str(because).startswith(said)
    model = edges_of("m", [], [one], contract_of(Suite(suite="s"), ["city"] * 5))
    assert model.overall.cases + model.unmeasured == 1
    assert len(model.findings) == model.overall.shown == bool(said)


def test_a_form_that_is_broken_everywhere_is_no_edge():
    """What the plain answer gets wrong too is not blamed on the edge."""
    one = asked("unscored", "you\nmean city")
    chatty = Asked(one.variant, run_of("p", "failed").model_copy(update={"output": "a\nb"}), one.changed)

    assert broken_because(chatty, contract_of(Suite(suite="s"), ["city"] * 5)) == ""


def sure(number: int, passed: object, confidence: float | None, output: str = "x") -> Execution:
    """An execution with a confidence."""
    return Execution(
        execution_id=f"e{number}",
        case_id=f"c{number}",
        outcome="passed" if passed else "failed",
        confidence=confidence,
        output=output,
    )


def test_a_boaster_is_overconfident_and_its_sure_errors_are_findings():
    """Ninety percent said, half kept: the gap is 0.4 with an interval above 0."""
    runs = [sure(n, n % 2 == 0, 0.9) for n in range(60)]
    cases = [case_of(f"q{n}").model_copy(update={"case_id": f"c{n}"}) for n in range(60)]

    found = calibrated("m", cases, runs)

    assert found.calibration.bias == "overconfident"
    assert found.calibration.gap == pytest.approx(0.4)
    assert found.calibration.gap_low > 0.2
    assert found.calibration.error_low < found.calibration.error < found.calibration.error_high
    assert len(found.findings) == found.overall.shown == 30


def test_without_confidence_nothing_is_known():
    """None, with the reason; an answer that states one is read, an impossible one is not."""
    silent = calibration_of([sure(n, 1, None) for n in range(20)])
    telling = calibration_of([sure(n, 1, None, "billing, confidence: 70 %") for n in range(20)])
    absurd = calibration_of([sure(n, 1, None, "confidence: 700") for n in range(20)])

    assert (silent.error, silent.gap, silent.brier, silent.without) == (None, None, None, 20)
    assert "no answer has a confidence" in silent.because
    assert telling.mean_confidence == pytest.approx(0.7)
    assert absurd.error is None


def test_models_are_compared_in_pairs():
    """Better by what is shown, a tie otherwise; too few cases are neither; cost and latency are paired."""
    arms = {
        name: [
            sure(n, n % 10 < right, None).model_copy(update={"latency_ms": ms + n, "cost_usd": ms / 1000})
            for n in range(60)
        ]
        for name, right, ms in (("a", 9, 10.0), ("b", 3, 30.0), ("c", 9, 20.0))
    }
    cases = [case_of(f"q{n}").model_copy(update={"case_id": f"c{n}"}) for n in range(60)]

    pairs = {(one.first, one.second): one for one in pairs_of(arms, GateRules())}
    few = pairs_of({name: runs[:9] for name, runs in arms.items()}, GateRules())

    assert pairs["a", "b"].better == "a"
    assert (pairs["a", "b"].wins, pairs["a", "b"].losses, pairs["a", "b"].ties) == (36, 0, 24)
    assert pairs["a", "b"].latency_ms == pytest.approx(-20.0)
    assert pairs["b", "c"].cost_usd == pytest.approx(0.01)
    assert (pairs["a", "c"].better, pairs["a", "c"].adjusted_p) == (None, None)
    assert {(one.better, one.low) for one in few} == {(None, None)}
    assert len(compared_model("b", cases, arms).findings) == 36
    assert not compared_model("a", cases, arms).findings
