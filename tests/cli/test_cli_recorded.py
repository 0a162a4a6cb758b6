"""Outputs of language models that others recorded, from the command line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

RECORDED = Path(
    os.environ.get("FLYWHEEL_RECORDED_DATA") or Path(__file__).resolve().parents[3] / "shared" / "data"
)
BBH = RECORDED / "bbh_direct_vs_cot"

pytestmark = [
    pytest.mark.integration,
    pytest.mark.skipif(not RECORDED.is_dir(), reason="no recorded data; set FLYWHEEL_RECORDED_DATA"),
]


def test_two_prompts_are_compared_slice_by_slice(flywheel):
    """Chain of thought ships where it wins, is rejected where it loses; labels alone are not released."""
    imported = flywheel(
        *(
            "import",
            "jsonl",
            str(BBH / "runs.jsonl"),
            "--mapping",
            "recorded-runs",
            "--prompt",
            "bbh",
            "--json",
        )
    )
    answer = flywheel(
        *(
            "compare",
            "--prompt",
            "bbh",
            "--control",
            "direct",
            "--candidate",
            "cot",
            "--by",
            "slice",
            "--json",
        )
    )

    verdicts = {row["slice"]: row["verdict"] for row in answer.document["rows"]}
    assert imported.document["stored"] == 3230
    assert answer.code == 1
    assert len(verdicts) == 7
    assert verdicts["navigate"] == verdicts["date_understanding"] == "ship"
    assert verdicts["word_sorting"] == "reject"
    assert verdicts["snarks"] == "hold"
    assert answer.document["releasable"] is False
    assert all(row["adjusted_p"] >= row["p"] for row in answer.document["rows"])


def test_a_cycle_per_task_in_one_call(flywheel):
    """Seven prompts, one call: what the evidence carries goes live, with lineage; the rest stays."""
    words = ("--name", "bbh/{task}", "--label-from", "version", "--text-from", "template")
    flywheel(
        "import", "jsonl", str(BBH / "runs.jsonl"), "--mapping", "recorded-runs", "--prompt", "bbh/{slice}"
    )
    flywheel("prompt", "import", str(BBH / "prompts.jsonl"), *words, "--live-label", "direct")

    answer = flywheel("cycle", "--prompt", "bbh/*", "--all-time", "--json")

    did = {cycle["prompt"]: cycle["output"] for cycle in answer.document["cycles"]}
    assert answer.code == 0
    assert answer.document["done"] == 7
    assert did["bbh/navigate"]["shipped"]
    assert did["bbh/date_understanding"]["shipped"]
    assert did["bbh/word_sorting"]["rejected"]
    assert len(flywheel("lineage", "bbh/navigate", "--json").document["path_to_live"]) == 2


def test_four_systems_are_put_in_order(flywheel):
    """All four are told apart on the cases all of them ran."""
    runs = str(RECORDED / "gsm8k_four_systems" / "runs.jsonl")
    flywheel("import", "jsonl", runs, "--mapping", "recorded-runs")

    rows = flywheel("rank", "--by", "model", "--json").document["rows"]

    assert [row["name"] for row in rows] == [
        "175b_verification",
        "6b_verification",
        "175b_finetuning",
        "6b_finetuning",
    ]
    assert [row["place"] for row in rows] == [1, 2, 3, 4]
    assert {row["pairs"] for row in rows} == {1319}


def test_missing_numbers_stay_missing(flywheel):
    """Latency is reported where it was recorded; input tokens never were, so tokens are unknown."""
    runs = str(RECORDED / "llm_drift_gpt_2023" / "runs.jsonl")
    flywheel("import", "jsonl", runs, "--mapping", "recorded-runs")

    overall = flywheel("report", "--json").document["overall"]

    assert overall["total_tests"] == 1800
    assert overall["avg_response_time_ms"] > 0
    assert overall["total_tokens"] is None
