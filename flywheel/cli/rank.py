"""`flywheel rank`: arms in order on common cases, ties named as ties."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import UNKNOWN, bar, make_table, percent, say_nothing_there, short, styled
from flywheel.cli.names import known_prompt
from flywheel.cli.options import JsonOption, PromptOption, StoreOption, WorkspaceOption, examples
from flywheel.cli.strategies import StrategyOption, known_strategy
from flywheel.errors import InputError
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.learn.experiments import RankRow

app = typer.Typer(add_completion=False)


class RankBy(StrEnum):
    """What can be ranked."""

    MODEL = "model"
    VERSION = "version"
    AGENT = "agent"


@app.command(
    epilog=examples(
        "flywheel rank --by model",
        "flywheel rank --by version --prompt triage",
        "flywheel rank --by model --belief",
    )
)
def rank(
    *,
    by: Annotated[RankBy, typer.Option("--by", help="What to put in order.")],
    prompt: PromptOption = None,
    suite: Annotated[str | None, typer.Option("--suite", metavar="S", help="Only this suite.")] = None,
    slice_name: Annotated[str | None, typer.Option("--slice", metavar="S", help="Only this slice.")] = None,
    belief: Annotated[
        bool,
        typer.Option(
            "--belief", help="Models alone: what to expect of each, also of those without common cases."
        ),
    ] = False,
    strategy: StrategyOption = "balanced",
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Order models, versions or agents by mean score on the cases all of them ran.

    --belief shows the posterior of each model's pass rate, over all slices and in each of them.
    """
    from flywheel.learn.experiments import GateRules
    from flywheel.learn.experiments import rank as rank_arms
    from flywheel.records.columns import NOT_EVIDENCE, Scope

    door = open_door(store, workspace, as_json)
    rules = GateRules.from_strategy(known_strategy(strategy))
    if prompt is not None:
        known_prompt(door.store, door.workspace, prompt)
    if belief:
        _show_beliefs(door, by, prompt, (suite, slice_name))
        return
    scope = Scope(
        workspace=door.workspace,
        prompt=prompt,
        suite=suite,
        slice=slice_name,
        exclude_sources=NOT_EVIDENCE,
    )
    arms = getattr(door.store.executions.columns(scope), by.value).names
    rows = rank_arms(door.store.executions.score_table(scope, arms, by.value), rules) if arms else ()
    document: Document = {
        "by": by.value,
        "workspace": door.workspace,
        "prompt": prompt,
        "rows": [
            {
                "place": row.rank,
                "name": row.arm,
                "mean": row.mean,
                "low": row.low,
                "high": row.high,
                "tied_with": list(row.tied_with),
                "pairs": row.pairs,
                "because": row.because,
            }
            for row in rows
        ],
    }

    def draw(console: Console) -> None:
        if not rows:
            say_nothing_there(
                console, f"No execution says its {by.value}.", "Bring some in: flywheel import jsonl FILE"
            )
            return
        draw_ranking(console, by.value, rows)

    door.answer(document, draw)


def _show_beliefs(
    door: Door, by: RankBy, prompt: str | None, narrower: tuple[str | None, str | None]
) -> None:
    from flywheel.cli.beliefs_page import draw_beliefs
    from flywheel.phases.effectiveness import believed_now

    if by is not RankBy.MODEL or any(narrower):
        msg = (
            "--belief is about models on all their executions. Nothing was shown. "
            "Say --by model, and leave --suite and --slice out."
        )
        raise InputError(msg)
    found = believed_now(door.store, door.workspace, prompt)
    kept = door.store.learned.beliefs(door.workspace, prompt)
    document: Document = {
        "by": by.value,
        "workspace": door.workspace,
        "prompt": prompt,
        "beliefs": [one.model_dump(mode="json") for one in found],
        "kept": [one.model_dump(mode="json") for one in kept],
    }

    def draw(console: Console) -> None:
        if not found:
            say_nothing_there(
                console, "No execution says its model.", "Bring some in: flywheel import jsonl FILE"
            )
            return
        draw_beliefs(console, found, kept)

    door.answer(document, draw)


def draw_ranking(console: Console, by: str, rows: tuple[RankRow, ...]) -> None:
    """One line per arm, best first; a place that a tie shares is shown with =."""
    table = make_table(None, ("", by, "mean", "interval", ""), right=("", "mean", "interval"))
    for row in rows:
        place = UNKNOWN if row.rank is None else f"{row.rank}{'=' if row.tied_with else '.'}"
        span = UNKNOWN if row.low is None else f"{percent(row.low)} to {percent(row.high)}"
        picture = bar(row.mean, row.low, row.high, width=20)
        table.add_row(place, short(row.arm), percent(row.mean), span, picture)
    console.print(table)
    console.print(f"on {count_of(rows[0].pairs, 'case')} that all of them ran", style="dim")
    for row in rows:
        if row.rank is None:
            console.print(styled("{}: {}", short(row.arm), row.because))
        elif row.tied_with:
            others = ", ".join(short(name) for name in row.tied_with)
            console.print(styled("{} is tied with {}: no difference is shown", short(row.arm), others))
