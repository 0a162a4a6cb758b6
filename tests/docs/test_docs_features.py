"""docs/features.md claims what is there, no more."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from flywheel.cli.main import COMMANDS

DOCS = Path(__file__).parents[2] / "docs"
ROWS = [
    tuple(cell.strip() for cell in line.strip("|").split("|"))
    for line in (DOCS / "features.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| [MOART]\d", line)
]
GROUPS = {"M": 11, "O": 6, "A": 10, "R": 8, "T": 17}


def test_every_row_of_the_mission_is_there():
    """Each id of the mission has one row, in order."""
    wanted = [f"{letter}{number}" for letter, size in GROUPS.items() for number in range(1, size + 1)]

    assert [row[0] for row in ROWS] == wanted


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_what_is_claimed_can_be_looked_at(row):
    """A row that says yes or partly names a place that exists; a row that says not yet names none."""
    _, _, there, shown = row
    links = re.findall(r"\]\(([^)#]+)\)", shown)
    commands = re.findall(r"`flywheel (\w+)", shown)

    assert there in ("yes", "not yet") or there.startswith("partly: ")
    assert bool(shown) == (there != "not yet")
    assert [link for link in links if not (DOCS / link).exists()] == []
    assert set(commands) <= {entry.name for entry in COMMANDS}
