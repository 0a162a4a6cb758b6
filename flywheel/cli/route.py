"""`flywheel route`: which model to ask, with what is known of each."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import say_nothing_there
from flywheel.cli.names import known_prompt
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.cli.strategies import StrategyOption, known_strategy
from flywheel.errors import InputError

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.learn.routing import RouteRules
    from flywheel.records.model_belief import ModelBelief

app = typer.Typer(add_completion=False)

PromptName = Annotated[
    str | None, typer.Argument(metavar="[PROMPT]", help="Name of the prompt. Default: all together.")
]


@app.command(
    epilog=examples(
        "flywheel route triage --slice billing --key user-7",
        "flywheel route triage --floor 0.9 --cost-weight 2 --json",
        "flywheel route triage --update",
        "flywheel route triage --replay",
    )
)
def route(
    prompt: PromptName = None,
    *,
    slice_name: Annotated[
        str | None, typer.Option("--slice", metavar="S", help="Slice of the request.")
    ] = None,
    key: Annotated[
        str | None,
        typer.Option("--key", metavar="K", help="Whom it is for: equal keys get equal models."),
    ] = None,
    floor: Annotated[
        float | None,
        typer.Option("--floor", min=0.0, max=1.0, metavar="R", help="Pass rate a model must surely reach."),
    ] = None,
    cost_weight: Annotated[
        float,
        typer.Option("--cost-weight", min=0.0, max=1e6, metavar="X", help="Passes that one USD is worth."),
    ] = 0.0,
    latency_weight: Annotated[
        float,
        typer.Option(
            "--latency-weight", min=0.0, max=1e6, metavar="X", help="Passes that one second is worth."
        ),
    ] = 0.0,
    explore: Annotated[
        float,
        typer.Option(
            "--explore",
            min=0.0,
            max=1.0,
            metavar="SHARE",
            help="Most requests that ask another model than the best one; 0 is safe mode.",
        ),
    ] = 0.05,
    update: Annotated[
        bool, typer.Option("--update", help="Keep the beliefs that moved by model_update_threshold.")
    ] = False,
    replay: Annotated[
        bool, typer.Option("--replay", help="What this would have done on the recorded answers.")
    ] = False,
    strategy: StrategyOption = "balanced",
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Advise which model to ask for a request, with the chance that each is the best.

    Kept beliefs decide, as for best_model; where none is kept, what the stored executions say now.
    Exit code 1 when nothing is known of any model, or none is sure enough to reach the floor.
    """
    from flywheel.learn.routing import RouteRules

    if update and replay:
        msg = "--update and --replay are two commands. Nothing was done. Give one of them."
        raise InputError(msg)
    door = open_door(store, workspace, as_json)
    if prompt is not None:
        known_prompt(door.store, door.workspace, prompt)
    rules = RouteRules(floor=floor, cost_weight=cost_weight, latency_weight=latency_weight, explore=explore)
    if update:
        _update(door, prompt, strategy)
    elif replay:
        _replay(door, prompt, rules)
    else:
        _advise(door, prompt, (slice_name, key), rules)


def _advise(
    door: Door, prompt: str | None, request: tuple[str | None, str | None], rules: RouteRules
) -> None:
    from flywheel.cli.beliefs_page import draw_choice
    from flywheel.learn.routing import route as choose

    kept = door.store.learned.beliefs(door.workspace, prompt)
    beliefs = kept or _from_evidence(door, prompt)
    if not beliefs:
        _nothing(door, prompt)
    choice = choose(beliefs, *request, rules)
    leader = choice.options[0]
    document: Document = {**choice.model_dump(mode="json"), "kept": bool(kept)}

    def draw(console: Console) -> None:
        draw_choice(console, choice)
        if not kept:
            again = " ".join(word for word in ("flywheel route", prompt) if word) + door.again
            console.print(
                f"from the executions as they are now; keep it for best_model with: {again} --update",
                style="dim",
            )

    door.answer(document, draw)
    if leader.reaches_floor is not None and leader.reaches_floor < rules.sureness:
        raise typer.Exit(1)


def _update(door: Door, prompt: str | None, strategy: str) -> None:
    from datetime import UTC, datetime

    from flywheel.cli.beliefs_page import draw_beliefs
    from flywheel.phases.effectiveness import update_beliefs

    done = update_beliefs(door.store, door.workspace, prompt, known_strategy(strategy), datetime.now(UTC))
    if not done.found:
        _nothing(door, prompt)
    kept = door.store.learned.beliefs(door.workspace, prompt)
    document: Document = {
        "workspace": door.workspace,
        "prompt": prompt,
        "moved": [one.model_dump(mode="json") for one in done.kept.moved],
        "unmoved": done.kept.unmoved,
        "largest_unkept_move": done.kept.largest,
    }

    def draw(console: Console) -> None:
        draw_beliefs(console, done.found, kept)
        console.print(f"{len(done.kept.moved)} kept anew, {done.kept.unmoved} stay as they were kept")

    door.answer(document, draw)


def _replay(door: Door, prompt: str | None, rules: RouteRules) -> None:
    from flywheel.cli.beliefs_page import draw_replay
    from flywheel.learn.routing_replay import replay
    from flywheel.records.columns import NOT_EVIDENCE, Scope

    scope = Scope(workspace=door.workspace, prompt=prompt, exclude_sources=NOT_EVIDENCE)
    models = door.store.executions.columns(scope).model.names
    found = replay(door.store.executions.score_table(scope, models, "model"), rules)
    document: Document = asdict(found)

    def draw(console: Console) -> None:
        if found.because:
            say_nothing_there(console, f"Nothing to replay: {found.because}", "Ask more models: flywheel run")
            return
        draw_replay(console, found)

    door.answer(_plain(document), draw)
    if found.because:
        raise typer.Exit(1)


def _from_evidence(door: Door, prompt: str | None) -> tuple[ModelBelief, ...]:
    from flywheel.phases.effectiveness import believed_now

    return believed_now(door.store, door.workspace, prompt)


def _nothing(door: Door, prompt: str | None) -> None:
    """Say that no execution names a model, and end with exit code 1."""
    document: Document = {
        "workspace": door.workspace,
        "prompt": prompt,
        "model": None,
        "because": "No scored execution says its model.",
    }
    door.answer(
        document,
        lambda console: say_nothing_there(
            console, "No scored execution says its model.", "Bring some in: flywheel import jsonl FILE"
        ),
    )
    raise typer.Exit(1)


def _plain(document: dict[str, Any]) -> Document:
    """Tuples as lists, so that the document is the JSON that is printed."""
    return {k: list(v) if isinstance(v, tuple) else v for k, v in document.items()}
