"""`flywheel judge`: models that score, held against labels."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, open_door
from flywheel.cli.drawing import UNKNOWN, amount, chance, make_table, percent, short
from flywheel.cli.options import (
    BudgetTokensOption,
    BudgetUsdOption,
    JsonOption,
    StoreOption,
    WorkspaceOption,
    examples,
)
from flywheel.cli.refusals import CHECK_SAYS_NO, INTERRUPTED
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.stats.proportions import Interval

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Judges: models that score answers.")

SuiteArgument = Annotated[str, typer.Argument(metavar="SUITE", help="Suite whose run is meant.")]
SessionOption = Annotated[
    str | None, typer.Option("--session", metavar="NAME", help="Run of the suite. Default: run/SUITE.")
]


@app.command("sample", epilog=examples("flywheel judge sample tone --limit 100 > labels.jsonl"))
def sample(
    *,
    suite: SuiteArgument,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Answers to label.")] = 100,
    session: SessionOption = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Answers to label, drawn at random, one JSON object a line; the judge's verdict is not shown.

    Fill in "label": true for passed, false for failed. The same command draws the same answers.
    """
    import json

    from flywheel.cli.judge_runs import drawn, judged_runs

    door = open_door(store, workspace, as_json)
    chosen = drawn(judged_runs(door, suite, session), limit)
    rows = [
        {
            "execution_id": e.execution_id,
            "inputs": e.inputs,
            "expected": e.expected,
            "output": e.output,
            "label": None,
        }
        for e in chosen
    ]

    def draw(_console: Console) -> None:
        for row in rows:
            typer.echo(json.dumps(row, ensure_ascii=False))

    door.answer({"suite": suite, "rows": rows}, draw)


@app.command(
    "calibrate",
    epilog=examples(
        "flywheel judge calibrate tone labels.jsonl",
        "flywheel judge calibrate tone labels.jsonl --min-kappa 0.6",
    ),
)
def calibrate(
    *,
    suite: SuiteArgument,
    labels: Annotated[Path, typer.Argument(metavar="LABELS.jsonl", help="One label a line.")],
    min_kappa: Annotated[
        float | None,
        typer.Option(
            "--min-kappa", min=-1, max=1, metavar="K", help="Exit 1 when kappa may be below: its lower bound."
        ),
    ] = None,
    session: SessionOption = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Agreement of a judge with labels, and the pass rates its errors leave, each with its range."""
    from flywheel.cli.judge_runs import calibration_document, judged_runs, read_labels
    from flywheel.learn.judging import calibrate as held_against

    door = open_door(store, workspace, as_json)
    runs = judged_runs(door, suite, session)
    found = held_against(runs, read_labels(labels, runs))

    def draw(console: Console) -> None:
        table = make_table(None, ("judge against labels", "value", "95 %"), right=("value",))
        for name, interval in (
            ("agreement", found.agreement),
            ("passes what is right (sensitivity)", found.sensitivity),
            ("fails what is wrong (specificity)", found.specificity),
        ):
            table.add_row(name, percent(interval.estimate), _range(interval))
        low, high = (amount(bound, "", 2) for bound in (found.kappa.low, found.kappa.high))
        table.add_row(
            "agreement beyond chance (kappa)", amount(found.kappa.estimate, "", 2), f"{low} to {high}"
        )
        console.print(table)
        rates = make_table(None, ("prompt", "model", "judged", "corrected", "95 %", "with labels", "95 % "))
        for arm in found.arms:
            rates.add_row(
                f"{arm.prompt}@{short(arm.version)[:8]}",
                arm.model,
                percent(arm.judged.estimate),
                percent(arm.corrected.estimate),
                _range(arm.corrected),
                percent(arm.powered.estimate),
                _range(arm.powered),
            )
        console.print(rates)

    document: Document = {"suite": suite, **calibration_document(found)}
    door.answer(document, draw)
    if min_kappa is not None and (found.kappa.low is None or found.kappa.low < min_kappa):
        raise typer.Exit(1)


@app.command(
    "pairs",
    epilog=examples(
        "flywheel judge pairs tone --control triage@v1 --candidate triage@v2 --model small --judge large"
    ),
)
def pairs(
    *,
    suite: SuiteArgument,
    control: Annotated[str, typer.Option("--control", metavar="NAME[@V]", help="Prompt that was run.")],
    candidate: Annotated[str, typer.Option("--candidate", metavar="NAME[@V]", help="The other one.")],
    model: Annotated[str, typer.Option("--model", metavar="M", help="Model that answered both.")],
    judge: Annotated[str, typer.Option("--judge", metavar="M", help="Model that compares.")],
    criteria: Annotated[
        str, typer.Option("--criteria", metavar="TEXT", help="What makes an answer the better one.")
    ] = "The better answer is more correct and complete, measured by the expectation where there is one.",
    rubric: Annotated[
        Path | None, typer.Option("--rubric", metavar="FILE", help="Whole text of the question to the judge.")
    ] = None,
    concurrency: Annotated[
        int, typer.Option("--concurrency", min=1, max=512, metavar="N", help="Pairs at once.")
    ] = 8,
    budget_calls: Annotated[
        int | None,
        typer.Option("--budget-calls", min=0, metavar="N", help="Most calls; a pair takes up to 4."),
    ] = None,
    budget_usd: BudgetUsdOption = None,
    budget_tokens: BudgetTokensOption = None,
    session: SessionOption = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which of two prompts answers better, by a judge that sees each pair in both orders.

    Where the order decides, the pair is a tie. Verdicts are kept; the same command asks for the rest.
    Exit code 1 when pairs are left without a verdict.
    """
    from flywheel.cli.judge_runs import Question, compared, duels_document
    from flywheel.cli.model_runs import billed_gateway
    from flywheel.cli.text_files import read_utf8
    from flywheel.llm.executor_budget import Ceiling

    door = open_door(store, workspace, as_json)
    text = read_utf8(rubric) if rubric else None
    question = Question(suite, control, candidate, model, judge, criteria, text, session)
    with billed_gateway(door) as gateway:
        ceiling = Ceiling(budget_calls, budget_usd, budget_tokens)
        found = compared(door, question, gateway, concurrency, ceiling)

    def draw(console: Console) -> None:
        said = found.summary
        console.print(
            f"{candidate} against {control}: {said.wins:,} better, {said.losses:,} worse, "
            f"{said.ties:,} ties; p {chance(said.p_value)}"
        )
        console.print(
            f"preferred {percent(said.preference.estimate)} ({_range(said.preference)}); 50 % is none"
        )
        bias = said.position_bias
        low, high = amount(bias.low, "", 2), amount(bias.high, "", 2)
        console.print(
            f"the order decided {percent(said.swapped.estimate)} of the pairs; the first place is favoured "
            f"by {amount(bias.estimate, '', 2)} ({low} to {high}; 0 is fair)"
        )
        if found.missing:
            why = f" ({found.stopped})" if found.stopped else ""
            console.print(
                f"{count_of(found.missing, 'pair')} without a verdict{why}; the same command asks again.",
                style="yellow",
            )

    door.answer(duels_document(found), draw)
    if found.missing:
        raise typer.Exit(INTERRUPTED if found.stopped == "interrupted" else CHECK_SAYS_NO)


def _range(interval: Interval) -> str:
    if interval.low is None:
        return interval.because or UNKNOWN
    return f"{percent(interval.low)} to {percent(interval.high)}"
