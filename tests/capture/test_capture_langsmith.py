"""Runs of LangSmith become executions: one for each trace, with what was said of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flywheel.capture.foreign import LeftOut
from flywheel.capture.importing import ImportReport, ImportSettings, import_file
from flywheel.capture.langsmith_feedback import judged, verdict_fields
from flywheel.capture.langsmith_runs import run_line
from flywheel.capture.lines import LineReader
from flywheel.capture.reasons import Refusal
from flywheel.records.columns import Scope
from flywheel.store.open import SqlStore, open_store

SAMPLE = Path(__file__).parents[1] / "data" / "langsmith_runs.jsonl"
"""Written by langsmith 0.14.17: a traced application, one call of LangChain, feedback on three traces."""

TIMES = {"start_time": "2026-11-20T08:00:00", "end_time": "2026-11-20T08:00:01.500"}
ROOT = {"id": "r1", "trace_id": "r1", "run_type": "chain", "name": "triage", "status": "success", **TIMES}
CALL = {**ROOT, "id": "c1", "run_type": "llm", "parent_run_id": "r1"}


def imported(text: str, folder: Path, store: SqlStore | None = None) -> ImportReport:
    """Import a text as a file."""
    path = folder / "runs.json"
    path.write_text(text, encoding="utf-8")
    settings = ImportSettings(format="langsmith", quarantine_folder=folder / "quarantine")
    return import_file(path, store or open_store("sqlite://"), settings)


def test_an_export_of_the_sdk_comes_in(tmp_path: Path):
    """Each trace of the sample is one execution with what was said of it; repeating changes nothing."""
    store = open_store("sqlite://")

    first = imported(SAMPLE.read_text(encoding="utf-8"), tmp_path, store)
    again = imported(SAMPLE.read_text(encoding="utf-8"), tmp_path, store)
    scope = Scope(prompt="triage", version="v1", slice="mail")
    counts = store.executions.counts(scope)
    failures = {one.outcome.value: one for one in store.executions.failures(scope, 10)}
    passed = store.executions.passes(scope, 10)

    assert (first.read, first.stored, first.rejected, again.unchanged) == (5, 5, 0, 5)
    assert {key.value: n for key, n in counts.by_outcome.items() if n} == {
        "passed": 1,
        "failed": 1,
        "error": 1,
        "unscored": 1,
    }
    assert counts.rated == 1
    assert failures["failed"].score == 0
    assert (failures["error"].error_type, failures["error"].error_message[:14]) == (
        "TimeoutError",
        "no answer in 3",
    )
    assert (passed[0].output, passed[0].comment, passed[0].session_id) == ("billing", "right team", "t-1")


@pytest.mark.parametrize(
    "shape", [lambda runs: runs, lambda r: {"runs": r, "cursors": {}}, lambda r: {"items": r}]
)
def test_answers_of_the_api_are_files_too(shape: Any, tmp_path: Path):
    """A list of runs, a page of the old API, a page of the new one give the same."""
    assert imported(json.dumps(shape([ROOT, CALL]), indent=1), tmp_path).stored == 1


def test_both_generations_of_the_api_say_the_same():
    """Upper case, other names, numbers in place of texts: the line is equal to the byte."""
    old = {**CALL, "session_id": "p1", "extra": {"metadata": {"ls_model_name": "m"}}, "total_cost": "0.25"}
    old |= {"prompt_tokens": 3, "completion_tokens": 4, "feedback_stats": {"correct": {"n": 1, "avg": 1}}}
    new = {k: v for k, v in old.items() if k not in ("session_id", "extra", "parent_run_id")} | {
        "run_type": "LLM",
        "status": "SUCCESS",
        "project_id": "p1",
        "metadata": {"ls_model_name": "m"},
        "parent_run_ids": ["r1"],
        "total_cost": 0.25,
        "start_time": TIMES["start_time"] + "Z",
        "end_time": TIMES["end_time"] + "Z",
    }

    assert run_line(new) == run_line(old)
    assert run_line(old)["cost_usd"] == 0.25


def test_nested_runs_count_with_their_trace(tmp_path: Path):
    """A call inside of a stored trace is left out, wherever it stands; alone or judged it is one."""
    spoken = {**CALL, "id": "c2", "feedback_stats": {"correct": {"n": 1, "avg": 0}}}
    tool = {**CALL, "id": "t1", "run_type": "tool"}
    lonely = {**CALL, "id": "c3", "trace_id": "elsewhere", "parent_run_id": "elsewhere"}

    report = imported("\n".join(map(json.dumps, (CALL, spoken, tool, lonely, ROOT))), tmp_path)

    assert (report.read, report.stored) == (3, 3)
    assert "2 runs inside of others" in report.notes[0]


def test_unfinished_runs_wait():
    """A run that has not ended is no execution yet."""
    assert isinstance(run_line({**ROOT, "status": "pending", "end_time": None}), LeftOut)
    assert isinstance(run_line({**ROOT, "status": "PENDING"}), LeftOut)


def test_unknown_is_not_zero():
    """Zeros that nobody counted are no tokens; a run nobody judged has no score."""
    line = run_line(
        {**ROOT, "prompt_tokens": 0, "completion_tokens": 0, "total_tokens": 0, "total_cost": None}
    )

    assert "input_tokens" not in line
    assert "cost_usd" not in line
    assert (line["outcome"], line.get("score")) == ("unscored", None)


@pytest.mark.parametrize(
    ("stats", "outcome", "score", "rating"),
    [
        ({"correctness": {"n": 4, "avg": 0.75}, "tone": {"n": 1, "avg": 0.0}}, "passed", 0.75, None),
        ({"anything": {"n": 1, "avg": 0.25}}, "failed", 0.25, None),
        ({"tone": {"n": 1, "avg": 1.0}, "length": {"n": 1, "avg": 0.0}}, "unscored", None, None),
        ({"stars": {"n": 1, "avg": 4}}, "unscored", None, 4),
        ({"correct": {"n": 2, "values": {"Yes": 1, "no": 1}}}, "passed", 0.5, None),
        ({"mood": {"n": 1, "values": {"happy": 1}}}, "unscored", None, None),
        ({"score": {"n": 1, "avg": 87}}, "unscored", None, None),
        ({"score": {"n": 0, "avg": None}}, "unscored", None, None),
    ],
)
def test_feedback_is_read_for_what_it_says(stats: Any, outcome: str, score: Any, rating: Any):
    """A known key decides, a single one too; stars are a rating; what cannot be understood gives no score."""
    fields = verdict_fields(judged({"feedback_stats": stats}))

    assert (fields["outcome"], fields["score"], fields["rating"]) == (outcome, score, rating)


def test_an_error_stays_an_error_whatever_was_said_of_it():
    """Feedback does not turn a failed run into a passed one; its comment is kept."""
    line = run_line({**ROOT, "error": "boom", "feedback": [{"key": "correct", "score": 1, "comment": "ok"}]})

    assert (line["outcome"], line.get("score"), line["comment"]) == ("error", None, "ok")


def test_what_is_no_run_goes_into_quarantine(tmp_path: Path):
    """Other objects, broken lines, other values are rejected with their position; the rest comes in."""
    report = imported("\n".join((json.dumps(ROOT), '{"a": 1}', "{broken", "[3]", "null")), tmp_path)

    assert (report.stored, report.rejected) == (1, 4)
    assert report.rejections[0].position == 2
    assert "need a run of LangSmith" in report.rejections[0].reason
    assert report.quarantine_path is not None
    assert '{"a": 1}' in report.quarantine_path.read_text(encoding="utf-8")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
KEYS = [
    *("start_time", "end_time", "status", "error", "error_preview", "inputs", "outputs", "extra", "metadata"),
    *("feedback", "feedback_stats", "tags", "parent_run_id", "parent_run_ids", "trace_id", "is_root"),
    *("prompt_tokens", "completion_tokens", "total_cost", "latency_seconds", "first_token_time"),
    *("thread_id", "session_id", "reference_example_id", "run_type", "name"),
]


def some(*keys: str) -> st.SearchStrategy[dict[str, Any]]:
    """An object with some of these keys and any values."""
    return st.dictionaries(st.sampled_from(keys), JSON)


INSIDE = st.fixed_dictionaries(
    {},
    optional={
        "metadata": some("flywheel.score", "ls_model_name", "usage_metadata"),
        "correctness": some("n", "avg", "values", "comments"),
        "messages": st.lists(st.lists(some("id", "lc", "kwargs", "content"))),
        "generations": st.lists(st.lists(some("text", "message"), max_size=2)),
        "choices": st.lists(some("message"), max_size=2),
    },
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(run=st.dictionaries(st.sampled_from(KEYS), JSON | INSIDE), own=st.text(min_size=1, max_size=8))
def test_no_run_breaks_the_import(run: dict[str, Any], own: str):
    """Whatever stands in a run, it gives a row, a reason, or is left out."""
    line = run_line({**run, "id": own})
    if isinstance(line, dict):
        row = LineReader("default", None, "langsmith").fields_row(line)

        assert isinstance(row, tuple | Refusal)
    else:
        assert isinstance(line, LeftOut)
