"""The ledger and the kept answers in both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from flywheel.errors import InputError
from flywheel.ports import AnswerStore, CallStore
from flywheel.records.model_call import LedgerGroup, ModelCall, Spend
from flywheel.store.open import SqlStore, open_store

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
    """Outcomes with their numbers, and the latency of the answers alone."""
    store.model_calls.write(CALLS)
    first, second = store.model_calls.summary(NOW)
    assert (first.group, second.group) == ("p/m", "p/other")
    assert first.outcomes == {"answered": 2, "cached": 1, "server": 1}
    assert first.mean_latency_ms == pytest.approx(200.0)
    assert (first.p50_latency_ms, first.p95_latency_ms) == (100.0, 300.0)
    assert [row.group for row in store.model_calls.summary(NOW, "elsewhere")] == ["p/other"]


def test_the_ledger_is_read_by_purpose_and_by_cycle(store: SqlStore) -> None:
    """Each call is in one group of each kind; calls outside of a cycle are a group of their own."""
    judged = call_of(5, purpose="judge", cycle_id="c2", latency_ms=7.0)
    store.model_calls.write([*CALLS, judged])
    purposes = store.model_calls.summary(NOW, by=LedgerGroup.PURPOSE)
    cycles = store.model_calls.summary(NOW, by=LedgerGroup.CYCLE)
    assert [(row.group, row.spend.calls) for row in purposes] == [("gate", 4), ("judge", 1)]
    assert [(row.group, row.spend.calls) for row in cycles] == [(None, 1), ("c1", 3), ("c2", 1)]
    assert [row.p95_latency_ms for row in cycles] == [100.0, 300.0, 7.0]


def test_latency_is_given_by_rank(store: SqlStore) -> None:
    """Of a hundred answers p50 is the fiftieth, p95 the ninety-fifth."""
    store.model_calls.write([call_of(n, latency_ms=float(n + 1)) for n in range(100)])
    (row,) = store.model_calls.summary(NOW)
    assert (row.p50_latency_ms, row.p95_latency_ms) == (50.0, 95.0)


def test_nothing_is_written_of_nothing(store: SqlStore) -> None:
    """An empty batch is no error."""
    assert store.model_calls.write([]) == 0
    assert store.model_calls.summary(NOW) == []


def test_answers_are_replaced_by_newer_ones(store: SqlStore) -> None:
    """A key has one answer, and its age is that of the last one."""
    answers: AnswerStore = store.responses
    answers.put_many({"k": "old"}, NOW)
    answers.put_many({"k": "né\n", "j": "new"}, NOW + timedelta(hours=1))
    assert answers.get_many(["k", "other"], NOW + timedelta(hours=1)) == {"k": "né\n"}
    assert answers.get_many(["k"], NOW + timedelta(hours=2)) == {}
    assert store.responses.count() == 2
    assert answers.drop_before(NOW + timedelta(hours=2)) == 2
    assert store.responses.count() == 0


def test_equal_answers_of_several_processes_do_not_lock_each_other_out(
    store: SqlStore, store_address: str
) -> None:
    """Writers that keep the same keys in opposite orders all end, with every key kept."""
    keys = [f"key {number}" for number in range(300)]
    others = [open_store(store_address) for _ in range(4)]

    def keep(number: int) -> None:
        order = keys if number % 2 else keys[::-1]
        for _ in range(5):
            others[number].responses.put_many(dict.fromkeys(order, str(number)), NOW)

    with ThreadPoolExecutor(len(others)) as pool:
        list(pool.map(keep, range(len(others))))
    for other in others:
        other.close()
    assert set(store.responses.get_many(keys, NOW)) == set(keys)


def test_an_answer_kept_within_a_transaction_is_part_of_it(store: SqlStore) -> None:
    """What is kept inside a block that is undone is undone with it."""

    def begun() -> None:
        with store.database.write():
            store.responses.put_many({"k": "text"}, NOW)
            assert store.responses.get_many(["k"], NOW) == {"k": "text"}
            raise InputError("enough")

    with pytest.raises(InputError, match="enough"):
        begun()
    assert store.responses.count() == 0
