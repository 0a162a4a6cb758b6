"""Logs of Inspect, as it writes them, on their way into the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trace_files import DATA, counts, imported, stored
from typer.testing import CliRunner

from flywheel.capture.inspect_sample import sample_line
from flywheel.cli.main import app
from flywheel.store.open import SqlStore, open_store

FOLDER = DATA / "inspect"
EVAL = {"task": "capitals", "model": "openai/small-1", "run_id": "run1", "scorers": [{"name": "match"}]}


@pytest.fixture
def memory() -> SqlStore:
    """A store in memory."""
    return open_store("sqlite://")


def sample(**fields: Any) -> dict[str, Any]:
    """A sample that was correct, with fields of its own."""
    return {
        "id": "france",
        "epoch": 1,
        "uuid": "u1",
        "input": "What is the capital of France?",
        "target": "Paris",
        "output": {"model": "small-1", "completion": "Paris"},
        "scores": {"match": {"value": "C"}},
        "metadata": {},
        "model_usage": {"openai/small-1": {"input_tokens": 11, "output_tokens": 2}},
        "started_at": "2026-11-21T14:29:28.196589+00:00",
        "total_time": 0.5,
        "working_time": 0.25,
    } | fields


@pytest.mark.parametrize(
    ("file", "count"), [("log.json", 3), ("log.eval", 6), ("old.eval", 6), ("killed.eval", 2)]
)
def test_every_sample_of_every_epoch_is_one_execution(file: str, count: int, memory: SqlStore):
    """Documents, archives of both packings, and what an eval that was killed left; twice changes nothing."""
    first = imported(FOLDER / file, memory, "inspect", prompt="capitals")
    again = imported(FOLDER / file, memory, "inspect", prompt="capitals")

    assert counts(first) == (count, count, 0, 0, 0)
    assert counts(again) == (count, 0, 0, count, 0)
    assert {(row["prompt"], row["suite"], row["model"]) for row in stored(memory)} == {
        ("capitals", "capitals", "mockllm/model")
    }


@pytest.mark.parametrize("file", ["log.json", "log.eval", "old.eval"])
def test_the_fields_come_from_the_sample(file: str, memory: SqlStore):
    """Answer, target, grade, tokens and error are what Inspect shows."""
    imported(FOLDER / file, memory, "inspect")

    rows = {row["case_id"]: row for row in stored(memory)}

    right, wrong, broken = (rows[f"capitals/{name}"] for name in ("france", "peru", "atlantis"))
    assert (right["outcome"], right["score"], right["output"]) == ("passed", 1.0, "Paris")
    assert (right["inputs"], right["expected"]) == ("What is the capital of France?", "Paris")
    assert (right["input_tokens"], right["output_tokens"], right["cost_usd"]) == (15, 2, None)
    assert right["metadata"]["scores"] == {"includes": "C", "match": "C"}
    assert right["metadata"]["properties"] == {"difficulty": "easy"}
    assert (wrong["outcome"], wrong["score"], wrong["error_type"]) == ("failed", 0.0, "includes")
    assert wrong["inputs"] == [{"role": "user", "content": "What is the capital of Peru?"}]
    assert (broken["outcome"], broken["score"], broken["output"]) == ("error", None, None)
    assert (broken["error_type"], broken["error_message"]) == ("ValueError", "no such country")
    assert all(row["started_at_us"] for row in rows.values())


def test_epochs_are_executions_of_one_case(memory: SqlStore):
    """Two epochs of three samples are three cases with two executions each."""
    imported(FOLDER / "log.eval", memory, "inspect")

    rows = stored(memory)

    assert sorted((row["case_id"], row["metadata"]["epoch"]) for row in rows) == [
        (f"capitals/{name}", epoch) for name in ("atlantis", "france", "peru") for epoch in (1, 2)
    ]
    assert len({row["session_id"] for row in rows}) == 1


@pytest.mark.parametrize(
    ("value", "outcome", "score"),
    [
        ("C", "passed", 1.0),
        ("P", "failed", 0.5),
        ("I", "failed", 0.0),
        ("N", "failed", 0.0),
        (True, "passed", 1.0),
        (0.75, "passed", 0.75),
        ("0.25", "failed", 0.25),
        ("yes", "passed", 1.0),
        (7, "unscored", None),
        (float("nan"), "unscored", None),
        ("B+", "unscored", None),
        ({"tone": 1, "facts": 0}, "unscored", None),
        ([1, 0], "unscored", None),
        (None, "unscored", None),
    ],
)
def test_grades(value: object, outcome: str, score: float | None):
    """Letters and numbers from 0 to 1 are grades; other scales are kept as metadata, unscored."""
    line = sample_line(sample(scores={"match": {"value": value}}), EVAL)

    assert (line["outcome"], line.get("score")) == (outcome, score)


def test_the_first_scorer_of_the_task_decides():
    """The order of the task counts, not that of the sample; the others are metadata."""
    scores = {"style": {"value": "I"}, "match": {"value": "C", "explanation": "same"}}

    line = sample_line(sample(scores=scores), EVAL)

    assert (line["outcome"], line["metadata"]["scores"]) == ("passed", {"style": "I", "match": "C"})
    assert line["metadata"]["explanations"] == {"match": "same"}


def test_tokens_of_caches_and_of_all_models_count():
    """Inspect counts cached tokens apart; with several models each one's use is kept."""
    usage = {
        "a": {
            "input_tokens": 1,
            "input_tokens_cache_read": 2,
            "input_tokens_cache_write": 3,
            "total_cost": 0.5,
        },
        "b": {"input_tokens": 10, "output_tokens": 4, "total_cost": 0.25},
    }

    line = sample_line(sample(model_usage=usage), EVAL)

    assert (line["input_tokens"], line["cost_usd"], "output_tokens" in line) == (16, 0.75, False)
    assert [use["model"] for use in line["models"]] == ["a", "b"]


