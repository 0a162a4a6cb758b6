"""`flywheel cycle`: one turn of the six phases, for one prompt or many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from flywheel.cli.doors import Document, open_door
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.cli.strategies import StrategyOption, known_strategy
from flywheel.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "flywheel cycle --prompt triage --suite triage --model embedded",
        "flywheel cycle --prompt 'bbh/*' --all-time",
        "flywheel cycle --prompt triage --explain openai:gpt-5-mini",
    )
)
def cycle(
    *,
    prompt: Annotated[
        list[str],
        typer.Option("--prompt", metavar="NAME", help="Name, or 'bbh/*'; repeatable."),
    ],
    strategy: StrategyOption = "balanced",
    suite: Annotated[
        str | None,
        typer.Option("--suite", metavar="S", help="Cases for live experiments. Default: recorded evidence."),
    ] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="M", help="Model that answers in live experiments.")
    ] = None,
    window_days: Annotated[
        float | None,
        typer.Option(
            "--window-days", min=0.001, metavar="D", help="Evidence of the last D days. Default: 7."
        ),
    ] = None,
    all_time: Annotated[bool, typer.Option("--all-time", help="All stored evidence.")] = False,
    budget_usd: Annotated[
        float | None, typer.Option("--budget-usd", min=0, metavar="X", help="Ceiling of spend per prompt.")
    ] = None,
    budget_calls: Annotated[
        int | None,
        typer.Option("--budget-calls", min=0, metavar="N", help="Ceiling of calls per prompt."),
    ] = None,
    racing: Annotated[
        bool | None,
        typer.Option(
            "--race/--no-race",
            help="Stop live experiments early, or run every case. Default: the strategy's.",
        ),
    ] = None,
    explain: Annotated[
        str | None,
        typer.Option("--explain", metavar="M", help="Model that writes causes, from failed beside passed."),
    ] = None,
    refiner: Annotated[
        str | None,
        typer.Option("--refiner", metavar="M", help="Model that writes candidates beside the built-in ones."),
    ] = None,
    proposals: Annotated[
        list[str] | None,
        typer.Option(
            "--proposals",
            metavar="FILE",
            help="Prompts to test first: text, JSON lines, a DSPy program, a gepa result; or gepa:CALLS.",
        ),
    ] = None,
    placebo: Annotated[
        bool,
        typer.Option("--placebo", help="Test a change without meaning too; if it passes, release nothing."),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Everything but the release.")] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Seed of every random draw.")] = 0,
    again: Annotated[
        bool, typer.Option("--again", help="A new cycle, even when the same one was finished before.")
    ] = False,
    prefect: Annotated[
        bool, typer.Option("--prefect", help="Run as the learning-cycle flow of Prefect, from a checkout.")
    ] = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """The six phases: collect, analyze, generate, validate, apply, track.

    The same request over the same evidence is the same cycle: what is finished is read, not done again.
    Exit code 1 when a prompt could not be done; the others are done all the same.
    """
    from flywheel.cli.cycle_page import cycle_document, draw_outcomes
    from flywheel.cli.cycle_proposals import named_after, proposals_of
    from flywheel.cli.cycle_run import fresh_id, requests_for, run_flow, run_here

    door = open_door(store, workspace, as_json)
    known_strategy(strategy)
    if all_time and window_days is not None:
        raise InputError("--all-time and --window-days contradict each other; give one. Nothing was started.")
    asked: dict[str, Any] = {
        "workspace": door.workspace,
        "strategy": strategy,
        "suite": suite,
        "model": model,
        "budget_usd": budget_usd,
        "budget_calls": budget_calls,
        "racing": racing,
        "explain": explain,
        "refiner": refiner,
        "placebo": placebo,
        "dry_run": dry_run,
        "seed": seed,
        "correlation_id": fresh_id() if again else None,
    }
    if all_time or window_days is not None:
        asked["time_window_days"] = window_days
    requests = requests_for(door, prompt, asked)
    writers = proposals_of(proposals or [], requests[0], prefect=prefect)
    requests = named_after(requests, proposals or [])
    with door.keeping("Finished phases are kept; the same command goes on after them."):
        outcomes = run_flow(door, requests) if prefect else run_here(door, requests, writers)
    document: Document = cycle_document(door.store, outcomes)

    def draw(console: Console) -> None:
        draw_outcomes(console, door.store, outcomes)

    door.answer(document, draw)
    if any(outcome.error for outcome in outcomes):
        raise typer.Exit(1)
