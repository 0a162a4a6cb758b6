"""`flywheel cycle --proposals`: candidates of other optimizers for this cycle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel.errors import InputError
from flywheel.records.cycle import FeedbackLoopInput

if TYPE_CHECKING:
    from flywheel.learn.drafting import Proposer
    from flywheel.llm.gateway import Gateway
    from flywheel.ports import CycleObserver

GEPA = "gepa:"


def proposals_of(
    wanted: Sequence[str], request: FeedbackLoopInput, gateway: Gateway | None, *, prefect: bool
) -> tuple[Proposer, ...]:
    """What the words after --proposals stand for.

    Args:
        wanted: files, or `gepa:CALLS`.
        request: names the models.
        gateway: where they are asked; None where the request names none.
        prefect: whether the cycle would run as a flow, which reads no files of this machine.

    Raises:
        InputError: a file is no list of prompts, or gepa lacks a model; nothing was started.
    """
    if not wanted:
        return ()
    if prefect:
        raise InputError(
            "--proposals does not go with --prefect. Nothing was started. Leave one of them out."
        )
    from flywheel.llm.refiner_foreign import read_foreign

    files = [Path(word) for word in wanted if not word.startswith(GEPA)]
    found: list[Proposer] = [read_foreign(files)] if files else []
    return (*found, *(_gepa(word, request, gateway) for word in wanted if word.startswith(GEPA)))


def told_of(proposers: Sequence[Proposer], observer: CycleObserver | None) -> tuple[Proposer, ...]:
    """The proposers, those that ask models with an observer of their calls.

    Examples:
        >>> told_of((), None)
        ()
    """
    from flywheel.llm.observed_model import ObservedModel
    from flywheel.llm.observed_runner import ObservedRunner, calls_told_to
    from flywheel.llm.refiner_gepa import GepaProposer

    if observer is None:
        return tuple(proposers)
    return tuple(
        replace(
            one,
            runner=ObservedRunner(one.runner, calls_told_to(observer)),
            writer=ObservedModel(one.writer, observer),
        )
        if isinstance(one, GepaProposer)
        else one
        for one in proposers
    )


def named_after(
    requests: Sequence[FeedbackLoopInput], wanted: Sequence[str]
) -> tuple[FeedbackLoopInput, ...]:
    """The requests with the content of the files in their identity, so that other files start a new cycle."""
    if not wanted:
        return tuple(requests)
    said = [Path(w).read_bytes() if not w.startswith(GEPA) else w.encode() for w in wanted]
    digest = hashlib.blake2b(b"\x1f".join(said), digest_size=6).hexdigest()
    return tuple(
        r.model_copy(
            update={"correlation_id": "/".join(filter(None, (r.correlation_id, f"proposals-{digest}")))}
        )
        for r in requests
    )


def _gepa(word: str, request: FeedbackLoopInput, gateway: Gateway | None) -> Proposer:
    from flywheel.cli.model_runs import runner_for
    from flywheel.llm.refiner_gepa import GepaProposer

    calls = word.removeprefix(GEPA)
    if not calls.isdigit() or not int(calls):
        raise InputError(f"{word!r} needs a number of calls, such as gepa:300. Nothing was started.")
    if request.model is None or request.refiner is None or gateway is None:
        raise InputError(
            f"{word!r} needs --suite with --model, which answers, and --refiner, which reflects. "
            "Nothing was started."
        )
    writer = gateway.model(request.refiner)
    return GepaProposer(runner_for(request.model, gateway), writer, request.refiner, int(calls))
