"""`flywheel cycle --if-due`: only the prompts for which a cycle is worth it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import typer

from flywheel.cli.cycle_page import cycle_document, draw_outcomes
from flywheel.cli.doors import Door
from flywheel.cycle import CycleOutcome, effective_strategy
from flywheel.errors import InputError
from flywheel.phases.due import due
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.due import OCCASIONS, Due, Trigger

if TYPE_CHECKING:
    from rich.console import Console


def occasion_of(word: str) -> Trigger:
    """The occasion that a word names.

    Raises:
        InputError: there is no such occasion.
    """
    known = [one.value for one in OCCASIONS]
    if word not in known:
        raise InputError(f"--trigger is {word!r}, need one of {', '.join(known)}. Nothing was started.")
    return Trigger(word)


def asked_if_due(
    door: Door, requests: Sequence[FeedbackLoopInput], occasion: Trigger, cooldown_hours: float
) -> tuple[Due, ...]:
    """Whether each request is due, in their order.

    Args:
        door: store with workspace.
        requests: one per prompt.
        occasion: what asks.
        cooldown_hours: least time between two cycles started by failures or alerts.
    """
    now = datetime.now(UTC)
    return tuple(
        due(request, effective_strategy(request), door.store, now, occasion, cooldown_hours)
        for request in requests
    )


def due_among(requests: Sequence[FeedbackLoopInput], judged: Sequence[Due]) -> tuple[FeedbackLoopInput, ...]:
    """The requests that are due, in their order."""
    return tuple(request for request, one in zip(requests, judged, strict=True) if one.is_due)


def answer_cycles(door: Door, outcomes: Sequence[CycleOutcome], judged: Sequence[Due]) -> None:
    """The page, or the document, of cycles that were run, beside those that were not due.

    Args:
        door: where it is told.
        outcomes: of the cycles.
        judged: what was found for each prompt; empty where nobody asked.

    Raises:
        typer.Exit: code 1, when a prompt could not be done.
    """
    document = cycle_document(door.store, outcomes)
    if judged:
        document["due"] = [{**one.model_dump(mode="json"), "is_due": one.is_due} for one in judged]

    def draw(console: Console) -> None:
        _draw(console, judged)
        if outcomes:
            draw_outcomes(console, door.store, outcomes, door.again)

    door.answer(document, draw)
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)


def _draw(console: Console, judged: Sequence[Due]) -> None:
    from rich.text import Text

    for one in judged:
        said = f"due ({one.trigger.value})" if one.trigger is not None else "not due"
        console.print(Text(f"{one.prompt}: {said}: {one.because}", style="" if one.is_due else "dim"))
