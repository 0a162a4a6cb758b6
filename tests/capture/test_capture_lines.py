"""The fast reading of a line against the records."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flywheel.capture.lines import LineReader, _Line
from flywheel.capture.reasons import FIELDS, NUMBER_FIELDS, Refusal
from flywheel.errors import InputError
from flywheel.records.execution import Execution
from flywheel.store.execution_rows import ROW_COLUMNS, content_hash_of, record_of, row_of

READER = LineReader("shop", "triage", "jsonl")
DEFAULTS = {"workspace": "shop", "prompt": "triage", "source": "jsonl"}

texts = st.one_of(
    st.sampled_from(
        ["", "a", "x" * 300, "x" * 301, "é" * 300, "😀" * 300, "😀" * 301, "a\0b", "12", "\\u0000"]
    ),
    st.text(max_size=5),
)
numbers = st.one_of(
    st.sampled_from([0, 1, 1.0, 0.5, -0.0, -1, 1.5, 5, 6, 12.0, 2**63 - 1, 2**63, 10**30, 1e308, -5e-324]),
    st.integers(-2, 7),
    st.floats(-1, 2),
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, texts),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=6,
)
times = st.one_of(
    st.datetimes().map(lambda moment: moment.isoformat()),
    st.datetimes(timezones=st.timezones()).map(lambda moment: moment.isoformat()),
    st.sampled_from(
        [
            "2023-07-02T21:28:40Z",
            "2023-07-02t21:28:40z",
            "2023-07-02 21:28:40.5+05:30",
            "2023-07-02T21:28:40.9999999Z",
            "2023-07-02T21:28:40.123456789-23:59",
            "2023-07-02T21:28:40+0530",
            "2023-07-02T21:28:40+24:00",
            "2023-07-02T21:28:40+02:60",
            "2023-07-02T21:28Z",
            "2023-07-02T24:00:00Z",
            "2023-07-02T23:59:60Z",
            "2023-02-30T21:28:40Z",
            "0001-01-01T00:00:00Z",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59.999999-14:00",
            "0000-01-01T00:00:00Z",
            "2023-07-02",
            "1688333320",
            "٢٠٢٣-07-02T21:28:40Z",
        ]
    ),
)
uses = st.lists(
    st.fixed_dictionaries(
        {"model": texts},
        optional={
            "confidence": st.one_of(st.none(), numbers),
            "input_tokens": st.one_of(st.none(), numbers),
            "output_tokens": numbers,
            "cost_usd": numbers,
            "latency_ms": st.one_of(numbers, values),
            "price": numbers,
        },
    ),
    max_size=2,
)
outcomes = st.sampled_from(["passed", "failed", "error", "skipped", "unscored"])


def fitting(name: str) -> st.SearchStrategy[Any]:
    """Values that mostly fit a field."""
    if name == "outcome":
        return outcomes
    if name == "started_at":
        return times
    if name == "models":
        return uses
    if name in NUMBER_FIELDS:
        return st.one_of(st.none(), numbers)
    return st.one_of(st.none(), texts) if name not in {"inputs", "output", "expected", "metadata"} else values


lines = st.fixed_dictionaries(
    {"outcome": st.one_of(outcomes, outcomes, outcomes, values)},
    optional={name: st.one_of(fitting(name), fitting(name), values) for name in FIELDS if name != "outcome"}
    | {"extra": values},
)


def by_definition(data: dict[str, Any]) -> tuple[object, ...] | None:
    """The row that the records give, with the rules of docs/evidence.md for a line in a file."""
    complete = {**DEFAULTS, "execution_id": "-", **data}
    complete["prompt"] = (
        complete["prompt"] or complete["prompt"] if complete["prompt"] is not None else "triage"
    )
    listed = complete.get("models")
    in_models = [use for use in listed if isinstance(use, dict)] if isinstance(listed, list) else []
    amounts = [complete.get(name) for name in NUMBER_FIELDS]
    amounts += [value for use in in_models for name, value in use.items() if name != "model"]
    moment = complete.get("started_at")
    columns = [v for k, v in complete.items() if k not in {"inputs", "output", "expected", "metadata"}]
    if any(isinstance(amount, bool | str) for amount in amounts):
        return None
    if moment is not None and not (isinstance(moment, str) and "-" in moment):
        return None
    if any(isinstance(value, str) and "\0" in value for value in columns):
        return None
    try:
        execution = Execution.model_validate(complete)
        return row_of(execution)
    except (ValidationError, OverflowError, InputError):
        return None


@settings(max_examples=600, deadline=None)
@given(data=lines, spaced=st.booleans())
@example(data={"outcome": "passed", "inputs": [[]] * 300, "comment": "a\0"}, spaced=False)
@example(data={"outcome": "unscored", "score": 0}, spaced=True)
def test_a_line_is_taken_or_refused_exactly_as_the_record_is(data: dict[str, Any], spaced: bool):
    """Acceptance and content of the fast reading are those of Execution."""
    line = json.dumps(data, indent=None, separators=(", ", " : ") if spaced else (",", ":")).encode()

    row = READER.row(line)
    expected = by_definition(data)

    if expected is None:
        assert isinstance(row, Refusal)
    elif "execution_id" in data:
        assert row == expected
    else:
        assert row[2:-1] == expected[2:-1]


@settings(max_examples=200, deadline=None)
@given(data=lines)
def test_fields_read_elsewhere_give_the_row_of_their_line(data: dict[str, Any]):
    """A line as bytes and its fields as values give the same row, or are both refused."""
    line = json.dumps(data).encode()

    from_bytes, from_fields = READER.row(line), READER.fields_row(json.loads(line))

    assert isinstance(from_bytes, Refusal) == isinstance(from_fields, Refusal)
    assert isinstance(from_bytes, Refusal) or from_bytes == from_fields


@settings(max_examples=200, deadline=None)
@given(data=lines)
def test_a_row_reads_back_as_the_same_record(data: dict[str, Any]):
    """What is taken can be read back, and gives the same row again."""
    row = READER.row(json.dumps(data).encode())

    assert isinstance(row, Refusal) or row_of(record_of(row[:-1])) == row


def test_the_fast_line_has_the_columns_of_the_store_in_their_order():
    """Fields of the fast line stand in the order of a row."""
    renamed = {"started_at": "started_at_us", "metadata": "metadata_json"}

    assert tuple(renamed.get(name, name) for name in _Line.__struct_fields__) == ROW_COLUMNS[:-1]


@pytest.mark.parametrize(
    ("line", "field", "words"),
    [
        (b'{"outcome": "passed", "score": 1.5}', "score", "got 1.5, need a number from 0 to 1"),
        (b'{"outcome": "passed", "score": "high"}', "score", "got 'high', need a number from 0 to 1"),
        (b'{"outcome": "passed", "latency_ms": "12"}', "latency_ms", "got '12', need a finite number"),
        (
            b'{"outcome": "passed", "latency_ms": -1}',
            "latency_ms",
            "got -1, need a finite number of 0 or more",
        ),
        (b'{"outcome": "passed", "input_tokens": true}', "input_tokens", "got True, need a whole number"),
        (b'{"outcome": "passed", "input_tokens": 1.5}', "input_tokens", "got 1.5, need a whole number"),
        (b'{"outcome": "passed", "retries": 9223372036854775808}', "retries", "below 2**63"),
        (b'{"outcome": "passed", "rating": 6}', "rating", "got 6, need a whole number from 1 to 5"),
        (b'{"outcome": "passed", "latency_ms": NaN}', "latency_ms", "need finite numbers"),
        (b'{"outcome": "passed", "cost_usd": 1e400}', "cost_usd", "need finite numbers"),
        (b'{"outcome": "passed", "inputs": {"a": [NaN]}}', "inputs", "need finite numbers"),
        (b'{"outcome": "passed", "inputs": -Infinity}', "inputs", "need finite numbers"),
        (b'{"outcome": "passed", "started_at": "2026-01-31T12:00:00"}', "started_at", "with an offset"),
        (b'{"outcome": "passed", "started_at": "2026-02-30T12:00:00Z"}', "started_at", "RFC 3339"),
        (
            b'{"outcome": "passed", "started_at": 1769860800}',
            "started_at",
            "got 1769860800, need an RFC 3339",
        ),
        (b'{"outcome": "passed", "started_at": "0001-01-01T00:00:00+14:00"}', "started_at", "RFC 3339"),
        (b'{"outcome": "good"}', "outcome", "got 'good', need one of passed, failed"),
        (b'{"score": 1}', "outcome", "is absent, need one of passed"),
        (b'{"outcome": "passed", "prompt": ""}', "prompt", "got '', need a text of 1 to 300 characters"),
        (b'{"outcome": "passed", "case_id": 17}', "case_id", "got 17, need a text"),
        (b'{"outcome": "unscored", "score": 0.5}', "score", "outcome is 'unscored' but score is 0.5"),
        (
            b'{"outcome": "passed", "taskid": "a"}',
            "taskid",
            "did you mean 'case_id'? Use --map taskid=case_id",
        ),
        (b'{"outcome": "passed", "latencyms": 1}', "latencyms", "did you mean 'latency_ms'?"),
        (b'{"outcome": "passed", "colour": 1}', "colour", "--map colour=metadata"),
        (b'{"run_id": "a", "task_id": "b"}', "run_id", "--mapping recorded-runs"),
        (b'{"outcome": "passed", "models": [{"model": ""}]}', "models[0].model", "got '', need a text"),
        (
            b'{"outcome": "passed", "models": [{"model": "a", "cost_usd": "1"}]}',
            "models[0].cost_usd",
            "number",
        ),
        (b'{"outcome": "passed", "comment": "a\\u0000b"}', "comment", "NUL"),
        (b'{"outcome": "passed", "comment": "\\ud800"}', "comment", "half a character"),
        (b'{"outcome": "passed", "inputs": ["\\udfff"]}', "inputs", "half a character"),
        (b'{"outcome": "passed"', None, "is not JSON"),
        (b"{'outcome': 'passed'}", None, "is not JSON"),
        (b"[1, 2]", None, "got [1, 2], need a JSON object"),
        (b'{"outcome": "passed", "comment": "\xe9"}', None, "byte 34 of the line is 0xe9, need UTF-8"),
        (b"1" * 5000, None, "more than 4300 digits"),
        (b'{"outcome": "passed", "latency_ms": ' + b"9" * 400 + b"}", "latency_ms", "finite"),
        (b'{"outcome": "passed", "inputs": ' + b"[" * 256 + b"]" * 256 + b"}", "inputs", "too deeply"),
        (b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", None, "too deeply"),
        (b"[" * 100_000, None, "too deeply"),
    ],
)
def test_a_refusal_names_the_field_with_what_was_got_and_needed(line: bytes, field: str | None, words: str):
    """A bad line says which field is at fault, what was got and what is needed."""
    refusal = READER.row(line)

    assert isinstance(refusal, Refusal)
    assert refusal.field == field
    assert words in refusal.reason
    assert len(refusal.reason) < 400


@pytest.mark.parametrize(
    ("line", "column", "value"),
    [
        (b'{"outcome": "passed"}', "score", 1.0),
        (b'{"outcome": "failed", "score": null}', "score", 0.0),
        (b'{"outcome": "error"}', "score", None),
        (b'{"outcome": "passed"}', "latency_ms", None),
        (b'{"outcome": "passed"}', "workspace", "shop"),
        (b'{"outcome": "passed", "workspace": "lab"}', "workspace", "lab"),
        (b'{"outcome": "passed"}', "prompt", "triage"),
        (b'{"outcome": "passed", "prompt": "reply"}', "prompt", "reply"),
        (b'{"outcome": "passed"}', "source", "jsonl"),
        (b'{"outcome": "passed", "input_tokens": 12.0}', "input_tokens", 12),
        (b'{"outcome": "passed", "inputs": { "b" : 1, "a" : "\xc3\xa9" } }', "inputs", '{"b":1,"a":"é"}'),
        (b'{"outcome": "passed", "inputs": null}', "inputs", None),
        (b'{"outcome": "passed", "models": []}', "models", None),
        (b'{"outcome": "passed", "inputs": "a\\u0000"}', "inputs", '"a\\u0000"'),
        (b'{"outcome": "passed", "started_at": "1970-01-01T01:00:00.000001+01:00"}', "started_at_us", 1),
    ],
)
def test_what_a_line_leaves_out_is_filled_or_stays_unknown(line: bytes, column: str, value: object):
    """Scores follow from outcomes, names from the settings; unknown numbers stay NULL."""
    row = READER.row(line)

    assert dict(zip(ROW_COLUMNS, row, strict=True))[column] == value


def test_spacing_and_order_of_keys_make_no_other_content():
    """The same line from another tool is the same content."""
    one = READER.row(b'{"outcome":"passed","execution_id":"r1","score":1,"inputs":{"a":[1,2]}}')
    other = READER.row(
        b' { "inputs" : {"a": [1,  2]}, "score" : 1.0, "execution_id":"\\u00721", "outcome":"passed" }\r\n'
    )

    assert one == other


def test_a_missing_id_is_derived_from_content_alone():
    """Equal lines without an id are one execution, in any workspace and from any format."""
    first = READER.row(b'{"outcome": "passed", "inputs": {"q": 1}}')
    spaced = LineReader("lab", "triage", "csv").row(b'{"inputs": {"q":1}, "outcome":"passed"}')
    other = READER.row(b'{"outcome": "passed", "inputs": {"q": 2}}')

    assert first[1] == spaced[1] != other[1]
    assert first[-1] == content_hash_of(first[:-1])
    assert math.isclose(len(str(first[1])), 32)
