"""`flywheel trust`: how far agents can be relied on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from flywheel.cli import trust_keeping
from flywheel.cli.default_command import DefaultCommandGroup
from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.names import nearest
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import InputError, UnknownName

if TYPE_CHECKING:
    from flywheel.capture.recommending import RecommendationTracker
    from flywheel.ports import WriteCounts
    from flywheel.records.trust import TrustSettings
    from flywheel.store.open import SqlStore

app = typer.Typer(
    add_completion=False,
    cls=DefaultCommandGroup,
    epilog="Example: flywheel trust",
    help="How far agents can be relied on. Without a command: `show`.",
)

TargetOption = Annotated[
    float, typer.Option("--target", min=0.01, max=0.99, metavar="X", help="Accuracy worth relying on.")
]
FileOption = Annotated[
    Path | None,
    typer.Option("--file", metavar="FILE", help="JSON lines in place of one on the command line."),
]


@app.command(
    epilog=examples(
        "flywheel trust show",
        "flywheel trust show reviewer",
        "flywheel trust show --target 0.9 --shrink zero",
    )
)
def show(
    agent: Annotated[str | None, typer.Argument(metavar="AGENT", help="Show this agent by context.")] = None,
    *,
    target: TargetOption = 0.8,
    shrink: Annotated[
        str, typer.Option("--shrink", metavar="S", help="Known score without evidence: population, zero.")
    ] = "population",
    latency_ms: Annotated[
        float, typer.Option("--latency-ms", min=1, metavar="X", help="Up to which an execution is in time.")
    ] = 5_000.0,
    judge_limit: Annotated[
        float,
        typer.Option("--judge-limit", min=0.1, metavar="N", help="Outcomes a judge may count for a day."),
    ] = 20.0,
    limit: Annotated[int, typer.Option("--limit", min=1, metavar="N", help="Agents to show.")] = 30,
    require: Annotated[
        bool, typer.Option("--require", help="Exit code 1 when the agent, or one of all, is not trusted.")
    ] = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Trust in every agent with its interval, or in one by context; `show` may be left out.

    Evidence is what judges made of recommendations and executions that name an agent. The Bayesian
    score decides; the known score is shown beside it.
    """
    from flywheel.capture.recommending import trust_of
    from flywheel.cli import trust_page
    from flywheel.cycle import SystemClock
    from flywheel.learn.trust import TrustScorer

    door = open_door(store, workspace, as_json)
    settings = _settings(target=target, shrink=shrink, latency_limit_ms=latency_ms, judge_limit=judge_limit)
    opened = _opened(door)
    report = trust_of(opened, door.workspace, SystemClock(), TrustScorer(settings))
    if agent is None:
        document: Document = report.model_dump(mode="json")
        door.answer(document, lambda console: trust_page.draw_agents(console, report, limit, door.again))
        chosen = report.agents
    else:
        chosen = tuple(one for one in report.agents if one.agent == agent)
        if not chosen:
            names = [one.agent for one in report.agents]
            msg = f"No outcome of agent {agent!r} in workspace {door.workspace!r}. {nearest(agent, names)}"
            raise UnknownName(f"{msg} Nothing was changed. See: flywheel trust{door.again}")
        past = opened.trust.past(door.workspace, agent, 10)
        kept = [{"computed_at": when.isoformat(), "score": one.score} for when, one in past]
        document = {**chosen[0].model_dump(mode="json"), "target": target, "past": kept}
        door.answer(document, lambda console: trust_page.draw_agent(console, chosen[0], target, past))
    if require and not (chosen and all(one.trusted for one in chosen)):
        raise typer.Exit(1)


