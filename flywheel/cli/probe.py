"""`flywheel probe KIND`: value-generating tests."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from flywheel.cli.doors import open_door
from flywheel.cli.options import (
    BudgetCallsOption,
    BudgetTokensOption,
    BudgetUsdOption,
    ConcurrencyOption,
    DryRunOption,
    JsonOption,
    LimitOption,
    StoreOption,
    WorkspaceOption,
    examples,
)
from flywheel.records.probe import ProbeKind

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "flywheel probe consistency triage --prompt triage --model embedded-small",
        "flywheel probe robustness triage --prompt triage --model openai/gpt-5-mini --max-attack-success 0.1",
        "flywheel probe calibration triage --prompt triage --model small --max-calibration-error 0.1",
        "flywheel probe edge-cases triage --prompt triage --model small --budget-calls 500",
        "flywheel probe comparison triage --prompt triage --model small --model large",
        "flywheel probe consistency triage --prompt triage --model small --keep triage-reworded",
    )
)
def probe(
    *,
    kind: Annotated[
        ProbeKind,
        typer.Argument(
            metavar="KIND",
            help="consistency, calibration, robustness, edge-cases or comparison.",
        ),
    ],
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="Suite whose reflect cases are asked.")],
    prompt: Annotated[
        str, typer.Option("--prompt", metavar="NAME[@V]", help="Prompt; the live version unless named.")
    ],
    model: Annotated[list[str], typer.Option("--model", metavar="M", help="Model; repeatable.")],
    rephraser: Annotated[
        str | None,
        typer.Option("--rephraser", metavar="M", help="consistency: this model rephrases every case too."),
    ] = None,
    min_consistency: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="X", help="consistency: least share of consistent cases."),
    ] = None,
    max_attack_success: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="X", help="robustness: most success of any kind of attack."),
    ] = None,
    max_broken: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="X", help="edge-cases: most broken of any kind of edge."),
    ] = None,
    max_calibration_error: Annotated[
        float | None,
        typer.Option(min=0, max=1, metavar="X", help="calibration: largest debiased error."),
    ] = None,
    keep: Annotated[
        str | None, typer.Option("--keep", metavar="SUITE", help="Keep what broke as cases of this suite.")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, metavar="N", help="Of the variants.")] = 0,
    again: Annotated[bool, typer.Option("--again", help="Ask every case anew.")] = False,
    limit: LimitOption = None,
    concurrency: ConcurrencyOption = None,
    budget_calls: BudgetCallsOption = None,
    budget_usd: BudgetUsdOption = None,
    budget_tokens: BudgetTokensOption = None,
    dry_run: DryRunOption = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Find out what breaks a prompt, with cases of a suite; findings become cases on request.

    The same command goes on where it stopped. Executions of probes count in no report of quality. Exit code 1
    when a limit is missed, or cases are without answer.
    """
    from flywheel.cli.probe_run import Wanted, run_probe
    from flywheel.cli.run_job import Asked

    wanted = Wanted(
        kind=kind,
        prompt=prompt,
        asked=Asked(
            target=suite,
            models=tuple(dict.fromkeys(model)),
            role="reflect",
            limit=limit,
            seed=seed,
            concurrency=concurrency,
            budget_calls=budget_calls,
            budget_usd=budget_usd,
            budget_tokens=budget_tokens,
        ),
        rephraser=rephraser,
        limits={
            "min_consistency": min_consistency,
            "max_attack_success": max_attack_success,
            "max_broken": max_broken,
            "max_calibration_error": max_calibration_error,
        },
        keep=keep,
        begun=datetime.now(UTC) if again else None,
        dry_run=dry_run,
    )
    raise typer.Exit(run_probe(open_door(store, workspace, as_json), wanted))
