"""What is known to be wrong in recorded executions comes first."""

from __future__ import annotations

from recorded_data import recorded

from flywheel.learn.attributes import attributes_of
from flywheel.learn.patterns import PatternEvidence, mine_patterns
from flywheel.learn.slices import search_slices


def conditions(found) -> dict[str, str]:
    """Where something is, as attribute with value."""
    return {c.attribute: c.value for c in found.where}


def test_a_model_that_always_says_no_is_the_top_finding():
    """gpt-4-0613 answers a constant No: right on composites, wrong on primes."""
    failures, passes = recorded("llm_drift_gpt_2023")

    top = mine_patterns(PatternEvidence(failures, passes))[0]

    assert top.kind == "constant"
    assert "gpt-4-0613" in top.title
    assert (top.produced or "").lower() == "no"
    assert "right on prime:composite" in top.title
    assert "wrong on prime:prime" in top.title
    assert top.count == 217
    assert conditions(top.contrast) == {"model": "gpt-4-0613", "slice": "prime:prime"}
    assert top.contrast.lift_low > 5
    assert top.contrast.adjusted_p < 1e-6


def test_a_long_way_to_the_answer_that_is_cut_off_is_the_top_finding():
    """word_sorting under the cot prompt ends before a final answer."""
    failures, passes = recorded("bbh_direct_vs_cot")

    top = mine_patterns(PatternEvidence(failures, passes))[0]

    assert (top.kind, top.count) == ("cut_off", 146)
    assert top.title == "cut off before a final answer in word_sorting x cot"
    assert conditions(top.contrast) == {"slice": "word_sorting", "version": "cot"}
    assert all("word_sorting/cot" in example for example in top.examples)


def test_the_worst_slice_of_the_drift_data_is_the_constant_model_on_primes():
    """The slice search agrees with the patterns, and names no subset of it again."""
    failures, passes = recorded("llm_drift_gpt_2023")

    found = search_slices(attributes_of([*failures, *passes]))

    assert conditions(found[0]) == {"model": "gpt-4-0613", "slice": "prime:prime"}
    assert len(found) == 2
