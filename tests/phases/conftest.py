"""A small world for cycles: one prompt, one suite, one scripted model."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from cycle_world import TEXT, FixedClock, World, add_prompt, add_suite, obedient

from flywheel.cycle import Wiring
from flywheel.llm.runner import Runner
from flywheel.llm.scripted import ScriptedModel
from flywheel.ports import Store
from flywheel.records.chat import ChatRequest
from flywheel.records.cycle import FeedbackLoopInput


@pytest.fixture
def make_world(store: Store) -> Callable[..., World]:
    """Builds the small world on the store of the test."""

    def build(answer: Callable[[ChatRequest], str | None] = obedient, **request: object) -> World:
        calls: list[str] = []

        def counted(asked: ChatRequest) -> str | None:
            calls.append(asked.messages[-1].content)
            return answer(asked)

        add_suite(store)
        add_prompt(store, "colours", TEXT)
        runner = Runner(lambda _name: ScriptedModel(counted), clock=FixedClock())
        fields = {"prompt": "colours", "suite": "colours", "model": "scripted", "seed": 3, **request}
        return World(
            store, Wiring(store, runner, FixedClock()), FeedbackLoopInput.model_validate(fields), calls
        )

    return build
