"""`flywheel demo`: one whole turn on the sample application, offline."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import InputError
from flywheel.settings import read_settings

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.cli.demo_page import Turn
    from flywheel.ports import CaseRunner

app = typer.Typer(add_completion=False)

MODEL = "embedded-medium"


@app.command(epilog=examples("flywheel demo"))
def demo(
    *,
    model: Annotated[
        str, typer.Option("--model", metavar="M", help="Model that answers; embedded ones need no network.")
    ] = MODEL,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the flywheel once on a sample application: weak prompt in, better prompt out.

    The store is .flywheel/demo.db, made fresh each time; another --store is used as it is.
    """
    from flywheel.cli.demo_page import print_turn, turn_document
    from flywheel.cli.model_runs import runner_for
    from flywheel.demo.application import WORKSPACE

    if workspace not in (None, WORKSPACE):
        raise InputError(
            f"The demo lives in workspace {WORKSPACE!r}, not in {workspace!r}. Nothing was run. Leave it out."
        )
    runner = runner_for(model)
    address = store or str(fresh_store())
    door = open_door(address, WORKSPACE, as_json)
    with door.keeping("What was finished is kept; call the command again."):
        turn = run_turn(door, address, runner, model)
    document: Document = turn_document(turn)

    def draw(console: Console) -> None:
        print_turn(console, turn)

    door.answer(document, draw)


def fresh_store() -> Path:
    """An empty place for the demo's store under the flywheel folder; an older demo is removed."""
    path = read_settings().home / "demo.db"
    for leftover in (path, path.with_name("demo.db-wal"), path.with_name("demo.db-shm")):
        leftover.unlink(missing_ok=True)
    return path


def run_turn(door: Door, address: str, runner: CaseRunner, model: str) -> Turn:
    """Capture a baseline, run one cycle, read back what happened."""
    from flywheel.cli.checklist import Checklist
    from flywheel.cli.demo_page import collect_turn
    from flywheel.cli.progress import counted
    from flywheel.cycle import SystemClock, Wiring, run_cycle
    from flywheel.demo import application
    from flywheel.demo.turn import prepare

    started = time.perf_counter()
    with counted(door.err, "capture", len(application.cases())) as tell:
        prepared = prepare(door.own_store, runner, model, SystemClock(), tell)
    with Checklist(door.err, application.PROMPT_NAME) as checklist:
        wiring = Wiring(store=door.own_store, runner=runner, progress=checklist.update)
        output = run_cycle(prepared.request, wiring)
    return collect_turn(
        door.own_store,
        output,
        address=address,
        ran_as="plain Python",
        model=model,
        seconds=time.perf_counter() - started,
    )
