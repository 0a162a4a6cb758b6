"""A whole turn of the wheel on a small world."""

from __future__ import annotations

import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from cycle_world import TEXT, nearly_perfect, noisy, superstitious

from flywheel.cycle import (
    Wiring,
    do_analyze,
    do_apply,
    do_collect,
    do_generate,
    do_validate,
    open_cycle,
    run_cycle,
    run_cycles,
)
from flywheel.errors import UnknownName
from flywheel.llm.runner import Runner
from flywheel.llm.scripted import ScriptedModel
from flywheel.ports import RunPlan
from flywheel.records.case import Role, role_of
from flywheel.records.cycle import FeedbackLoopInput, Phase
from flywheel.records.verdict import Ruling


def test_a_cure_that_works_is_released(make_world):
    """The format rule cures half of the failures, ships, and becomes live."""
    world = make_world()

    output = run_cycle(world.request, world.wiring)

    live = world.store.releases.live("default", "colours")
    assert output.improvements_applied == 1
    assert output.live == live.version != output.control
    assert output.performance_delta > 0.1
    assert output.p_value <= 0.05
    assert "Output format" in world.store.prompts.get("default", "colours", live.version).text


def test_a_repeated_run_repeats_no_call(make_world):
    """The same request over the same evidence gives the same output from what was kept."""
    world = make_world(dry_run=True)
    first = run_cycle(world.request, world.wiring)
    spent = len(world.calls)

    again = run_cycle(world.request, world.wiring)

    assert again == first
    assert len(world.calls) == spent


def test_a_cycle_stopped_between_phases_goes_on_where_it_was(make_world):
    """An opened cycle is continued by the next run of the same request."""
    world = make_world()
    context = open_cycle(world.request, world.wiring)
    feedback = do_collect(context, world.wiring)
    do_analyze(feedback, world.wiring)
    spent = len(world.calls)

    seen: list[tuple[Phase, str]] = []
    output = run_cycle(
        world.request,
        Wiring(world.store, world.wiring.runner, world.wiring.clock, lambda p, text: seen.append((p, text))),
    )

    assert output.cycle_id == context.cycle_id
    assert (Phase.COLLECT, "running") not in seen
    assert (Phase.GENERATE, "running") in seen
    assert len(world.calls) > spent


def test_an_experiment_killed_half_way_repeats_no_finished_arm(make_world):
    """Executions of the session that are kept are not run again."""
    world = make_world()
    context = open_cycle(world.request, world.wiring)
    proposals = do_generate(do_analyze(do_collect(context, world.wiring), world.wiring), world.wiring)
    first = do_validate(proposals, world.wiring)
    spent = len(world.calls)
    fresh = proposals.model_copy(update={"context": context.model_copy(update={"control": context.control})})

    from flywheel.phases.validate import validate

    second = validate(fresh, world.store, world.wiring.runner, lambda _text: None)

    assert len(world.calls) == spent
    assert second == first


def test_a_dry_run_moves_nothing(make_world):
    """What would be released is named, and what is live stays."""
    world = make_world(dry_run=True)

    output = run_cycle(world.request, world.wiring)

    assert output.improvements_applied == 0
    assert output.live == output.control
    assert "dry run" in output.because
    assert world.store.releases.reviews("default") == []


def test_a_threshold_of_one_leaves_the_last_word_to_a_person(make_world):
    """Confidence is at most 0.99, so 1.0 always stages."""
    world = make_world(auto_apply_threshold=1.0)

    output = run_cycle(world.request, world.wiring)

    assert output.improvements_applied == 0
    assert [r.version for r in world.store.releases.reviews("default")] == list(output.staged)


def test_a_model_that_ignores_its_prompt_gets_no_release(make_world):
    """When no candidate changes an answer, every verdict is hold."""
    world = make_world(answer=lambda _request: "red")

    output = run_cycle(world.request, world.wiring)

    assert output.improvements_applied == 0
    assert output.live == output.control
    assert output.improvements_identified == len(output.held) > 0


def test_a_model_that_never_answers_changes_nothing(make_world):
    """Errors are evidence of an outage, not of a better prompt."""
    world = make_world(answer=lambda _request: None)

    output = run_cycle(world.request, world.wiring)

    assert output.improvements_applied == 0
    assert output.success


@pytest.mark.parametrize("race", [True, False])
def test_a_model_that_falls_silent_is_told_as_such(make_world, race: bool):
    """No tie is claimed where nothing was answered; the phase is degraded, and no further batch is asked."""
    world = make_world(racing=race)
    analysis = do_analyze(do_collect(open_cycle(world.request, world.wiring), world.wiring), world.wiring)
    proposals = do_generate(analysis, world.wiring)
    silent = replace(world.wiring, runner=Runner(lambda _name: ScriptedModel(lambda _asked: None)))

    verdicts = do_validate(proposals, silent)

    assert {v.ruling for v in verdicts.verdicts} == {Ruling.HOLD}
    assert all("none was answered" in v.because and v.evidence is None for v in verdicts.verdicts)
    assert len(verdicts.degraded) == len(verdicts.verdicts)
    assert "none was answered" in verdicts.because


