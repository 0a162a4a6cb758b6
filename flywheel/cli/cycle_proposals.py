"""`flywheel cycle --proposals`: candidates of other optimizers for this cycle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from flywheel.errors import InputError
from flywheel.records.cycle import FeedbackLoopInput

if TYPE_CHECKING:
    from flywheel.learn.drafting import Proposer

GEPA = "gepa:"


def proposals_of(wanted: Sequence[str], request: FeedbackLoopInput, *, prefect: bool) -> tuple[Proposer, ...]:
    """What the words after --proposals stand for.

    Args:
        wanted: files, or `gepa:CALLS`.
        request: names the models.
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
    return (*found, *(_gepa(word, request) for word in wanted if word.startswith(GEPA)))


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


def _gepa(word: str, request: FeedbackLoopInput) -> Proposer:
    from flywheel.cli.cycle_run import runner_for
    from flywheel.llm.refiner_gepa import GepaProposer
    from flywheel.llm.registry import chat_model

    calls = word.removeprefix(GEPA)
    if not calls.isdigit() or not int(calls):
        raise InputError(f"{word!r} needs a number of calls, such as gepa:300. Nothing was started.")
    if request.model is None or request.refiner is None:
        raise InputError(
            f"{word!r} needs --suite with --model, which answers, and --refiner, which reflects. "
            "Nothing was started."
        )
    return GepaProposer(runner_for(request.model), chat_model(request.refiner), request.refiner, int(calls))
