"""What cycles and imports have to say."""

from __future__ import annotations

import pytest
from alert_world import NOON

from flywheel.cycle import CycleOutcome
from flywheel.records.cycle import FeedbackLoopInput, FeedbackLoopOutput, Phase, StageSummary
from flywheel.records.execution import Execution
from flywheel.store.open import open_store
from flywheel.watch.news import News, cycle_news, import_news, review_news

pytestmark = pytest.mark.unit

REQUEST = FeedbackLoopInput(prompt="triage")


def done(**fields: object) -> CycleOutcome:
    """A cycle that was done."""
    counts = (
        "feedback_collected",
        "improvements_identified",
        "improvements_validated",
        "improvements_applied",
    )
    output = {
        "success": True,
        **dict.fromkeys(counts, 0),
        **dict.fromkeys(("performance_delta", "confidence_score", "p_value", "control", "live")),
        "statistically_significant": False,
        "workflow_stages": (),
        "cycle_id": "c1",
        "prompt": "triage",
        "workspace": "default",
        "because": "it is better",
        **fields,
    }
    return CycleOutcome(REQUEST, FeedbackLoopOutput.model_validate(output))


def severities(news: News) -> list[tuple[str, str]]:
    """What is raised, in order."""
    return [(alert.severity.value, alert.subject) for alert in news.alerts]


def test_a_failure_is_high_with_its_reason() -> None:
    """Nothing is over, since nothing was done."""
    news = cycle_news([CycleOutcome(REQUEST, None, "no store")], None, NOON)
    assert severities(news) == [("high", "triage: cycle")]
    assert (news.alerts[0].message, news.over) == ("The cycle failed: no store", ())


def test_a_cycle_that_could_not_do_all_is_medium() -> None:
    """The stage is named with its reason."""
    stage = StageSummary(phase=Phase.VALIDATE, status="degraded", detail="no model")
    news = cycle_news([done(workflow_stages=(stage,))], None, NOON)
    assert severities(news) == [("medium", "triage: cycle")]
    assert "validate: no model" in news.alerts[0].message


def test_a_ceiling_of_spend_is_high() -> None:
    """Executions of the cycle that a ceiling left without an answer say so."""
    store = open_store("sqlite://")
    store.executions.write(
        [
            Execution(
                execution_id="e1",
                prompt="triage",
                session_id="experiment/c1",
                outcome="skipped",
                error_type="BudgetSpent",
                error_message="12 calls are more than the 3 left",
            )
        ]
    )
    news = cycle_news([done()], store, NOON)
    assert severities(news) == [("high", "triage: cycle")]
    assert "12 calls are more than the 3 left" in news.alerts[0].message


def test_a_budget_that_ended_a_cycle_is_low_and_told_once() -> None:
    """What was left unmeasured is named; the cycle is no failure, so an earlier one is over."""
    left = "the budget of 60 calls pays for 30 of 120 gate cases"
    news = cycle_news([done(unmeasured=(left,))], None, NOON)
    assert severities(news) == [("low", "triage: budget")]
    assert left in news.alerts[0].message
    assert news.over == (("default", "triage: cycle"),)


def test_a_budget_beside_what_could_not_be_done_is_one_alert() -> None:
    """The more severe one names what the budget left, once."""
    stage = StageSummary(phase=Phase.VALIDATE, status="degraded", detail="no key; the budget ended it")
    told = cycle_news(
        [done(workflow_stages=(stage,), unmeasured=("the budget ended it", "no report"))], None, NOON
    )
    (alert,) = told.alerts
    assert alert.severity.value == "medium"
    assert alert.message.endswith("validate: no key; the budget ended it; no report")


def test_moves_are_told_unless_it_was_dry() -> None:
    """Staged is medium, released is news; a dry run moved nothing."""
    moved = done(staged=("a" * 64,), shipped=("b" * 64,))
    assert severities(cycle_news([moved], None, NOON)) == [
        ("medium", "triage: review"),
        ("info", f"triage: released {'b' * 12}"),
    ]
    dry = CycleOutcome(REQUEST.model_copy(update={"dry_run": True}), moved.output)
    assert cycle_news([dry], None, NOON).alerts == ()


def test_a_change_that_waits_is_named_beside_a_release() -> None:
    """The reason of the release is not said of what waits; alone, the reason is the one of what waits."""
    both = cycle_news([done(shipped=("a" * 64,), staged=("b" * 64,))], None, NOON).alerts
    alone = cycle_news([done(staged=("b" * 64,), because="it is dear.")], None, NOON).alerts

    bare = cycle_news(
        [done(staged=("b" * 64,), because="1 staged for review; nothing was released")], None, NOON
    )

    waits = "A change waits for a person: {}. Decide with: flywheel review list"
    assert bare.alerts[0].message == waits.format("b" * 12), "waiting is said once"
    assert [alert.message for alert in both] == [waits.format("b" * 12), "it is better"]
    assert [alert.message for alert in alone] == [waits.format("it is dear")]


def test_the_same_cycle_is_the_same_event() -> None:
    """Reading it again gives the ids it gave; another cycle gives others."""
    first, again = (cycle_news([done(staged=("a" * 64,))], None, NOON) for _ in range(2))
    other = cycle_news([done(staged=("a" * 64,), cycle_id="c2")], None, NOON)
    assert first == again
    assert first.alerts[0].alert_id != other.alerts[0].alert_id


def test_a_cycle_that_is_done_ends_what_an_earlier_one_said() -> None:
    """So does an import that comes in whole, and the last decision about a prompt."""
    over = (("default", "triage: budget"), ("default", "triage: cycle"))
    assert cycle_news([done()], None, NOON).over == over
    assert import_news(0, 9, "runs.jsonl", "default", NOON).over == (("default", "import of runs.jsonl"),)
    assert review_news("triage", "default", 1).over == ()
