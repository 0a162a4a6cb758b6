"""Winners on the models beside the one that decides."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

import pytest
from cycle_world import TEXT, FixedClock, add_prompt, add_suite, draw, obedient

from flywheel.cycle import Wiring, do_analyze, do_collect, do_generate, do_validate, open_cycle, run_cycle
from flywheel.llm.runner import Runner
from flywheel.llm.scripted import ScriptedModel
from flywheel.phases.other_models import FIRST_BATCH
from flywheel.phases.waiting import waiting_proposals
from flywheel.ports import Store
from flywheel.records.chat import ChatAnswer, ChatRequest
from flywheel.records.cycle import CycleContext, FeedbackLoopInput, FeedbackLoopOutput
from flywheel.records.model_gain import ModelGain, ModelStanding
from flywheel.records.verdict import Ruling, Verdicts
from flywheel.store.open import open_store

Answer = Callable[[ChatRequest], str | None]


CASES = 220
"""A joint test on half of them; the race is tested elsewhere."""


ENOUGH = 700
"""Calls that pay for one candidate on three models; more would only make the tests slower."""


class PowerCut(Exception):
    """The machine stopped in the middle."""


def harmed(request: ChatRequest) -> str:
    """The other way round: right on 70 %, until a format is demanded, which it cannot keep to."""
    prompt = request.messages[-1].content
    said = obedient(request)
    bare = said.removeprefix("I think it could well be ").rstrip(".")
    question = prompt.rsplit("Question: ", 1)[1].split("\n")[0]
    return f"Format: {bare}" if "Output format" in prompt and draw(question + "y") < 0.3 else bare


def unmoved(request: ChatRequest) -> str:
    """Right on 70 %, whatever the prompt says around the question."""
    said = obedient(request)
    return said.removeprefix("I think it could well be ").rstrip(".")


def silent(_request: ChatRequest) -> None:
    """A model that refuses to answer."""


@dataclass(frozen=True)
class Priced:
    """One model of a world, with what a call costs there."""

    world: Several
    name: str

    @property
    def remote(self) -> bool:
        """It answers in this process."""
        return False

    def complete(self, request: ChatRequest) -> ChatAnswer:
        """The answer of the world."""
        said = ScriptedModel(lambda asked: self.world.answer(self.name, asked)).complete(request)
        return said.model_copy(update={"cost_usd": self.world.prices.get(self.name)})


@dataclass
class Several:
    """A world of several models, with every call counted under its model."""

    store: Store
    answers: dict[str, Answer]
    calls: list[tuple[str, str]] = field(default_factory=list)
    prices: dict[str, float] = field(default_factory=dict)
    cut_after: int | None = None

    @property
    def wiring(self) -> Wiring:
        """Store with a runner of all models."""
        runner = Runner(lambda name: Priced(self, name), clock=FixedClock())
        return Wiring(self.store, runner, FixedClock())

    def request(self, **asked: object) -> FeedbackLoopInput:
        """The first model decides, the others follow."""
        first, *others = self.answers
        fields = {"prompt": "colours", "suite": "colours", "model": first, "seed": 3, "budget_calls": ENOUGH}
        return FeedbackLoopInput.model_validate({"also_models": tuple(others), **fields, **asked})

    def run(self, **asked: object) -> FeedbackLoopOutput:
        """One cycle."""
        return run_cycle(self.request(**asked), self.wiring)

    def verdicts(self, **asked: object) -> Verdicts:
        """The cycle up to its verdicts."""
        context = open_cycle(self.request(**asked), self.wiring)
        proposals = do_generate(do_analyze(do_collect(context, self.wiring), self.wiring), self.wiring)
        return do_validate(proposals, self.wiring)

    def answer(self, name: str, asked: ChatRequest) -> str | None:
        """What a model says, unless the power is cut."""
        if self.cut_after is not None and len(self.calls) >= self.cut_after:
            raise PowerCut
        self.calls.append((name, asked.messages[-1].content))
        return self.answers[name](asked)


@pytest.fixture
def several(store: Store) -> Callable[..., Several]:
    """A world in which the named models answer."""
    return lambda **answers: world(store, answers)


def world(store: Store, answers: dict[str, Answer]) -> Several:
    """The small world with several models."""
    add_suite(store, CASES)
    add_prompt(store, "colours", TEXT)
    return Several(store, answers)


def standing(output: FeedbackLoopOutput) -> dict[str, str]:
    """Where the best candidate stands on each model."""
    return {gain.model: gain.standing.value for gain in output.models}


def test_a_gain_that_carries_over_is_released(several):
    """A cure that works on all models ships, and the output has its gain on each."""
    output = several(first=obedient, second=obedient, third=unmoved).run()

    assert output.improvements_applied == 1
    assert standing(output) == {"first": "decided", "second": "not_worse", "third": "not_worse"}
    assert output.models[1].estimate > 0.2
    assert output.models[2].estimate == 0
    assert output.across.models == 3
    assert output.across.p_value < 0.01, "the third model gains nothing, and Q says so"


def test_a_model_that_is_harmed_stops_the_release(several):
    """A winner that is worse on one model waits for a person, and the because names the model."""
    world = several(first=obedient, second=obedient, third=harmed)

    output = world.run()

    review = world.store.releases.reviews("default")[0]
    assert output.improvements_applied == 0
    assert standing(output)["third"] == "worse"
    assert "On third: worse" in review.because
    assert "prompt of its own for third" in review.because


def test_what_harms_a_model_is_not_put_to_a_test_again(several):
    """More cases would not heal a shown loss, so the candidate only waits."""
    world = several(first=obedient, second=harmed)
    world.run()
    staged = {review.version for review in world.store.releases.reviews("default")}
    context = open_cycle(world.request(correlation_id="next"), world.wiring)
    control = world.store.prompts.get("default", "colours", context.control)

    waiting = waiting_proposals(context, world.store, control, frozenset())

    assert waiting.again == ()
    assert waiting.versions == staged


def test_a_model_that_refuses_leaves_the_change_to_a_person(several):
    """No answer is unknown, not fine: staged with the reason, degraded, and asked no more than one batch."""
    world = several(first=obedient, second=silent)

    output = world.run()

    asked = [name for name, _ in world.calls if name == "second"]
    validated = next(stage for stage in output.workflow_stages if stage.phase.value == "validate")
    assert output.improvements_applied == 0
    assert output.staged
    assert standing(output)["second"] == "not_run"
    assert validated.status == "degraded"
    assert "Not run on second" in validated.detail
    assert len(asked) < 200


def test_a_budget_that_does_not_reach_the_other_models_stages(several):
    """A dear model is not run beyond its share of the ceiling, and the reason names the budget."""
    world = several(first=obedient, second=obedient)
    world.prices = {"first": 0.00001, "second": 0.05}

    output = world.run(budget_usd=0.5, budget_calls=None)

    assert output.improvements_applied == 0
    assert len(output.staged) >= 1
    assert standing(output)["second"] == "not_run"
    assert "the budget of 0.5 USD" in output.models[1].because
    assert output.cost_usd <= 0.5 + 3 * FIRST_BATCH * 0.05


def test_a_budget_too_small_for_the_first_model_holds(several):
    """What is left for the first of three models is said when it is too little."""
    verdicts = several(first=obedient, second=obedient, third=obedient).verdicts(budget_calls=150)

    assert {v.ruling for v in verdicts.verdicts} == {Ruling.HOLD}
    assert "50 for the first of 3 models" in verdicts.verdicts[0].because


def test_cases_a_budget_leaves_unasked_are_told_for_each_model(several):
    """A share that pays for some cases of a model is named beside what the first one lacks."""
    verdicts = several(first=obedient, second=obedient).verdicts(budget_calls=300)

    assert verdicts.unmeasured == (
        "the budget of 300 calls pays for 75 of 112 gate cases",
        "on second: the budget of 300 calls pays for 75 of 112 cases",
    )


def test_ceilings_hold_over_all_models(several):
    """A budget that pays for all models is kept, with the first leaving what the others take."""
    world = several(first=obedient, second=obedient, third=obedient)
    before = len(world.calls)
    verdicts = world.verdicts()

    assert 500 < verdicts.calls <= ENOUGH
    assert {name for name, _ in world.calls[before:]} == {"first", "second", "third"}
    assert any(gain.standing is ModelStanding.NOT_WORSE for v in verdicts.verdicts for gain in v.models)


def test_a_cycle_killed_between_models_repeats_no_finished_call(tmp_path):
    """The next run goes on in the middle of the model that was being asked."""
    answers = {"first": obedient, "second": obedient, "third": unmoved}
    whole = world(open_store(str(tmp_path / "whole.db")), dict(answers))
    expected = whole.run()
    broken = world(open_store(str(tmp_path / "broken.db")), dict(answers))
    broken.cut_after = cut_after = 600
    with pytest.raises(PowerCut):
        broken.run()
    done, broken.cut_after = len(broken.calls), None

    output = broken.run()

    repeated = len(broken.calls) - len(whole.calls)
    assert output == expected
    assert done == cut_after
    assert 0 <= repeated <= 64, "at most the batch that was under way"


def test_one_model_asks_nothing_more(several):
    """Without further models the request, its identity and its calls are what they were."""
    world = several(first=obedient)
    request = world.request(also_models=())

    output = run_cycle(request, world.wiring)

    assert "also_models" not in request.model_dump_json()
    assert output.models == ()
    assert output.across is None


def test_stored_contexts_of_older_versions_are_read(several):
    """A context written before there were further models is read as one that asks none."""
    context = open_cycle(several(first=obedient).request(also_models=()), several(first=obedient).wiring)
    written = re.sub(r',"max_model_loss":[\d.]+', "", context.model_dump_json())

    read = CycleContext.model_validate_json(written)

    assert "model_loss" not in written
    assert read.request.also_models == ()
    assert read.strategy.max_model_loss == 0.05


@pytest.mark.parametrize(
    "asked",
    [
        {"also_models": ("a",)},
        {"model": "a", "also_models": ("b",)},
        {"suite": "s", "model": "a", "also_models": ("a",)},
    ],
    ids=["no model", "no suite", "twice"],
)
def test_models_that_cannot_be_asked_are_refused(asked):
    """Further models need a suite and a first model, and each is named once."""
    with pytest.raises(ValueError, match="model"):
        FeedbackLoopInput(prompt="p", **asked)


def test_every_model_teaches_which_strategy_works(several):
    """The outcome on each model is kept under that model."""
    world = several(first=obedient, second=harmed)
    world.run()

    outcomes = world.store.strategy_outcomes.recent("default")

    winner = [o for o in outcomes if o.model == "second"]
    assert {o.model for o in outcomes} == {"first", "second"}
    assert {(o.helped, o.estimate < 0) for o in winner} == {(False, True)}


def test_calls_of_other_models_are_named_before_the_first(several):
    """The forecast that is told before the experiment counts the calls of a winner on the other models."""
    world = several(first=obedient, second=obedient)
    told: list[tuple[int, str]] = []
    wiring = world.wiring
    context = open_cycle(world.request(), wiring)
    proposals = do_generate(do_analyze(do_collect(context, wiring), wiring), wiring)
    before = len(world.calls)

    do_validate(
        proposals,
        Wiring(
            world.store, wiring.runner, wiring.clock, lambda _p, text: told.append((len(world.calls), text))
        ),
    )

    calls, text = next((n, t) for n, t in told if "calls more" in t)
    assert calls == before
    assert "for each of at most 2 winners on second" in text


def test_a_gain_record_is_what_the_output_says() -> None:
    """An unknown gain is None, never 0."""
    gain = ModelGain(model="m", standing=ModelStanding.NOT_RUN, because="no key")

    assert (gain.estimate, gain.before, gain.low) == (None, None, None)
