"""Outcomes of strategies survive in the store, and the next cycle chooses by them."""

from __future__ import annotations

from cycle_world import COLOURS, TEXT, add_prompt, draw, obedient

from flywheel.cycle import do_analyze, do_collect, do_generate, open_cycle, run_cycle
from flywheel.learn.insertion import insert_block
from flywheel.learn.refinement_material import Material, Winner
from flywheel.learn.refinement_merge import complements, merges
from flywheel.records.case import ReflectCases
from flywheel.records.chat import ChatRequest
from flywheel.records.lineage import EdgeKind
from flywheel.records.prompt import PromptVersion, content_hash
from flywheel.store.open import open_store


def test_a_cycle_leaves_outcomes_that_a_new_process_reads(make_world, store_address):
    """Each generated candidate with evidence is one outcome, also after the store was opened again."""
    world = make_world()
    output = run_cycle(world.request, world.wiring)

    outcomes = open_store(store_address).strategy_outcomes.recent("default")

    by_strategy = {o.strategy: o for o in outcomes}
    assert by_strategy["output_format"].helped is True
    assert by_strategy["nudge"].helped is False
    assert {o.cycle_id for o in outcomes} == {output.cycle_id}
    assert {o.model for o in outcomes} == {"scripted"}
    assert by_strategy["output_format"].kind == "format"
    assert world.store.strategy_outcomes.recent("another") == []


def test_only_the_newest_cycles_are_remembered(make_world):
    """What lies further back than the asked number of cycles is forgotten."""
    world = make_world(dry_run=True)
    for name in ("one", "two", "three"):
        run_cycle(world.request.model_copy(update={"correlation_id": name}), world.wiring)

    everything = world.store.strategy_outcomes.recent("default")
    two = world.store.strategy_outcomes.recent("default", cycles=2)

    assert len({o.cycle_id for o in everything}) == 3
    assert {o.cycle_id for o in two} == {o.cycle_id for o in everything[-len(two) :]}
    assert len({o.cycle_id for o in two}) == 2


def test_another_prompt_profits_from_what_was_learned(make_world):
    """After cycles on one prompt a second one starts with what helped, not with advice that did not."""
    world = make_world(dry_run=True)
    for name in ("one", "two", "three", "four"):
        run_cycle(world.request.model_copy(update={"correlation_id": name}), world.wiring)
    add_prompt(world.store, "other", f"You like paint.\n\n{TEXT}")
    request = world.request.model_copy(update={"prompt": "other", "seed": 11})

    context = open_cycle(request, world.wiring)
    found = do_generate(do_analyze(do_collect(context, world.wiring), world.wiring), world.wiring)

    made = [p.strategy for p in found.proposals]
    assert "nudge" not in made[: made.index("output_format")]
    assert next(p for p in found.proposals if p.strategy == "output_format").expected_delta > 0.05


FIRST, SECOND = "Odd things are painted with care.", "Even things are painted in haste."
"""Two paragraphs, each of which helps one half of the questions."""


def halves(request: ChatRequest) -> str:
    """Right on odd questions once told of odd ones, on even questions once told of even ones."""
    prompt = request.messages[-1].content
    question = prompt.rsplit("Question: ", 1)[1].split("\n")[0]
    number = int(question.split()[-1].rstrip("?"))
    right = COLOURS[number % 3]
    told = FIRST in prompt if number % 2 else SECOND in prompt
    return right if told or draw(question) < 0.4 else COLOURS[(number + 1) % 3]


def version_of(text: str) -> PromptVersion:
    """A version of the prompt."""
    return PromptVersion(prompt="colours", version=content_hash(text), text=text)


def material(control: str, *winners: Winner) -> Material:
    """A control with versions that passed a gate."""
    return Material(version_of(control), None, ReflectCases(cases=()), (), (), None, winners=winners)


def test_winners_that_help_different_slices_are_merged():
    """The live version gets the paragraph of the winner that does better where it does worse."""
    live, other = insert_block(TEXT, FIRST), insert_block(TEXT, SECOND)
    found = merges(
        material(
            live,
            Winner(version_of(live), "a", TEXT, (("even", 0.0), ("odd", 0.3))),
            Winner(version_of(other), "b", TEXT, (("even", 0.2), ("odd", 0.0))),
        )
    )

    assert [(p.strategy, p.merged_from) for p in found] == [("merge", (content_hash(other),))]
    assert FIRST in (found[0].text or "")
    assert SECOND in (found[0].text or "")


