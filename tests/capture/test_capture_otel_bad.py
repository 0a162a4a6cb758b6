"""Spans of OpenTelemetry that are cut, wrong, huge or spoilt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_capture_otel import request, span, written
from trace_files import CHANGES, CUTS, DATA, changed, check_survival, counts, cut, imported, peak_of, stored

from flywheel.capture.otel import otel_items
from flywheel.errors import InputError
from flywheel.store.open import SqlStore, open_store

STORE = open_store("sqlite://")
"""One for all examples, each in a workspace of its own."""

FILES = sorted((DATA / "otel").glob("*.json*"))


@pytest.fixture
def memory() -> SqlStore:
    """A store in memory."""
    return open_store("sqlite://")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FILES), CHANGES)
def test_odd_values_do_not_break_the_import(file: Path, changes: list[tuple[int, Any]]):
    """Whatever stands in a field, the span is stored or rejected with a reason."""
    document = changed(json.loads(file.read_text()), changes)

    check_survival(json.dumps(document).encode(), STORE, "otel")
    check_survival(json.dumps(document, indent=1).encode(), STORE, "otel")


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(FILES), CUTS)
def test_spoilt_bytes_do_not_break_the_import(file: Path, cuts: list[tuple[float, int, bytes]]):
    """Bytes lost or put in anywhere cost some spans, never the import."""
    check_survival(cut(file.read_bytes(), cuts), STORE, "otel")


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_at_all(content: bytes):
    """A file of anything is refused or read."""
    check_survival(content, STORE, "otel")


@pytest.mark.parametrize("indent", [None, 1])
def test_a_cut_file_keeps_what_came_before(indent: int | None, memory: SqlStore, tmp_path: Path):
    """A file that ends in the middle gives the spans before, then says that it ends."""
    path = written(tmp_path / "f", request(span(1), span(2)), request(span(3), span(4)), indent=indent)
    path.write_bytes(path.read_bytes()[:-200])

    report = imported(path, memory, "otel")

    assert (report.stored, report.rejected) == ((2, 1) if indent is None else (3, 1))
    place = "span 3, line 2" if indent is None else "span 4, line"
    assert report.rejections[0].place.startswith(place)
    assert indent is None or "ends in the middle" in report.rejections[0].reason


@pytest.mark.parametrize(
    ("attributes", "field"),
    [
        ({"gen_ai__usage__input_tokens": -3}, "input_tokens"),
        ({"gen_ai__usage__cost": 1e999}, "cost_usd"),
        ({"gen_ai__usage__output_tokens": "many"}, "output_tokens"),
        ({"flywheel__score": 3.0}, "score"),
    ],
)
def test_impossible_numbers_are_rejected(
    attributes: dict[str, Any], field: str, memory: SqlStore, tmp_path: Path
):
    """The span goes to quarantine with the field at fault; the others are stored."""
    report = imported(written(tmp_path / "f", request(span(1, **attributes), span(2))), memory, "otel")

    assert counts(report) == (2, 1, 0, 0, 1)
    assert (report.rejections[0].position, report.rejections[0].field) == (1, field)


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"startTimeUnixNano": "1795264841500000000", "endTimeUnixNano": "1"}, "latency_ms"),
        ({"startTimeUnixNano": "9" * 30}, "started_at"),
        ({"startTimeUnixNano": "yesterday"}, "started_at"),
    ],
)
def test_impossible_times_are_rejected(times: dict[str, str], field: str, memory: SqlStore, tmp_path: Path):
    """A span that ends before it starts, or starts in no year, is no evidence."""
    report = imported(written(tmp_path / "f", request(span(1) | times)), memory, "otel")

    assert [one.field for one in report.rejections] == [field]


def test_a_span_that_has_not_ended_has_no_latency(memory: SqlStore, tmp_path: Path):
    """An end of 0 is no end: unknown is not zero."""
    imported(written(tmp_path / "f", request(span(1) | {"endTimeUnixNano": "0"})), memory, "otel")

    assert [row["latency_ms"] for row in stored(memory)] == [None]


def test_a_span_twice_is_one_execution(memory: SqlStore, tmp_path: Path):
    """An exporter that retried wrote the same span twice; the last content counts."""
    path = written(tmp_path / "f", request(span(1), span(1), span(1, gen_ai__usage__input_tokens=5)))

    first, again = imported(path, memory, "otel"), imported(path, memory, "otel")

    assert first.read == 3
    assert [row["input_tokens"] for row in stored(memory)] == [5]
    assert counts(again) == (3, 0, 0, 3, 0)


@pytest.mark.parametrize("content", ["", "\n\n", '{"resourceSpans": []}', '{\n"resourceSpans": []\n}'])
def test_a_file_without_spans_is_told(content: str, memory: SqlStore, tmp_path: Path):
    """Nothing is stored, a note says so."""
    (tmp_path / "f").write_text(content)

    report = imported(tmp_path / "f", memory, "otel")

    assert counts(report) == (0, 0, 0, 0, 0)
    assert "nothing was stored" in report.notes[0]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_of_another_tool_is_rejected(indent: int | None, memory: SqlStore, tmp_path: Path):
    """JSON that is no OTLP says what was got and what is needed."""
    report = imported(written(tmp_path / "f", {"results": [1], "evalId": "e"}, indent=indent), memory, "otel")

    assert report.rejected == 1
    assert "need" in report.rejections[0].reason
    assert "resourceSpans" in report.rejections[0].reason


@pytest.mark.parametrize("content", [b"\xff\xfe{\x00", b"PK\x03\x04rest", b"\x00\x01\x02"])
def test_other_encodings_are_refused(content: bytes, memory: SqlStore, tmp_path: Path):
    """A file that is no text of UTF-8 is refused as a whole."""
    (tmp_path / "f").write_bytes(content)

    with pytest.raises(InputError):
        imported(tmp_path / "f", memory, "otel")


def test_deep_nesting_does_not_break(memory: SqlStore, tmp_path: Path):
    """A span nested thousands of levels deep is rejected, the one after it is stored."""
    deep = json.dumps(span(1))[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}"
    text = json.dumps(request(span(2), span(3)), indent=1)
    (tmp_path / "f").write_text(text.replace('"spans": [', f'"spans": [{deep},'))

    report = imported(tmp_path / "f", memory, "otel")

    assert counts(report) == (3, 2, 0, 0, 1)


@pytest.mark.slow
@pytest.mark.parametrize("indent", [None, 1])
def test_memory_does_not_grow_with_the_file(indent: int | None, tmp_path: Path):
    """Ten times the spans take the same memory, as one document or with one request a line."""

    def spans(count: int) -> Iterator[str]:
        for number in range(count):
            text = json.dumps(span(number, note="x" * 2000))
            yield text if indent else json.dumps(request(json.loads(text)))

    def whole(count: int) -> Path:
        path = tmp_path / f"{count}"
        with path.open("w") as file:
            file.write('{"resourceSpans": [{"scopeSpans": [{\n"spans": [\n' if indent else "")
            for number, text in enumerate(spans(count)):
                file.write((",\n" if indent else "\n") * (number > 0) + text)
            file.write("]}]}]}" if indent else "\n")
        return path

    small, large = (peak_of(otel_items, whole(count)) for count in (1_000, 10_000))

    assert (small[0], large[0]) == (1_000, 10_000)
    assert large[1] < 1.1 * small[1]
