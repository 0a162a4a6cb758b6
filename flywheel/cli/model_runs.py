"""Runners of cases for commands: what they may cost is said before, what they took after."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from flywheel.cli.doors import Door
from flywheel.cycle import SystemClock
from flywheel.errors import InputError

if TYPE_CHECKING:
    from flywheel.llm.gateway import Gateway
    from flywheel.ports import CaseRunner, ChatModel, CycleObserver
    from flywheel.records.cycle import FeedbackLoopInput


def runner_for(
    model: str,
    gateway: Gateway | None = None,
    also: Sequence[str] = (),
    observer: CycleObserver | None = None,
) -> CaseRunner:
    """What runs cases through a model, or through several.

    Args:
        model: its name.
        also: names of further models.
        gateway: where it is asked; None keeps no ledger beyond the process.
        observer: told of the calls of a model that judges; None tells nobody.

    Raises:
        UnknownName: there is no such model.
        InputError: its key is not set.
    """
    from flywheel.llm.observed_model import observed_models
    from flywheel.llm.registry import chat_model
    from flywheel.llm.runner import Runner

    find = chat_model if gateway is None else gateway.model
    answering = {name: find(name) for name in (model, *also)}
    # The embedded model answers the same at any time; a stamp would make equal runs differ.
    clock = SystemClock() if any(one.remote for one in answering.values()) else None
    return Runner(answering, clock=clock, judges=observed_models(find, observer))


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
def billed_gateway(door: Door) -> Iterator[Gateway]:
    """The gateway of a door; what remote models took is said at the end, also behind an error."""
    with gateway_of(door) as gateway:
        try:
            yield gateway
        finally:
            gateway.ledger.flush()
            if gateway.used_remote:
                door.err.print(gateway.bill(), style="dim")


@contextmanager
def runner_at(door: Door, request: FeedbackLoopInput) -> Iterator[CaseRunner | None]:
    """The runner of a request's models, None where the request names none.

    The forecast goes to stderr before the block, the bill after it; the embedded models have neither.

    Raises:
        UnknownName: there is no such model.
        InputError: its key is not set, or the models file cannot be read.
    """
    if request.model is None:
        yield None
        return
    with billed_gateway(door) as gateway:
        yield runner_in(door, request, gateway)


def runner_in(
    door: Door, request: FeedbackLoopInput, gateway: Gateway, observer: CycleObserver | None = None
) -> CaseRunner | None:
    """The runner of a request's models in a gateway; the forecast of remote ones goes to stderr.

    Args:
        door: for the forecast.
        request: names the models.
        gateway: where they are asked.
        observer: told of the calls of a model that judges; None tells nobody.

    Raises:
        UnknownName: there is no such model.
        InputError: its key is not set, or it has a ceiling in USD without a known price.
    """
    if request.model is None:
        return None
    runner = runner_for(request.model, gateway, request.also_models, observer)
    if not any(gateway.model(name).remote for name in request.models):
        return runner
    for name in request.models:
        forecast = forecast_in_words(door, request, gateway, name)
        if forecast:
            door.err.print(forecast, style="dim")
        if request.budget_usd is not None:
            must_have_price(gateway.model(name), name)
    return runner


def must_have_price(model: ChatModel, name: str) -> None:
    """Refuse a ceiling in USD where nobody knows what a call costs.

    Raises:
        InputError: no price is kept for the model.
    """
    if model.remote and getattr(getattr(model, "entry", None), "price", None) is None:
        raise InputError(
            f"A budget in USD cannot be held with model {name!r}, for which no price is kept. Nothing was "
            "sent. Put its price into the models file, or give --budget-calls or --budget-tokens."
        )


def forecast_in_words(door: Door, request: FeedbackLoopInput, gateway: Gateway, name: str) -> str:
    """What one arm on all gate cases is expected to take on a model, empty where that cannot be said."""
    from flywheel.llm.runner import requests_of
    from flywheel.llm.served import ServedModel
    from flywheel.ports import RunPlan

    store, model = door.store, gateway.model(name)
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
        model=name,
        session_id="forecast",
    )
    cases = store.cases.gate(request.workspace, suite.suite).cases
    each = model.forecast(requests_of(plan, cases)).in_words()
    return f"Forecast for {request.prompt!r} with {name!r}: {each} for each arm on all gate cases."
