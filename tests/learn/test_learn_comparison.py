"""Comparison over slices, rankings, recorded sets."""

from __future__ import annotations

import numpy as np
import pytest
from score_tables import pairs, recorded, table_of

from flywheel.learn.experiments import GateRules, compare_slices, overall, rank
from flywheel.records.verdict import Ruling

RULES = GateRules(flips=2000)


def test_slices_are_corrected_together():
    """The p-value of a slice is corrected over the slices that have enough cases, not over thin ones."""
    a, b, thin = pairs(20, 6, 30, 14), pairs(15, 9, 30, 16), pairs(5, 0, 2, 1)
    table = table_of(
        {"old": a[0] + b[0] + thin[0], "new": a[1] + b[1] + thin[1]},
        slices=["a"] * 70 + ["b"] * 70 + ["thin"] * 8,
    )
    first, second, third = compare_slices(table, "old", "new", RULES, "recorded")

    assert first.evidence.adjusted_p == pytest.approx(2 * first.evidence.p_value)
    assert second.evidence.adjusted_p >= second.evidence.p_value
    assert (third.ruling, third.evidence.adjusted_p) == (Ruling.HOLD, None)
    assert "Only 8 cases" in third.because


def test_without_slices_there_is_nothing_per_slice():
    """A table without slices gives no slice judgements and still an overall one."""
    old, new = pairs(30, 5, 40, 25)
    table = table_of({"old": old, "new": new})

    assert compare_slices(table, "old", "new", RULES, "recorded") == ()
    assert overall(table, "old", "new", RULES, "recorded").ruling is Ruling.SHIP


def mixed_runs(old_easy: int, new_easy: int) -> tuple[list[float], list[float]]:
    """Unpaired runs: better on both slices, on 80 easy and 20 hard cases or the other way round."""
    nothing = [float("nan")]
    old = [1.0] * (old_easy * 9 // 10) + [0.0] * (old_easy // 10) + nothing * (100 - old_easy)
    new = nothing * old_easy + [1.0] * (new_easy * 19 // 20) + [0.0] * (new_easy // 20)
    new += nothing * (100 - old_easy - new_easy)
    hard_old, hard_new = 100 - old_easy, 100 - new_easy
    old += [1.0] * (hard_old // 5) + [0.0] * (hard_old - hard_old // 5) + nothing * (100 - hard_old)
    new += nothing * hard_old + [1.0] * (hard_new * 3 // 10) + [0.0] * (hard_new - hard_new * 3 // 10)
    return old, new + nothing * (100 - hard_old - hard_new)


@pytest.mark.parametrize(("easy", "named"), [((80, 20), True), ((20, 80), False)])
def test_simpsons_paradox_is_named(easy: tuple[int, int], named: bool):
    """A total that points the other way than every slice is named, with the advice to trust the slices."""
    old, new = mixed_runs(*easy)
    judged = overall(
        table_of({"old": old, "new": new}, slices=["easy"] * 100 + ["hard"] * 100),
        "old",
        "new",
        RULES,
        "recorded",
    )

    assert judged.ruling is Ruling.HOLD
    assert ("Simpson's paradox" in judged.because) is named
    assert ("better on 2 of 2 slices" in judged.because) is named


def test_a_ranking_names_ties():
    """Arms that are not shown to differ share a rank and name each other."""
    rng = np.random.default_rng(0)
    ability = rng.random(200)
    arms = {
        "strong": (ability < 0.9).astype(float).tolist(),
        "twin-a": (ability < 0.6).astype(float).tolist(),
        "twin-b": np.where(rng.random(200) < 0.05, ability > 0.6, ability < 0.6).astype(float).tolist(),
        "weak": (ability < 0.2).astype(float).tolist(),
    }
    rows = rank(table_of(arms), RULES)

    assert [row.arm for row in rows] == [
        "strong",
        *sorted(["twin-a", "twin-b"], key=lambda a: -np.mean(arms[a])),
        "weak",
    ]
    assert [row.rank for row in rows] == [1, 2, 2, 4]
    assert rows[1].tied_with == (rows[2].arm,)
    assert all(row.low < row.mean < row.high for row in rows)


def test_a_ranking_uses_common_cases():
    """Arms are compared on cases all of them ran, and too few of those give no rank."""
    nothing = float("nan")
    table = table_of({"a": [1.0] * 40 + [nothing] * 40, "b": [0.0] * 60 + [nothing] * 20})
    rows = rank(table, RULES)
    assert {row.pairs for row in rows} == {40}

    apart = rank(table_of({"a": [1.0] * 40 + [nothing] * 40, "b": [nothing] * 40 + [0.0] * 40}), RULES)
    assert [row.rank for row in apart] == [None, None]
    assert "only 0 cases" in apart[0].because


def test_arms_without_scores_are_listed_last():
    """An arm without scores, or with impossible ones, is listed without a rank."""
    rows = rank(
        table_of({"a": [1.0] * 50, "b": [0.0] * 50, "none": [float("nan")] * 50, "odd": [7.0] * 50}), RULES
    )

    assert [(row.arm, row.rank) for row in rows] == [("a", 1), ("b", 2), ("none", None), ("odd", None)]
    assert "outside [0, 1]" in rows[3].because


def test_each_task_of_a_recorded_set_has_the_right_verdict():
    """Direct answers against chain of thought: two tasks are better, one is worse, none else is shown."""
    table = recorded("bbh_direct_vs_cot", "prompt_version")
    judged = {j.evidence.slice: j for j in compare_slices(table, "direct", "cot", GateRules(), "recorded")}

    shipped = {name for name, j in judged.items() if j.ruling is Ruling.SHIP}
    rejected = {name for name, j in judged.items() if j.ruling is Ruling.REJECT}
    assert len(judged) == 7
    assert shipped == {"navigate", "date_understanding"}
    assert rejected == {"word_sorting"}
    assert all(judged[n].ruling in (Ruling.HOLD, Ruling.STAGE) for n in set(judged) - shipped - rejected)
    assert judged["snarks"].ruling is judged["causal_judgement"].ruling is Ruling.HOLD


def test_a_recorded_total_hides_no_worse_task():
    """The total of the recorded set is better, and waits because one task is shown to be worse."""
    judged = overall(
        recorded("bbh_direct_vs_cot", "prompt_version"), "direct", "cot", GateRules(), "recorded"
    )

    assert judged.evidence.adjusted_p < 1e-6
    assert judged.ruling is Ruling.STAGE
    assert "word_sorting" in judged.because


def test_four_recorded_systems_have_four_places():
    """Four systems on the same 1,319 problems take four distinct places."""
    rows = rank(recorded("gsm8k_four_systems", "model"), GateRules())

    assert [row.arm for row in rows] == [
        "175b_verification",
        "6b_verification",
        "175b_finetuning",
        "6b_finetuning",
    ]
    assert [row.rank for row in rows] == [1, 2, 3, 4]
    assert all(row.tied_with == () and row.pairs == 1319 for row in rows)
