"""What several models of a cycle mean after the gate: report cases, evidence of earlier cycles, winners."""

from __future__ import annotations

import pytest
from cycle_world import TEXT, FixedClock, add_prompt, add_suite, obedient

from flywheel.cycle import Wiring, open_cycle, run_cycle
from flywheel.llm.runner import Runner
from flywheel.llm.scripted import ScriptedModel
from flywheel.phases.earlier import earlier, model_of
from flywheel.phases.reported import measure_release
from flywheel.phases.validate import validate
from flywheel.records.case import Role
from flywheel.records.cycle import FeedbackLoopInput, FeedbackLoopOutput, Phase
from flywheel.records.model_gain import ModelStanding
from flywheel.records.prompt import content_hash
from flywheel.records.proposal import Proposal, Proposals
from flywheel.records.release import Release
from flywheel.store.open import SqlStore


def unmoved(request) -> str:
    """Right on 70 %, whatever the prompt says around the question."""
    return obedient(request).removeprefix("I think it could well be ").rstrip(".")


@pytest.fixture
def cycle(store: SqlStore):
    """A cycle over the models `first` (which the cure helps) and `second` (which nothing moves)."""
    add_suite(store, 220)
    add_prompt(store, "colours", TEXT)
    answers = {"first": ScriptedModel(obedient), "second": ScriptedModel(unmoved)}
    wiring = Wiring(store, Runner(answers, clock=FixedClock()), FixedClock())

    def run(*models: str, **asked: object) -> FeedbackLoopOutput:
        fields = {"prompt": "colours", "suite": "colours", "seed": 3, "budget_calls": 700, **asked}
        request = FeedbackLoopInput.model_validate(
            {**fields, "model": models[0], "also_models": tuple(models[1:])}
        )
        return run_cycle(request, wiring)

    run.wiring = wiring
    return run


def test_a_release_is_measured_on_the_report_cases_of_every_model(cycle, store: SqlStore) -> None:
    """Each model has its own gain, sessions of its own, and the sentence names them all."""
    output = cycle("first", "second")

    first, second = output.report_models
    cases = len(store.cases.cases("default", "colours", Role.REPORT))
    assert [gain.standing for gain in output.report_models] == [ModelStanding.MEASURED] * 2
    assert (first.pairs, second.pairs) == (cases, cases)
    assert (first.estimate, second.estimate) == (output.report_gain, 0.0)
    assert first.estimate > 0.2
    said = next(s.detail for s in output.workflow_stages if s.phase is Phase.TRACK)
    assert f"On {cases} report cases" in said
    assert "first +" in said
    assert "second 0.0 points" in said


def test_one_model_is_measured_as_ever(cycle) -> None:
    """Without further models there is one gain, and no table."""
    output = cycle("first")

    assert output.report_models == ()
    assert output.report_pairs > 0


def test_a_model_whose_report_cases_a_budget_does_not_pay_for_is_named(cycle, store: SqlStore) -> None:
    """The first is measured, the second is unknown with the reason."""
    output = cycle("first", "second")
    kept = store.cycles.finished(output.cycle_id, Phase.APPLY)
    release = Release.model_validate_json(kept)
    tight = release.context.request.model_copy(
        update={"budget_calls": release.calls + 3 * output.report_pairs}
    )
    release = release.model_copy(update={"context": release.context.model_copy(update={"request": tight})})

    reported = measure_release(release, store, cycle.wiring.runner)

    first, second = reported.models
    assert (first.standing, second.standing) == (ModelStanding.MEASURED, ModelStanding.NOT_RUN)
    assert second.estimate is None
    assert "not run on second: " in reported.because
    assert [text.split(":")[0] for text in reported.unmeasured] == [
        f"The release was not measured on its {first.pairs} report cases on second"
    ]


def test_evidence_on_another_model_is_not_added_up(cycle, store: SqlStore) -> None:
    """What a candidate did on one model says nothing of another, so its evidence stays apart."""
    output = cycle("second", "first", significance_level=0.001)
    context = open_cycle(
        FeedbackLoopInput(prompt="colours", suite="colours", model="first", seed=9), cycle.wiring
    )
    past = earlier(context, store)
    candidate = past.pieces[0].evidence.candidate

    assert output.improvements_applied == 0
    assert past.of(candidate, "second")
    assert past.of(candidate, "first") == ()
    assert model_of(context.request, "live") == "first"
    assert model_of(context.request, "recorded") is None


def test_more_winners_than_are_put_to_other_models_are_told(cycle, store: SqlStore) -> None:
    """The page says how many won, how many went on, and that the rest waits."""
    request = FeedbackLoopInput(
        prompt="colours", suite="colours", model="first", also_models=("second",), seed=3
    )
    context = open_cycle(request, cycle.wiring)
    live = store.prompts.get("default", "colours", context.control)
    texts = [f"{live.text}\nOutput format: the name alone.{' Please.' * n}" for n in range(1, 4)]
    proposals = tuple(
        Proposal(version=content_hash(text), parent=live.version, text=text, strategy="own", rationale="form")
        for text in texts
    )

    verdicts = validate(
        Proposals(context=context, proposals=proposals), store, cycle.wiring.runner, lambda _text: None
    )

    assert "3 candidates won; the 2 with the largest gains were put to second, the other one waits" in (
        verdicts.because
    )
