"""What outcomes of recommendations teach, on the command line."""

from __future__ import annotations

import pytest
from learned_world import records

from flywheel.store.open import open_store


@pytest.fixture
def judged(flywheel):
    """The command line beside a store with 400 judged recommendations of ann and bob."""
    store = open_store("sqlite:///.flywheel/flywheel.db")
    given, outcomes = records(400)
    store.recommendations.add(given)
    store.recommendations.evaluate(outcomes)
    store.close()
    return flywheel


def test_patterns_are_shown_and_kept_on_demand(judged):
    """Looking keeps nothing; a refresh does, and another one retires nothing."""
    seen = judged("learned", "patterns", "--json").document
    kept = judged("learned", "patterns", "--refresh", "--json").document
    again = judged("learned", "patterns", "--refresh", "--json").document

    assert seen["judged"] == 400
    assert seen["patterns"] == kept["patterns"] == again["patterns"]
    assert (seen["retired"], kept["retired"], again["retired"]) == (None, 0, 0)
    assert judged("learned", "patterns", "--retired", "--json").document["patterns"] == []


def test_patterns_can_be_narrowed(judged):
    """By kind and by the least tier."""
    experts = judged("learned", "patterns", "--kind", "expert_opinion", "--json").document["patterns"]
    proven = judged("learned", "patterns", "--tier", "proven", "--json").document["patterns"]

    assert {one["kind"] for one in experts} == {"expert_opinion"}
    assert {one["tier"] for one in proven} == {"proven"}
    assert "expert opinion" in judged("learned", "patterns").out


def test_rules_are_sentences(judged):
    """With who may act alone."""
    rules = judged("learned", "rules", "--json").document["rules"]

    assert rules[0]["says"].startswith("Follow")
    assert {one["follow"] for one in rules} == {True, False}
    assert "may decide without a person" in judged("learned", "rules").out


def test_a_profile_names_strengths(judged):
    """Bob is strong on billing and weak on login."""
    found = judged("learned", "profile", "bob", "--json").document

    assert (found["strengths"], found["weaknesses"]) == (["billing"], ["login"])
    assert "strong on: billing" in judged("learned", "profile", "bob").out


def test_an_unknown_agent_is_exit_2(judged):
    """The message has the name that was meant."""
    answer = judged("learned", "profile", "bobb")

    assert answer.code == 2
    assert "Did you mean 'bob'?" in answer.err


def test_a_met_target_is_exit_0_and_a_missed_one_exit_1(judged):
    """The document says by what numbers."""
    met = judged("learned", "predict", "--json")
    missed = judged("learned", "predict", "--accuracy", "1", "--coverage", "1", "--json")

    assert (met.code, met.document["met"]) == (0, True)
    assert met.document["skill_low"] > 0
    assert (missed.code, missed.document["met"]) == (1, False)
    assert "Brier skill" in judged("learned", "predict").out


def test_nothing_judged_says_so(flywheel):
    """Patterns and rules name the next step; a prediction is unknown, which is no yes."""
    flywheel("init")

    for words in (("patterns",), ("rules",), ("patterns", "--refresh")):
        answer = flywheel("learned", *words)
        assert answer.code == 0
        assert "Nobody judged a recommendation." in answer.out
    assert flywheel("learned", "predict").code == 1
    assert "unknown: 0 recommendations are judged" in flywheel("learned", "predict").out
    assert flywheel("learned", "profile", "ann").code == 2
