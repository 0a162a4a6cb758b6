"""Runners of cases for commands: what they may cost is said before, what they took after."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flywheel.cli.doors import Door
from flywheel.cycle import SystemClock

if TYPE_CHECKING:
    from flywheel.llm.gateway import Gateway
    from flywheel.ports import CaseRunner
    from flywheel.records.cycle import FeedbackLoopInput


def runner_for(model: str, gateway: Gateway | None = None) -> CaseRunner:
    """What runs cases through a model.

    Args:
        model: its name.
        gateway: where it is asked; None keeps no ledger beyond the process.

    Raises:
        UnknownName: there is no such model.
        InputError: its key is not set.
    """
    from flywheel.llm.registry import chat_model
    from flywheel.llm.runner import Runner

    answering = chat_model(model) if gateway is None else gateway.model(model)
    # The embedded model answers the same at any time; a stamp would make equal runs differ.
    clock = SystemClock() if answering.remote else None
    judges = chat_model if gateway is None else gateway.model
    return Runner({model: answering}, clock=clock, judges=judges)


@contextmanager
def gateway_of(door: Door) -> Iterator[Gateway]:
    """Models with their ledger and their kept answers in the door's store; flushed at the end."""
    from flywheel.llm.gateway import Keeping, open_gateway
    from flywheel.store.open import open_store

    store = open_store(door.settings.database_url, create=False)
    try:
        with open_gateway(os.environ, Keeping(store.model_calls, store.responses)) as gateway:
            yield gateway
    finally:
        store.close()


@contextmanager
def runner_at(door: Door, request: FeedbackLoopInput) -> Iterator[CaseRunner | None]:
    """The runner of a request's model, None where the request names none.

    The forecast goes to stderr before the block, the bill after it; the embedded models have neither.

    Raises:
        UnknownName: there is no such model.
        InputError: its key is not set, or the models file cannot be read.
    """
    if request.model is None:
        yield None
        return
    with gateway_of(door) as gateway:
        runner = runner_for(request.model, gateway)
        if not gateway.model(request.model).remote:
            yield runner
            return
        forecast = forecast_in_words(door, request, gateway)
        if forecast:
            door.err.print(forecast, style="dim")
        try:
            yield runner
        finally:
            gateway.ledger.flush()
            door.err.print(gateway.bill(), style="dim")


def forecast_in_words(door: Door, request: FeedbackLoopInput, gateway: Gateway) -> str:
    """What one arm on all gate cases is expected to take, empty where that cannot be said."""
    from flywheel.llm.runner import requests_of
    from flywheel.llm.served import ServedModel
    from flywheel.ports import RunPlan

    store, model = door.store, gateway.model(request.model or "")
    suite = store.cases.suite(request.workspace, request.suite or "")
    live = store.releases.live(request.workspace, request.prompt)
    version = store.prompts.get(request.workspace, request.prompt, live.version) if live else None
    if suite is None or version is None or version.text is None or not isinstance(model, ServedModel):
        return ""
    plan = RunPlan(
        workspace=request.workspace,
        prompt=request.prompt,
        version=version.version,
        text=version.text,
        suite=suite,
        model=request.model or "",
        session_id="forecast",
    )
    cases = store.cases.gate(request.workspace, suite.suite).cases
    each = model.forecast(requests_of(plan, cases)).in_words()
    return f"Forecast for {request.prompt!r} with {request.model!r}: {each} for each arm on all gate cases."
