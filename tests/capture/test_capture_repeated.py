"""Lines that say two things: a field twice, an outcome beside another score."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.capture.importing import ImportSettings, import_file
from flywheel.capture.lines import LineReader
from flywheel.capture.mapping import parse_pairs
from flywheel.capture.reasons import Refusal
from flywheel.capture.repeated import keys_in, told_once
from flywheel.store.execution_rows import ROW_COLUMNS
from flywheel.store.open import open_store


@pytest.mark.parametrize(
    ("line", "field"),
    [
        (b'{"outcome": "passed", "outcome": "failed"}', "outcome"),
        (b'{"outcome": "passed", "score": 1, "score": null}', "score"),
        (b'{"outcome": "passed", "started_at": "2026-01-31", "score": 1, "score": 1}', "score"),
        (
            b'{"outcome": "passed", "models": [{"model": "a"}, {"model": "a", "model": "b"}]}',
            "models[1].model",
        ),
    ],
    ids=["outcome", "null", "careful", "models"],
)
def test_a_field_that_stands_twice_is_refused(line: bytes, field: str):
    """Which of the two is meant nobody can tell, equal or not."""
    refusal = LineReader().row(line)

    assert isinstance(refusal, Refusal)
    assert (refusal.field, refusal.reason) == (field, "stands twice on the line, need it once")


def test_names_may_come_again_inside_of_values():
    """A field's name in a text, in the inputs, or in each use of a model is no repetition."""
    line = {
        "outcome": "passed",
        "model": "a",
        "inputs": {"model": '"model"', "outcome": ["outcome"]},
        "models": [{"model": "a"}, {"model": "b"}],
    }

    assert not isinstance(LineReader().row(json.dumps(line).encode()), Refusal)


@pytest.mark.parametrize(("outcome", "score"), [("passed", 0.0), ("failed", 1.0)])
def test_an_outcome_may_stand_beside_any_score(outcome: str, score: float):
    """A graded score is a fact of its own and is kept as it was recorded."""
    row = LineReader().row(json.dumps({"outcome": outcome, "score": score}).encode())

    kept = dict(zip(ROW_COLUMNS, row, strict=True))
    assert (kept["outcome"], kept["score"]) == (outcome, score)


def test_a_column_that_stands_twice_is_refused_with_its_place(tmp_path: Path):
    """Columns that a mapping renames are held to the same rule."""
    path = tmp_path / "runs.jsonl"
    path.write_text('{"ok": true}\n{"ok": true, "ok": false}\n', encoding="utf-8")
    settings = ImportSettings(mapping=parse_pairs(["ok=outcome"]), quarantine_folder=tmp_path / "q")

    report = import_file(path, open_store("sqlite://"), settings)

    assert [(r.place, r.field) for r in report.rejections] == [("line 2", "ok")]


KEYS = st.sampled_from(["score", "model", "a", 'q":', "b :"])
SPACES = st.sampled_from(["", " ", "\t", "\r", "  "])
TEXTS = st.sampled_from(["x", '":', "a : b", '\\":'])


@st.composite
def objects(draw: st.DrawFn, depth: int = 2) -> str:
    """JSON of an object, in which names may come again, with blanks where JSON allows them."""
    parts = []
    for _ in range(draw(st.integers(0, 3))):
        kind = draw(st.sampled_from(["text", "null", *(["object", "list"] if depth else [])]))
        value = json.dumps(draw(TEXTS)) if kind == "text" else "null"
        if kind in ("object", "list"):
            value = draw(objects(depth - 1))
            value = f"[{value}, 1]" if kind == "list" else value
        parts.append(f"{json.dumps(draw(KEYS))}{draw(SPACES)}:{draw(SPACES)}{value}")
    return "{" + ", ".join(parts) + "}"


@given(objects())
def test_what_is_told_once_has_no_name_twice(text: str):
    """The quick look never clears an object in which a name stands twice, at any depth."""
    twice: list[bool] = []

    def look(pairs: list[tuple[str, object]]) -> dict[str, object]:
        twice.append(len(pairs) > len(dict(pairs)))
        return dict(pairs)

    value = json.loads(text, object_pairs_hook=look)

    assert not (told_once(text.encode(), keys_in(value)) and any(twice))
