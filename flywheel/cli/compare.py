"""`flywheel compare`: a verdict on recorded executions of two versions."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flywheel.cli.doors import Document, open_door
from flywheel.cli.drawing import chance, interval, make_table, percent, points, ruling_text, styled
from flywheel.cli.names import known_prompt, known_version
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.cli.strategies import StrategyOption, known_strategy
from flywheel.errors import InputError
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.console import Console

    from flywheel.learn.experiments import Judgement
    from flywheel.records.prompt import PromptVersion

app = typer.Typer(add_completion=False)


class CompareBy(StrEnum):
    """What a comparison can be split by."""

    SLICE = "slice"


@app.command(epilog=examples("flywheel compare --prompt bbh --control direct --candidate cot --by slice"))
def compare(
    *,
    prompt: Annotated[str, typer.Option("--prompt", metavar="NAME", help="Name of the prompt.")],
    control: Annotated[
        str, typer.Option("--control", metavar="V", help="Hash, first digits, label, or 'live'.")
    ],
    candidate: Annotated[str, typer.Option("--candidate", metavar="V", help="What would replace it.")],
    by: Annotated[
        CompareBy | None, typer.Option("--by", help="One verdict per slice, corrected over all slices.")
    ] = None,
    suite: Annotated[str | None, typer.Option("--suite", metavar="S", help="Only this suite.")] = None,
    model: Annotated[
        str | None, typer.Option("--model", metavar="M", help="Only executions with this model.")
    ] = None,
    strategy: StrategyOption = "balanced",
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Verdict on two versions from their recorded executions, paired by case.

    Exit code 0 when the candidate may ship, 1 when it may not (yet), so that a pipeline can ask.
    A version whose text was not captured can be compared but not released.
    """
    from flywheel.learn.experiments import GateRules, compare_slices, overall
    from flywheel.records.columns import NOT_EVIDENCE, Scope
    from flywheel.records.verdict import Ruling

    door = open_door(store, workspace, as_json)
    rules = GateRules.from_strategy(known_strategy(strategy))
    known_prompt(door.store, door.workspace, prompt)
    pair = [known_version(door.store, door.workspace, prompt, ref) for ref in (control, candidate)]
    arms = [version.version for version in pair]
    if arms[0] == arms[1]:
        raise InputError(
            f"--control {control!r} and --candidate {candidate!r} are the same version {pair[0].short!r}; "
            f"a comparison needs two. See: flywheel prompt log {prompt}"
        )
    scope = Scope(
        workspace=door.workspace, prompt=prompt, suite=suite, model=model, exclude_sources=NOT_EVIDENCE
    )
    table = door.store.executions.score_table(scope, arms, "version")
    total = overall(table, arms[0], arms[1], rules, "recorded")
    slices = compare_slices(table, arms[0], arms[1], rules, "recorded") if by else ()
    document: Document = {
        "prompt": prompt,
        "control": _arm(control, pair[0]),
        "candidate": _arm(candidate, pair[1]),
        "strategy": strategy,
        "overall": {**judgement_row(total), "guardrails": _guardrails(total)},
        "rows": [{"slice": j.evidence.slice, **judgement_row(j)} for j in slices],
        "releasable": pair[1].text is not None,
        "notes": _notes(prompt, pair),
    }

    def draw(console: Console) -> None:
        from rich.text import Text

        draw_overall(console, total, (pair[0].short, pair[1].short))
        if slices:
            draw_slices(console, slices)
        for note in document["notes"]:
            console.print(Text(note, style="yellow"))

    door.answer(document, draw)
    if total.ruling is not Ruling.SHIP:
        raise typer.Exit(1)


def judgement_row(judgement: Judgement) -> dict[str, Any]:
    """A judgement as a flat JSON object; a number that does not exist is null."""
    found = judgement.evidence
    return {
        "verdict": judgement.ruling.value,
        "estimate": found.estimate,
        "low": found.low,
        "high": found.high,
        "p": found.p_value,
        "adjusted_p": found.adjusted_p,
        "pairs": found.pairs,
        "wins": found.wins,
        "losses": found.losses,
        "ties": found.ties,
        "control_mean": found.control_mean,
        "candidate_mean": found.candidate_mean,
        "shrunken_gain": found.shrunken_gain,
        "because": judgement.because,
    }


def draw_overall(console: Console, total: Judgement, names: tuple[str, str]) -> None:
    """The verdict over all cases, in four lines."""
    from rich.text import Text

    found = total.evidence
    console.print(
        ruling_text(total.ruling.value),
        Text(f"{names[1]} against {names[0]} on {count_of(found.pairs, 'common case')}"),
    )
    if not found.pairs:
        console.print(Text(total.because))
        return
    rates = f"{percent(found.control_mean)} -> {percent(found.candidate_mean)}"
    told = f"({interval(found.low, found.high)}), p {chance(found.p_value)}"
    if found.shrunken_gain is not None:
        told += f"; expect {points(found.shrunken_gain)} in use"
    console.print(styled("{}: [bold]{} points[/] {}", rates, points(found.estimate), told))
    console.print(Text(total.because))


def draw_slices(console: Console, slices: tuple[Judgement, ...]) -> None:
    """One line per slice."""
    columns = ("slice", "verdict", "points", "interval", "p", "cases", "won:lost")
    table = make_table(None, columns, right=columns[2:])
    for one in slices:
        found = one.evidence
        table.add_row(
            found.slice or "",
            ruling_text(one.ruling.value),
            points(found.estimate),
            interval(found.low, found.high),
            chance(found.adjusted_p),
            f"{found.pairs:,}",
            f"{found.wins:,}:{found.losses:,}",
        )
    console.print(table)
    console.print("p is corrected over the slices (Holm); points are candidate minus control.", style="dim")


def _arm(ref: str, version: PromptVersion) -> dict[str, Any]:
    return {
        "ref": ref,
        "version": version.version,
        "labels": list(version.labels),
        "text_captured": version.text is not None,
    }


def _notes(prompt: str, pair: Sequence[PromptVersion]) -> list[str]:
    """What a reader must know about versions whose text nobody captured."""
    labels = [version.version for version in pair if version.text is None]
    if not labels:
        return []
    known = " and ".join(map(repr, labels))
    note = (
        f"Known by label alone, without text: {known}. Such a version can be compared but not released. "
        f"Add its text: flywheel prompt add {prompt} FILE --label {labels[-1]}"
    )
    return [note]


def _guardrails(judgement: Judgement) -> list[dict[str, Any]]:
    return [g.model_dump(mode="json") for g in judgement.evidence.guardrails]
