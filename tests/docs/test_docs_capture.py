"""docs/capture.md and docs/evidence.md say what the recorder, the redaction, the score do."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from flywheel.capture.recorder import RecorderSettings
from flywheel.learn.completeness import CRITERIA
from flywheel.learn.redaction_policy import Private

DOCS = Path(__file__).parents[2] / "docs"
CAPTURE = (DOCS / "capture.md").read_text(encoding="utf-8")
EVIDENCE = (DOCS / "evidence.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", [*Private, *(criterion.name for criterion in CRITERIA)])
def test_kinds_and_criteria_are_documented(name: str):
    """Each kind of private text and each criterion of the score has its row."""
    assert f"`{name}`" in EVIDENCE


def test_the_points_of_the_criteria_are_documented():
    """The points on the page are those of the program."""
    rows = [line for line in EVIDENCE.splitlines() if re.search(r"\| \d+( each)? \|", line)]

    for criterion in CRITERIA:
        row = next(line for line in rows if f"`{criterion.name}`" in line)
        assert re.search(rf"\| {criterion.points}( each)? \|", row)


@pytest.mark.parametrize("name", ["most_records", "within_s", "wait_s", "close_s", "strict"])
def test_what_a_recorder_may_cost_is_documented(name: str):
    """Settings that decide about loss and waiting are on the page with their defaults."""
    default = {field.name: field.default for field in fields(RecorderSettings)}[name]

    assert f"`{name}" in CAPTURE
    assert name == "strict" or re.search(rf"`{name}` \({default:g}\b", CAPTURE)


def test_the_code_on_the_page_runs(tmp_path: Path):
    """What the page shows of the recorder, of sessions and of the live prompt works as it stands."""
    part = CAPTURE.partition("## Recorder")[2]
    script = "\n".join(re.findall(r"```python\n(.*?)```", part, re.DOTALL))
    environ = {k: v for k, v in os.environ.items() if not k.startswith("FLYWHEEL_")}

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert "outcomes={'failed': 1, 'passed': 1}, is_stored=True" in done.stdout
