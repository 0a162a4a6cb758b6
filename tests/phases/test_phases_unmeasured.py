"""What a budget left unmeasured is in the output of a cycle."""

from __future__ import annotations

from cycle_world import NOW, noisy

from flywheel.cycle import CycleOutcome, run_cycle
from flywheel.records.alert import Severity
from flywheel.watch.news import cycle_news


def test_gate_cases_a_budget_does_not_pay_for_are_told(make_world):
    """A cut experiment is no whole one: the counts are in the page and in one alert of low severity."""
    world = make_world(budget_calls=150, racing=False)

    output = run_cycle(world.request, world.wiring)

    left = [text for text in output.unmeasured if "gate cases" in text]
    assert len(left) == 1
    assert left[0].startswith("the budget of 150 calls pays for ")
    assert left[0] in next(s.detail for s in output.workflow_stages if s.phase.value == "validate")
    alerts = cycle_news([CycleOutcome(world.request, output)], world.store, NOW).alerts
    about = [alert for alert in alerts if left[0] in alert.message]
    assert [alert.severity for alert in about] == [Severity.LOW]


def test_a_race_that_a_budget_ended_is_told(make_world):
    """What was run and what was planned are named."""
    world = make_world(budget_calls=350, answer=noisy)

    output = run_cycle(world.request, world.wiring)

    (left,) = output.unmeasured
    assert left.startswith("the budget of 350 calls ended it after ")


def test_report_cases_a_budget_does_not_pay_for_are_told(make_world):
    """The release stands, and what it lacks is named."""
    world = make_world()
    whole = run_cycle(world.request, world.wiring)
    again = make_world(budget_calls=whole.calls - 20, correlation_id="short")
    again.wiring.store.releases.rollback("default", "colours", whole.control, "again", "test", NOW)

    output = run_cycle(again.request, again.wiring)

    assert whole.unmeasured == ()
    assert output.shipped
    assert [text.split(":")[0] for text in output.unmeasured] == [
        f"The release was not measured on its {whole.report_pairs} report cases"
    ]


def test_a_stage_says_each_reason_once(make_world):
    """What ended an experiment is also why each candidate waits; one sentence is enough."""
    world = make_world(answer=lambda _request: None)

    output = run_cycle(world.request, world.wiring)

    detail = next(s.detail for s in output.workflow_stages if s.phase.value == "validate")
    assert detail.count("none was answered") == 1
