"""Spans of OpenTelemetry, as real instrumentations write them, on their way into the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from trace_files import DATA, counts, imported, stored

from flywheel.capture.foreign import LeftOut
from flywheel.capture.otel import span_line
from flywheel.store.open import SqlStore, open_store

CHAT = {"gen_ai.operation.name": "chat", "gen_ai.request.model": "small-1"}
TIMES = {"startTimeUnixNano": "1795264840000000000", "endTimeUnixNano": "1795264841500000000"}
QUESTION = [
    {"role": "system", "content": "Answer in one word."},
    {"role": "user", "content": "What is the capital of France?"},
]


@pytest.fixture
def memory() -> SqlStore:
    """A store in memory."""
    return open_store("sqlite://")


def span(number: int = 1, events: Any = None, **attributes: Any) -> dict[str, Any]:
    """A span that calls a model, with attributes of its own."""
    given = CHAT | {name.replace("__", "."): value for name, value in attributes.items()}
    return {
        "traceId": "a" * 32,
        "spanId": f"{number:016x}",
        "name": "chat small-1",
        **TIMES,
        "attributes": [{"key": key, "value": typed(value)} for key, value in given.items()],
        **({"events": events} if events else {}),
    }


def typed(value: Any) -> dict[str, Any]:
    """A value with its type, as OTLP has it."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    return {"doubleValue": value} if isinstance(value, float) else {"stringValue": value}


def request(*spans: dict[str, Any], service: str | None = "concierge") -> dict[str, Any]:
    """A request of OTLP."""
    named = {"attributes": [{"key": "service.name", "value": {"stringValue": service}}]}
    group: dict[str, Any] = {"scopeSpans": [{"spans": list(spans)}]}
    return {"resourceSpans": [group if service is None else {"resource": named, **group}]}


def written(path: Path, *requests: Any, indent: int | None = None) -> Path:
    """A file of requests, one a line where they are not indented."""
    path.write_text("".join(f"{json.dumps(one, indent=indent)}\n" for one in requests))
    return path


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("genai.jsonl", True),
        ("openinference.jsonl", True),
        ("openllmetry-protobuf.json", True),
        ("openllmetry-old.json", True),
        ("openai-v2-old.json", False),
        ("langsmith.json", True),
        ("vercel.json", True),
    ],
)
def test_every_instrumentation_gives_the_same_execution(file: str, content: bool, memory: SqlStore):
    """The same call has the same model, tokens and texts, whichever names its attributes have."""
    imported(DATA / "otel" / file, memory, "otel", prompt="capitals")

    first, failed = stored(memory)[:2]

    assert (first["model"], first["input_tokens"], first["output_tokens"]) == ("small-1", 11, 2)
    assert (first["inputs"], first["output"]) == ((QUESTION, "Paris") if content else (None, None))
    assert (first["prompt"], first["outcome"], first["source"]) == ("capitals", "unscored", "otel")
    assert first["metadata"]["response_model"] == "small-1-2026-05-01"
    assert 0 < first["latency_ms"] < 1000
    assert (failed["outcome"], failed["model"], failed["score"]) == ("error", "small-1", None)
    assert "Rate limit reached" in failed["error_message"]
    assert failed["output"] is None


@pytest.mark.parametrize(
    ("file", "calls"),
    [
        ("genai.jsonl", 4),
        ("openinference.jsonl", 4),
        ("openllmetry-protobuf.json", 4),
        ("langsmith.json", 2),
        ("vercel.json", 3),
    ],
)
def test_spans_of_other_kinds_are_counted_not_stored(file: str, calls: int, memory: SqlStore):
    """Embeddings and the spans of the program are no executions, and a note says how many there were."""
    path = DATA / "otel" / file

    first, again = imported(path, memory, "otel"), imported(path, memory, "otel")

    assert counts(first) == (calls, calls, 0, 0, 0)
    assert counts(again) == (calls, 0, 0, calls, 0)
    left_out = {4: 2, 3: 3, 2: 1}[calls]
    assert first.notes == (f"{left_out} spans that are no call of a model were left out of {str(path)!r}.",)


@pytest.mark.parametrize("file", ["genai.jsonl", "openinference.jsonl", "langsmith.json", "vercel.json"])
def test_the_class_of_an_error_is_known(file: str, memory: SqlStore):
    """It comes from the exception, from the span, or from the text that stands for both."""
    imported(DATA / "otel" / file, memory, "otel")

    assert stored(memory)[1]["error_type"].endswith(("RateLimitError", "AI_APICallError"))


