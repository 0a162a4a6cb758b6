"""Forecasts on recorded executions: the same questions asked of one system after another."""

from __future__ import annotations

import numpy as np
import pytest
from recorded_data import recorded

from flywheel.learn.attributes import coded
from flywheel.learn.prediction import held_out_scores
from flywheel.records.columns import Coded, ExecutionColumns


@pytest.mark.parametrize("name", ["gsm8k_four_systems", "bbh_direct_vs_cot", "llm_drift_gpt_2023"])
def test_the_history_of_a_question_forecasts_its_next_run(name: str):
    """Brier score below that of the base rate, below that of the last outcome."""
    failures, passes = recorded(name)
    rows = sorted((*failures, *passes), key=lambda e: (str(e.model), str(e.version), e.execution_id))
    unknown = np.full(len(rows), np.nan)
    nothing = Coded(np.full(len(rows), -1, dtype=np.int32), ())

    scores = held_out_scores(
        ExecutionColumns(
            seq=np.arange(len(rows), dtype=np.int64),
            outcome=np.array([e.outcome != "passed" for e in rows], dtype=np.int8),
            score=unknown,
            confidence=unknown,
            latency_ms=unknown,
            cost_usd=unknown,
            input_tokens=unknown,
            output_tokens=unknown,
            started_at=unknown,
            version=coded([e.version for e in rows]),
            slice=coded([e.slice for e in rows]),
            model=coded([e.model for e in rows]),
            agent=nothing,
            case=coded([e.case_id for e in rows]),
            error_type=nothing,
        )
    )

    assert scores["forecast"] < scores["base rate"]
    assert scores["forecast"] < scores["last outcome"]
