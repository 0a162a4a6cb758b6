"""Executions: bulk in, columns out."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel.ports import WriteCounts
from flywheel.records.columns import OUTCOMES, Scope
from flywheel.records.execution import Execution, ModelUse, Outcome
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.store.execution_rows import EXECUTION, EXECUTION_HISTORY
from flywheel.store.open import SqlStore, open_store

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRIAGE = Scope(prompt="triage")


def execution(number: int, outcome: str = "passed", **fields: object) -> Execution:
    """An execution of the prompt triage."""
    given = {"prompt": "triage", "version": "v1", "case_id": f"case-{number:03d}"} | fields
    return Execution.model_validate({"execution_id": f"run-{number}", "outcome": outcome, **given})


def history(store: SqlStore) -> list[tuple[str, str]]:
    """Id and outcome of each replaced content."""
    with store.database.read() as connection:
        columns = EXECUTION_HISTORY.c.execution_id, EXECUTION_HISTORY.c.outcome
        return sorted((row[0], row[1]) for row in connection.execute(sa.select(*columns)))


def test_a_stored_execution_reads_back_equal(store: SqlStore) -> None:
    """Every field survives, Unicode, line ends, order of keys and microseconds included."""
    full = Execution(
        execution_id="run-1",
        prompt="triage",
        version="v1",
        case_id="c",
        suite="s",
        slice="billing",
        model="m",
        agent="a",
        session_id="session",
        workflow_id="flow",
        inputs={"z": "first\r\nsecond", "a": [1, 2.5, None, True, "日本 \u0000"]},
        output="",
        expected=False,
        metadata={},
        outcome=Outcome.FAILED,
        score=0.25,
        confidence=0.5,
        latency_ms=12.5,
        input_tokens=2**53,
        output_tokens=0,
        cost_usd=0.0,
        error_type="Wrong",
        error_message='it\'s "wrong" {}\r\n%s :x',
        retries=2,
        rating=1,
        comment="naïve",
        models=(ModelUse(model="m", cost_usd=0.1), ModelUse(model="n", input_tokens=3)),
        started_at=NOON + timedelta(microseconds=1),
        source="jsonl",
    )
    plain = Execution(execution_id="run-2", outcome=Outcome.ERROR, prompt="triage")
    assert store.executions.write([full, plain]) == WriteCounts(stored=2)
    found = store.executions.failures(TRIAGE, 10)
    assert found == [full, plain]
    assert list(found[0].inputs) == ["z", "a"]  # type: ignore[arg-type]


TEXT = st.text(st.characters(exclude_categories=["Cs"]))
LEAF = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT
JSON = st.recursive(
    LEAF,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40, deadline=None)
@given(inputs=JSON, output=JSON, comment=st.none() | TEXT)
def test_any_json_reads_back_equal(inputs: object, output: object, comment: str | None) -> None:
    """Whatever JSON goes in comes out."""
    store = open_store("sqlite://")
    given = execution(1, inputs=inputs, output=output, comment=comment)
    store.executions.write([given])
    assert store.executions.passes(TRIAGE, 1) == [given]


def test_handing_in_again_changes_nothing(store: SqlStore) -> None:
    """The same executions twice are unchanged, with the same digest and watermark."""
    batch = [execution(n) for n in range(50)]
    assert store.executions.write(batch) == WriteCounts(stored=50)
    before = store.executions.watermark("default"), store.executions.digest(TRIAGE)
    assert store.executions.write(batch) == WriteCounts(unchanged=50)
    assert (store.executions.watermark("default"), store.executions.digest(TRIAGE)) == before
    assert history(store) == []


def test_other_content_replaces_and_is_seen_as_new(store: SqlStore) -> None:
    """A changed execution goes behind the watermark, its old content to the history."""
    store.executions.write([execution(n) for n in range(10)])
    mark = store.executions.watermark("default")
    counts = store.executions.write([execution(n, "failed" if n >= 8 else "passed") for n in range(12)])
    assert counts == WriteCounts(stored=2, replaced=2, unchanged=8)
    assert history(store) == [("run-8", "passed"), ("run-9", "passed")]
    assert store.executions.counts(Scope(watermark=mark)).stored == 8
    assert store.executions.counts(Scope()).by_outcome == {Outcome.PASSED: 8, Outcome.FAILED: 4}


@pytest.mark.parametrize("first", [0, 12], ids=["the first is there", "the first is new"])
def test_a_batch_of_new_changed_and_known_is_counted_whichever_comes_first(
    store: SqlStore, first: int
) -> None:
    """A look for what is there already, before or after the insert, comes to the same."""
    store.executions.write([execution(n) for n in range(10)])
    numbers = [first, *(n for n in range(13) if n != first)]
    batch = [
        execution(n, "failed" if n == 9 else "passed", comment="new" if n > 9 else None) for n in numbers
    ]
    assert store.executions.write(batch) == WriteCounts(stored=3, replaced=1, unchanged=9)
    assert history(store) == [("run-9", "passed")]
    assert store.executions.write(batch) == WriteCounts(unchanged=13)


def test_the_newest_execution_replaced_gets_a_new_number(store: SqlStore) -> None:
    """A sequence number is never given twice, not even the largest one."""
    store.executions.write([execution(1)])
    mark = store.executions.watermark("default")
    store.executions.write([execution(1, "failed")])
    assert store.executions.watermark("default") > mark


def test_the_last_of_several_in_a_batch_counts(store: SqlStore) -> None:
    """Earlier contents of an id count as replaced, and a repetition changes nothing."""
    batch = [execution(1), execution(1, "failed"), execution(2), execution(1, "error"), execution(1, "error")]
    assert store.executions.write(batch) == WriteCounts(stored=2, replaced=2, unchanged=1)
    assert [found.outcome for found in store.executions.failures(TRIAGE, 9)] == [Outcome.ERROR]
    assert history(store) == [("run-1", "failed"), ("run-1", "passed")]
    mark = store.executions.watermark("default")
    assert store.executions.write(batch) == WriteCounts(unchanged=5)
    assert store.executions.watermark("default") == mark
    assert len(history(store)) == 2


def test_workspaces_do_not_meet(store: SqlStore) -> None:
    """The same id in two workspaces is two executions."""
    batch = [execution(1), execution(1, "failed", workspace="other")]
    assert store.executions.write(batch) == WriteCounts(stored=2)
    assert store.executions.counts(Scope()).by_outcome == {Outcome.PASSED: 1}
    assert store.executions.counts(Scope(workspace="other")).by_outcome == {Outcome.FAILED: 1}
    assert store.executions.watermark("nobody") == 0


def test_several_batches_are_one_write(store: SqlStore) -> None:
    """More executions than a batch holds are all stored and counted."""
    assert store.executions.write(execution(n) for n in range(10_500)) == WriteCounts(stored=10_500)
    assert len(store.executions.columns(TRIAGE)) == 10_500


def test_nothing_written_is_nothing_stored(store: SqlStore) -> None:
    """No executions make no rows and empty answers."""
    assert store.executions.write([]) == WriteCounts()
    assert store.executions.watermark("default") == 0
    assert len(store.executions.columns(Scope())) == 0
    assert store.executions.counts(Scope()).stored == 0
    assert store.executions.score_table(Scope(), ["a"], "model").scores.shape == (0, 1)


def test_columns_hold_what_was_recorded(store: SqlStore) -> None:
    """Unknown numbers are NaN, unknown texts -1, an error has no score of its own."""
    store.executions.write(
        [
            execution(1, score=0.75, latency_ms=5, input_tokens=7, slice="b", model="m"),
            execution(2, "error", slice="a", error_type="Timeout"),
            execution(3, "unscored", version=None, slice="b"),
        ]
    )
    columns = store.executions.columns(Scope())
    assert [OUTCOMES[code] for code in columns.outcome] == ["passed", "error", "unscored"]
    assert columns.seq.tolist() == [1, 2, 3]
    np.testing.assert_array_equal(columns.score, [0.75, np.nan, np.nan])
    np.testing.assert_array_equal(columns.latency_ms, [5, np.nan, np.nan])
    np.testing.assert_array_equal(columns.input_tokens, [7, np.nan, np.nan])
    assert (columns.slice.names, columns.slice.codes.tolist()) == (("b", "a"), [0, 1, 0])
    assert (columns.version.names, columns.version.codes.tolist()) == (("v1",), [0, 0, -1])
    assert (columns.error_type.names, columns.error_type.codes.tolist()) == (("Timeout",), [-1, 0, -1])
    assert columns.case.names == ("case-001", "case-002", "case-003")
    assert columns.agent.names == ()


@pytest.mark.parametrize(
    ("scope", "found"),
    [
        (Scope(prompt="other"), [5]),
        (Scope(version="v2"), [2]),
        (Scope(suite="s"), [3]),
        (Scope(slice="billing"), [4]),
        (Scope(model="m"), [1, 4]),
        (Scope(since=NOON), [2, 3, 4, 5]),
        (Scope(until=NOON), [1]),
        (Scope(since=NOON, until=NOON + timedelta(hours=1)), [2]),
        (Scope(watermark=2), [1, 2]),
        (Scope(exclude_sources=("experiment", "probe")), [1, 2, 3, 5]),
        (Scope(prompt="triage", model="m", until=NOON), [1]),
    ],
)
def test_a_scope_restricts(store: SqlStore, scope: Scope, found: list[int]) -> None:
    """Each field of a scope leaves out what does not match; a missing start counts from storing."""
    store.executions.write(
        [
            execution(1, model="m", started_at=NOON - timedelta(microseconds=1)),
            execution(2, version="v2", started_at=NOON),
            execution(3, suite="s"),
            execution(4, slice="billing", model="m", source="experiment"),
            execution(5, prompt="other", started_at=NOON + timedelta(hours=1)),
        ]
    )
    assert store.executions.columns(scope).seq.tolist() == found


def test_counts_name_what_is_dropped(store: SqlStore) -> None:
    """Skipped executions and those without a version are dropped; nothing is lost."""
    rows = [
        execution(1, rating=5, retries=0),
        execution(2, "failed", version="v2", retries=3),
        execution(3, "unscored", version="v2"),
        execution(4, "skipped", rating=1),
        execution(5, version=None),
    ]
    store.executions.write(rows)
    counts = store.executions.counts(TRIAGE)
    assert counts.stored == 5
    assert counts.by_outcome == {Outcome.PASSED: 1, Outcome.FAILED: 1, Outcome.UNSCORED: 1}
    assert [(part.reason, part.count) for part in counts.dropped] == [("no version", 1), ("skipped", 1)]
    assert (counts.versions, counts.rated, counts.retried) == (("v2", "v1"), 1, 1)


def test_digest_knows_content_and_not_order(store: SqlStore) -> None:
    """The same executions in another order have the same digest, any change another."""
    rows = [execution(n) for n in range(40)]
    store.executions.write(rows)
    first = store.executions.digest(TRIAGE)
    shuffled = random.Random(3).sample(rows, len(rows))
    other = open_store("sqlite://")
    other.executions.write(shuffled)
    assert other.executions.digest(TRIAGE) == first
    other.executions.write([execution(7, "failed")])
    assert other.executions.digest(TRIAGE) != first
    assert other.executions.digest(Scope(prompt="none")) != first


def test_texts_come_oldest_first(store: SqlStore) -> None:
    """Failures hold failed and errored executions, passes the passed ones, at most limit."""
    outcomes = ["failed", "passed", "error", "skipped", "passed", "failed"]
    store.executions.write([execution(n, outcome) for n, outcome in enumerate(outcomes)])
    assert ids(store.executions.failures(TRIAGE, 10)) == ["run-0", "run-2", "run-5"]
    assert ids(store.executions.failures(TRIAGE, 2)) == ["run-0", "run-5"]
    assert ids(store.executions.passes(TRIAGE, 10)) == ["run-1", "run-4"]


def test_texts_are_spread_over_the_window(store: SqlStore) -> None:
    """Of more than are read, oldest and newest are there, every fifth has its share, most stay chosen."""
    store.executions.write([execution(n, "failed") for n in range(1_500)])
    chosen = [int(e.execution_id.removeprefix("run-")) for e in store.executions.failures(TRIAGE, 100)]
    assert len(chosen) == 100
    assert chosen[0] == 0
    assert chosen[-1] == 1_499
    assert all(10 <= sum(part <= n < part + 300 for n in chosen) <= 40 for part in range(0, 1_500, 300))

    store.executions.write([execution(n, "failed") for n in range(1_500, 1_600)])
    again = {int(e.execution_id.removeprefix("run-")) for e in store.executions.failures(TRIAGE, 100)}
    assert len(again & set(chosen)) >= 80


def test_a_session_is_found_again(store: SqlStore) -> None:
    """Executions of one session of one prompt, whatever their outcome."""
    store.executions.write(
        [
            execution(1, session_id="gate-1"),
            execution(2, "skipped", session_id="gate-1"),
            execution(3, session_id="gate-2"),
            execution(4, session_id="gate-1", prompt="other"),
        ]
    )
    assert ids(store.executions.in_session("default", "triage", "gate-1")) == ["run-1", "run-2"]


def test_score_table_pairs_by_case(store: SqlStore) -> None:
    """Means per case and arm; an error counts 0, what has no score does not count, NaN is no run."""
    store.executions.write(
        [
            execution(1, case_id="a", score=0.5, latency_ms=10, cost_usd=1, slice="x"),
            execution(2, case_id="a", score=1, latency_ms=30),
            execution(3, "error", case_id="a", version="v2"),
            execution(4, "unscored", case_id="b", version="v1"),
            execution(5, "skipped", case_id="b", version="v2"),
            execution(6, "failed", case_id="b", version="v2", score=0.25),
            execution(7, case_id="c", version="v3"),
            execution(8, case_id=None),
        ]
    )
    table = store.executions.score_table(TRIAGE, ["v2", "v1", "v9"], "version")
    assert (table.cases, table.slices, table.arms) == (("a", "b"), ("x", None), ("v2", "v1", "v9"))
    np.testing.assert_array_equal(table.scores, [[0, 0.75, np.nan], [0.25, np.nan, np.nan]])
    np.testing.assert_array_equal(table.runs, [[1, 2, 0], [1, 0, 0]])
    np.testing.assert_array_equal(table.latency_ms, [[np.nan, 20, np.nan], [np.nan] * 3])
    np.testing.assert_array_equal(table.cost_usd, [[np.nan, 1, np.nan], [np.nan] * 3])


def test_score_table_tells_models_apart(store: SqlStore) -> None:
    """Arms can be models or agents as well as versions."""
    store.executions.write(
        [execution(1, case_id="a", model="m", agent="x"), execution(2, "failed", case_id="a", model="n")]
    )
    assert store.executions.score_table(TRIAGE, ["m", "n"], "model").scores.tolist() == [[1, 0]]
    assert store.executions.score_table(TRIAGE, ["x"], "agent").scores.tolist() == [[1]]


def test_a_version_is_one_whatever_name_was_recorded(store: SqlStore) -> None:
    """Executions under label, hash and short hash are one version, stored before its text or after."""
    text = "Sort this: {message}"
    version = PromptVersion(prompt="triage", version=content_hash(text), text=text, labels=("v1",))
    names = ["v1", version.version, version.short]
    store.executions.write([execution(n, version=name) for n, name in enumerate(names)])
    store.prompts.add(version)
    store.executions.write([execution(n + 3, "failed", version=name) for n, name in enumerate(names)])
    for ref in ("v1", version.version):
        assert store.executions.counts(Scope(prompt="triage", version=ref)).stored == 6
        assert store.executions.counts(Scope(version=ref)).stored == 6
        table = store.executions.score_table(TRIAGE, [ref], "version")
        assert table.runs.sum() == 6
    assert store.executions.columns(TRIAGE).version.names == (version.version,)
    assert store.executions.counts(TRIAGE).versions == (version.version,)
    with store.database.read() as connection:
        kept = connection.execute(sa.select(EXECUTION.c.version).order_by(EXECUTION.c.seq)).scalars()
        assert list(kept) == names * 2


def test_labels_of_another_prompt_do_not_count(store: SqlStore) -> None:
    """A label belongs to its prompt; the same word elsewhere stays a label."""
    version = PromptVersion(prompt="other", version=content_hash("x"), text="x", labels=("v1",))
    store.prompts.add(version)
    store.executions.write([execution(1)])
    assert store.executions.columns(TRIAGE).version.names == ("v1",)
    assert store.executions.counts(Scope(prompt="triage", version="v1")).stored == 1


def ids(executions: Sequence[Execution]) -> list[str]:
    """Their ids in order."""
    return [found.execution_id for found in executions]
