"""The health of the loop in `flywheel status`."""

from __future__ import annotations


def test_a_rollback_counts_against_the_loop(triage):
    """A release without report cases has no answer; once it is rolled back it was none."""
    triage("cycle", "--prompt", "triage", "--all-time")
    before = triage("status", "--json").document["loop"]
    triage("rollback", "triage", "--why", "worse in use")
    after = triage("status", "--json").document["loop"]

    assert (before["applied"], before["unanswered"], before["false"]["of"]) == (1, 1, 0)
    assert (after["applied"], after["unanswered"], after["false"]["count"]) == (1, 0, 1)
    page = triage("status").out
    assert "what became of applied improvements" in page
    assert "below 5 %: missed" in page or "below 5 %: cannot tell yet" in page


def test_without_releases_there_is_no_table(triage):
    """Nothing is said of improvements before there was one."""
    answer = triage("status")

    assert answer.code == 0
    assert "applied improvements" not in answer.out
