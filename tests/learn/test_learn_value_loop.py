"""What the loop earned: money, points, failures that became rarer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from flywheel.learn.value import value_report
from flywheel.records.columns import Coded
from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.findings import Insight
from flywheel.records.release import ReleaseEvent
from flywheel.records.value_evidence import PastCycle, PastPattern, ValueColumns, ValueEvidence

NOW = datetime(2026, 3, 1, tzinfo=UTC)
BEGIN = NOW - timedelta(days=90)


def output(cycle: str, control: str, **more: object) -> FeedbackLoopOutput:
    """A finished cycle that looked at a thousand executions."""
    fields = {
        "success": True,
        "feedback_collected": 1000,
        "improvements_identified": 1,
        "improvements_validated": 1,
        "improvements_applied": 1,
        "performance_delta": None,
        "confidence_score": None,
        "p_value": None,
        "statistically_significant": False,
        "workflow_stages": (),
        "cycle_id": cycle,
        "prompt": "triage",
        "workspace": "default",
        "control": control,
        "live": None,
        "because": "",
        "calls": 10,
        "cost_usd": 4.0,
    }
    return FeedbackLoopOutput.model_validate(fields | more)


@pytest.fixture(scope="module")
def evidence() -> ValueEvidence:
    """A cycle found a pattern 20 times, released v2 from it, and the next one saw it twice."""
    insight = Insight(
        insight_id="i",
        kind="pattern",
        title="t",
        because="b",
        recommendation="r",
        damage=20,
        confidence=0.9,
        patterns=("slow",),
        proposals=("v2",),
    )
    first = output(
        "c1",
        "v1",
        insights=(insight,),
        shipped=("v2",),
        shrunken_gain=0.06,
        report_gain=0.10,
        report_low=0.04,
        report_high=0.16,
        report_pairs=200,
    )
    released = ReleaseEvent(
        release_id="r1",
        prompt="triage",
        workspace="default",
        version="v2",
        previous="v1",
        kind="cycle",
        state="verified",
        cycle_id="c1",
        created_at=NOW - timedelta(days=20),
    )
    one = Coded(np.zeros(500, np.int32), ("triage",))
    version = Coded(np.zeros(500, np.int32), ("v2",))
    none = Coded(np.full(500, -1, np.int32), ())
    moment = NOW.timestamp() - np.linspace(0, 86_400, 500)
    columns = ValueColumns(np.ones(500), moment, np.full(500, np.nan), one, version, none, none, none)
    return ValueEvidence(
        columns,
        cycles=(
            PastCycle("c1", "triage", "completed", "v1", NOW - timedelta(days=21)),
            PastCycle("c2", "triage", "completed", "v2", NOW - timedelta(days=2)),
        ),
        patterns=(PastPattern("c1", "triage", "slow", 20, 1.0), PastPattern("c2", "triage", "slow", 2, 1.0)),
        outputs=(output("c2", "v2", improvements_applied=0), first),
        releases=(released,),
    )


def test_money_is_the_lower_bound_of_the_gain_times_its_use(evidence: ValueEvidence):
    """500 executions since, a lower 90 % bound of about 5 points, 1 USD each, 8 USD of cycles."""
    roi = value_report(evidence, BEGIN, NOW, 1.0).metric("test_roi_ratio")
    low = 0.10 - 0.06 * 1.6449 / 1.96

    assert roi.value == pytest.approx((500 * low - 8) / 8, rel=1e-3)
    assert roi.low == roi.value < roi.high


def test_points_count_where_fresh_cases_proved_them(evidence: ValueEvidence):
    """Six shrunken points in ninety days are two in thirty."""
    found = value_report(evidence, BEGIN, NOW)

    assert found.metric("learning_velocity").value == pytest.approx(2.0)
    assert found.metric("model_improvement_count").value == 1.0
    assert found.metric("lead_time").value == pytest.approx(24.0)
    assert found.metric("time_to_improvement").value == pytest.approx(24.0)


def test_failures_that_a_release_answers_became_rarer(evidence: ValueEvidence):
    """Twenty in a thousand before, two in a thousand after: nine tenths fewer, with the exact interval."""
    found = value_report(evidence, BEGIN, NOW).metric("reduced_similar_failures")

    assert found.value == pytest.approx(0.9)
    assert 0.5 < found.low < 0.9 < found.high < 1.0


def test_a_cost_nobody_recorded_refuses_the_return(evidence: ValueEvidence):
    """A cycle that asked a model at an unknown price is not free."""
    unknown = tuple(one.model_copy(update={"cost_usd": None}) for one in evidence.outputs)
    found = value_report(
        ValueEvidence(evidence.columns, evidence.cycles, evidence.patterns, unknown, evidence.releases),
        BEGIN, NOW, 1.0,
    )  # fmt: skip

    assert found.metric("test_roi_ratio").value is None
    assert "cost of 2 of 2 cycles is not recorded" in found.metric("test_roi_ratio").because
