"""docs/evidence.md against the code it describes."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

from flywheel.capture.importing import FORMATS
from flywheel.capture.lines import LineReader
from flywheel.capture.mapped import MappedReader
from flywheel.capture.mapping import mapping_of, shipped_mappings
from flywheel.capture.reasons import FIELDS, Refusal
from flywheel.records.execution import ModelUse, Outcome
from flywheel.store.execution_rows import ROW_COLUMNS

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "evidence.md").read_text("utf-8")


def block(language: str) -> str:
    """The first block of code of a language."""
    found = re.search(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


@pytest.mark.parametrize("name", [*FIELDS, *Outcome, *shipped_mappings()])
def test_the_page_names(name: str):
    """Each field, outcome and shipped mapping is on the page."""
    assert f"`{name}`" in PAGE


def test_the_page_names_all_parts_of_a_use_of_a_model():
    """The parts of an entry of `models` are listed."""
    assert f"`{{{', '.join(ModelUse.model_fields)}}}`" in PAGE


def test_the_page_shows_every_format():
    """Each format that can be imported has a command on the page."""
    assert all(f"flywheel import {name} " in PAGE for name in FORMATS)


def test_the_line_on_the_page_is_evidence():
    """The line that is shown can be imported."""
    assert not isinstance(LineReader().row(block("json").encode()), Refusal)


def test_the_mapping_on_the_page_maps():
    """The mapping file that is shown has every key there is, and does what its comments say."""
    content = tomllib.loads(block("toml"))
    mapping = mapping_of("page", content)

    row = MappedReader(mapping, LineReader()).row(
        b'{"run": "r1", "verdict": "bad", "secs": 2, "question": "why?", "debug": 1, "team": "red"}'
    )

    assert not isinstance(row, Refusal)
    named = dict(zip(ROW_COLUMNS, row, strict=True))
    assert (named["outcome"], named["latency_ms"], named["suite"]) == ("failed", 2000.0, "nightly")
    assert (named["inputs"], named["metadata_json"]) == ('{"question":"why?"}', '{"team":"red"}')
    assert set(content) == {
        "description",
        "rest",
        "ignore",
        "fields",
        "scale",
        "values",
        "constants",
        "defaults",
    }
