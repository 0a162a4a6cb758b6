"""What counts as new since the last cycle."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cycle_world import NOW, add_prompt

from flywheel.cycle import Wiring, open_cycle, run_cycle
from flywheel.phases.due import due, since_last_cycle
from flywheel.records.alert import Alert, Severity
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.due import SinceLastCycle, Trigger
from flywheel.records.execution import Execution
from flywheel.records.strategy import LearningStrategy

REQUEST = FeedbackLoopInput(prompt="colours", time_window_days=None)


@pytest.fixture
def asked(store):
    """A store with a live prompt, and what is new in it when somebody asks."""
    add_prompt(store, "colours", "Which colour? {question}")

    def ask() -> SinceLastCycle:
        return since_last_cycle(REQUEST, store)

    return store, ask


def executions(store, name, outcomes, **fields):
    """Executions of the live version with these outcomes, one after the other."""
    live = store.releases.live("default", "colours").version
    store.executions.write(
        Execution(
            **{
                "execution_id": f"{name}-{n}",
                "prompt": "colours",
                "version": live,
                "outcome": outcome,
                **fields,
            }
        )
        for n, outcome in enumerate(outcomes)
    )


def test_only_scored_executions_of_tests_count(asked):
    """Skipped and unscored ones, other prompts and what cycles ran themselves are not new evidence."""
    store, ask = asked
    executions(store, "a", ["passed", "failed", "error", "skipped", "unscored"])
    executions(store, "b", ["failed"], prompt="other")
    executions(store, "c", ["failed"], source="experiment")
    executions(store, "d", ["failed"], version="older")

    found = ask()

    assert (found.scored, found.live_scored, found.live_failed) == (4, 3, 2)
    assert found.opened_at is None


def test_a_cycle_uses_up_what_it_saw(asked):
    """After a cycle only what came later is new; a dry run uses up nothing."""
    store, ask = asked
    executions(store, "a", ["failed"] * 30)
    run_cycle(REQUEST.model_copy(update={"dry_run": True}), Wiring(store))
    assert ask().scored == 30

    run_cycle(REQUEST, Wiring(store))
    executions(store, "b", ["passed"] * 2)

    found = ask()
    assert (found.scored, found.live_failed) == (2, 0)
    assert found.opened_at is not None


def test_a_cycle_that_was_not_finished_is_due(asked):
    """What a killed process left behind is due, however few tests are new."""
    store, ask = asked
    executions(store, "a", ["failed"])
    begun = open_cycle(REQUEST, Wiring(store))

    assert ask().unfinished == begun.cycle_id
    assert due(REQUEST, LearningStrategy(), store, NOW, Trigger.SCHEDULE).trigger is Trigger.SCHEDULE


def test_only_grave_alerts_on_the_quality_of_the_prompt_count(asked):
    """An alert on another prompt, on something else, or of less weight starts nothing."""
    store, ask = asked
    for subject, severity in (
        ("colours: quality of slice even", Severity.HIGH),
        ("colours: quality", Severity.MEDIUM),
        ("colours: review", Severity.HIGH),
        ("colours-2: quality", Severity.CRITICAL),
    ):
        store.alerts.send(
            Alert(alert_id=subject, severity=severity, subject=subject, message="m", raised_at=NOW)
        )
    executions(store, "a", ["passed"] * 20)

    assert ask().alerts == ("colours: quality of slice even",)
    later = NOW + timedelta(days=1)
    assert due(REQUEST, LearningStrategy(), store, later).trigger is Trigger.QUALITY_ALERT