def test_a_budget_too_small_for_an_experiment_holds(make_world):
    """Nothing is sent that the budget does not pay for."""
    world = make_world(budget_calls=20)
    context = open_cycle(world.request, world.wiring)
    proposals = do_generate(do_analyze(do_collect(context, world.wiring), world.wiring), world.wiring)
    before = len(world.calls)

    verdicts = do_validate(proposals, world.wiring)

    assert {v.ruling for v in verdicts.verdicts} == {Ruling.HOLD}
    assert all("budget" in v.because for v in verdicts.verdicts)
    assert len(world.calls) == before


@pytest.mark.parametrize(("racing", "budget"), [(True, 90), (False, 500)])
def test_a_budget_for_some_candidates_runs_the_most_promising(make_world, racing: bool, budget: int):
    """The ceiling in calls is kept, and what was not run says so."""
    world = make_world(budget_calls=budget, racing=racing)
    context = open_cycle(world.request, world.wiring)
    proposals = do_generate(do_analyze(do_collect(context, world.wiring), world.wiring), world.wiring)
    before = len(world.calls)

    verdicts = do_validate(proposals, world.wiring)

    assert 0 < len(world.calls) - before <= budget
    assert verdicts.calls <= budget
    waiting = [d for d in proposals.discarded if d.check == "room"]
    assert waiting or any(v.evidence is None for v in verdicts.verdicts)
    assert any(v.evidence is not None for v in verdicts.verdicts)


def test_a_race_stops_before_the_batch_that_would_exceed_the_budget(make_world):
    """What still ran is on hold, and the reason names the budget."""
    world = make_world(budget_calls=350, answer=noisy)
    context = open_cycle(world.request, world.wiring)
    proposals = do_generate(do_analyze(do_collect(context, world.wiring), world.wiring), world.wiring)

    verdicts = do_validate(proposals, world.wiring)

    assert verdicts.calls <= 350
    assert "budget of 350 calls" in verdicts.because
    assert any("not finished" in v.because for v in verdicts.verdicts)


def test_a_race_spends_less_than_running_everything(make_world):
    """Early stops save calls where a candidate is clearly better."""
    spent = {}
    for racing in (True, False):
        world = make_world(racing=racing, correlation_id=str(racing), dry_run=True)
        spent[racing] = run_cycle(world.request, world.wiring).calls

    assert spent[True] < spent[False] / 2


def test_the_proposer_saw_no_gate_case(make_world):
    """Neither failures nor demonstrations come from cases that decide."""
    world = make_world()
    context = open_cycle(world.request, world.wiring)
    analysis = do_analyze(do_collect(context, world.wiring), world.wiring)
    proposals = do_generate(analysis, world.wiring)

    gate = [str(c.inputs["question"]) for c in world.store.cases.cases("default", "colours", Role.GATE)]
    assert gate
    assert not any(q in (p.text or "") for p in proposals.proposals for q in gate)
    assert all(role_of({"question": q}) is Role.GATE for q in gate)


def test_applying_twice_changes_nothing(make_world):
    """The second application of the same verdicts leaves pointer and history as they are."""
    from flywheel.phases.apply import apply

    world = make_world()
    context = open_cycle(world.request, world.wiring)
    proposals = do_generate(do_analyze(do_collect(context, world.wiring), world.wiring), world.wiring)
    verdicts = do_validate(proposals, world.wiring)
    first = do_apply(verdicts, world.wiring)
    history = world.store.releases.history("default", "colours")
    live = world.store.releases.live("default", "colours")

    second = apply(verdicts, world.store.releases, world.wiring.clock)

    assert second == first
    assert world.store.releases.history("default", "colours") == history
    assert world.store.releases.live("default", "colours") == live


def test_every_verdict_leaves_an_edge_with_its_evidence(make_world):
    """The lineage says what was tried, shipped or not, and on what numbers."""
    world = make_world()

    output = run_cycle(world.request, world.wiring)

    edges = world.store.lineage.edges("default", "colours")
    assert len(edges) == output.improvements_identified
    assert all(e.parent == output.control and e.evidence is not None for e in edges)


def test_a_second_turn_starts_from_what_the_first_released(make_world):
    """The next cycle's control is the last one's winner, on a baseline of its own."""
    world = make_world()
    first = run_cycle(world.request, world.wiring)

    second = run_cycle(world.request, world.wiring)

    assert second.cycle_id != first.cycle_id
    assert second.control == first.live


