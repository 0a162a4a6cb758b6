"""`flywheel review`: staged changes waiting for a person."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from flywheel.cli.doors import Document, Door, open_door
from flywheel.cli.drawing import interval, make_table, one_line, points, say_nothing_there, short
from flywheel.cli.options import JsonOption, StoreOption, WorkspaceOption, examples
from flywheel.errors import UnknownName
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.release import Review
    from flywheel.records.verdict import Verdict

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Staged changes waiting for a person.")

ReviewArgument = Annotated[str, typer.Argument(metavar="ID", help="Id of the review, or its first digits.")]
NoteOption = Annotated[str, typer.Option("--note", metavar="TEXT", help="Why; kept with the review.")]
ByOption = Annotated[
    str | None, typer.Option("--by", metavar="WHO", help="Reviewer. Default: the user of this machine.")
]


class ReviewState(StrEnum):
    """States a review can be in."""

    WAITING = "waiting"
    APPROVED = "approved"
    REJECTED = "rejected"
    ALL = "all"


@app.command("list", epilog=examples("flywheel review list", "flywheel review list --state all"))
def list_reviews(
    state: Annotated[ReviewState, typer.Option("--state", help="Which reviews.")] = ReviewState.WAITING,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Staged changes, oldest first."""
    door = open_door(store, workspace, as_json)
    wanted = None if state is ReviewState.ALL else state.value
    reviews = door.store.releases.reviews(door.workspace, wanted)

    def draw(console: Console) -> None:
        if not reviews:
            say_nothing_there(console, "No review here.", f"Run: flywheel cycle --prompt NAME{door.again}")
            return
        table = make_table(None, ("review", "prompt", "version", "state", "because"))
        for r in reviews:
            table.add_row(
                r.review_id[:12], one_line(r.prompt), short(r.version), r.state, one_line(r.because)
            )
        console.print(table)
        console.print("Look at one: flywheel review show ID", style="dim")

    door.answer({"reviews": [r.model_dump(mode="json") for r in reviews]}, draw)


@app.command("show", epilog=examples("flywheel review show 3f2a9c"))
def show(
    review_id: ReviewArgument,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """One staged change: what it would replace, the evidence, the diff."""
    from flywheel.learn.readiness import readiness

    door = open_door(store, workspace, as_json)
    review, verdict = _found(door, review_id)
    diff, ready = _diff(door, review), readiness(verdict)
    document: Document = {
        "review": review.model_dump(mode="json"),
        "verdict": verdict.model_dump(mode="json"),
        "readiness": ready.model_dump(mode="json"),
        "diff": diff,
    }

    def draw(console: Console) -> None:
        from rich.text import Text

        from flywheel.cli.model_table import draw_models, own_prompt_lines

        console.print(
            f"{review.prompt}: {short(review.previous)} -> {short(review.version)} ({review.state})",
            style="bold",
        )
        console.print(review.because)
        found = verdict.evidence
        if found is not None:
            console.print(
                f"{points(found.estimate)} points ({interval(found.low, found.high)}) "
                f"on {count_of(found.pairs, 'case')}: {found.wins} better, {found.losses} worse, "
                f"{found.ties} the same"
            )
            if found.shrunken_gain is not None:
                console.print(f"{points(found.shrunken_gain)} points are to be expected in use")
        console.print(ready.recommendation)
        draw_models(console, verdict.proposal.strategy, verdict.models, verdict.across)
        for line in own_prompt_lines(review.prompt, short(review.version), verdict.models):
            console.print(Text(line, style="cyan"), soft_wrap=True)
        console.print(Text("\n" + diff), soft_wrap=True)
        if review.state == "waiting":
            console.print(
                f"Decide: flywheel review approve {review.review_id[:12]}, or reject in place of approve",
                style="dim",
            )

    door.answer(document, draw)


@app.command("approve", epilog=examples("flywheel review approve 3f2a9c --note 'reads well'"))
def approve(
    review_id: ReviewArgument,
    note: NoteOption = "",
    by: ByOption = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make the staged version live."""
    _decide(open_door(store, workspace, as_json), review_id, True, (by, note))


@app.command("reject", epilog=examples("flywheel review reject 3f2a9c --note 'too long'"))
def reject(
    review_id: ReviewArgument,
    note: NoteOption = "",
    by: ByOption = None,
    store: StoreOption = None,
    workspace: WorkspaceOption = None,
    as_json: JsonOption = False,
) -> None:
    """Leave what is live as it is; the change does not come up again by itself."""
    _decide(open_door(store, workspace, as_json), review_id, False, (by, note))


def _decide(door: Door, review_id: str, approve_it: bool, who_why: tuple[str | None, str]) -> None:
    from datetime import UTC, datetime
    from getpass import getuser

    from flywheel.cli.alert_raising import alerts_config, raise_news
    from flywheel.phases.telling import tell_review
    from flywheel.watch.news import review_news

    by, note = who_why
    alerts = alerts_config()
    review, _ = _found(door, review_id)
    wanted = "approved" if approve_it else "rejected"
    with door.telling() as observer:
        decided = door.store.releases.decide(
            door.workspace, review.review_id, approve_it, by or getuser(), note, datetime.now(UTC)
        )
        tell_review(observer, door.store, decided)
    changed = review.state == "waiting"
    waiting = sum(one.prompt == review.prompt for one in door.store.releases.reviews(door.workspace))
    raise_news(door, alerts, lambda _now: review_news(review.prompt, door.workspace, waiting))

    def draw(console: Console) -> None:
        if changed:
            console.print(f"{decided.state}: {decided.prompt} {short(decided.version)}")
        else:
            console.print(f"Review {decided.review_id[:12]} was {decided.state} before; nothing was changed.")

    door.answer({"review": decided.model_dump(mode="json"), "changed": changed}, draw)
    if decided.state != wanted:
        raise typer.Exit(1)


def _found(door: Door, review_id: str) -> tuple[Review, Verdict]:
    found = door.store.releases.review(door.workspace, review_id)
    if found is None:
        ids = [r.review_id for r in door.store.releases.reviews(door.workspace, None)]
        matching = [i for i in ids if i.startswith(review_id)]
        if len(matching) == 1:
            found = door.store.releases.review(door.workspace, matching[0])
    if found is None:
        raise UnknownName(
            f"No review {review_id!r} in workspace {door.workspace!r}. Nothing was changed. "
            "See: flywheel review list --state all"
        )
    return found


def _diff(door: Door, review: Review) -> str:
    import difflib

    def lines(version: str | None) -> list[str]:
        found = door.store.prompts.get(door.workspace, review.prompt, version) if version else None
        return ((found.text if found else None) or "").splitlines()

    return "\n".join(
        difflib.unified_diff(
            lines(review.previous),
            lines(review.version),
            short(review.previous),
            short(review.version),
            lineterm="",
        )
    )
