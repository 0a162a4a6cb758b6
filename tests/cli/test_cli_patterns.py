"""`flywheel patterns` shows since when, state, home with p, what was tried, a written cause."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[1] / "llm"))

from chat_stub import Reply, chat_stub, completion

from flywheel.records.execution import Execution
from flywheel.store.open import open_store

CAUSE = json.dumps({"cause": "The names are not defined.", "fix": "Define them."})


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch):
    """An OpenAI-compatible server on the loopback that writes one cause."""
    with chat_stub(Reply(completion(CAUSE))) as running:
        monkeypatch.setenv("FLYWHEEL_LLM_BASE_URL", running.base_url)
        monkeypatch.delenv("FLYWHEEL_LLM_API_KEY", raising=False)
        yield running


def test_a_pattern_has_state_since_when_and_home_with_interval_and_p(flywheel):
    """What a person needs to act stands beside each pattern."""
    store = open_store("sqlite:///.flywheel/flywheel.db")
    store.executions.write(
        Execution(
            execution_id=f"{model}-{n}",
            case_id=f"c{n}",
            model=model,
            outcome="failed" if n < bad else "passed",
            expected=f"answer {n}",
            output="no JSON" if n < bad else f"answer {n}",
            error_type="format_violation" if n < bad else None,
            started_at=datetime(2026, 3, 1 + n % 20, tzinfo=UTC),
        )
        for model, bad in (("small", 30), ("large", 5))
        for n in range(60)
    )
    store.close()

    out = " ".join(flywheel("patterns").out.split())

    assert "35 failures, 100 % of all, new" in out
    assert "seen 2026-03-01 to 2026-03-20" in out
    assert "home model = small: 50 % of 60 fail this way, 6.0 times (" in out
    assert ") as often as elsewhere" in out
    assert ", p <0.001" in out
    assert "cure State the exact output format" in out
    assert "model small 50 % 8 %" in out
    assert "What to do first 1. " in out
    assert "% sure)" in out


def test_a_cause_is_written_by_the_model_that_is_named(triage, stub):
    """The written cause stands before the rule's; without a cycle it says how to keep it."""
    answer = triage("patterns", "--explain", "openai:m", "--json").document
    drawn = " ".join(triage("patterns", "--explain", "openai:m").out.split())

    assert answer["explained"]["written"] >= 1
    assert answer["patterns"][0]["root_cause"]["cause"] == "The names are not defined."
    assert answer["patterns"][0]["root_cause"]["pairs"]
    assert "The names are not defined. (openai:m, from" in drawn
    assert "by rule" in drawn
    assert "flywheel cycle --explain" in drawn
    assert stub.requests


def test_a_cycle_keeps_the_written_cause(triage, stub):
    """After a cycle with --explain the cause is there without asking again."""
    triage("cycle", "--prompt", "triage", "--all-time", "--explain", "openai:m")
    asked = len(stub.requests)

    found = triage("patterns", "--prompt", "triage", "--version", "v1", "--json").document["patterns"]

    assert asked >= 1
    assert found[0]["root_cause"]["fix"] == "Define them."
    assert len(stub.requests) == asked


def test_an_unknown_model_is_refused_before_anything_is_read(triage, monkeypatch):
    """The name is checked first."""
    for name in ("FLYWHEEL_LLM_BASE_URL", "FLYWHEEL_LLM_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    answer = triage("patterns", "--explain", "nonsense")

    assert answer.code == 2
    assert "nonsense" in answer.err


def test_flaky_tests_are_told_beside_the_patterns(flywheel):
    """How many failures come from tests that pass as well."""
    store = open_store("sqlite:///.flywheel/flywheel.db")
    store.executions.write(
        Execution(
            execution_id=f"shaky-{n}",
            version="v1",
            case_id="shaky",
            outcome="failed" if n % 3 == 0 else "passed",
        )
        for n in range(12)
    )
    store.close()

    assert flywheel("patterns", "--json").document["flaky"][0]["case_id"] == "shaky"
    assert "1 flaky: 4 failures" in " ".join(flywheel("patterns").out.split())
