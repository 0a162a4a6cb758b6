"""The ledger and the kept answers in both databases."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flywheel.ports import AnswerStore, CallStore
from flywheel.records.model_call import ModelCall, Spend
from flywheel.store.open import SqlStore

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def call_of(number: int, **facts: object) -> ModelCall:
    """One attempt an hour."""
    known = {
        "workspace": "w",
        "cycle_id": "c1",
        "purpose": "gate",
        "provider": "p",
        "model": "p/m",
        "outcome": "answered",
        "finish_reason": "stop",
        "input_tokens": 10,
        "output_tokens": 1,
        "cost_usd": 0.25,
        "latency_ms": 100.0,
        "started_at": NOW + timedelta(hours=number),
    }
    return ModelCall.model_validate({"call_id": f"call-{number}", **known, **facts})


CALLS = [
    call_of(0),
    call_of(1, cost_usd=None, latency_ms=300.0),
    call_of(2, outcome="server", input_tokens=None, output_tokens=None, cost_usd=None, latency_ms=9000.0),
    call_of(3, outcome="cached", input_tokens=0, output_tokens=0, cost_usd=0.0, latency_ms=None),
    call_of(4, model="p/other", workspace="elsewhere", cycle_id=None, input_tokens=2**40),
]


def test_the_ledger_sums_up_what_was_spent(store: SqlStore) -> None:
    """Kept answers cost nothing, unknown costs are counted as such, earlier calls are left out."""
    calls: CallStore = store.model_calls
    assert (calls.write(CALLS), calls.write(CALLS)) == (5, 0)
    assert calls.spent(NOW) == Spend(calls=4, tokens=22 + 2**40 + 1, usd=0.5, unpriced=1)
    assert calls.spent(NOW + timedelta(hours=2)) == Spend(calls=2, tokens=2**40 + 1, usd=0.25)
    assert calls.spent(NOW + timedelta(days=9)) == Spend()
    assert store.model_calls.of_cycle("w", "c1") == Spend(calls=3, tokens=22, usd=0.25, unpriced=1)
    assert store.model_calls.of_cycle("elsewhere", "c1") == Spend()


def test_the_ledger_is_read_by_model(store: SqlStore) -> None:
    """Outcomes with their numbers, and the mean latency of the answers alone."""
    store.model_calls.write(CALLS)
    first, second = store.model_calls.summary(NOW)
    assert (first.model, second.model) == ("p/m", "p/other")
    assert first.outcomes == {"answered": 2, "cached": 1, "server": 1}
    assert first.mean_latency_ms == pytest.approx(200.0)
    assert [row.model for row in store.model_calls.summary(NOW, "elsewhere")] == ["p/other"]


def test_nothing_is_written_of_nothing(store: SqlStore) -> None:
    """An empty batch is no error."""
    assert store.model_calls.write([]) == 0
    assert store.model_calls.summary(NOW) == []


def test_answers_are_replaced_by_newer_ones(store: SqlStore) -> None:
    """A key has one answer, and its age is that of the last one."""
    answers: AnswerStore = store.responses
    answers.put("k", "old", NOW)
    answers.put("k", "né\n", NOW + timedelta(hours=1))
    assert answers.get("k", NOW + timedelta(hours=1)) == "né\n"
    assert answers.get("k", NOW + timedelta(hours=2)) is None
    assert answers.get("other", NOW) is None
    assert store.responses.count() == 1
    assert answers.drop_before(NOW + timedelta(hours=2)) == 1
    assert store.responses.count() == 0
