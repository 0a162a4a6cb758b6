"""Where a rejected item stands is told in the words of its file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flywheel.capture.formats import COUNTS, FOREIGN
from flywheel.capture.importing import ImportReport, ImportSettings, import_file
from flywheel.store.open import SqlStore, open_store

CALL = {"key": "gen_ai.operation.name", "value": {"stringValue": "chat"}}
WRONG_SPAN = {"spanId": "02", "attributes": [CALL], "startTimeUnixNano": "9", "endTimeUnixNano": "5"}
SPANS = {"resourceSpans": [{"scopeSpans": [{"spans": [{"spanId": "01"}, WRONG_SPAN]}]}]}
RUN = {"id": "r1", "run_type": "chain", "status": "success"}
RESULTS = {"results": {"results": [{"id": "a", "success": True}, {"id": "b"}]}}
SAMPLES = {"eval": {}, "samples": [{"id": 1, "epoch": 1}, {"epoch": 1}]}
JUNIT = """<testsuite name="s">
  <testcase name="good" time="1"/>

  <testcase name="bad"
            time="soon"/>
</testsuite>"""


def imported(folder: Path, format_: str, text: str, store: SqlStore | None = None) -> ImportReport:
    """Import a text as a file."""
    path = folder / "file"
    path.write_text(text, encoding="utf-8")
    settings = ImportSettings(format=format_, quarantine_folder=folder / "quarantine")
    return import_file(path, store or open_store("sqlite://"), settings)


def line_of(text: str, words: str) -> int:
    """Number of the line that holds some words."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


@pytest.mark.parametrize(
    ("format_", "text", "place"),
    [
        ("jsonl", '\n{"outcome": "good"}', "line 2"),
        ("junit", JUNIT, "test case 2, line 4"),
        ("reportlog", '\n{"$report_type": "TestReport"}', "line 2"),
        ("otel", f"\n{json.dumps(SPANS)}", "span 2, line 2"),
        ("langsmith", f"{json.dumps(RUN)}\n\n{{}}", "run 2, line 3"),
        ("promptfoo", json.dumps(RESULTS), "result 2, line 1"),
        ("inspect", json.dumps(SAMPLES), "sample 2, line 1"),
    ],
)
def test_a_place_says_what_it_counts(format_: str, text: str, place: str, tmp_path: Path):
    """A rejection names the item with its number, and the line where it begins."""
    assert imported(tmp_path, format_, text).rejections[0].place == place


@pytest.mark.parametrize(
    ("format_", "document", "begins", "place"),
    [
        ("otel", SPANS, '"spanId": "02"', "span 2"),
        ("langsmith", [RUN, {"id": "r2"}], '"id": "r2"', "run 2"),
        ("promptfoo", RESULTS, '"id": "b"', "result 2"),
    ],
)
def test_an_item_of_a_long_document_has_its_line(
    format_: str, document: object, begins: str, place: str, tmp_path: Path
):
    """The line is right in a document over many lines, also behind more than is read at once."""
    text = "\n" * 300_000 + json.dumps(document, indent=2)

    found = imported(tmp_path, format_, text).rejections[0]

    assert found.place == f"{place}, line {line_of(text, begins) - 1}"


def test_a_document_that_ends_in_the_middle_says_on_which_line(tmp_path: Path):
    """What is cut off has the line where the file ends."""
    text = json.dumps(RESULTS, indent=1)[:-30]

    found = imported(tmp_path, "promptfoo", text).rejections[-1]

    assert found.place.endswith(f", line {len(text.splitlines())}")


def test_what_is_quarantined_comes_in_once_it_is_mended(tmp_path: Path):
    """The reasons tell count and line; the kept lines are lines of evidence that can be imported."""
    store = open_store("sqlite://")
    report = imported(tmp_path, "junit", JUNIT, store)
    assert report.quarantine_path is not None
    kept = report.quarantine_path
    reason = json.loads(kept.with_suffix("").with_suffix(".reasons.jsonl").read_text(encoding="utf-8"))

    mended = kept.read_text(encoding="utf-8").replace('"soon"', "1000")
    again = imported(tmp_path, "jsonl", mended, store)

    assert (reason["position"], reason["counts"], reason["line"]) == (2, "test case", 4)
    assert (again.stored, again.rejected) == (1, 0)


def test_every_format_says_what_it_counts():
    """No format of another tool is without a word for its items."""
    assert COUNTS.keys() == FOREIGN.keys()
