"""From block names to what a phase works with."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from prefect.logging import get_run_logger

from blocks.model import model_block
from blocks.store import store_block
from flywheel.cycle import Wiring
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
    models = model_block(places.models) if live or explain else None
    runner = models.runner() if models is not None and live else None
    chat = models.chat if models is not None and explain else None
    with store_block(places.store).open() as store:
        yield Wiring(
            store=store,
            runner=runner,
            chat=chat,
            progress=progress,
            proposers=lambda asked: refiner_of(asked.refiner, model_block(places.models).chat),
        )
