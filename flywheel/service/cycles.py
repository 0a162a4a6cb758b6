"""Routes of the cycle: its standing, its start."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from flywheel.errors import UnknownName
from flywheel.learn.loop_health import loop_health
from flywheel.records.alert import Alert
from flywheel.records.base import Name, Record, UtcDatetime
from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.cycle_run import CycleAsked, CycleRun
from flywheel.records.loop_health import LoopHealth
from flywheel.records.release import LiveVersion, Review
from flywheel.service.bodies import json_only
from flywheel.service.callers import Reads, Writes
from flywheel.service.problems import Refused, answers
from flywheel.service.runs import PromptBusy, refuse_memory
from flywheel.store.reviews import WAITING

routes = APIRouter(prefix="/v1/virtuous-cycle", tags=["cycles"])

LAST_CYCLES = 10
JUDGED_CYCLES = 1_000
"""Cycles that the health of the loop is told from."""


class CycleStatus(Record):
    """Where a workspace stands.

    Attributes:
        cycles: outputs of the last ones, newest first.
        runs: cycles started over HTTP, newest first.
        loop: what became of the improvements that were applied.
    """

    workspace: str
    read_at: UtcDatetime
    prompts: tuple[str, ...]
    live: tuple[LiveVersion, ...]
    cycles: tuple[FeedbackLoopOutput, ...]
    runs: tuple[CycleRun, ...]
    reviews_waiting: tuple[Review, ...]
    alerts_open: tuple[Alert, ...]
    loop: LoopHealth


@routes.get("/status", summary="Where everything stands", responses=answers())
def read_status(asks: Reads) -> CycleStatus:
    """Live versions, last cycles, runs, changes that wait, open alerts, the loop's health."""
    store, workspace = asks.store, asks.workspace
    outputs = store.cycles.outputs(workspace, None, JUDGED_CYCLES)
    return CycleStatus(
        workspace=workspace,
        read_at=asks.wiring.clock.now(),
        prompts=tuple(store.prompts.names(workspace)),
        live=tuple(store.releases.all_live(workspace).values()),
        cycles=tuple(outputs[:LAST_CYCLES]),
        runs=tuple(asks.wiring.runs.recent(workspace)),
        reviews_waiting=tuple(store.releases.reviews(workspace, WAITING)),
        alerts_open=tuple(store.alerts.open(workspace)),
        loop=loop_health(store.releases.history(workspace, None), outputs),
    )


@routes.post(
    "/trigger",
    status_code=202,
    summary="Start a cycle",
    responses=answers(404, 409, 415),
    dependencies=[Depends(json_only)],
)
def trigger(asks: Writes, asked: CycleAsked, response: Response) -> CycleRun:
    """Starts `flywheel cycle` in a process of its own, which goes on when the server stops.

    The same request over the same evidence is the same cycle. One cycle of a prompt runs at a time: another
    is refused with 409. Location leads to what becomes of it.
    """
    if asked.prompt not in asks.store.prompts.names(asks.workspace):
        msg = (
            f"No prompt {asked.prompt!r} in workspace {asks.workspace!r}. Nothing was started. "
            f"Add it with: flywheel prompt add {asked.prompt} FILE"
        )
        raise UnknownName(msg)
    refuse_memory(asks.store.database.address)
    try:
        run = asks.wiring.runs.start(asks.workspace, asked, asks.wiring.clock.now())
    except PromptBusy as busy:
        told = {
            "got": f"prompt {asked.prompt!r}",
            "next": f"Read {_address(busy.run_id)} until it has ended.",
        }
        headers = {"Location": _address(busy.run_id)} if busy.run_id else None
        raise Refused(409, "cycle-runs", str(busy), told, headers) from busy
    response.headers["Location"] = _address(run.run_id)
    return run


@routes.get("/runs/{run_id}", summary="What became of a started cycle", responses=answers(404))
def read_run(
    asks: Reads, run_id: Annotated[Name, Path(description="Id that the trigger answered.")]
) -> CycleRun:
    """Running, finished with its output, failed with the reason, or stopped without an answer."""
    found = asks.wiring.runs.get(asks.workspace, run_id)
    if found is None:
        msg = (
            f"No run {run_id!r} in workspace {asks.workspace!r}. Nothing was changed. "
            "The last ones: GET /v1/virtuous-cycle/status"
        )
        raise UnknownName(msg)
    return found


def _address(run_id: str) -> str:
    return f"{routes.prefix}/runs/{run_id}"
