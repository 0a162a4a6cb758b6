"""Columns with other names."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from flywheel.capture.lines import LineReader
from flywheel.capture.mapped import MappedReader
from flywheel.capture.mapping import ColumnMapping, load_mapping, mapping_of, parse_pairs, shipped_mappings
from flywheel.capture.reasons import Refusal
from flywheel.errors import MappingError
from flywheel.store.execution_rows import ROW_COLUMNS

Found = dict[str, Any] | Refusal


def read(mapping: ColumnMapping, line: dict[str, Any] | str, prompt: str | None = None) -> Found:
    """The columns of a line as they would be stored, without those that stay NULL."""
    text = line if isinstance(line, str) else json.dumps(line)
    row = MappedReader(mapping, LineReader(), prompt=prompt).row(text.encode())
    if isinstance(row, Refusal):
        return row
    named = dict(zip(ROW_COLUMNS, row, strict=True))
    skipped = {"content_hash", "source", "schema_version", "workspace"}
    return {name: value for name, value in named.items() if value is not None and name not in skipped}


def test_recorded_runs_come_in_with_the_shipped_mapping():
    """Each column of a recorded run finds its field; what has none goes to metadata."""
    line = {
        "run_id": "r1",
        "task_id": "t1",
        "slice": "dates",
        "dataset": "d",
        "model": "m",
        "prompt_version": "v1",
        "input": "why?",
        "output": "so",
        "answer": "no",
        "expected": "yes",
        "passed": False,
        "passed_strict": False,
        "latency_s": 4.291574717,
        "tokens_in": 7,
        "tokens_out": 156,
        "cost_usd": 0.000374,
        "timestamp": "2023-07-02T21:28:40Z",
        "error": "no_final_answer",
        "seed": 3,
    }

    assert read(load_mapping("recorded-runs"), line, prompt="bbh/{slice}") == {
        "execution_id": "r1",
        "case_id": "t1",
        "prompt": "bbh/dates",
        "version": "v1",
        "slice": "dates",
        "model": "m",
        "inputs": '"why?"',
        "output": '"so"',
        "expected": '"yes"',
        "outcome": "failed",
        "score": 0.0,
        "latency_ms": 4291.574717,
        "input_tokens": 7,
        "output_tokens": 156,
        "cost_usd": 0.000374,
        "error_type": "no_final_answer",
        "started_at_us": 1688333320000000,
        "metadata_json": '{"seed":3,"dataset":"d","answer":"no","passed_strict":false}',
    }


def test_what_a_recorded_run_leaves_out_stays_unknown():
    """No latency, tokens or cost are invented."""
    found = read(load_mapping("recorded-runs"), {"run_id": "r1", "passed": True, "answer": None})

    assert found == {"execution_id": "r1", "outcome": "passed", "score": 1.0}


@pytest.mark.parametrize(
    ("pairs", "line", "found"),
    [
        (["ok=outcome"], {"ok": True}, {"outcome": "passed"}),
        (["id=case_id"], {"id": 17, "outcome": "error"}, {"case_id": "17"}),
        (["t*60000=latency_ms"], {"t": 0.5, "outcome": "error"}, {"latency_ms": 30000.0}),
        (["latency_s=latency_ms"], {"latency_s": 0.2, "outcome": "error"}, {"latency_ms": 200.0}),
        (["latency_s*1=latency_ms"], {"latency_s": 0.2, "outcome": "error"}, {"latency_ms": 0.2}),
        (["k*1000=input_tokens"], {"k": 1.5, "outcome": "error"}, {"input_tokens": 1500}),
        (["a*b=output"], {"a*b": 1, "outcome": "error"}, {"output": "1"}),
        (["a=b=output"], {"a=b": 1, "outcome": "error"}, {"output": "1"}),
        (["q=inputs.q", "c=inputs.c"], {"q": 1, "c": 2, "outcome": "error"}, {"inputs": '{"q":1,"c":2}'}),
        (["answer=metadata"], {"answer": 1, "outcome": "error"}, {"metadata_json": '{"answer":1}'}),
        (
            ["answer=metadata.a", "*=metadata"],
            {"answer": 1, "metadata": {"b": 2}, "x": None, "outcome": "error"},
            {"metadata_json": '{"x":null,"b":2,"a":1}'},
        ),
        (
            ["text=output", "*=metadata"],
            {"output": "kept", "text": "used", "outcome": "error"},
            {"output": '"used"', "metadata_json": '{"output":"kept"}'},
        ),
        (["task_id=case_id"], {"case_id": "c", "outcome": "error"}, {"case_id": "c"}),
        (["task_id=case_id"], {"case_id": "c", "task_id": None, "outcome": "error"}, {"case_id": "c"}),
    ],
)
def test_pairs_of_a_command_line_map(pairs: list[str], line: dict[str, Any], found: dict[str, Any]):
    """SOURCE=FIELD renames, scales, gathers and keeps; a column that was mapped comes before one by name."""
    row = read(parse_pairs(pairs), line)

    assert isinstance(row, dict)
    assert {name: value for name, value in row.items() if name in found} == found


@pytest.mark.parametrize(
    ("pairs", "line", "field", "words"),
    [
        (["ok=outcome"], {"ok": "maybe"}, "outcome", "got 'maybe', need one of .* [(]column 'ok'[)]"),
        (["t=latency_ms"], {"t": "1", "outcome": "error"}, "latency_ms", "got '1', need a finite number"),
        (["latency_s=latency_ms"], {"latency_s": "1"}, "latency_ms", "got '1', need a number [(]column"),
        (["latency_s=latency_ms"], {"latency_s": True}, "latency_ms", "got True, need a number"),
        (["latency_s=latency_ms"], {"latency_s": 1e308}, "latency_ms", "need a finite number"),
        (["a=output", "b=output"], {"a": 1, "b": 2}, "output", "comes from two columns with 1 and 2"),
        (["a=inputs", "b=inputs.b"], {"a": 1, "b": 2}, "inputs", "got 1, need an object"),
        (["a=output"], {"a": 1, "output": 2}, "output", "comes from another column too"),
        (["a=output"], {"a": 1, "colour": 2}, "colour", "is no field .* --map colour=metadata"),
        (["*=metadata"], {"metadata": 1, "colour": 2}, "metadata", "got 1, need an object"),
        (["a=output"], '{"a": NaN, "outcome": "error"}', "output", "need finite numbers"),
        (["*=metadata"], '{"a": 1e400, "outcome": "error"}', "metadata", "need finite numbers"),
        (["t=latency_ms"], '{"t": 1e400, "outcome": "error"}', "latency_ms", "need finite numbers"),
        (["a=comment"], '{"a": "\\u0000", "outcome": "error"}', "comment", "NUL"),
        (["a=comment"], '{"a": "\\ud800", "outcome": "error"}', "comment", "half a character"),
        (["a=comment"], '{"a": ', None, "is not JSON"),
        (["a=comment"], "[1]", None, "need a JSON object"),
        (["a=inputs"], '{"outcome": "error", "a": ' + "[" * 256 + "]" * 256 + "}", "inputs", "too deeply"),
        (["a=inputs"], "[" * 100_000, None, "too deeply"),
    ],
)
def test_a_mapped_line_that_is_no_evidence_names_field_and_column(
    pairs: list[str], line: dict[str, Any] | str, field: str | None, words: str
):
    """The refusal names the field, and the column where that is another."""
    refusal = read(parse_pairs(pairs), line)

    assert isinstance(refusal, Refusal)
    assert refusal.field == field
    assert re.search(words, refusal.reason), refusal.reason


TOML = """
description = "all keys"
rest = "metadata"
ignore = ["noise"]
[fields]
verdict = "outcome"
secs = "latency_ms"
[scale]
secs = 1000
[values.verdict]
good = "passed"
bad = "failed"
1 = "passed"
[constants]
suite = "nightly"
started_at = 2026-01-31T12:00:00Z
[defaults]
model = "m1"
"""


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ({"verdict": "good", "secs": 2, "noise": 1}, {"latency_ms": 2000.0, "model": "m1"}),
        ({"verdict": "BAD", "model": "m2", "suite": "x"}, {"score": 0.0, "model": "m2", "suite": "nightly"}),
        ({"verdict": 1, "more": [1]}, {"outcome": "passed", "metadata_json": '{"more":[1]}'}),
        ({"verdict": "passed"}, {"outcome": "passed", "started_at_us": 1769860800000000}),
    ],
)
def test_a_mapping_file_has_tables_for_all_of_it(line: dict[str, Any], found: dict[str, Any], tmp_path: Path):
    """Fields, scale, values, constants, defaults, ignore and rest do what they say."""
    path = tmp_path / "mine.toml"
    path.write_text(TOML)

    row = read(load_mapping(str(path)), line)

    assert isinstance(row, dict)
    assert {name: value for name, value in row.items() if name in found} == found
    assert "noise" not in row.get("metadata_json", "")


def test_a_value_that_a_table_lacks_is_refused(tmp_path: Path):
    """A table of values lists what it takes."""
    mapping = mapping_of("mine", {"fields": {"v": "outcome"}, "values": {"v": {"good": "passed"}}})

    refusal = read(mapping, {"v": "fair"})

    assert isinstance(refusal, Refusal)
    assert refusal.reason == "got 'fair', need one of good (column 'v')"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("[fields]\nrun = 'execution'\n", "names the field 'execution', which does not exist; did you mean"),
        ("[fields]\nrun = 3\n", "names the field 3, need its name as a text"),
        ("[fields]\nrun = 'prompt.name'\n", "names 'prompt.name'; only expected, inputs"),
        ("[field]\nrun = 'prompt'\n", r"has the keys \['field'\]; it may have"),
        ("rest = 'drop'\n", "has rest = 'drop', need one of metadata, reject"),
        ("ignore = 'a'\n", "has ignore = 'a', need a list of columns"),
        ("fields = 3\n", r"has fields = 3, need a table \[fields\]"),
        ("[scale]\nlatency_ms = 'x'\n", "scales 'latency_ms' by 'x', need a number"),
        ("[scale]\nprompt = 2\n", "scales 'prompt', which gives 'prompt'; that is no number"),
        ("[values]\noutcome = 1\n", r"need a table \[values.outcome\]"),
        ("[constants]\ncolour = 1\n", "names the field 'colour'"),
        ("fields = [\n", "is not TOML"),
        ("\xff", "is not TOML"),
    ],
)
def test_a_wrong_mapping_file_says_what_is_wrong(content: str, words: str, tmp_path: Path):
    """What a mapping may not say is refused before any line is read."""
    path = tmp_path / "mine.toml"
    path.write_bytes(content.encode("latin-1"))

    with pytest.raises(MappingError, match=words) as caught:
        load_mapping(str(path))

    assert "Nothing was imported" in str(caught.value)


def test_an_unknown_mapping_lists_the_shipped_ones():
    """A name that is neither shipped nor a path is refused with the names there are."""
    with pytest.raises(MappingError, match="a shipped name: recorded-runs"):
        load_mapping("recorded-run")


@pytest.mark.parametrize("pair", ["case_id", "=case_id", "a=", "a=colour", "*=inputs", ""])
def test_a_wrong_pair_is_refused(pair: str):
    """A pair without both sides, or with a field that does not exist, is named."""
    with pytest.raises(MappingError, match="Nothing was imported"):
        parse_pairs([pair])


def test_pairs_come_before_a_mapping_file():
    """What the command line says about a column counts, with the rest of the file."""
    both = load_mapping("recorded-runs") | parse_pairs(["passed=metadata", "verdict=outcome"])

    assert read(both, {"run_id": "r1", "passed": 3, "verdict": "error"}) == {
        "execution_id": "r1",
        "outcome": "error",
        "metadata_json": '{"passed":3}',
    }


def test_every_shipped_mapping_can_be_loaded():
    """What is shipped is right."""
    for name in shipped_mappings():
        assert load_mapping(name).fields


def test_a_missing_column_of_the_prompt_is_refused():
    """A prompt cannot be named after a column that is not there."""
    refusal = read(ColumnMapping(), {"outcome": "error"}, prompt="bbh/{task}")

    assert refusal == Refusal("prompt", "is named 'bbh/{task}' and column 'task' is null")
