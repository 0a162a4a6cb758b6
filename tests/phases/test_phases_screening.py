"""Screening of candidates where a budget pays for few of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from cycle_world import COLOURS, TEXT, FixedClock, add_prompt, add_suite, draw
from hypothesis import given, settings
from hypothesis import strategies as st

from flywheel.cycle import Wiring, do_collect, do_validate, open_cycle, run_cycle
from flywheel.learn.drafting import Drafts
from flywheel.learn.refinement import proposal_of
from flywheel.llm.runner import Runner
from flywheel.llm.scripted import ScriptedModel
from flywheel.phases.screening import screened_below
from flywheel.phases.validate import validate
from flywheel.ports import Store
from flywheel.records.case import Role, role_of
from flywheel.records.chat import ChatAnswer, ChatRequest
from flywheel.records.cycle import CycleContext, FeedbackLoopInput
from flywheel.records.execution import Execution
from flywheel.records.prompt import content_hash
from flywheel.records.proposal import Proposal, Proposals
from flywheel.records.verdict import Ruling, Verdicts
from flywheel.store.open import open_store

ONE_ARM = 500
"""Calls that pay for one candidate beside the live version on all gate cases, and for a screening."""

CASES = 400


class PowerCut(BaseException):
    """The process is killed."""


def told_right(question: str) -> str:
    """The expected answer of a question."""
    return COLOURS[int(question.rsplit(maxsplit=1)[-1].rstrip("?")) % 3]


def charmed(request: ChatRequest) -> str | None:
    """Right on 55 %; on 95 % with the word that helps; on 80 % with another; knows what its prompt shows."""
    prompt, question = request.messages[-1].content.rsplit("Question: ", 1)
    question = question.split("\n")[0]
    if "silence" in prompt:
        return None
    share = 0.95 if "abracadabra" in prompt else 0.8 if "simsalabim" in prompt else 0.55
    known = f"{question} {told_right(question)}" in prompt
    return told_right(question) if known or draw(question) < share else "none of these"


@dataclass
class Priced:
    """A scripted model whose calls cost the same each."""

    usd: float | None
    world: Screened

    @property
    def remote(self) -> bool:
        """It answers in this process."""
        return False

    def complete(self, request: ChatRequest) -> ChatAnswer:
        """The answer of the world, with its price."""
        found = ScriptedModel(self.world.answer).complete(request)
        tokens = None if self.usd is None else 50
        return found.model_copy(
            update={"cost_usd": self.usd, "input_tokens": tokens, "output_tokens": tokens and 5}
        )


@dataclass
class Screened:
    """A world with a suite of colours, in which the words of a prompt decide."""

    store: Store
    calls: list[str] = field(default_factory=list)
    cut_after: int | None = None
    usd: float | None = None

    @property
    def wiring(self) -> Wiring:
        """Store with a runner."""
        return Wiring(
            self.store, Runner(lambda _name: Priced(self.usd, self), clock=FixedClock()), FixedClock()
        )

    def answer(self, request: ChatRequest) -> str | None:
        """What the model says, unless the power is cut."""
        if self.cut_after is not None and len(self.calls) >= self.cut_after:
            raise PowerCut
        self.calls.append(request.messages[-1].content)
        return charmed(request)

    def context(self, **asked: object) -> CycleContext:
        """An opened cycle whose baseline is recorded."""
        fields = {"prompt": "colours", "suite": "colours", "model": "scripted", "seed": 3, **asked}
        context = open_cycle(FeedbackLoopInput.model_validate(fields), self.wiring)
        do_collect(context, self.wiring)
        return context

    def verdicts(self, words: Sequence[str], **asked: object) -> Verdicts:
        """Verdicts on candidates that differ from the live version in some words."""
        context = self.context(**asked)
        told = proposals(context, words)
        return validate(told, self.store, self.wiring.runner, lambda _text: None)

    def screened(self, context: CycleContext) -> list[Execution]:
        """Executions of the screening."""
        return self.store.executions.in_session("default", "colours", f"screen/{context.cycle_id}")


def proposals(context: CycleContext, words: Sequence[str]) -> Proposals:
    """Candidates in a given order, one for each text that is put before the prompt."""
    made = []
    for place, word in enumerate(words):
        text = f"{word}\n\n{TEXT}"
        made.append(
            Proposal(
                version=content_hash(text),
                parent=context.control or "",
                text=text,
                strategy=f"idea{place}",
                rationale="a test",
            )
        )
    return Proposals(context=context, proposals=tuple(made))


def world_on(store: Store, count: int = CASES) -> Screened:
    """The world with so many cases."""
    add_suite(store, count)
    add_prompt(store, "colours", TEXT)
    return Screened(store)


@pytest.fixture
def world(store: Store) -> Screened:
    """The world with 400 cases."""
    return world_on(store)


def evidence_of(verdicts: Verdicts) -> dict[str, bool]:
    """By strategy, whether it met the gate."""
    return {v.proposal.strategy: v.evidence is not None for v in verdicts.verdicts}


WORDS = ("hm", "well", "abracadabra", "so", "simsalabim")


class Ideas:
    """Three candidates of which the third is good."""

    strategies = ("first", "second", "third")
    asked_for = True

    def propose(self, material, strategies, limits, allowance):
        """All three."""
        made = zip(self.strategies, WORDS[:3], strict=True)
        return Drafts(
            made=tuple(proposal_of(material, name, f"{word}\n\n{TEXT}", ("a word",)) for name, word in made)
        )


def test_a_budget_for_one_arm_releases_the_good_candidate(world: Screened):
    """The third of the list is released in the first cycle, although the gate can try one candidate only."""
    wiring = Wiring(world.store, world.wiring.runner, FixedClock(), proposers=lambda _request: (Ideas(),))
    request = FeedbackLoopInput(
        prompt="colours", suite="colours", model="scripted", seed=3, budget_calls=ONE_ARM
    )

    output = run_cycle(request, wiring)

    live = world.store.prompts.get("default", "colours", output.live or "")
    assert live is not None
    assert "abracadabra" in (live.text or "")
    assert output.calls <= 160 + ONE_ARM, "the baseline is not the experiment's"
    assert {stage.status for stage in output.workflow_stages} == {"completed"}, "nothing is missing"


def test_those_screened_out_wait_with_the_counts(world: Screened):
    """What the best of the screening left behind is on hold, says what was counted, and is no evidence."""
    verdicts = world.verdicts(WORDS, budget_calls=ONE_ARM)

    assert evidence_of(verdicts) == {f"idea{n}": n == 2 for n in range(5)}
    out = [v for v in verdicts.verdicts if v.evidence is None]
    assert {(v.ruling, v.screened_out) for v in out} == {(Ruling.HOLD, True)}
    assert verdicts.degraded == ()
    assert all("screened out on" in v.because and "for idea2" in v.because for v in out)
    assert "+0 of" in out[0].because
    assert world.store.strategy_outcomes.recent("default") == []


def test_calls_of_a_screening_count(world: Screened):
    """The calls of the verdicts are those of screening and gate together, within the budget."""
    world.context(budget_calls=ONE_ARM)
    before = len(world.calls)

    verdicts = world.verdicts(WORDS, budget_calls=ONE_ARM)

    assert verdicts.calls == len(world.calls) - before <= ONE_ARM
    assert len(world.screened(verdicts.context)) % len(WORDS) == 0
    assert 10 * len(WORDS) <= len(world.screened(verdicts.context)) <= ONE_ARM // 5


@pytest.mark.parametrize("asked", [{}, {"budget_calls": 100 * CASES}, {"budget_calls": 90, "racing": True}])
def test_without_need_nothing_is_screened(store: Store, asked: dict[str, object]):
    """No budget, one that pays for all, or a race: no call is spent on reflect cases."""
    world = world_on(store, 700)
    verdicts = world.verdicts(WORDS[:2], **asked)

    assert world.screened(verdicts.context) == []


def test_the_budget_that_screens_nobody_is_named(world: Screened):
    """Below the calls that pay for all arms candidates are screened; one candidate or a race never is."""
    context = world.context()
    racing = context.model_copy(update={"strategy": context.strategy.model_copy(update={"racing": True})})

    assert screened_below(context, 4, 200) == 1000
    assert screened_below(context, 1, 200) is None
    assert screened_below(racing, 4, 300) is None


def test_too_few_calls_for_a_screening_leave_everything_as_it_was(world: Screened):
    """Where a fifth of the budget gives less than ten cases each, the first of the list meets the gate."""
    words = [*WORDS, *(f"more{n}" for n in range(5))]

    verdicts = world.verdicts(words, budget_calls=450)

    assert world.screened(verdicts.context) == []
    assert evidence_of(verdicts) == {f"idea{n}": n == 0 for n in range(10)}
    assert "this proposal was not run" in verdicts.verdicts[-1].because


def test_a_candidate_that_shows_the_screening_cases_gains_nothing_from_it(world: Screened):
    """Cases that a candidate shows screen nobody, so that knowing them is no advantage."""
    reflect = [str(c.inputs["question"]) for c in world.store.cases.cases("default", "colours", Role.REFLECT)]
    shown = reflect[: len(reflect) // 2]
    cheat = "\n".join(f"{question} {told_right(question)}" for question in shown)

    verdicts = world.verdicts([cheat, "well", "abracadabra", "so"], budget_calls=ONE_ARM)

    asked = {str(e.inputs["question"]) for e in world.screened(verdicts.context)}
    assert asked
    assert not asked & set(shown)
    assert evidence_of(verdicts)["idea2"]


def test_candidates_that_show_every_reflect_case_are_not_screened(world: Screened):
    """With less than ten cases that nobody shows, everything is as without a screening."""
    reflect = [str(c.inputs["question"]) for c in world.store.cases.cases("default", "colours", Role.REFLECT)]
    verdicts = world.verdicts(["\n".join(reflect), "abracadabra", "so"], budget_calls=ONE_ARM)

    assert world.screened(verdicts.context) == []
    assert evidence_of(verdicts) == {"idea0": True, "idea1": False, "idea2": False}


def test_a_candidate_without_answers_is_unknown(world: Screened):
    """Errors count neither for nor against: such a candidate stands behind, with the reason."""
    verdicts = world.verdicts(["silence", "well", "so", "simsalabim"], budget_calls=ONE_ARM)

    assert evidence_of(verdicts)["idea3"]
    silent = next(v for v in verdicts.verdicts if v.proposal.strategy == "idea0")
    assert "scored on 0 of them, which says nothing" in silent.because


def test_a_screening_that_says_nothing_leaves_the_order(world: Screened):
    """Where no candidate is answered at all, the first goes on as it would have without a screening."""
    verdicts = world.verdicts(["silence", "silence again", "silence too"], budget_calls=ONE_ARM)

    assert evidence_of(verdicts) == {"idea0": True, "idea1": False, "idea2": False}
    assert "after screening" in verdicts.verdicts[-1].because
    assert verdicts.calls <= ONE_ARM


@pytest.mark.parametrize("part", [0.0, 0.3, 1.0, 1.3])
def test_a_cycle_killed_in_or_after_the_screening_repeats_no_finished_call(part: float):
    """The next run reads the screening back, chooses the same candidate, and goes on."""
    whole, broken = world_on(open_store("sqlite://")), world_on(open_store("sqlite://"))
    expected = whole.verdicts(WORDS, budget_calls=ONE_ARM)
    broken.context(budget_calls=ONE_ARM)
    broken.cut_after = len(broken.calls) + round(part * len(whole.screened(expected.context)))
    with pytest.raises(PowerCut):
        broken.verdicts(WORDS, budget_calls=ONE_ARM)
    broken.cut_after = None

    resumed = broken.verdicts(WORDS, budget_calls=ONE_ARM)

    assert resumed.verdicts == expected.verdicts
    assert resumed.calls == expected.calls
    repeated = len(broken.calls) - len(whole.calls)
    assert repeated == 0 if part in (0.0, 1.0) else 0 <= repeated <= 64, "at most the batch under way"


@pytest.mark.parametrize("ceiling", [{"budget_usd": 5.0}, {"budget_tokens": 55 * 500}])
def test_a_ceiling_in_usd_or_tokens_screens_too(store: Store, ceiling: dict[str, float]):
    """What 500 calls cost buys a screening, then the gate for its winner, and no more."""
    world = world_on(store)
    world.usd = 0.01
    verdicts = world.verdicts(WORDS, **ceiling)

    assert evidence_of(verdicts) == {f"idea{n}": n == 2 for n in range(5)}
    assert 0 < len(world.screened(verdicts.context)) <= 100
    assert verdicts.calls <= 500


def test_a_ceiling_in_usd_without_prices_screens_nobody(world: Screened):
    """Where nobody knows what a call costs, nobody knows what a budget pays."""
    verdicts = world.verdicts(WORDS, budget_usd=5.0)

    assert world.screened(verdicts.context) == []


@settings(max_examples=12, deadline=None)
@given(
    budget=st.integers(60, 700), count=st.integers(2, 8), cases=st.integers(80, 260), seed=st.integers(0, 9)
)
def test_screening_looks_at_no_gate_case_and_keeps_the_ceiling(
    budget: int, count: int, cases: int, seed: int
):
    """Whatever the budget, screening asks reflect cases only, and a cycle makes no call beyond it."""
    world = world_on(open_store("sqlite://"), cases)
    context = world.context(budget_calls=budget, seed=seed)
    before = len(world.calls)
    told = proposals(context, [f"word{n}" for n in range(count)])

    verdicts = do_validate(told, world.wiring)

    assert len(world.calls) - before == verdicts.calls <= budget
    assert len(verdicts.verdicts) == count
    screened = world.screened(context)
    assert {role_of(e.inputs) for e in screened} <= {Role.REFLECT}
    assert len(screened) <= budget // 5
    world.store.close()
