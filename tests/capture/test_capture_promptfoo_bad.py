"""Results of promptfoo that are cut, wrong, huge or spoilt."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_capture_promptfoo import result
from trace_files import CHANGES, CUTS, DATA, changed, check_survival, counts, cut, imported, peak_of, stored

from flywheel.capture.promptfoo import promptfoo_items
from flywheel.errors import InputError
from flywheel.store.open import SqlStore, open_store

STORE = open_store("sqlite://")
"""One for all examples, each in a workspace of its own."""

FILES = sorted((DATA / "promptfoo").glob("*.json*"))
DOCUMENTS = [json.loads(path.read_text()) for path in FILES if path.suffix == ".json"]


@pytest.fixture
def memory() -> SqlStore:
    """A store in memory."""
    return open_store("sqlite://")


def whole(*rows: dict[str, Any], indent: int | None = 1) -> str:
    """A file of version 3."""
    results = {"version": 3, "timestamp": "2026-11-21T13:55:37.324Z", "results": rows}
    return json.dumps({"evalId": "e1", "results": results}, indent=indent)


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(DOCUMENTS), CHANGES)
def test_odd_values_do_not_break_the_import(document: Any, changes: list[tuple[int, Any]]):
    """Whatever stands in a field, the result is stored or rejected with a reason."""
    odd = changed(document, changes)

    check_survival(json.dumps(odd).encode(), STORE, "promptfoo")
    check_survival(json.dumps(odd, indent=1).encode(), STORE, "promptfoo")


@settings(max_examples=50, deadline=None)
@given(st.lists(CHANGES, max_size=3))
def test_odd_results_do_not_break_the_import(spoilt: list[list[tuple[int, Any]]]):
    """The same for each field of single results."""
    rows = [changed(result(id=str(number)), changes) for number, changes in enumerate(spoilt)]

    check_survival(whole(*rows).encode(), STORE, "promptfoo")
    check_survival("\n".join(map(json.dumps, rows)).encode(), STORE, "promptfoo")


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(FILES), CUTS)
def test_spoilt_bytes_do_not_break_the_import(file: Path, cuts: list[tuple[float, int, bytes]]):
    """Bytes lost or put in anywhere cost some results, never the import."""
    check_survival(cut(file.read_bytes(), cuts), STORE, "promptfoo")


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.name)
def test_a_cut_file_keeps_what_came_before(file: Path, memory: SqlStore, tmp_path: Path):
    """A file that ends in the middle of its results gives those before, then says that it ends."""
    content = file.read_bytes()
    (tmp_path / "f").write_bytes(content[: content.rindex(b'"gradingResult"') - 1])

    report = imported(tmp_path / "f", memory, "promptfoo")

    assert report.stored >= 2
    assert report.rejected == 1
    assert "middle" in report.rejections[0].reason or "is not JSON" in report.rejections[0].reason


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"latencyMs": -1}, "latency_ms"),
        ({"score": float("nan")}, "score"),
        ({"success": "yes"}, None),
        ({"response": {"cost": "a lot"}}, "cost_usd"),
        ({"response": {"tokenUsage": {"prompt": 1.5}}}, "input_tokens"),
    ],
)
def test_impossible_values_are_rejected(
    fields: dict[str, Any], field: str | None, memory: SqlStore, tmp_path: Path
):
    """The result goes to quarantine with the field at fault; the others are stored."""
    (tmp_path / "f").write_text(whole(result(**fields), result(id="r2")))

    report = imported(tmp_path / "f", memory, "promptfoo")

    assert counts(report) == (2, 1, 0, 0, 1)
    assert (report.rejections[0].position, report.rejections[0].field) == (1, field)


def test_an_impossible_time_is_rejected(memory: SqlStore, tmp_path: Path):
    """A file that began in no year has no good result."""
    (tmp_path / "f").write_text(whole(result()).replace("2026-11-21T", "2026-13-41T"))

    report = imported(tmp_path / "f", memory, "promptfoo")

    assert [one.field for one in report.rejections] == ["started_at"]


def test_an_id_twice_is_one_execution(memory: SqlStore, tmp_path: Path):
    """The last content of an id counts."""
    (tmp_path / "f").write_text(whole(result(), result(), result(latencyMs=13)))

    first, again = (imported(tmp_path / "f", memory, "promptfoo") for _ in range(2))

    assert first.read == 3
    assert [row["latency_ms"] for row in stored(memory)] == [13.0]
    assert counts(again) == (3, 0, 0, 3, 0)


@pytest.mark.parametrize("content", ["", "\n", whole(), whole(indent=None)])
def test_a_file_without_results_is_told(content: str, memory: SqlStore, tmp_path: Path):
    """Nothing is stored, a note says so."""
    (tmp_path / "f").write_text(content)

    report = imported(tmp_path / "f", memory, "promptfoo")

    assert counts(report) == (0, 0, 0, 0, 0)
    assert "nothing was stored" in report.notes[0]


@pytest.mark.parametrize("indent", [None, 1])
def test_a_file_of_another_tool_is_rejected(indent: int | None, memory: SqlStore, tmp_path: Path):
    """JSON that is no result of promptfoo says so."""
    (tmp_path / "f").write_text(json.dumps({"resourceSpans": [{"a": 1}]}, indent=indent))

    report = imported(tmp_path / "f", memory, "promptfoo")

    assert (report.stored, report.rejected) == (0, 1)
    assert "need" in report.rejections[0].reason


def test_another_encoding_is_refused(memory: SqlStore, tmp_path: Path):
    """PowerShell writes UTF-16: the error says how to convert it."""
    (tmp_path / "f").write_bytes(whole(result()).encode("utf-16"))

    with pytest.raises(InputError, match="iconv"):
        imported(tmp_path / "f", memory, "promptfoo")


def test_deep_nesting_does_not_break(memory: SqlStore, tmp_path: Path):
    """A result nested thousands of levels deep is rejected, the one after it is stored."""
    deep = json.dumps(result())[:-1] + ', "x": ' + "[" * 100_000 + "]" * 100_000 + "}"
    (tmp_path / "f").write_text(whole(result(id="r2")).replace('"results": [', f'"results": [{deep},'))

    report = imported(tmp_path / "f", memory, "promptfoo")

    assert counts(report) == (2, 1, 0, 0, 1)


@pytest.mark.slow
def test_memory_does_not_grow_with_the_file(tmp_path: Path):
    """Ten times the results take the same memory."""

    def file(count: int) -> Path:
        path = tmp_path / f"{count}"
        begin, end = whole(indent=1).rsplit("[]", 1)
        with path.open("w") as out:
            out.write(begin + "[")
            for number in range(count):
                out.write((",\n" * (number > 0)) + json.dumps(result(id=str(number), vars={"x": "y" * 2000})))
            out.write("]" + end)
        return path

    small, large = (peak_of(promptfoo_items, file(count)) for count in (1_000, 10_000))

    assert (small[0], large[0]) == (1_000, 10_000)
    assert large[1] < 1.1 * small[1]
