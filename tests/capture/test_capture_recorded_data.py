"""Outputs of language models that others recorded, imported whole."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import sqlalchemy as sa

from flywheel.capture.importing import ImportSettings, import_file
from flywheel.capture.mapping import load_mapping
from flywheel.capture.prompt_files import PromptFileSettings, prompts_file
from flywheel.store.execution_rows import EXECUTION
from flywheel.store.open import SqlStore

RECORDED = Path(
    os.environ.get("FLYWHEEL_RECORDED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded data; set FLYWHEEL_RECORDED_DATA"),
]


@pytest.mark.parametrize(
    ("name", "rows", "measured"),
    [
        ("bbh_direct_vs_cot", 3230, set()),
        ("gsm8k_four_systems", 5276, set()),
        ("llm_drift_gpt_2023", 1800, {"latency_ms", "output_tokens", "cost_usd"}),
    ],
)
def test_recorded_sets_import_whole(
    name: str, rows: int, measured: set[str], store: SqlStore, tmp_path: Path
):
    """Every row is stored; latency, tokens and cost are there where they were recorded, else NULL."""
    settings = ImportSettings(
        prompt=name, mapping=load_mapping("recorded-runs"), quarantine_folder=tmp_path / "quarantine"
    )

    report = import_file(RECORDED / name / "runs.jsonl", store, settings)
    again = import_file(RECORDED / name / "runs.jsonl", store, settings)

    assert (report.read, report.stored, report.rejected, report.notes) == (rows, rows, 0, ())
    assert (again.unchanged, again.replaced) == (rows, 0)
    numbers = ("latency_ms", "input_tokens", "output_tokens", "cost_usd", "case_id", "score", "expected")
    with store.executions.database.read() as connection:
        query = sa.select(*(sa.func.count(EXECUTION.c[column]) for column in numbers))
        counted = dict(zip(numbers, connection.execute(query).one(), strict=True))
    assert counted == {
        column: rows if column in measured | {"case_id", "score", "expected"} else 0 for column in numbers
    }


def test_recorded_prompts_meet_their_runs(store: SqlStore, tmp_path: Path):
    """One prompt a task: texts from one file, runs from the other, tied by the label of the version."""
    folder = RECORDED / "bbh_direct_vs_cot"
    settings = ImportSettings(
        prompt="bbh/{slice}", mapping=load_mapping("recorded-runs"), quarantine_folder=tmp_path / "quarantine"
    )
    for version in prompts_file(folder / "prompts.jsonl", PromptFileSettings(name="bbh/{task}")):
        store.prompts.add(version)
        assert version.variables == ("input",)

    import_file(folder / "runs.jsonl", store, settings)

    with store.executions.database.read() as connection:
        untied = sa.select(sa.func.count()).where(EXECUTION.c.version_hash.is_(None))
        assert connection.execute(untied).scalar_one() == 0
    assert len(store.prompts.names("default")) == 7
