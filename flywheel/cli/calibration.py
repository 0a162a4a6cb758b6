"""`flywheel calibration`: whether stated confidence means what it says."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from flywheel.cli.doors import Document, open_door
from flywheel.cli.names import known_prompt
from flywheel.cli.options import JsonOption, PromptOption, StoreOption, WorkspaceOption, examples
from flywheel.records.base import MOST_DAYS

app = typer.Typer(add_completion=False)


class CalibrationBy(StrEnum):
    """What executions can be split by."""

    MODEL = "model"
    PROMPT = "prompt"
    SLICE = "slice"


@app.command(
    epilog=examples(
        "flywheel calibration",
        "flywheel calibration --by model --max-error 0.05",
        "flywheel calibration --prompt triage --by slice --json",
    )
)
def calibration(
    *,
    by: Annotated[CalibrationBy | None, typer.Option("--by", help="One row per value, beside all.")] = None,
    prompt: PromptOption = None,
    model: Annotated[str | None, typer.Option("--model", metavar="M", help="Only this model.")] = None,
    window_days: Annotated[
        float | None,
        typer.Option("--window-days", min=0.001, max=MOST_DAYS, metavar="D", help="Only the last D days."),
    ] = None,
    max_error: Annotated[
        float | None,
        typer.Option(
            "--max-error", min=0, max=1, metavar="X", help="Exit code 1 where the error is shown to be above."
        ),
    ] = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Confidence beside pass rate: a diagram, the calibration error without what chance adds, a correction.

    Counts executions that passed or failed and logged a confidence. With --max-error the exit code is 1 where
    a row is shown to be above, or where nothing is known; a row that cannot tell passes.
    """
    from flywheel.cli.calibration_page import draw_calibration_report
    from flywheel.cli.report import since
    from flywheel.learn.calibrating import calibration_report
    from flywheel.records.columns import NOT_EVIDENCE, Scope

    door = open_door(store, workspace, as_json)
    if prompt is not None:
        known_prompt(door.store, door.workspace, prompt)
    scope = Scope(
        workspace=door.workspace,
        prompt=prompt,
        model=model,
        since=since(window_days),
        exclude_sources=NOT_EVIDENCE,
    )
    columns = door.store.executions.confidence_columns(scope)
    report = calibration_report(columns, by.value if by else None, max_error, door.workspace)
    document: Document = {**report.model_dump(mode="json"), "prompt": prompt, "refused": report.refused}
    door.answer(document, lambda console: draw_calibration_report(console, report, door.again))
    raise typer.Exit(1 if report.refused else 0)
