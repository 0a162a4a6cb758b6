"""The turn itself: baseline, learning-cycle flow, the page; called by deployments.demo."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from flywheel.cli.checklist import Checklist
from flywheel.cli.demo import MODEL
from flywheel.cli.demo_page import collect_turn, print_turn
from flywheel.cli.progress import counted
from flywheel.cycle import CycleOutcome, SystemClock
from flywheel.demo import application
from flywheel.demo.turn import prepare
from flywheel.llm.registry import chat_model
from flywheel.llm.runner import Runner
from flywheel.records.cycle import FeedbackLoopInput, Phase
from flywheel.store.open import SqlStore, open_store


class ChecklistHandler(logging.Handler):
    """Phases of the flow, as its tasks log them, onto the checklist.

    Args:
        checklist: what is drawn.
        first: called before the first line.
    """

    def __init__(self, checklist: Checklist, first: Callable[[], object]) -> None:
        super().__init__(logging.INFO)
        self._checklist = checklist
        self._first = first

    def emit(self, record: logging.LogRecord) -> None:
        """Take lines that begin with the name of a phase."""
        phase, _, message = record.getMessage().partition(": ")
        if phase in Phase.__members__.values():
            self._first()
            self._checklist.update(Phase(phase), message)


def main() -> int:
    """Run the turn, print the page.

    Returns:
        0, or 1 when the flow failed.
    """
    started = time.perf_counter()
    # A plain SIGTERM would skip the exit handler that ends the embedded server.
    signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    address = os.environ["FLYWHEEL_DATABASE_URL"]
    err = Console(stderr=True, highlight=False, emoji=False)
    store = open_store(address)
    with counted(err, "capture", len(application.cases())) as tell:
        prepared = prepare(store, Runner(chat_model), MODEL, SystemClock(), tell)
    err.print(f"captured {prepared.executions} executions with the first prompt", style="dim")
    err.print("Prefect's embedded server starts", style="dim")
    outcome = _run_flow(prepared.request, err)
    if outcome.output is None:
        err.print(f"The flow failed: {outcome.error}", style="red")
        return 1
    turn = collect_turn(
        store,
        outcome.output,
        address=_as_typed(store),
        ran_as="Prefect flow learning-cycle",
        model=MODEL,
        seconds=time.perf_counter() - started,
    )
    print_turn(Console(highlight=False, emoji=False), turn)
    return 0


def _run_flow(request: FeedbackLoopInput, err: Console) -> CycleOutcome:
    """The embedded server starts with the first call and is ended when this process exits."""
    from flows.command import flow_parameters
    from flows.learning_cycle import learning_cycle

    checklist = Checklist(err, request.prompt)
    logger = logging.getLogger("prefect.task_runs")
    logger.setLevel(logging.INFO)
    logger.propagate = False
    with err.status("Prefect's embedded server starts (half a minute the first time)") as status, checklist:
        logger.addHandler(ChecklistHandler(checklist, status.stop))
        state = learning_cycle(**flow_parameters([request]), return_state=True)
    outcomes = state.result(raise_on_failure=False)
    if isinstance(outcomes, tuple) and isinstance(outcomes[0], CycleOutcome):
        return outcomes[0]
    return CycleOutcome(request, None, f"{state.name}: {state.message}")


def _as_typed(store: SqlStore) -> str:
    """The store's file as a user would type it from here."""
    file = store.database.file
    if file is None:
        return store.database.address
    return os.path.relpath(file) if file.is_relative_to(Path.cwd()) else str(file)


if __name__ == "__main__":
    sys.exit(main())
