"""From block names to what a phase works with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cache

from prefect.logging import get_run_logger

from blocks.model import model_block
from blocks.store import store_block
from flywheel.cycle import Wiring
from flywheel.llm.gateway import Gateway, Keeping
from flywheel.llm.observed_model import observed_models
from flywheel.llm.observed_runner import observed, telling
from flywheel.llm.refiner import refiner_of
from flywheel.phases.instructions import KeptInstructions
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
    model: str | None = None,
) -> Iterator[Wiring]:
    """Store, clock and, where cases are run, a runner; the connections go back at the end.

    Args:
        places: names of the blocks.
        progress: told what the phase is doing.
        live: whether the phase may run cases through a model.
        explain: whether the phase may ask a model to write causes.
        model: that answers; its executions are stamped with the time when it is a remote one.

    Raises:
        InputError: no block of that name.
        StoreUnreachable: the store does not answer.
    """
    block = model_block(places.models) if live or explain else None

    @cache
    def gateway() -> Gateway:
        """One for all models of the phase, its ledger in the store; made when first needed."""
        made = (block or model_block(places.models)).gateway(Keeping(store.model_calls, store.responses))
        opened.callback(_settle, made)
        return made

    with ExitStack() as opened:
        store = opened.enter_context(store_block(places.store).open())
        observer = opened.enter_context(telling(os.environ, lambda told: get_run_logger().warning(told)))
        runner, chat = None, None
        if block is not None:
            told = observed_models(gateway().model, observer)
            runner = block.runner(gateway(), model, told) if live else None
            chat = told if explain else None
        yield Wiring(
            store=store,
            runner=observed(runner, observer),
            chat=chat,
            progress=progress,
            observer=observer,
            proposers=lambda asked: refiner_of(
                asked.refiner,
                observed_models(lambda name: gateway().model(name), observer),
                KeptInstructions(store, asked.workspace).text,
            ),
        )