def test_work_is_the_latency():
    """Waiting for a rate limit is no latency; the whole time is metadata."""
    line = sample_line(sample(), EVAL)

    assert (line["latency_ms"], line["metadata"]["total_ms"]) == (250.0, 500.0)


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        (
            {"choices": ["a", "b"]},
            "inputs",
            {"input": "What is the capital of France?", "choices": ["a", "b"]},
        ),
        ({"output": {"choices": [{"message": {"content": [{"type": "text", "text": "x"}]}}]}}, "output", "x"),
        ({"scores": None, "score": {"value": "I"}}, "outcome", "failed"),
        ({"scores": {}}, "outcome", "unscored"),
        ({"error_retries": [{}, {}]}, "retries", 2),
        ({"metadata": {"flywheel.prompt": "triage"}}, "prompt", "triage"),
        ({"id": 7}, "case_id", "capitals/7"),
    ],
)
def test_fields_of_other_shapes(fields: dict[str, Any], field: str, value: object):
    """Choices, texts in parts, the single score of old logs, samples nobody scored, attempts before."""
    assert sample_line(sample(**fields), EVAL)[field] == value


def test_a_log_without_samples_is_told(memory: SqlStore, tmp_path: Path):
    """`--no-log-samples` leaves a log of numbers only, which is no evidence."""
    (tmp_path / "f").write_text(json.dumps({"version": 2, "eval": EVAL, "results": {}}, indent=1))

    report = imported(tmp_path / "f", memory, "inspect")

    assert report.notes == (f"1 logs without samples were left out of {str(tmp_path / 'f')!r}.",)


def test_the_command_imports_logs(tmp_path: Path):
    """`flywheel import inspect` takes documents and archives together."""
    files = [str(FOLDER / "log.json"), str(FOLDER / "log.eval")]

    done = CliRunner().invoke(
        app, ["import", "inspect", *files, "--store", str(tmp_path / "s.db"), "--prompt", "p", "--json"]
    )

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["stored"] == 9
