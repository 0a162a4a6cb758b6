"""From block names to what a phase works with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prefect.logging import get_run_logger

from blocks.model import model_block
from blocks.store import store_block
from flywheel.cycle import Wiring
from flywheel.llm.langsmith_observer import langsmith_observer
from flywheel.llm.observed_runner import ObservedRunner
from flywheel.ports import CaseRunner
from flywheel.records.base import Record
from flywheel.records.cycle import Phase


class Places(Record):
    """Names of the blocks a run works with.

    Attributes:
        store: name of a Flywheel Store block, an address without a password, or `environment`.
        models: name of a Flywheel Chat Model block.
    """

    store: str = "default"
    models: str = "default"


def log_progress(phase: Phase, message: str) -> None:
    """One line in the log of the task run."""
    get_run_logger().info("%s: %s", phase.value, message)


@contextmanager
def wired(
    places: Places, progress: Callable[[Phase, str], None] = log_progress, *, live: bool = False
) -> Iterator[Wiring]:
    """Store, clock and, where cases are run, a runner; the connections go back at the end.

    Args:
        places: names of the blocks.
        progress: told what the phase is doing.
        live: whether the phase may run cases through a model.

    Raises:
        InputError: no block of that name.
        StoreUnreachable: the store does not answer.
    """
    runner: CaseRunner | None = model_block(places.models).runner() if live else None
    observer = langsmith_observer(os.environ)
    if runner is not None and observer is not None:
        runner = ObservedRunner(runner, observer)
    try:
        with store_block(places.store).open() as store:
            yield Wiring(store=store, runner=runner, progress=progress, observer=observer)
    finally:
        if observer is not None and (told := observer.close()) is not None:
            get_run_logger().warning(told)
