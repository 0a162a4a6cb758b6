"""`flywheel cycle`: one turn of the six phases, for one prompt or many."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flywheel.cli.doors import open_door
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.cli.strategies import StrategyOption, asked_strategy
from flywheel.errors import FlywheelError, InputError
from flywheel.records.base import MOST_DAYS

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "flywheel cycle --prompt triage --suite triage --model embedded-medium",
        "flywheel cycle --prompt triage --suite triage --model embedded-medium --model embedded-small",
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
        list[str] | None,
        typer.Option(
            "--model",
            metavar="M",
            help="Model that answers in live experiments. Repeatable: the first decides, on the others a "
            "winner must be shown not to be worse.",
        ),
    ] = None,
    max_model_loss: Annotated[
        float | None,
        typer.Option(
            "--max-model-loss",
            min=0.001,
            max=0.999,
            metavar="X",
            help="Loss to exclude on every further model; 0.05 is 5 points. Default: the strategy's.",
        ),
    ] = None,
    window_days: Annotated[
        float | None,
        typer.Option(
            "--window-days",
            min=0.001,
            max=MOST_DAYS,
            metavar="D",
            help="Evidence of the last D days. Default: 7.",
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
    budget_tokens: Annotated[
        int | None,
        typer.Option("--budget-tokens", min=0, metavar="N", help="Ceiling of tokens per prompt."),
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
    max_cost_ratio: Annotated[
        float | None,
        typer.Option("--max-cost-ratio", min=0.001, metavar="X", help="Guardrail. Default: the strategy's."),
    ] = None,
    max_latency_ratio: Annotated[
        float | None,
        typer.Option(
            "--max-latency-ratio", min=0.001, metavar="X", help="Guardrail. Default: the strategy's."
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
    if_due: Annotated[
        bool,
        typer.Option(
            "--if-due",
            help="Start only where the strategy says so: enough new tests, and failures, an alert or time.",
        ),
    ] = False,
    trigger: Annotated[
        str,
        typer.Option(
            "--trigger", metavar="KIND", help="Who asks --if-due: manual, test_completion or schedule."
        ),
    ] = "manual",
    cooldown_hours: Annotated[
        float,
        typer.Option(
            "--cooldown-hours",
            min=0,
            metavar="H",
            help="With --if-due: least time between cycles that failures or alerts start.",
        ),
    ] = 2.0,
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
    from flywheel.cli.alert_raising import alerts_config, raise_cycle_alerts, raise_failure
    from flywheel.cli.cycle_due import answer_cycles, asked_if_due, due_among, occasion_of
    from flywheel.cli.cycle_proposals import named_after, proposals_of
    from flywheel.cli.cycle_run import fresh_id, gateway_for, requests_for, run_flow, run_here

    door = open_door(store, workspace, as_json)
    chosen = asked_strategy(strategy)
    if all_time and window_days is not None:
        raise InputError("--all-time and --window-days contradict each other; give one. Nothing was started.")
    asked: dict[str, Any] = {
        "workspace": door.workspace,
        **chosen,
        "suite": suite,
        "model": model[0] if model else None,
        "also_models": tuple(model[1:]) if model else (),
        "max_model_loss": max_model_loss,
        "max_cost_ratio": max_cost_ratio,
        "max_latency_ratio": max_latency_ratio,
        "budget_usd": budget_usd,
        "budget_calls": budget_calls,
        "budget_tokens": budget_tokens,
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
    occasion = occasion_of(trigger)
    judged = asked_if_due(door, requests, occasion, cooldown_hours) if if_due else ()
    if if_due and not (requests := due_among(requests, judged)):
        answer_cycles(door, (), judged)
        return
    keeping = door.keeping("Finished phases are kept; the same command goes on after them.")
    alerts = alerts_config()
    with keeping, gateway_for(door, requests, prefect=prefect) as gateway:
        writers = proposals_of(proposals or [], requests[0], gateway, prefect=prefect)
        requests = named_after(requests, proposals or [])
        try:
            outcomes = run_flow(door, requests) if prefect else run_here(door, requests, gateway, writers)
        except FlywheelError as error:
            raise_failure(door, alerts, requests, error)
            raise
    if not prefect:
        # The flow raises its own.
        raise_cycle_alerts(door, alerts, outcomes)
    answer_cycles(door, outcomes, judged)
