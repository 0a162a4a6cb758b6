"""`flywheel learned`: what the outcomes of recommendations teach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import say_nothing_there
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import UnknownName
from flywheel.records.learned import PatternKind, PatternTier

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.learn.meta_learning import MetaLearner
    from flywheel.records.judged import JudgedColumns

app = typer.Typer(no_args_is_help=True, add_completion=False, help="What outcomes of recommendations teach.")

NEXT_STEP = "Record some, and what came of them: see docs/meta-learning.md"


@app.command(
    epilog=examples("flywheel learned patterns", "flywheel learned patterns --kind consensus --json")
)
def patterns(
    *,
    kind: Annotated[PatternKind | None, typer.Option("--kind", help="Only patterns of this kind.")] = None,
    tier: Annotated[
        PatternTier, typer.Option("--tier", help="The least that is shown.")
    ] = PatternTier.OBSERVED,
    refresh: Annotated[
        bool, typer.Option("--refresh", help="Keep what is found now; retire what is found no more.")
    ] = False,
    retired: Annotated[
        bool, typer.Option("--retired", help="Those that were found before and are found no more.")
    ] = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Conditions under which recommendations succeed or fail, the proven first."""
    from datetime import UTC, datetime

    from flywheel.cli.learned_page import draw_patterns, draw_retired
    from flywheel.phases.learned import refresh_patterns

    door = open_door(store, workspace, as_json)
    learner = _learner(door)
    retired_now = None
    if retired:
        found = tuple(door.store.learned.patterns(door.workspace, retired=True))
        judged = None
    elif refresh:
        done = refresh_patterns(door.store, learner, datetime.now(UTC))
        found, retired_now, judged = done.patterns, done.retired, done.judged
    else:
        columns = door.store.learned.judged(door.workspace)
        found, judged = learner.patterns(columns), len(columns)
    tiers = list(PatternTier)
    shown = [one for one in found if kind in (None, one.kind) and tiers.index(one.tier) >= tiers.index(tier)]
    document: Document = {
        "workspace": door.workspace,
        "judged": judged,
        "patterns": [one.model_dump(mode="json") for one in shown],
        "retired": retired_now,
    }

    def draw(console: Console) -> None:
        if judged == 0:
            say_nothing_there(console, "Nobody judged a recommendation.", NEXT_STEP)
        elif retired:
            draw_retired(console, shown)
        else:
            draw_patterns(console, shown, judged or 0)

    door.answer(document, draw)


@app.command(epilog=examples("flywheel learned rules", "flywheel learned rules --json"))
def rules(
    *,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """What the proven patterns advise, the largest effect first."""
    from flywheel.cli.learned_page import draw_rules

    door = open_door(store, workspace, as_json)
    learner, judged = _learner(door), _judged(door)
    found = learner.rules(learner.patterns(judged))
    document: Document = {
        "workspace": door.workspace,
        "judged": len(judged),
        "rules": [one.model_dump(mode="json") for one in found],
    }

    def draw(console: Console) -> None:
        if not len(judged):
            say_nothing_there(console, "Nobody judged a recommendation.", NEXT_STEP)
        else:
            draw_rules(console, found)

    door.answer(document, draw)


@app.command(epilog=examples("flywheel learned profile reviewer"))
def profile(
    agent: Annotated[str, typer.Argument(metavar="AGENT", help="Name of the agent.")],
    *,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """What an agent is good at, beside the same agent on everything else."""
    from flywheel.cli.learned_page import draw_profile
    from flywheel.cli.names import nearest

    door = open_door(store, workspace, as_json)
    judged = _judged(door)
    if agent not in judged.agent.names:
        known = nearest(agent, judged.agent.names)
        msg = f"Nobody judged a recommendation of agent {agent!r}. {known} Nothing was changed."
        raise UnknownName(msg)
    found = _learner(door).profile(judged, agent)
    door.answer(found.model_dump(mode="json"), lambda console: draw_profile(console, found))


@app.command(epilog=examples("flywheel learned predict", "flywheel learned predict --accuracy 0.85 --json"))
def predict(
    *,
    accuracy: Annotated[
        float, typer.Option("--accuracy", min=0.5, max=1.0, metavar="A", help="Accuracy that is asked.")
    ] = 0.8,
    coverage: Annotated[
        float,
        typer.Option("--coverage", min=0.05, max=1.0, metavar="C", help="Share of outcomes it is asked of."),
    ] = 0.7,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """How well later outcomes are foretold from earlier ones, beside what knowing nothing gives.

    Exit code 1 when the target is not shown to be met.
    """
    from flywheel.cli.learned_page import draw_prediction
    from flywheel.learn.outcome_prediction import Targets

    door = open_door(store, workspace, as_json)
    found = _learner(door, Targets(accuracy, coverage)).predict(_judged(door))
    door.answer(found.model_dump(mode="json"), lambda console: draw_prediction(console, found))
    if not found.met:
        raise typer.Exit(1)


def _learner(door: Door, targets: object = None) -> MetaLearner:
    from flywheel.learn.meta_learning import MetaLearner
    from flywheel.learn.outcome_prediction import Targets

    asked = targets if isinstance(targets, Targets) else Targets()
    return MetaLearner(workspace=door.workspace, targets=asked)


def _judged(door: Door) -> JudgedColumns:
    return door.store.learned.judged(door.workspace)