@pytest.mark.parametrize("file", ["openinference.jsonl", "openllmetry-old.json"])
def test_numbered_attributes_become_objects(file: str, memory: SqlStore):
    """`tool_calls.0.name` is the name of the first call of a tool."""
    imported(DATA / "otel" / file, memory, "otel")

    call = stored(memory)[2]["output"][0]["tool_calls"][0]

    assert call.get("name") or call["tool_call"]["function"]["name"] == "get_weather"


def test_ids_in_base64_and_in_hex_are_the_same_id():
    """Protobuf turned into JSON has ids in base64, OTLP has them in hex."""
    hexed = span() | {"traceId": "13587af4e482fc8a5a99e0776a140509", "spanId": "347e2a421403abbe"}
    based = span() | {"trace_id": "E1h69OSC/IpameB3ahQFCQ==", "span_id": "NH4qQhQDq74="}
    del based["traceId"], based["spanId"]

    lines = [span_line(one) for one in (hexed, based)]

    assert not isinstance(lines[0], LeftOut)
    assert lines[0] == lines[1]
    assert lines[0]["execution_id"] == "13587af4e482fc8a5a99e0776a140509-347e2a421403abbe"


def test_messages_in_events_are_inputs():
    """Instrumentations of 2024 put each message into an event of its own."""
    events = [
        {"name": "gen_ai.user.message", "attributes": [{"key": "content", "value": {"stringValue": "Why?"}}]},
        {
            "name": "gen_ai.choice",
            "attributes": [{"key": "message", "value": {"stringValue": '{"content": "Because."}'}}],
        },
    ]

    line = span_line(span(events=events))

    assert not isinstance(line, LeftOut)
    assert line["inputs"] == [{"role": "user", "content": "Why?"}]
    assert line["output"] == "Because."


@pytest.mark.parametrize(
    ("given", "outcome", "score"),
    [
        ({"score.value": 0.9}, "passed", 0.9),
        ({"score.value": 0.2}, "failed", 0.2),
        ({"score.label": "fail"}, "failed", 0.0),
        ({"score.label": "pass", "score.value": 0.3}, "passed", 0.3),
        ({"score.label": "helpful"}, "unscored", None),
    ],
)
def test_an_evaluation_gives_outcome_with_score(
    given: dict[str, Any], outcome: str, score: float | None, memory: SqlStore, tmp_path: Path
):
    """A label decides where it says passed or failed, else the score does."""
    attributes = [{"key": f"gen_ai.evaluation.{key}", "value": typed(value)} for key, value in given.items()]
    event = {"name": "gen_ai.evaluation.result", "attributes": attributes}

    imported(written(tmp_path / "f", request(span(events=[event]))), memory, "otel")

    assert [(row["outcome"], row["score"]) for row in stored(memory)] == [(outcome, score)]


def test_own_attributes_name_fields(memory: SqlStore, tmp_path: Path):
    """`flywheel.prompt` on a span or its resource gives the prompt, whatever the instrumentation knows."""
    one = span(flywheel__prompt="triage", flywheel__case_id="c1", flywheel__outcome="failed")

    imported(written(tmp_path / "f", request(one)), memory, "otel", prompt="other")

    row = stored(memory)[0]
    assert (row["prompt"], row["case_id"], row["outcome"], row["score"]) == ("triage", "c1", "failed", 0.0)


@pytest.mark.parametrize("indent", [None, 1])
def test_each_span_has_its_own_service(indent: int | None, memory: SqlStore, tmp_path: Path):
    """A request of several services, one without a name, keeps them apart."""
    groups = [request(span(n), service=name)["resourceSpans"][0] for n, name in enumerate("ab")]
    groups.append(request(span(9), service=None)["resourceSpans"][0])

    imported(written(tmp_path / "f", {"resourceSpans": groups}, indent=indent), memory, "otel")

    assert [row["metadata"].get("service") for row in stored(memory)] == ["a", "b", None]


def test_older_names_of_the_groups_are_known(memory: SqlStore, tmp_path: Path):
    """Names of protobuf, of OTLP before 1.0, and of Tempo hold spans too."""
    documents = [
        {"resource_spans": [{"scope_spans": [{"spans": [span(1)]}]}]},
        {"resourceSpans": [{"instrumentationLibrarySpans": [{"spans": [span(2)]}]}]},
        {"batches": [{"scopeSpans": [{"spans": [span(3)]}]}]},
        span(4),
    ]

    report = imported(written(tmp_path / "f", *documents), memory, "otel")

    assert counts(report) == (4, 4, 0, 0, 0)


def test_the_command_imports_spans(tmp_path: Path):
    """`flywheel import otel` takes what the exporter wrote."""
    from typer.testing import CliRunner

    from flywheel.cli.main import app

    done = CliRunner().invoke(
        app,
        ["import", "otel", str(DATA / "otel" / "genai.jsonl"), "--store", str(tmp_path / "s.db"), "--json"],
    )

    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["stored"] == 4
