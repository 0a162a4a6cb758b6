"""Candidates without a language model: each cures something, none sees the gate."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from flywheel.learn.patterns import failure_patterns
from flywheel.learn.refinement import Limits, Material, refine
from flywheel.records.case import AnswerOption, Case, ReflectCases, Role, Suite
from flywheel.records.execution import Execution
from flywheel.records.prompt import PromptVersion, content_hash

TEXT = "Pick a name: a, b, c.\n\nQuestion: {question}"
SUITE = Suite(
    suite="s", options=tuple(AnswerOption(name=n, description=f"what {n} means") for n in ("a", "b", "c"))
)


def cases(role: Role, count: int = 20) -> tuple[Case, ...]:
    """Cases of one role."""
    every = (
        Case(case_id=f"c{n}", suite="s", inputs={"question": f"question {n}?"}, expected="abc"[n % 3])
        for n in range(1000)
    )
    return tuple([c for c in every if c.role is role][:count])


def material(avoid: frozenset[str] = frozenset()) -> Material:
    """A prompt with wrong answers and format violations on reflect cases."""
    reflect = cases(Role.REFLECT)
    failures = tuple(
        Execution(
            execution_id=c.case_id,
            case_id=c.case_id,
            outcome="failed",
            expected=c.expected,
            output="b",
            error_type="format_violation" if n % 2 else "wrong_answer",
            inputs=c.inputs,
        )
        for n, c in enumerate(reflect[:10])
    )
    return Material(
        control=PromptVersion(prompt="p", version=content_hash(TEXT), text=TEXT, variables=("question",)),
        suite=SUITE,
        cases=ReflectCases(cases=reflect),
        failures=failures,
        patterns=failure_patterns(failures),
        failure_rate=0.5,
        avoid=avoid,
    )


def test_candidates_differ_from_the_control_and_from_each_other():
    """No text is proposed twice, and none is the parent's."""
    proposals, _ = refine(material(), Limits())

    texts = [p.text for p in proposals]
    assert len(set(texts)) == len(texts) > 3
    assert TEXT not in texts


def test_candidates_keep_the_variables():
    """Every candidate can be filled with the same inputs."""
    proposals, _ = refine(material(), Limits())

    assert all((p.text or "").count("{question}") == 1 for p in proposals)


def test_no_question_of_a_gate_case_reaches_a_candidate():
    """Demonstrations come from reflect cases alone."""
    proposals, _ = refine(material(), Limits())
    gate = [str(c.inputs["question"]) for c in cases(Role.GATE, 400)]

    assert not any(f": {question}\n" in (p.text or "") for p in proposals for question in gate)


def test_gate_cases_cannot_be_handed_to_a_proposer():
    """The type refuses a case of another role."""
    with pytest.raises(ValidationError, match="only 'reflect' cases belong here"):
        ReflectCases(cases=cases(Role.GATE, 1))


def test_a_rejected_text_is_not_proposed_again():
    """What failed before is thrown out with the reason."""
    first, _ = refine(material(), Limits())
    avoid = frozenset({first[0].version})

    proposals, discarded = refine(material(avoid), Limits())

    assert first[0].version not in {p.version for p in proposals}
    assert any("before" in d.reason for d in discarded)


def test_no_more_candidates_than_the_limit():
    """What does not fit the cycle is named, not forgotten."""
    proposals, discarded = refine(material(), Limits(max_candidates=2))

    assert len(proposals) == 2
    assert any("at most 2" in d.reason for d in discarded)


def test_a_candidate_over_the_size_limit_is_thrown_out():
    """Length is checked before any call is spent."""
    proposals, discarded = refine(material(), Limits(max_chars=len(TEXT) + 10))

    assert proposals == ()
    assert all("the limit is" in d.reason for d in discarded)


def test_a_question_that_looks_like_a_variable_is_not_shown():
    """Captured text cannot become a variable of the new prompt."""
    base = material()
    odd = Case(case_id="odd", suite="s", inputs={"question": "what is {secret}?"}, expected="a")
    odd_cases = tuple(c for c in (odd, *base.cases.cases) if c.role is Role.REFLECT)
    changed = Material(
        base.control, base.suite, ReflectCases(cases=odd_cases), base.failures, base.patterns, 0.5
    )

    proposals, _ = refine(changed, Limits())

    assert not any("{secret}" in (p.text or "") for p in proposals)
