"""The analyze phase: patterns with states, slices, insights, a written cause where a model is given."""

from __future__ import annotations

from cycle_world import TEXT

from flywheel.cycle import do_analyze, do_collect, open_cycle, run_cycle
from flywheel.errors import ModelUnavailable
from flywheel.phases.analyze import analyze
from flywheel.phases.explain import Explainer
from flywheel.records.case import Role
from flywheel.records.chat import ChatAnswer, ChatRequest
from flywheel.records.cycle import Phase
from flywheel.records.proposal import Proposals


class Writer:
    """A model that writes one cause, and remembers what it was shown."""

    def __init__(self, text: str | None) -> None:
        self.text = text
        self.seen: list[str] = []

    def complete(self, request: ChatRequest) -> ChatAnswer:
        """The same cause each time, or none."""
        self.seen.append(request.messages[-1].content)
        if self.text is None:
            msg = "nobody there"
            raise ModelUnavailable(msg)
        return ChatAnswer(text=self.text, model=request.model)


def feedback_of(world):
    """Evidence of the small world, with its first baseline."""
    return do_collect(open_cycle(world.request, world.wiring), world.wiring)


def test_the_phase_finds_the_prose_around_the_answer(make_world):
    """Half of the answers are wrapped in prose; that pattern leads, with its insight."""
    analysis = analyze(feedback_of(make_world()), make_world().store)

    top = analysis.patterns[0]
    assert (top.kind, top.state) == ("format", "new")
    assert top.rate is not None
    assert analysis.insights[0].patterns == (top.pattern_key,)
    assert analysis.prompt_analysis is not None
    assert TEXT.startswith(analysis.prompt_analysis.issues[0].quote)


def test_what_the_proposer_reads_comes_from_reflect_cases_only(make_world):
    """No execution of a gate case is in a pattern, an insight or a contrast."""
    world = make_world()
    gate = {c.case_id for c in world.store.cases.cases("default", "colours", Role.GATE)}
    analysis = do_analyze(feedback_of(world), world.wiring)

    shown = {e for p in analysis.patterns for e in p.examples} | {
        e for i in analysis.insights for e in i.executions
    }
    assert shown
    assert not any(case in execution for case in gate for execution in shown)
    assert analysis.evidence["patterns_from"] == "reflect cases"


def test_an_analysis_made_again_is_the_same(make_world):
    """After a kill between keeping and finishing, the patterns are new again, not known."""
    world = make_world()
    feedback = feedback_of(world)
    first = analyze(feedback, world.store)
    world.store.cycles.keep_analysis(first, world.wiring.clock.now())

    assert analyze(feedback, world.store) == first


def test_a_model_writes_the_cause_beside_the_rule(make_world):
    """The cause is stored with the pairs it was read from; the rule's cause stays."""
    world = make_world()
    writer = Writer('{"cause": "prose is allowed", "fix": "forbid it"}')

    analysis = analyze(feedback_of(world), world.store, None, Explainer(writer, "judge", most=1))

    top = analysis.patterns[0]
    assert top.root_cause.cause == "prose is allowed"
    assert top.root_cause.pairs
    assert top.cause
    assert len(writer.seen) == 1
    assert all(p.root_cause is None for p in analysis.patterns[1:])


def test_a_model_that_does_not_answer_leaves_the_rule(make_world):
    """The analysis is whole without a written cause."""
    world = make_world()

    analysis = analyze(feedback_of(world), world.store, None, Explainer(Writer(None), "judge"))

    assert analysis.patterns
    assert all(p.root_cause is None for p in analysis.patterns)


def test_no_live_version_makes_no_patterns(make_world):
    """Nothing to beat, nothing to mine."""
    world = make_world()
    context = open_cycle(world.request, world.wiring).model_copy(update={"control": None})
    feedback = feedback_of(world).model_copy(update={"context": context})

    assert analyze(feedback, world.store).patterns == ()


def test_an_insight_names_the_versions_proposed_from_it(make_world):
    """The output links insights to proposals; each refinement names the insights it came from."""
    world = make_world()
    output = run_cycle(world.request, world.wiring)
    made = Proposals.model_validate_json(world.store.cycles.finished(output.cycle_id, Phase.GENERATE))

    top = output.insights[0]
    answering = {p.version for p in made.proposals if set(p.patterns) & set(top.patterns)}
    assert answering
    assert set(top.proposals) == answering
    assert all(top.insight_id in p.insights for p in made.proposals if p.version in answering)
