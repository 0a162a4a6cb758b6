"""From block names to what a phase works with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from prefect.logging import get_run_logger

from blocks.model import model_block
from blocks.store import store_block
from flywheel.cycle import Wiring
from flywheel.llm.gateway import Gateway, Keeping
from flywheel.llm.observed_runner import observed
from flywheel.llm.refiner import refiner_of
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


def _settle(gateway: Gateway) -> None:
    """The ledger goes to the store, the bill into the log; the embedded models have none."""
    gateway.close()
    if gateway.used_remote:
        get_run_logger().info(gateway.bill())


@contextmanager
def wired(
    places: Places,
    progress: Callable[[Phase, str], None] = log_progress,
    *,
    live: bool = False,
    explain: bool = False,
) -> Iterator[Wiring]:
    """Store, clock and, where cases are run, a runner; the connections go back at the end.

    Args:
        places: names of the blocks.
        progress: told what the phase is doing.
        live: whether the phase may run cases through a model.
        explain: whether the phase may ask a model to write causes.

    Raises:
        InputError: no block of that name.
        StoreUnreachable: the store does not answer.
    """
    block = model_block(places.models) if live or explain else None
    with ExitStack() as opened:
        store = opened.enter_context(store_block(places.store).open())
        runner, chat = None, None
        if block is not None:
            gateway = block.gateway(Keeping(store.model_calls, store.responses))
            opened.callback(_settle, gateway)
            runner = block.runner(gateway) if live else None
            chat = gateway.model if explain else None
        watched, observer = opened.enter_context(
            observed(runner, os.environ, lambda told: get_run_logger().warning(told))
        )
        yield Wiring(
            store=store,
            runner=watched,
            chat=chat,
            progress=progress,
            observer=observer,
            proposers=lambda asked: refiner_of(asked.refiner, model_block(places.models).chat),
        )