def test_an_unknown_prompt_does_not_stop_the_others(make_world):
    """One failure among many prompts is told and passed over."""
    world = make_world(dry_run=True)
    missing = FeedbackLoopInput(prompt="nobody")

    outcomes = run_cycles([missing, world.request], world.wiring)

    assert outcomes[0].output is None
    assert "nobody" in outcomes[0].error
    assert outcomes[1].output.success


def test_an_unknown_strategy_is_refused_with_the_names_there_are(make_world):
    """The message lists the presets."""
    world = make_world(strategy="reckless")

    with pytest.raises(UnknownName, match="balanced"):
        run_cycle(world.request, world.wiring)


def test_a_cycle_killed_in_the_middle_is_resumed_by_another_process(tmp_path: Path):
    """After kill -9 in an experiment the next run finishes the same cycle, with one release."""
    script = Path(__file__).with_name("killed_cycle.py")
    address = f"sqlite:///{tmp_path / 'killed.db'}"
    command = [sys.executable, str(script), address]

    killed = subprocess.run([*command, "kill"], capture_output=True, text=True, check=False)
    resumed = subprocess.run([*command, "finish"], capture_output=True, text=True, check=True)
    whole = subprocess.run(
        [sys.executable, str(script), f"sqlite:///{tmp_path / 'whole.db'}", "finish"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert killed.returncode == -signal.SIGKILL
    assert resumed.stdout.splitlines()[-1] == whole.stdout.splitlines()[-1]
    calls = [int(p.stdout.splitlines()[0]) for p in (resumed, whole)]
    assert calls[0] < calls[1]


def test_a_placebo_does_not_pass_and_is_never_released(make_world):
    """A change without meaning goes through the same gate and is held."""
    world = make_world(placebo=True, racing=False)

    output = run_cycle(world.request, world.wiring)

    edge = next(e for e in world.store.lineage.edges("default", "colours") if e.strategy == "placebo")
    assert edge.ruling is Ruling.HOLD
    assert output.live != edge.child


def test_a_gate_that_lets_a_placebo_pass_releases_nothing(make_world):
    """When noise looks like progress, nothing is released and the reason says so."""
    world = make_world(placebo=True, racing=False, answer=superstitious)

    output = run_cycle(world.request, world.wiring)

    assert output.improvements_applied == 0
    assert "without meaning passed the gate" in output.because


def test_a_prompt_without_headroom_is_not_optimized(make_world):
    """When the cases cannot show a gain worth having, nothing is spent and the reason is given."""
    world = make_world(answer=nearly_perfect, racing=False)
    gate_cases = world.store.cases.cases("default", "colours", Role.GATE)
    suite = world.store.cases.suite("default", "colours")
    live = world.store.releases.live("default", "colours").version
    plan = RunPlan("default", "colours", live, TEXT, suite, "scripted", "before", "baseline", 0, "baseline")
    world.store.executions.write(world.wiring.runner.run(plan, world.store.cases.cases("default", "colours")))
    context = open_cycle(world.request, world.wiring)
    analysis = do_analyze(do_collect(context, world.wiring), world.wiring)
    needy = analysis.model_copy(update={"need": analysis.need.model_copy(update={"should_optimize": True})})
    proposals = do_generate(needy, world.wiring)
    before = len(world.calls)

    verdicts = do_validate(proposals, world.wiring)

    assert gate_cases
    assert len(world.calls) == before
    assert "can be gained" in verdicts.outlook
    assert {v.ruling for v in verdicts.verdicts} == {Ruling.HOLD}


def test_a_winner_of_a_race_is_confirmed_on_fresh_cases(make_world):
    """The release says what the gain was on cases that took no part in the race."""
    world = make_world()

    output = run_cycle(world.request, world.wiring)

    assert output.improvements_applied == 1
    assert "fresh cases" in output.because


def test_a_stored_request_keeps_the_thresholds_of_its_strategy(make_world):
    """Reading a phase back from the store does not turn defaults into wishes."""
    world = make_world(strategy="monitoring")

    output = run_cycle(world.request, world.wiring)

    assert output.improvements_applied == 0
    assert len(output.staged) == 1


def test_after_a_rollback_the_same_request_is_a_new_cycle(make_world):
    """What was undone is neither read back as released nor proposed again."""
    world = make_world(racing=False)
    first = run_cycle(world.request, world.wiring)
    world.store.releases.rollback("default", "colours", None, "not yet", "ada", world.wiring.clock.now())

    second = run_cycle(world.request, world.wiring)

    assert second.cycle_id != first.cycle_id
    assert first.live not in (second.live, *second.staged, *second.shipped)


def test_a_first_cycle_with_a_baseline_of_its_own_is_the_same_when_repeated(make_world):
    """The baseline that collect captures does not change the identity of the cycle."""
    world = make_world(dry_run=True, racing=False)

    assert run_cycle(world.request, world.wiring) == run_cycle(world.request, world.wiring)
