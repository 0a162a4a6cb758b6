"""`flywheel baseline`: models x slices, beside their targets."""

from __future__ import annotations

import os
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import make_table, moment, say_nothing_there
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
from flywheel.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.llm.executor import RunResult
    from flywheel.probes.baseline import Subject
    from flywheel.records.baseline import BaselineMatrix

app = typer.Typer(add_completion=False)


@app.command(
    epilog=examples(
        "flywheel baseline triage --prompt triage",
        "flywheel baseline triage --prompt triage --model openai/gpt-5-mini --model groq/openai/gpt-oss-120b",
        "flywheel baseline triage --prompt triage --again",
        "flywheel baseline triage --list",
    )
)
def baseline(
    *,
    suite: Annotated[str, typer.Argument(metavar="SUITE", help="Suite whose cases are asked.")],
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", metavar="NAME[@V]", help="Prompt; the live version unless named."),
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option("--model", metavar="M", help="Model; repeatable. Default: the seven embedded ones."),
    ] = None,
    limit: LimitOption = None,
    concurrency: ConcurrencyOption = None,
    budget_calls: BudgetCallsOption = None,
    budget_usd: BudgetUsdOption = None,
    budget_tokens: BudgetTokensOption = None,
    against: Annotated[
        str | None,
        typer.Option("--against", metavar="SESSION", help="Earlier baseline. Default: the one before."),
    ] = None,
    again: Annotated[bool, typer.Option("--again", help="A new baseline: ask every case anew.")] = False,
    list_: Annotated[bool, typer.Option("--list", help="The baselines there are; nothing is asked.")] = False,
    dry_run: DryRunOption = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Pass rate with response time of every model on every slice of a suite, held against targets.

    The same command goes on where it stopped; once finished it shows the result again without a call. Targets
    are those of the models file. Exit code 1 when a model is shown to miss one, or cases are without answer.
    """
    from flywheel.cli.run_job import Asked, asked_models, job_of, run_job
    from flywheel.cli.run_page import draw_forecast, forecast_document
    from flywheel.llm.executor_forecast import forecast
    from flywheel.llm.names import embedded_names
    from flywheel.probes.baseline import PURPOSE, named_baseline

    door = open_door(store, workspace, as_json)
    if list_:
        _show_list(door, suite)
        return
    if prompt is None:
        raise InputError("A baseline needs --prompt. Nothing was sent. See: flywheel prompt list")
    models = tuple(dict.fromkeys(model or embedded_names()))
    subject = _subject(door, suite, prompt)
    named = named_baseline(door.own_store, subject, datetime.now(UTC) if again else None, against)
    asked = Asked(
        target=suite,
        prompts=(f"{subject.version.prompt}@{subject.version.version}",),
        models=models,
        limit=limit,
        concurrency=concurrency,
        budget_calls=budget_calls,
        budget_usd=budget_usd,
        budget_tokens=budget_tokens,
        session=named.session_id,
        purpose=PURPOSE,
    )
    with ExitStack() as opened:
        # The bill comes before the matrix; a forecast has none.
        gateway = opened.enter_context(asked_models(door, asked, billed=not dry_run))
        ready = job_of(door, asked, gateway, keep=not dry_run)
        expected = forecast(ready.job, door.own_store)
        if dry_run:
            document = forecast_document(ready.job, expected)
            door.answer(document, lambda console: draw_forecast(console, ready.job, expected))
            raise typer.Exit(1 if ready.exceeds(expected) else 0)
        if expected.calls:
            draw_forecast(door.err, ready.job, expected)
        result = run_job(door, ready, gateway)
    matrix = _show(door, named, result)
    raise typer.Exit(ready.exit_code(result, low=bool(matrix.missed)))


def _subject(door: Door, suite: str, prompt: str) -> Subject:
    from flywheel.cli.run_manifest import named_version
    from flywheel.probes.baseline import Subject

    return Subject(door.workspace, suite, named_version(door.own_store, door.workspace, prompt))


def _show(door: Door, named: BaselineMatrix, result: RunResult) -> BaselineMatrix:
    from flywheel.cli.baseline_page import draw_matrix
    from flywheel.cli.run_page import draw_troubles
    from flywheel.llm.providers import read_config
    from flywheel.probes.baseline import measured

    done = {arm.arm.model: arm.executions for arm in result.arms}
    matrix = measured(door.own_store, named, done, read_config(os.environ))

    def draw(console: Console) -> None:
        draw_matrix(console, matrix, result.missing)
        draw_troubles(console, result)

    door.answer({**matrix.model_dump(mode="json"), "missing": result.missing, "errors": result.errors}, draw)
    return matrix


def _show_list(door: Door, suite: str) -> None:
    from flywheel.probes.baseline import known_baselines

    rows = known_baselines(door.own_store, door.workspace, suite)
    document: Document = {
        "suite": suite,
        "baselines": [
            {
                "session": row.session_id,
                "executions": row.executions,
                "passed": row.passed,
                "first_at": row.first_at.isoformat(),
                "last_at": row.last_at.isoformat(),
            }
            for row in rows
        ],
    }

    def draw(console: Console) -> None:
        if not rows:
            say_nothing_there(
                console,
                f"No baseline of {suite!r} yet.",
                f"Make one: flywheel baseline {suite} --prompt NAME",
            )
            return
        table = make_table(
            None, ("session", "executions", "passed", "stored"), right=("executions", "passed")
        )
        for row in rows:
            table.add_row(str(row.session_id), f"{row.executions:,}", f"{row.passed:,}", moment(row.last_at))
        console.print(table)

    door.answer(document, draw)
