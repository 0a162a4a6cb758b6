"""The learning cycle from a command line, with or without a Prefect server.

    python -m flows.learning_cycle --request-json '[{"prompt": "triage"}]' [--store URL]

The last line of stdout is JSON: one object per request with `prompt`,
`output` or null, `error` or null. Logs go to stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from prefect import State
from pydantic import TypeAdapter, ValidationError

from blocks.store import ENVIRONMENT
from flywheel.cycle import CycleOutcome
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.settings import read_settings

FORM = {
    "prompt",
    "workspace",
    "suite",
    "model",
    "also_models",
    "strategy",
    "own_strategy",
    "time_window_days",
    "budget_calls",
    "budget_usd",
    "budget_tokens",
    "seed",
    "dry_run",
}
"""Fields of a request that the form of the flow has; the others travel in `more`."""


def run_command(flow: Callable[..., Any], arguments: Sequence[str] | None = None) -> int:
    """Run the flow for a list of requests, print what it gave.

    Args:
        flow: the learning cycle.
        arguments: of the command line; sys.argv when None.

    Returns:
        0 when every prompt gave an output, 1 when one did not, 2 for a request that cannot be read.
    """
    parser = argparse.ArgumentParser(prog="python -m flows.learning_cycle", description=__doc__)
    parser.add_argument(
        "--request-json", required=True, metavar="JSON", help="list of requests; @FILE reads a file, - stdin"
    )
    parser.add_argument("--store", metavar="URL", help="default: FLYWHEEL_DATABASE_URL, else ./.flywheel")
    asked = parser.parse_args(arguments)
    if arguments is None:
        # A plain SIGTERM would skip the exit handler that ends an embedded server.
        signal.signal(signal.SIGTERM, lambda number, _frame: sys.exit(128 + number))
    try:
        requests = TypeAdapter(list[FeedbackLoopInput]).validate_json(_text(asked.request_json))
    except (ValidationError, OSError) as error:
        print(f"--request-json cannot be read: {error}\nNothing was started.", file=sys.stderr)
        return 2
    # Not a parameter: Prefect keeps those in plain text, and an address may hold a password.
    os.environ["FLYWHEEL_DATABASE_URL"] = read_settings(asked.store).database_url
    outcomes = [outcome for alike in _alike(requests) for outcome in _run(flow, alike)]
    by_request = {outcome.request.model_dump_json(): outcome for outcome in outcomes}
    ordered = [by_request[request.model_dump_json()] for request in requests]
    print(json.dumps([_plain(outcome) for outcome in ordered], ensure_ascii=False))
    return 1 if any(outcome.output is None for outcome in ordered) else 0


def flow_parameters(requests: Sequence[FeedbackLoopInput]) -> dict[str, Any]:
    """Parameters of the flow for requests that differ in the prompt alone.

    Examples:
        >>> asked = [FeedbackLoopInput(prompt="a", min_sample_size=50), FeedbackLoopInput(prompt="b")]
        >>> flow_parameters(asked[:1])["prompts"], flow_parameters(asked[:1])["more"]
        (['a'], {'min_sample_size': 50})
    """
    first = requests[0]
    explicit = first.model_dump(mode="json", exclude_unset=True, exclude=FORM)
    plain = first.model_dump(include=FORM - {"prompt", "time_window_days", "own_strategy"})
    if first.own_strategy is not None:
        # The list in the form has the presets alone.
        del plain["strategy"]
        explicit |= first.model_dump(mode="json", include={"strategy", "own_strategy"})
    return {
        "prompts": [request.prompt for request in requests],
        "window_days": first.time_window_days,
        "store": ENVIRONMENT,
        "more": explicit,
        **plain,
    }


def _alike(requests: Sequence[FeedbackLoopInput]) -> list[list[FeedbackLoopInput]]:
    """Requests grouped by everything but the prompt, in order of first appearance."""
    groups: dict[str, list[FeedbackLoopInput]] = {}
    for request in requests:
        explicit = sorted(request.model_fields_set - {"prompt"})
        key = json.dumps([explicit, request.model_dump(mode="json", exclude={"prompt"})])
        groups.setdefault(key, []).append(request)
    return list(groups.values())


def _run(flow: Callable[..., Any], requests: Sequence[FeedbackLoopInput]) -> tuple[CycleOutcome, ...]:
    state: State[Any] = flow(**flow_parameters(requests), return_state=True)
    outcomes = state.result(raise_on_failure=False)
    if isinstance(outcomes, tuple):
        return outcomes
    error = f"the flow ended as {state.name!r}: {state.message or outcomes}"
    return tuple(CycleOutcome(request, None, error) for request in requests)


def _plain(outcome: CycleOutcome) -> dict[str, Any]:
    output = outcome.output.model_dump(mode="json") if outcome.output else None
    return {"prompt": outcome.request.prompt, "output": output, "error": outcome.error}


def _text(given: str) -> str:
    if given == "-":
        return sys.stdin.read()
    return Path(given[1:]).read_text(encoding="utf-8") if given.startswith("@") else given
