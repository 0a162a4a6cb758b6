"""How the command line runs cycles: one prompt after the other, a checklist beside them."""

from __future__ import annotations

import fnmatch
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flywheel.cli.checklist import Checklist
from flywheel.cli.doors import Door
from flywheel.cli.flow_process import answer_of
from flywheel.cli.model_runs import billed_gateway, runner_in
from flywheel.cli.names import each_model_once, known_prompt, nearest
from flywheel.cycle import CycleOutcome, Wiring, run_cycle, run_cycles
from flywheel.errors import InputError, PolicyError, UnknownName
from flywheel.phases.instructions import KeptInstructions
from flywheel.records.cycle import FeedbackLoopInput, FeedbackLoopOutput
from flywheel.records.prompt import application_prompts

if TYPE_CHECKING:
    from flywheel.learn.drafting import Proposer
    from flywheel.llm.gateway import Gateway


CHECKOUT = Path(__file__).resolve().parents[2]
"""Where flows, tasks and blocks are, when this library was not installed from a wheel."""


def fresh_id() -> str:
    """A correlation id nobody used before, so that the cycle is a new one."""
    return f"again-{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"


def requests_for(door: Door, wanted: Sequence[str], asked: dict[str, Any]) -> tuple[FeedbackLoopInput, ...]:
    """One request per prompt that a name or a pattern means, each prompt once.

    Args:
        door: store with workspace.
        wanted: names or shell patterns.
        asked: the other fields of the request; None leaves the default, save for the window.

    Returns:
        Requests in the order of the names given, those of a pattern sorted.

    Raises:
        UnknownName: a name or a pattern means no prompt, or the suite does not exist.
        InputError: a suite without a model, a model twice, several without a suite.
    """
    names: dict[str, None] = {}
    known = door.store.prompts.names(door.workspace)
    for pattern in wanted:
        if not set(pattern) & set("*?["):
            names[known_prompt(door.store, door.workspace, pattern)] = None
            continue
        matching = fnmatch.filter(application_prompts(known), pattern)
        if not matching:
            raise UnknownName(
                f"No prompt matches {pattern!r} in workspace {door.workspace!r}. "
                f"{nearest(pattern.strip('*'), known)} Nothing was started."
            )
        names.update(dict.fromkeys(matching))
    _check_suite(door, asked.get("suite"), asked.get("model"))
    models = each_model_once([asked.get("model"), *asked.get("also_models", ())])
    if len(models) > 1 and asked.get("suite") is None:
        raise InputError(
            f"--model is given {len(models)} times, which asks for live runs on each of them, and needs "
            "--suite. Nothing was started. Name the suite whose gate cases they answer."
        )
    fields = {k: v for k, v in asked.items() if v not in (None, ()) or k == "time_window_days"}
    return tuple(FeedbackLoopInput(prompt=name, **fields) for name in names)


@contextmanager
def gateway_for(
    door: Door, requests: Sequence[FeedbackLoopInput], *, prefect: bool
) -> Iterator[Gateway | None]:
    """Where all models of the requests are asked; None where none is named, or a flow asks them."""
    first = requests[0]
    if prefect or (first.model, first.explain, first.refiner) == (None, None, None):
        yield None
        return
    with billed_gateway(door) as gateway:
        yield gateway


def run_here(
    door: Door,
    requests: Sequence[FeedbackLoopInput],
    gateway: Gateway | None,
    proposers: Sequence[Proposer] = (),
) -> tuple[CycleOutcome, ...]:
    """Run the cycles in plain Python; an error of one prompt among many becomes its outcome."""
    from flywheel.cli.cycle_proposals import told_of
    from flywheel.llm.observed_model import observed_models
    from flywheel.llm.observed_runner import observed
    from flywheel.llm.refiner import refiner_of

    outcomes: list[CycleOutcome] = []
    first = requests[0]
    with ExitStack() as stack:
        observer = stack.enter_context(door.telling())
        runner = None if gateway is None else runner_in(door, first, gateway, observer)
        chat = None if gateway is None else observed_models(gateway.model, observer)
        if first.explain is not None and chat is not None:
            # A name that means no model is refused before anything starts.
            chat(first.explain)
        texts = KeptInstructions(door.store, first.workspace).text
        writers = (
            *told_of(proposers, observer),
            *(refiner_of(first.refiner, chat, texts) if chat is not None else ()),
        )
        for number, request in enumerate(requests, start=1):
            counter = f" ({number} of {len(requests)})" if len(requests) > 1 else ""
            with Checklist(door.err, f"{request.prompt}{counter}") as checklist:
                wiring = Wiring(
                    store=door.store,
                    runner=observed(runner, observer),
                    chat=chat,
                    progress=checklist.update,
                    observer=observer,
                    proposers=lambda _request: writers,
                )
                if len(requests) == 1:
                    outcomes.append(CycleOutcome(request, run_cycle(request, wiring)))
                else:
                    outcomes.extend(run_cycles((request,), wiring))
    return tuple(outcomes)


def run_flow(door: Door, requests: Sequence[FeedbackLoopInput]) -> tuple[CycleOutcome, ...]:
    """Run the cycles as the learning-cycle flow, in a process of its own.

    Raises:
        InputError: the flows, which live in the checkout beside this library, are not there.
        PolicyError: the flow gave no answer.
    """
    if not (CHECKOUT / "flows" / "learning_cycle.py").is_file():
        raise InputError(
            "--prefect needs the folder 'flows' of a checkout. Nothing was started. Install flywheel from a "
            "checkout, or leave --prefect out to run the same phases in plain Python."
        )
    asked = json.dumps([request.model_dump(mode="json", exclude_unset=True) for request in requests])
    paths = (str(CHECKOUT), os.environ.get("PYTHONPATH", ""))
    environ = {
        # The first start of an embedded server makes its database, which takes longer than its own limit.
        "PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS": "120",
        **os.environ,
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "FLYWHEEL_DATABASE_URL": door.settings.database_url,
    }
    code, said = answer_of(("flows.learning_cycle", "--request-json", "-"), asked, environ)
    try:
        rows = json.loads(said.splitlines()[-1])
    except (IndexError, json.JSONDecodeError) as error:
        raise PolicyError(
            f"The flow ended with exit code {code} without an answer. Finished phases are kept; "
            "the same command goes on after them. What went wrong stands above."
        ) from error
    return tuple(
        CycleOutcome(
            request,
            FeedbackLoopOutput.model_validate(row["output"]) if row["output"] else None,
            row["error"],
        )
        for request, row in zip(requests, rows, strict=True)
    )


def _check_suite(door: Door, suite: str | None, model: str | None) -> None:
    if suite is None:
        return
    if door.store.cases.suite(door.workspace, suite) is None:
        names = [s.suite for s in door.store.cases.suites(door.workspace)]
        raise UnknownName(
            f"No suite {suite!r} in workspace {door.workspace!r}. {nearest(suite, names)} "
            f"Nothing was started. Add it with: flywheel suite add {suite} CASES.jsonl"
        )
    if model is None:
        raise InputError(
            f"--suite {suite!r} asks for live experiments, which need --model. Nothing was started. "
            "Leave --suite out to decide on recorded executions."
        )
