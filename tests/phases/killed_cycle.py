"""A cycle in a process of its own, which kills itself in the middle when asked to."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from cycle_world import TEXT, FixedClock, add_prompt, add_suite, obedient

from flywheel.cycle import Wiring, run_cycle
from flywheel.llm.runner import Runner
from flywheel.llm.scripted import ScriptedModel
from flywheel.records.chat import ChatRequest
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.store.open import open_store

KILL_AT_CALL = 380


def main(address: str, mode: str) -> None:
    """Run one cycle; in mode kill, die at a call in the middle of the experiment."""
    calls = 0

    def answer(request: ChatRequest) -> str:
        nonlocal calls
        calls += 1
        if mode == "kill" and calls == KILL_AT_CALL:
            os.kill(os.getpid(), signal.SIGKILL)
        return obedient(request)

    store = open_store(address)
    add_suite(store)
    add_prompt(store, "colours", TEXT)
    runner = Runner(lambda _name: ScriptedModel(answer), clock=FixedClock())
    request = FeedbackLoopInput(prompt="colours", suite="colours", model="scripted", seed=3)
    output = run_cycle(request, Wiring(store, runner, FixedClock()))
    print(calls)
    print(output.model_dump_json())


if __name__ == "__main__":
    main(*sys.argv[1:])
