"""`flywheel value` says what testing is worth."""

from __future__ import annotations

from flywheel.store.open import open_store
from flywheel.watch.alerting import AutomatedAlertingSystem
from flywheel.watch.value import ValueDashboard


def test_value_is_told_with_formulas_and_reasons(triage):
    """Two versions on the same cases have a value per test; a metric without evidence says why."""
    answer = triage("value", "--json")

    metrics = {one["name"]: one for one in answer.document["metrics"]}
    # v2 passes twice as often: 24 of 60 cases differ, and each of these is worth 1.
    assert metrics["value_score_per_test"]["value"] == 24 / 60
    assert metrics["value_score_per_test"]["of"] == 60
    assert metrics["test_roi_ratio"]["value"] is None
    assert all(one["formula"] for one in metrics.values())
    assert all(one["because"] for one in metrics.values() if one["value"] is None)


def test_value_is_drawn(triage):
    """A person sees the table, the reasons, the tests that tell most; formulas when asked."""
    answer = triage("value", "--formulas")

    for words in (
        "health",
        "value score per test",
        "unknown: no cycle ran",
        "tests that tell most",
        "4 x variance",
    ):
        assert words in answer.out
    assert answer.code == 0


def test_the_summary_has_every_metric_by_name(triage):
    """`get_dashboard_summary` gives the same metrics as JSON."""
    document = triage("value", "--json").document
    store = open_store("sqlite:///.flywheel/flywheel.db")
    summary = ValueDashboard(AutomatedAlertingSystem(store, ())).get_dashboard_summary()
    store.close()

    assert list(summary) == [one["name"] for one in document["metrics"]]
    assert summary["value_score_per_test"]["value"] == 24 / 60


def test_status_has_a_line_of_value(triage):
    """Where everything stands includes the health and where more is said."""
    assert "more: flywheel value" in " ".join(triage("status").out.split())
    assert triage("status", "--json").document["value"]["value_score_per_test"] == 24 / 60


def test_a_negative_worth_is_wrong_use(triage):
    """An outcome is not worth less than nothing."""
    assert triage("value", "--value-per-outcome", "-1").code == 2
