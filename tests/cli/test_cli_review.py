"""`flywheel review`: staged changes, decided by a person."""

from __future__ import annotations

import pytest


@pytest.fixture
def staged(triage):
    """The command line beside a store in which v2 waits for a person, as `production` demands."""
    answer = triage("cycle", "--prompt", "triage", "--all-time", "--strategy", "monitoring", "--json")
    assert answer.document["cycles"][0]["output"]["staged"], answer.out
    return triage


def test_a_staged_change_waits_with_its_evidence(staged):
    """The list names it, show has verdict, recommendation and diff."""
    review = staged("review", "list", "--json").document["reviews"][0]
    shown = staged("review", "show", review["review_id"][:8], "--json").document

    assert shown["readiness"]["recommendation"].startswith("It may be released: the verdict is ship")
    assert review["state"] == "waiting"
    assert shown["verdict"]["evidence"]["pairs"] == 60
    assert "+Question: {question}" in shown["diff"]


def test_approving_makes_it_live(staged):
    """An approved change is live, with reviewer and note in the history."""
    review = staged("review", "list", "--json").document["reviews"][0]

    answer = staged("review", "approve", review["review_id"], "--by", "ann", "--note", "reads well", "--json")

    assert answer.document["review"]["state"] == "approved"
    assert answer.document["review"]["reviewer"] == "ann"
    assert staged("release", "show", "triage", "--json").document["live"]["version"] == review["version"]
    assert staged("review", "list", "--json").document["reviews"] == []


def test_rejecting_changes_nothing_live(staged):
    """A rejected change leaves what is live; deciding again the other way is refused."""
    before = staged("release", "show", "triage", "--json").document
    review = staged("review", "list", "--json").document["reviews"][0]

    assert staged("review", "reject", review["review_id"], "--note", "too long").code == 0
    second = staged("review", "approve", review["review_id"])

    assert second.code != 0
    assert staged("release", "show", "triage", "--json").document == before
    assert staged("review", "list", "--state", "rejected", "--json").document["reviews"]


def test_an_unknown_review_is_named(staged):
    """A wrong id is exit 2 and tells how to see the right ones."""
    answer = staged("review", "show", "nothing")

    assert answer.code == 2
    assert "flywheel review list" in answer.err
