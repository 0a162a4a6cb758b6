"""Choosing what meets the gate, from a few cases each."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.screening import LEAST, MOST, cases_each, ranked, shown_cases
from flywheel.records.case import Case
from flywheel.records.execution import Execution

COUNTS = st.integers(0, 200)


def run(scores: list[float | None], error: bool = False) -> list[Execution]:
    """Executions of one candidate; None is unscored, or an error."""
    return [
        Execution(
            execution_id=f"e{n}",
            case_id=f"c{n}",
            outcome=("error" if error else "unscored") if score is None else "passed" if score else "failed",
            score=score,
        )
        for n, score in enumerate(scores)
    ]


@given(rest=COUNTS, share=COUNTS, usable=COUNTS)
def test_a_screening_takes_what_may_be_spent_or_nothing(rest: int, share: int, usable: int):
    """Never more than the share pays, never more cases than there are, never so few that they say nothing."""
    cases = cases_each(rest, share, usable)

    assert cases == 0 or LEAST <= cases <= min(share, usable, MOST)


def test_an_error_is_no_failure():
    """A candidate that was not answered on some cases is measured on the others."""
    control = {f"c{n}": 0.0 for n in range(20)}
    broken = run([1.0] * 12 + [None] * 8, error=True)

    first, second = ranked(control, {"steady": run([1.0] * 11 + [0.0] * 9), "broken": broken})

    assert (first.version, first.gained, first.pairs) == ("broken", 12.0, 12)
    assert (second.version, second.gained, second.pairs) == ("steady", 11.0, 20)


def test_what_has_too_few_scores_stands_behind_what_loses():
    """Nine wins of nine say less than a shown loss: unknown is not a rank."""
    control = {f"c{n}": 0.5 for n in range(20)}

    order = ranked(control, {"few": run([1.0] * 9 + [None] * 11), "worse": run([0.0] * 20)})

    assert [one.version for one in order] == ["worse", "few"]
    assert order[1].gained is None


def test_equal_candidates_keep_their_order():
    """A tie leaves the more promising one in front."""
    control = {f"c{n}": 0.0 for n in range(12)}
    same = run([1.0] * 6 + [0.0] * 6)

    assert [one.version for one in ranked(control, {"b": same, "a": same})] == ["b", "a"]


def test_a_case_is_shown_by_its_longest_input():
    """Neither a short field that every text has nor a word inside another one makes a case shown."""
    cases = [
        Case(case_id="a", suite="s", inputs={"q": "Who called on Monday?", "language": "en"}),
        Case(case_id="b", suite="s", inputs={"q": "Who wrote?", "language": "en"}),
        Case(case_id="c", suite="s", inputs={"n": 3}),
    ]

    shown = shown_cases(cases, ["Answer in en.\n\nQ: who  called on Monday\nA: Ann\n\nWho wrotes"])

    assert shown == {"a", "c"}