def test_a_winner_that_is_better_nowhere_is_not_merged():
    """What adds nothing, or helps less in every slice, gives no candidate."""
    live, other = insert_block(TEXT, FIRST), insert_block(TEXT, SECOND)
    own = Winner(version_of(live), "a", TEXT, (("even", 0.3), ("odd", 0.3)))

    assert complements(material(live, own, Winner(version_of(other), "b", TEXT, (("even", 0.1),)))) == ()
    assert (
        complements(material(live, own, Winner(version_of(live + " "), "b", live + " ", (("even", 0.9),))))
        == ()
    )


def test_a_merge_wins_its_cycle_and_stands_in_the_lineage(make_world):
    """Two winners of one cycle; the next merges the live one with its sibling, with an edge to each."""
    from flywheel.learn.drafting import Drafts
    from flywheel.learn.refinement import proposal_of

    class Writer:
        """Proposes both paragraphs, each alone."""

        strategies = ("first", "second")

        def propose(self, material, strategies, limits, allowance):
            """Both of them."""
            texts = {"first": FIRST, "second": SECOND}
            control = material.control.text
            return Drafts(
                made=tuple(
                    proposal_of(material, name, insert_block(control, texts[name]), ())
                    for name in strategies
                    if texts[name] not in control
                )
            )

    from dataclasses import replace

    world = make_world(halves, racing=False)
    wiring = replace(world.wiring, proposers=lambda _request: (Writer(),))
    first = run_cycle(world.request, wiring)
    other = next(
        p.version
        for p, _ in world.store.cycles.winners("default", "colours")
        if p.strategy in ("first", "second") and p.version != first.live
    )

    second = run_cycle(world.request.model_copy(update={"correlation_id": "two"}), world.wiring)

    live = world.store.prompts.get("default", "colours", second.live).text
    assert FIRST in live
    assert SECOND in live
    edges = [e for e in world.store.lineage.edges("default", "colours") if e.child == second.live]
    assert {(e.kind, e.parent) for e in edges} >= {
        (EdgeKind.IMPROVED_VERSION, first.live),
        (EdgeKind.MERGED_FROM, other),
    }


def test_two_candidates_of_one_strategy_are_each_proposed_once(make_world):
    """A strategy with two arms, such as two merges, gives every version one place."""
    from dataclasses import replace

    from flywheel.learn.drafting import Drafts
    from flywheel.learn.refinement import proposal_of

    class Namesake:
        """Writes under the name of a built-in strategy."""

        strategies = ("output_format",)

        def propose(self, material, strategies, limits, allowance):
            """One candidate per strategy asked for."""
            text = insert_block(material.control.text, FIRST)
            return Drafts(made=tuple(proposal_of(material, name, text, ()) for name in strategies))

    world = make_world(dry_run=True)
    wiring = replace(world.wiring, proposers=lambda _request: (Namesake(),))
    analysis = do_analyze(do_collect(open_cycle(world.request, wiring), wiring), wiring)

    versions = [p.version for p in do_generate(analysis, wiring).proposals]

    assert len(set(versions)) == len(versions)
    assert content_hash(insert_block(TEXT, FIRST)) in versions


def test_your_own_logic_can_be_plugged_in(make_world):
    """Any object with strategies and propose is asked, and its candidates meet the same hard checks."""
    from dataclasses import replace

    from flywheel.learn.drafting import Drafts
    from flywheel.learn.refinement import proposal_of

    class Broken:
        """Forgets the variable."""

        strategies = ("own",)

        def propose(self, material, strategies, limits, allowance):
            """One candidate without a variable."""
            return Drafts(made=(proposal_of(material, "own", "red, green or blue?", ()),))

    world = make_world(obedient)
    wiring = replace(world.wiring, proposers=lambda _request: (Broken(),))
    context = open_cycle(world.request, wiring)

    found = do_generate(do_analyze(do_collect(context, wiring), wiring), wiring)

    assert ("own", "variables") in {(d.strategy, d.check) for d in found.discarded}
