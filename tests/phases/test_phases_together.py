"""The same cycle, started twice at once."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

from cycle_world import obedient

from flywheel.cycle import run_cycle
from flywheel.records.cycle import Phase

PATIENCE_S = 60.0


def test_identical_cycles_ask_the_model_once(make_world):
    """The second waits for the first phase by phase, asks nothing again, and gives the same answer."""
    somebody_waits, is_first = threading.Event(), threading.Lock()

    def slow(request):
        if is_first.acquire(blocking=False):
            somebody_waits.wait(PATIENCE_S)
        return obedient(request)

    world = make_world(slow, dry_run=True)

    def listen(_phase: Phase, message: str) -> None:
        if message.startswith("waiting for process"):
            somebody_waits.set()

    wiring = replace(world.wiring, progress=listen)
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: run_cycle(world.request, wiring), range(2))

    assert somebody_waits.is_set()
    assert first == second
    assert len(world.calls) == len(set(world.calls)) > 0
