"""`flywheel run`: cases against prompts with models."""

from __future__ import annotations

from contextlib import ExitStack
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from rich.console import Console

app = typer.Typer(add_completion=False)


class RoleName(StrEnum):
    """Which cases are run."""

    REFLECT = "reflect"
    GATE = "gate"
    REPORT = "report"


@app.command(
    epilog=examples(
        "flywheel run triage --prompt triage@v1 --prompt triage@v2 --model embedded-small",
        "flywheel run nightly.toml --dry-run",
    )
)
def run(
    *,
    target: Annotated[
        str, typer.Argument(metavar="SUITE|MANIFEST", help="A suite, or a file .toml, .json or .yaml.")
    ],
    prompt: Annotated[
        list[str] | None,
        typer.Option(
            "--prompt", metavar="NAME[@V]", help="Prompt; the live version unless named; repeatable."
        ),
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option("--model", metavar="M", help="Model that answers; repeatable.")
    ] = None,
    role: Annotated[
        RoleName | None, typer.Option("--role", help="Only cases of this role. Default: all.")
    ] = None,
    slice_: Annotated[
        str | None, typer.Option("--slice", metavar="S", help="Only cases of this slice.")
    ] = None,
    limit: LimitOption = None,
    seed: Annotated[
        int | None, typer.Option("--seed", min=0, metavar="N", help="Seed for models that take one.")
    ] = None,
    concurrency: ConcurrencyOption = None,
    budget_calls: BudgetCallsOption = None,
    budget_usd: BudgetUsdOption = None,
    budget_tokens: BudgetTokensOption = None,
    min_pass_rate: Annotated[
        float | None,
        typer.Option("--min-pass-rate", min=0, max=1, metavar="R", help="Exit 1 when an arm passes less."),
    ] = None,
    session: Annotated[
        str | None, typer.Option("--session", metavar="NAME", help="Go on with this run. Default: run/SUITE.")
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="A new run: ask what was asked before.")] = False,
    dry_run: DryRunOption = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put cases through prompts with models; each answer is kept as it comes.

    The same command goes on where it stopped and asks nothing twice: not after Ctrl-C, not after kill -9.
    Exit code 1 when cases are without an answer or pass too rarely, 3 when no model answered.
    """
    from flywheel.cli.run_job import Asked, asked_models, job_of, run_job
    from flywheel.cli.run_page import draw_forecast, draw_result, forecast_document, run_document
    from flywheel.llm.executor_forecast import forecast

    door = open_door(store, workspace, as_json)
    asked = Asked(
        target=target,
        prompts=tuple(prompt or ()),
        models=tuple(model or ()),
        role=role.value if role else None,
        slice=slice_,
        limit=limit,
        seed=seed,
        concurrency=concurrency,
        budget_calls=budget_calls,
        budget_usd=budget_usd,
        budget_tokens=budget_tokens,
        session=session,
        again=again,
    )
    with ExitStack() as opened:
        # The bill of a run comes before its exit code; a forecast has none.
        models = opened.enter_context(asked_models(door, asked, billed=not dry_run))
        ready = job_of(door, asked, models, keep=not dry_run)
        expected = forecast(ready.job, door.own_store)
        if dry_run:
            too_much = ready.exceeds(expected)
            document = forecast_document(ready.job, expected)
            door.answer(document, lambda console: draw_forecast(console, ready.job, expected))
            raise typer.Exit(1 if too_much else 0)
        draw_forecast(door.err, ready.job, expected)
        result = run_job(door, ready, models)
    rates = [arm.report.success_rate for arm in result.arms]
    low = min_pass_rate is not None and any(rate is None or rate < min_pass_rate for rate in rates)

    def draw(console: Console) -> None:
        draw_result(console, ready.job, result, min_pass_rate)

    door.answer(run_document(ready.job, result), draw)
    raise typer.Exit(ready.exit_code(result, low=low))
