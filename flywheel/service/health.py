"""Routes of health: alive at all; what it stands on."""

from __future__ import annotations

import shutil
import time
from datetime import timedelta
from typing import Literal

from fastapi import APIRouter, Response
from pydantic import Field

from flywheel import __version__
from flywheel.errors import StoreError
from flywheel.records.base import Count, NonNegative, Record, Share, UtcDatetime
from flywheel.records.model_call import ANSWERED, CACHED, CallSummary
from flywheel.service.callers import Caller, Reads
from flywheel.service.problems import answers
from flywheel.store.schema import HEAD, SchemaState, found_in
from flywheel.store.tallies import last_cycle_at

routes = APIRouter(tags=["health"])

LOW_DISK = 0.05
"""Free share below which a disk is worth a warning."""

LEDGER_HOURS = 24

_BREAKERS_LIVE_ELSEWHERE = (
    "breakers live in the processes that ask models; this one asks none. The ledger says what was answered."
)

Word = Literal["ok", "warning", "failing", "unknown"]


class Alive(Record):
    """The server answers."""

    status: Literal["ok"] = "ok"
    version: str = __version__


class StorePart(Record):
    """The store.

    Attributes:
        latency_ms: of one small query.
        schema_found, schema_needed: revisions.
    """

    status: Word
    address: str
    latency_ms: NonNegative | None = None
    schema_found: str | None = None
    schema_needed: str = HEAD
    because: str = ""


class DiskPart(Record):
    """The disk under the flywheel folder."""

    status: Word
    free_bytes: Count | None = None
    free_share: Share | None = None
    because: str = ""


class CyclePart(Record):
    """The newest cycle that was closed; null where none was."""

    status: Word
    last_closed_at: UtcDatetime | None = None
    because: str = ""


class ModelPart(Record):
    """One model, by the ledger of the last 24 hours.

    Attributes:
        calls: sent.
        answered: of them.
        breaker: None is unknown here.
    """

    model: str
    status: Word
    calls: Count
    answered: Count
    breaker: str | None = None
    because: str = _BREAKERS_LIVE_ELSEWHERE


class Health(Record):
    """What the service stands on.

    Attributes:
        status: the worst of the parts; what is unknown does not count.
        models: those asked within 24 hours; empty where none was.
    """

    status: Word
    version: str = __version__
    workspace: str
    read_at: UtcDatetime
    store: StorePart
    disk: DiskPart
    cycle: CyclePart
    models: tuple[ModelPart, ...] = Field(description="Models asked within 24 hours.")


@routes.get("/health", summary="Whether the server answers")
async def read_health() -> Alive:
    """Touches nothing; needs no token."""
    return Alive()


@routes.get(
    "/health/detailed",
    summary="What the service stands on",
    responses={**answers(), 503: {"model": Health, "description": "The store cannot be used."}},
)
def read_detailed_health(asks: Reads, response: Response) -> Health:
    """Store, schema, disk, last cycle, models; 503 where the store cannot be used. Unknown stays unknown."""
    store = _store(asks)
    disk = _disk(asks)
    cycle = CyclePart(status="unknown", because="the store does not answer")
    models: tuple[ModelPart, ...] = ()
    if store.status == "ok":
        cycle, models = _cycle(asks), _models(asks)
    if store.status == "failing":
        response.status_code = 503
    return Health(
        status=_worst(store.status, disk.status, cycle.status, *(one.status for one in models)),
        workspace=asks.workspace,
        read_at=asks.wiring.clock.now(),
        store=store,
        disk=disk,
        cycle=cycle,
        models=models,
    )


def _store(asks: Caller) -> StorePart:
    database = asks.store.database
    started = time.perf_counter()
    try:
        state: SchemaState = found_in(database)
    except StoreError as error:
        return StorePart(status="failing", address=database.address, because=str(error))
    took = (time.perf_counter() - started) * 1e3
    fits = state.is_current
    return StorePart(
        status="ok" if fits else "failing",
        address=database.address,
        latency_ms=took,
        schema_found=state.found,
        because="" if fits else "the schema is of another version of flywheel; see: flywheel upgrade",
    )


def _disk(asks: Caller) -> DiskPart:
    file = asks.store.database.file
    folder = asks.wiring.home if file is None else file.parent
    there = next((one for one in (folder.absolute(), *folder.absolute().parents) if one.exists()), None)
    if there is None:
        return DiskPart(status="unknown", because=f"{str(folder)!r} is not there")
    found = shutil.disk_usage(there)
    share = found.free / found.total if found.total else None
    if share is None:
        return DiskPart(status="unknown", because="the disk does not tell its size")
    low = share < LOW_DISK
    because = "little space is left" if low else ""
    return DiskPart(
        status="warning" if low else "ok", free_bytes=found.free, free_share=share, because=because
    )


def _cycle(asks: Caller) -> CyclePart:
    outputs = asks.store.cycles.outputs(asks.workspace, None, 1)
    closed_at = last_cycle_at(asks.store.database, asks.workspace)
    if closed_at is None or not outputs:
        return CyclePart(status="unknown", last_closed_at=closed_at, because="no cycle has ended yet")
    return CyclePart(
        status="ok" if outputs[0].success else "warning",
        last_closed_at=closed_at,
        because=outputs[0].because,
    )


def _models(asks: Caller) -> tuple[ModelPart, ...]:
    since = asks.wiring.clock.now() - timedelta(hours=LEDGER_HOURS)
    return tuple(_model(one) for one in asks.store.model_calls.summary(since, asks.workspace))


def _model(found: CallSummary) -> ModelPart:
    sent = sum(n for outcome, n in found.outcomes.items() if outcome != CACHED)
    answered = found.outcomes.get(ANSWERED, 0)
    status: Word = "unknown" if not sent else "ok" if 2 * answered >= sent else "warning"
    return ModelPart(model=found.group or "unknown", status=status, calls=sent, answered=answered)


def _worst(*words: Word) -> Word:
    order: tuple[Word, ...] = ("failing", "warning", "ok", "unknown")
    return next(word for word in order if word in words)
