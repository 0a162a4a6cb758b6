"""Variants keep what they must; findings add up."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from flywheel.learn.probing_findings import Asked, asked_of, consistency_of, robustness_of
from flywheel.learn.probing_noise import LOOK_ALIKES, MARK, attacks
from flywheel.learn.probing_rephrasing import rephrasings, sentences
from flywheel.learn.probing_text import facts_of, keeps_facts
from flywheel.learn.probing_variants import variants_of
from flywheel.records.case import AnswerOption, Case, Role
from flywheel.records.execution import Execution
from flywheel.records.probe import Variant

VOCABULARY = """
what is where does not the balance branch her account opened please check cannot it's they are
Ann Hawthorne NASA iPhone addr_home 12 3.50 2024-02-29 {question} {{name}} "quoted" `code` a@b.org
"""
WORDS = st.sampled_from(VOCABULARY.split())
TEXTS = st.lists(WORDS, min_size=1, max_size=12).flatmap(
    lambda words: st.sampled_from(["?", ".", "!", ""]).map(lambda end: " ".join(words) + end)
)
OPTIONS = (AnswerOption(name="city"), AnswerOption(name="dob"))


def case_of(text: str, expected: str = "city") -> Case:
    """A reflect case that asks a text."""
    for number in range(200):
        case = Case(case_id="c", suite="s", inputs={"q": text, "n": number}, expected=expected)
        if case.role is Role.REFLECT:
            return case
    raise AssertionError(text)


@given(TEXTS, st.integers(0, 5))
def test_a_rephrasing_keeps_numbers_names_and_variables(text: str, seed: int):
    """Every fact stands in it as often as before, no number comes in, and something differs."""
    for variant in rephrasings([case_of(text)], seed=seed).variants:
        assert keeps_facts(variant.before, variant.after)
        for fact, count in facts_of(text).items():
            assert variant.after.count(fact) >= count
        assert variant.after != variant.before


@given(TEXTS, st.integers(0, 5))
def test_variants_are_the_same_for_a_seed(text: str, seed: int):
    """Twice the same call gives equal variants, attacks too; each at most one of a kind."""
    case = case_of(text)
    for first, second in (
        (rephrasings([case], seed=seed), rephrasings([case], seed=seed)),
        (attacks([case], OPTIONS, seed=seed), attacks([case], OPTIONS, seed=seed)),
    ):
        assert first == second
        kinds = Counter(variant.kind for variant in first.variants)
        assert set(kinds.values()) <= {1}
        assert not set(kinds) & set(first.without)


@given(TEXTS, st.integers(0, 5))
def test_variants_stay_reflect(text: str, seed: int):
    """No variant takes the role of a case that decides."""
    case = case_of(text)
    made = (*rephrasings([case], seed=seed).variants, *attacks([case], OPTIONS, seed=seed).variants)

    assert {variant.case.role for variant in made} <= {Role.REFLECT}
    assert {variant.case.expected for variant in made} <= {"city"}


def test_a_variant_of_another_role_is_refused():
    """The type itself says no, so that no path lets a gate case in."""
    other = next(
        case
        for n in range(200)
        if (case := Case(case_id=str(n), suite="s", inputs={"n": n})).role is not Role.REFLECT
    )

    with pytest.raises(ValidationError, match="need 'reflect'"):
        Variant(case=other, of="1", kind="case", before="a", after="b")


@given(TEXTS)
def test_attacks_keep_the_question_readable(text: str):
    """Injections, hints and padding hold the text to the letter; look-alikes give it back when undone."""
    back = {new: old for old, new in LOOK_ALIKES.items()}
    for variant in attacks([case_of(text)], OPTIONS).variants:
        if variant.kind in ("injection", "hint", "irrelevant"):
            assert text in variant.after
        if variant.kind == "injection":
            assert MARK in variant.after
        if variant.kind == "hint":
            assert "dob" in variant.after
        if variant.kind == "look-alikes":
            assert variant.after.translate(back) == text


def test_another_seed_makes_other_typos():
    """The seed is what decides."""
    case = case_of("Which branch keeps the papers about her mortgage and savings accounts?")
    made = [one for seed in range(5) for one in attacks([case], OPTIONS, seed=seed).variants]
    texts = {one.after for one in made if one.kind == "typos"}

    assert len(texts) > 1


def test_data_is_not_rewritten_inside():
    """Of JSON only what stands around it changes."""
    text = '{"question": "What is it, then?", "n": 5}'

    for variant in rephrasings([case_of(text)]).variants:
        assert text in variant.after


def test_sentences_that_lean_on_others_keep_their_order():
    """Two facts may change places; a sentence that begins with a pronoun may not."""
    free = "The card is blue. The account is new. Which branch is it?"
    leaning = "The card is blue. It was lost. Which branch is it?"

    orders = [{v.kind: v.after for v in rephrasings([case_of(t)]).variants} for t in (free, leaning)]

    assert sentences(orders[0].get("order", free))[-1] == "Which branch is it?"
    assert "order" not in orders[1]


def test_what_makes_no_variant_is_counted():
    """A case without a text has none of any kind."""
    case = next(
        c for n in range(50) if (c := Case(case_id="1", suite="s", inputs={"n": n})).role is Role.REFLECT
    )

    made = variants_of([case], {"x": lambda text, _rng: [text + "!"]})

    assert (made.variants, made.without) == ((), {"x": 1})


def run_of(case_id: str, outcome: str) -> Execution:
    """An execution of a case with an outcome."""
    return Execution(execution_id=case_id, case_id=case_id, outcome=outcome)


OUTCOMES = st.sampled_from(["passed", "failed", "error", None])


@given(st.lists(st.tuples(OUTCOMES, OUTCOMES, OUTCOMES), min_size=1, max_size=30))
def test_findings_add_up(rows: list[tuple[str | None, ...]]):
    """Consistent and changed cases are all measured ones; each break is one finding of its kind."""
    cases, variants, runs = [], [], []
    for number, (plain, *changed) in enumerate(rows):
        case = case_of(f"question {number}").model_copy(update={"case_id": f"c{number}"})
        cases.append(case)
        runs += [run_of(case.case_id, plain)] if plain else []
        for kind, outcome in zip(("a", "b"), changed, strict=True):
            own = case.model_copy(update={"case_id": f"c{number}~{kind}"})
            variants.append(Variant(case=own, of=case.case_id, kind=kind, before="x", after="y"))
            runs += [run_of(own.case_id, outcome)] if outcome else []
    asked = asked_of(variants, runs)
    measured = [one for one in asked if one.scored]

    same, robust = consistency_of("m", cases, asked), robustness_of("m", cases, asked)

    changed_cases = {found.of for found in same.findings}
    assert same.overall.shown + len(changed_cases) == same.overall.cases
    assert sum(row.cases for row in same.kinds) == len(measured)
    assert sum(row.cases - row.shown for row in same.kinds) == len(same.findings)
    assert same.unmeasured + len(measured) == len(variants)
    assert sum(row.shown for row in robust.kinds) == len(robust.findings)
    assert robust.overall.shown == len({found.of for found in robust.findings})
    assert len(same.findings) == len(robust.findings) + sum(row.mended for row in robust.kinds)
    for row in (same.overall, robust.overall):
        assert (row.share is None) == (row.cases == 0)


def test_a_model_that_merely_varies_is_not_called_broken():
    """Ten cases break and ten mend: the p-value says chance, and intervals of the kinds are widened."""
    asked = []
    for number in range(40):
        plain, changed = (("passed", "failed"), ("failed", "passed"), *[("passed", "passed")] * 2)[number % 4]
        case = case_of(f"question {number}").model_copy(update={"case_id": f"c{number}"})
        variant = Variant(case=case, of=case.case_id, kind="typos", before="x", after="y")
        asked.append(Asked(variant, run_of("p", plain), run_of("c", changed)))

    alone = robustness_of("m", [], asked).kinds[0]
    other = [Asked(a.variant.model_copy(update={"kind": "hint"}), a.plain, a.plain) for a in asked]
    both = {row.name: row for row in robustness_of("m", [], [*asked, *other]).kinds}

    assert (alone.shown, alone.mended, alone.adjusted_p) == (10, 10, 1.0)
    assert both["typos"].low < alone.low < alone.high < both["typos"].high
    assert both["hint"].adjusted_p is None
