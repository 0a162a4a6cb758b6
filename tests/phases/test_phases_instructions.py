"""Instructions of the refiner are prompts with versions."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from cycle_world import FixedClock, World

from flywheel.cli.prompt_keeping import keep_version, version_of
from flywheel.cycle import Wiring, do_analyze, do_collect, do_generate, open_cycle
from flywheel.errors import InputError
from flywheel.llm.openai_chat import Endpoint, OpenAIChat
from flywheel.llm.refiner import instructions_for, refiner_of
from flywheel.phases.instructions import KeptInstructions
from flywheel.records.prompt import content_hash
from flywheel.records.proposal import Proposals

sys.path.insert(0, str(Path(__file__).parents[1] / "llm"))
from chat_stub import Reply, Stub, chat_stub, completion

BETTER = "Pick one name: red, green, blue.\nOutput format: the name, nothing else.\n\nQuestion: {question}"


def proposed(world: World, stub: Stub) -> Proposals:
    """What generate gives with a refiner behind the real client that reads its instructions in the store."""
    model = OpenAIChat("writer", Endpoint("writer", stub.base_url))
    kept = KeptInstructions(world.store, world.request.workspace)
    wiring = Wiring(
        world.store,
        world.wiring.runner,
        FixedClock(),
        proposers=lambda asked: refiner_of(asked.refiner, lambda _name: model, kept.text),
    )
    context = open_cycle(world.request, wiring)
    return do_generate(do_analyze(do_collect(context, wiring), wiring), wiring)


@pytest.mark.integration
def test_the_instructions_of_a_proposal_can_be_read_in_the_store(make_world: Callable[..., World]):
    """Every version a proposal names is kept, with the text that was sent."""
    world = make_world(refiner="writer")

    with chat_stub(Reply(completion(json.dumps({"prompt": BETTER, "why": "form"})))) as stub:
        found = proposed(world, stub)

    [reference] = {p.refiner for p in found.proposals if p.refiner}
    assert reference == instructions_for("rewrite_reflect").reference
    for part in reference.split():
        prompt, digest = part.split("@")
        version = world.store.prompts.get(world.request.workspace, prompt, digest)
        assert version is not None
        assert version.text is not None
        assert version.origin == "shipped"
    assert world.store.releases.live(world.request.workspace, "refiner/reflect") is None


@pytest.mark.integration
def test_instructions_made_live_by_a_person_are_written_by(make_world: Callable[..., World]):
    """A live version of `refiner/reflect` takes the place of the shipped text, in the question too."""
    world = make_world(refiner="writer")
    own = "Look for the missing OWN-RULE and say it."
    keep_version(world.store, version_of(world.request.workspace, "refiner/reflect", own, ()), live=True)

    with chat_stub(Reply(completion(json.dumps({"prompt": BETTER, "why": "form"})))) as stub:
        found = proposed(world, stub)

    assert "OWN-RULE" in stub.requests[0]["body"]["messages"][1]["content"]
    [reference] = {p.refiner for p in found.proposals if p.refiner}
    assert f"refiner/reflect@{content_hash(own)[:12]}" in reference


@pytest.mark.integration
def test_instructions_without_a_needed_variable_are_refused_before_a_model_is_asked(
    make_world: Callable[..., World],
):
    """The error names the variables that are missing or unknown, with the way out."""
    world = make_world(refiner="writer")
    wrong = "The prompt: {{prompt}}\n{{unknown}}"
    keep_version(world.store, version_of(world.request.workspace, "refiner/request", wrong, ()), live=True)

    with chat_stub(Reply(completion("{}"))) as stub, pytest.raises(InputError) as refused:
        proposed(world, stub)

    assert not stub.requests
    assert "lacks {{failures}}" in str(refused.value)
    assert "has {{unknown}}, which nothing fills" in str(refused.value)
    assert "flywheel prompt add refiner/request FILE --live" in str(refused.value)