@app.command(
    epilog=examples(
        "flywheel trust record 'Ask for the order number.' --agent reviewer --type billing --confidence 0.8",
        "flywheel trust record --file recommendations.jsonl",
    )
)
def record(
    content: Annotated[str | None, typer.Argument(metavar="TEXT", help="What the agent recommends.")] = None,
    *,
    agent: Annotated[str | None, typer.Option("--agent", metavar="A", help="Who recommends it.")] = None,
    kind: Annotated[
        str, typer.Option("--type", metavar="T", help="Context in which the agent is trusted or not.")
    ] = "general",
    workflow: Annotated[
        str | None, typer.Option("--workflow", metavar="W", help="In which workflow.")
    ] = None,
    correlation: Annotated[
        str | None, typer.Option("--correlation", metavar="ID", help="Joins answers to the same question.")
    ] = None,
    confidence: Annotated[
        float | None, typer.Option("--confidence", min=0, max=1, metavar="X", help="Of the agent itself.")
    ] = None,
    reasoning: Annotated[str | None, typer.Option("--reasoning", metavar="TEXT", help="Why.")] = None,
    given_id: Annotated[
        str | None, typer.Option("--id", metavar="ID", help="Default: from the content.")
    ] = None,
    file: FileOption = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep what an agent recommends; the same again changes nothing."""
    from flywheel.capture.recommendation_lines import recommendations_in
    from flywheel.records.recommendation import Recommendation, derived_id

    door = open_door(store, workspace, as_json)
    _one_way(file, content, "a TEXT with --agent")
    tracker = _tracker(door)
    now = tracker.clock.now()
    if file is not None:
        given = recommendations_in(file, door.workspace, now)
    else:
        if agent is None:
            raise InputError("--agent is missing. Nothing was stored. Say who recommends it: --agent NAME")
        fields: dict[str, Any] = {
            "agent": agent,
            "type": kind,
            "workflow": workflow,
            "correlation_id": correlation,
        }
        fields |= {"content": content, "confidence": confidence, "reasoning": reasoning}
        identity = given_id or derived_id(fields)
        whole = {**fields, "recommendation_id": identity, "workspace": door.workspace, "created_at": now}
        given = [_made(Recommendation, whole)]
    counts = tracker.record(given, read_at=now)
    ids = [one.recommendation_id for one in given]
    _say(door, counts, ids, "recommendation", "Judge it: flywheel trust evaluate ID --status approved")


@app.command(
    epilog=examples(
        "flywheel trust evaluate r17 --status approved --overall 90 --judge ann",
        "flywheel trust evaluate r17 --status partial --quality tone=40 --quality use=80 --judge ann",
        "flywheel trust evaluate --file outcomes.jsonl",
    )
)
def evaluate(
    recommendation: Annotated[str | None, typer.Argument(metavar="ID", help="Which recommendation.")] = None,
    *,
    status: Annotated[
        str | None,
        typer.Option("--status", metavar="S", help="approved, rejected, partial, pending."),
    ] = None,
    overall: Annotated[
        float | None, typer.Option("--overall", min=0, max=100, metavar="X", help="Mark from 0 to 100.")
    ] = None,
    quality: Annotated[
        list[str] | None, typer.Option("--quality", metavar="NAME=X", help="Mark by name; repeatable.")
    ] = None,
    judge: Annotated[
        str | None, typer.Option("--judge", metavar="NAME", help="Who judges. An agent cannot judge itself.")
    ] = None,
    feedback: Annotated[str | None, typer.Option("--feedback", metavar="TEXT", help="In words.")] = None,
    file: FileOption = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep what a judge made of a recommendation; a newer judgement of the same judge replaces."""
    from flywheel.capture.recommendation_lines import outcomes_in
    from flywheel.records.recommendation import RecommendationOutcome

    door = open_door(store, workspace, as_json)
    _one_way(file, recommendation, "an ID with --status")
    tracker = _tracker(door)
    now = tracker.clock.now()
    if file is not None:
        given = outcomes_in(file, door.workspace, now)
    else:
        fields: dict[str, Any] = {
            "recommendation_id": recommendation,
            "workspace": door.workspace,
            "status": status,
        }
        fields |= {"overall": overall, "qualities": _marks(quality or []), "judged_by": judge}
        given = [_made(RecommendationOutcome, {**fields, "feedback": feedback, "evaluated_at": now})]
    counts = tracker.evaluate(given, read_at=now)
    ids = [one.recommendation_id for one in given]
    _say(door, counts, ids, "judgement", "What it changes: flywheel trust")


@app.command(epilog=examples("flywheel trust compare", "flywheel trust compare --require"))
def compare(
    *,
    judge_limit: Annotated[
        float,
        typer.Option("--judge-limit", min=0.1, metavar="N", help="Outcomes a judge may count for a day."),
    ] = 20.0,
    require: Annotated[
        bool, typer.Option("--require", help="Exit code 1 when another score predicted better for sure.")
    ] = False,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Which score predicts the next outcome best on your own stream, outcome by outcome."""
    from flywheel.cli import trust_page
    from flywheel.learn.trust import TrustScorer
    from flywheel.records.columns import NOT_EVIDENCE, Scope

    door = open_door(store, workspace, as_json)
    opened = _opened(door)
    compared = TrustScorer(_settings(judge_limit=judge_limit)).compare(
        opened.recommendations.columns(door.workspace),
        opened.executions.agent_columns(Scope(workspace=door.workspace, exclude_sources=NOT_EVIDENCE)),
        door.workspace,
    )
    document: Document = {"workspace": door.workspace, "outcomes": 0, "scores": []}
    if compared is not None:
        document = compared.model_dump(mode="json")
    door.answer(document, lambda console: trust_page.draw_losses(console, compared, door.again))
    best = compared.scores[0] if compared is not None else None
    if require and best is not None and best.high is not None and best.high < 0.0:
        raise typer.Exit(1)


@app.command(epilog=examples("flywheel trust judges"))
def judges(
    *, store: StoreOption = None, workspace: WorkspaceOption = None, as_json: JsonOption = False
) -> None:
    """How far judges can be believed, from recommendations that several of them judged."""
    from flywheel.cli import trust_page
    from flywheel.learn.judges import judge_skills

    door = open_door(store, workspace, as_json)
    found = judge_skills(_opened(door).recommendations.columns(door.workspace))
    document = {"workspace": door.workspace, "judges": [one.model_dump(mode="json") for one in found]}
    door.answer(document, lambda console: trust_page.draw_judges(console, found, door.again))


trust_keeping.add_to(app)


def _opened(door: Door) -> SqlStore:
    from flywheel.store.open import open_store

    return open_store(door.settings.database_url, create=False)


def _tracker(door: Door) -> RecommendationTracker:
    from flywheel.capture.recommending import RecommendationTracker
    from flywheel.cycle import SystemClock

    return RecommendationTracker(door.own_store, SystemClock(), door.workspace)


def _settings(**given: object) -> TrustSettings:
    from flywheel.records.trust import TrustSettings

    made: TrustSettings = _made(TrustSettings, given)
    return made


def _made(kind: type[Any], fields: dict[str, Any]) -> Any:  # noqa: ANN401  one of several records
    from pydantic import ValidationError

    try:
        return kind.model_validate(fields)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        field = ".".join(map(str, first["loc"])) or "input"
        msg = f"{field}: got {first['input']!r:.80}; {first['msg']}. Nothing was stored. See --help."
        raise InputError(msg) from error


def _one_way(file: Path | None, word: str | None, need: str) -> None:
    if (file is None) == (word is None):
        got = "neither" if file is None else "both"
        raise InputError(f"Got {got}; need {need}, or --file FILE. Nothing was stored.")


def _marks(given: list[str]) -> dict[str, float]:
    marks = {}
    for one in given:
        name, found, value = one.partition("=")
        try:
            marks[name.strip()] = float(value)
        except ValueError as error:
            msg = f"--quality {one!r}: got {value!r}, need NAME=NUMBER from 0 to 100. Nothing was stored."
            raise InputError(msg) from error
        if not (found and name.strip()):
            raise InputError(f"--quality {one!r}: need NAME=NUMBER from 0 to 100. Nothing was stored.")
    return marks


def _say(door: Door, counts: WriteCounts, ids: list[str], what: str, following: str) -> None:
    from flywheel.learn.counting import count_of

    document: Document = {"workspace": door.workspace, "stored": counts.stored, "replaced": counts.replaced}
    document |= {
        "unchanged": counts.unchanged,
        "recommendation_ids": ids[:100],
        "more": max(0, len(ids) - 100),
    }
    parts = (("stored", counts.stored), ("replaced", counts.replaced), ("unchanged", counts.unchanged))
    said = ", ".join(f"{number:,} {name}" for name, number in parts if number) or "nothing stored"

    def draw(console: Any) -> None:  # noqa: ANN401  a console, loaded when it is needed
        one = f" {ids[0]}" if len(ids) == 1 else ""
        console.print(f"{count_of(len(ids), what)}{one}: {said}. {following}{door.again}")

    door.answer(document, draw)
