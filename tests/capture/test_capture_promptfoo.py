"""Results of promptfoo, as it writes them, on their way into the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trace_files import DATA, counts, imported, stored
from typer.testing import CliRunner

from flywheel.capture.promptfoo import result_line
from flywheel.cli.main import app
from flywheel.store.open import SqlStore, open_store

FOLDER = DATA / "promptfoo"


@pytest.fixture
def memory() -> SqlStore:
    """A store in memory."""
    return open_store("sqlite://")


def result(**fields: Any) -> dict[str, Any]:
    """A result that passed, with fields of its own."""
    return {
        "id": "r1",
        "success": True,
        "score": 1,
        "failureReason": 0,
        "vars": {"city": "Rome"},
        "provider": {"id": "openai:small-1", "label": ""},
        "prompt": {"raw": "Where is Rome?", "label": "short"},
        "response": {"output": "Italy", "tokenUsage": {"prompt": 3, "completion": 1, "total": 4}},
        "gradingResult": {"pass": True, "score": 1, "componentResults": [{"pass": True, "assertion": {}}]},
        "testCase": {"vars": {"city": "Rome"}, "assert": [{"type": "equals", "value": "Italy"}]},
        "latencyMs": 12,
    } | fields


@pytest.mark.parametrize(
    ("file", "count"), [("version3.json", 16), ("version3.jsonl", 16), ("version2.json", 3)]
)
def test_every_result_is_one_execution(file: str, count: int, memory: SqlStore):
    """Each prompt with each provider on each test, once for each repeat; repeating changes nothing."""
    first = imported(FOLDER / file, memory, "promptfoo", prompt="capitals")
    again = imported(FOLDER / file, memory, "promptfoo", prompt="capitals")

    assert counts(first) == (count, count, 0, 0, 0)
    assert counts(again) == (count, 0, 0, count, 0)
    assert {row["prompt"] for row in stored(memory)} == {"capitals"}


@pytest.mark.parametrize("file", ["version3.json", "version2.json"])
def test_the_fields_come_from_the_result(file: str, memory: SqlStore):
    """Answer, tokens, cost, verdict of the assertions, errors of the provider are what promptfoo showed."""
    imported(FOLDER / file, memory, "promptfoo")

    rows = {row["inputs"]["country"]: row for row in stored(memory)}

    right, wrong, broken = rows["France"], rows["Peru"], rows["Atlantis"]
    assert (right["outcome"], right["score"], right["output"]) == ("passed", 1.0, "Paris")
    assert (right["input_tokens"], right["output_tokens"], right["cost_usd"]) == (11, 2, 0.0001)
    assert right["metadata"]["named_scores"] == {"accuracy": 1}
    assert (wrong["outcome"], wrong["score"], wrong["expected"]) == ("failed", 0.0, "Lima")
    assert (wrong["error_type"], "Lima" in wrong["error_message"]) == ("equals", True)
    assert (broken["outcome"], broken["score"], broken["output"]) == ("error", None, None)
    assert broken["error_message"] == "API error: 500 Internal Server Error"
    assert (broken["input_tokens"], broken["cost_usd"]) == (None, None)


def test_prompts_are_versions_on_common_cases(memory: SqlStore):
    """Labels of prompts are versions, and both versions have the same cases: they can be compared."""
    imported(FOLDER / "version3.json", memory, "promptfoo")

    rows = stored(memory)

    cases = {
        version: {row["case_id"] for row in rows if row["version"] == version} for version in versions(rows)
    }
    assert sorted(cases) == ["long", "short: short.txt: What is the capital of {{country}}?"]
    assert len({frozenset(names) for names in cases.values()}) == 1
    assert {row["model"] for row in rows} == {"model-a"}
    assert {row["session_id"] for row in rows} == {"eval-56P-2026-11-21T13:55:37"}
    assert {row["started_at_us"] for row in rows} == {1795269337324000}


def versions(rows: list[dict[str, Any]]) -> set[str]:
    """Versions that rows have."""
    return {row["version"] for row in rows}


def test_repeats_are_one_case(memory: SqlStore):
    """Repeats have numbers as tests of their own in promptfoo; here they are executions of one case."""
    imported(FOLDER / "version3.jsonl", memory, "promptfoo")

    names = [row["case_id"] for row in stored(memory)]

    assert sorted(names.count(name) for name in set(names)) == [4, 4, 4, 4]


def test_a_result_without_assertions_is_unscored(memory: SqlStore):
    """It counts as passed with a score of 1 in promptfoo, but nobody looked at the answer."""
    imported(FOLDER / "version3.json", memory, "promptfoo")

    row = next(row for row in stored(memory) if row["inputs"] == {"country": "Italy"})

    assert (row["outcome"], row["score"], row["metadata"]["reason"]) == ("unscored", None, "No assertions")


def test_what_is_unknown_is_not_zero():
    """A cost of 0 that no provider told, tokens of 0, and the time a cache took are unknown."""
    told = {"prompt": 0, "completion": 0, "total": 0}
    unknown = result_line(result(cost=0, response={"output": "x", "tokenUsage": told}))
    cached = result_line(result(response={"output": "x", "cached": True, "cost": 0}))
    free = result_line(result(response={"output": "x", "cost": 0}))

    assert {"cost_usd", "input_tokens", "output_tokens"}.isdisjoint(unknown)
    assert {"cost_usd", "latency_ms"}.isdisjoint(cached)
    assert free["cost_usd"] == 0


def test_a_score_on_another_scale_is_kept_apart():
    """A score of 7 of a grader of one's own is metadata; promptfoo's verdict gives the outcome."""
    line = result_line(result(score=7))

    assert ("score" in line, line["outcome"], line["metadata"]["score"]) == (False, "passed", 7)


@pytest.mark.parametrize(
    ("fields", "field", "value"),
    [
        ({"provider": "openai:small-1"}, "model", "openai:small-1"),
        ({"provider": {"id": "openai:small-1", "label": "warm"}}, "model", "warm"),
        ({"prompt": {"raw": "x", "label": "y" * 500}, "promptId": "abc"}, "version", "abc"),
        ({"vars": {}, "testCase": {}}, "inputs", "Where is Rome?"),
        ({"metadata": {"pluginId": "pii"}}, "slice", "pii"),
        ({"metadata": {"flywheel.prompt": "triage"}}, "prompt", "triage"),
        ({"gradingResult": {"comment": "rude", "reason": "x"}}, "comment", "rude"),
    ],
)
def test_fields_of_other_shapes(fields: dict[str, Any], field: str, value: object):
    """Providers that are names, labels that are whole prompts, tests without variables, comments."""
    assert result_line(result(**fields))[field] == value


def test_the_command_imports_results(tmp_path: Path):
    """`flywheel import promptfoo` takes both files of one eval; the second one adds nothing new."""
    files = [str(FOLDER / "version3.json"), str(FOLDER / "version3.json")]

    done = CliRunner().invoke(
        app, ["import", "promptfoo", *files, "--store", str(tmp_path / "s.db"), "--prompt", "p", "--json"]
    )

    assert done.exit_code == 0, done.output
    answer = json.loads(done.stdout)
    assert (answer["stored"], answer["unchanged"]) == (16, 16)
