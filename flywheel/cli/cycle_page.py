"""What cycles did, as a page for one prompt or a table for many."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flywheel.cli.demo_page import draw_verdicts
from flywheel.cli.drawing import chance, interval, make_table, points, short, styled
from flywheel.cli.model_table import draw_models, own_prompt_lines
from flywheel.cycle import effective_strategy
from flywheel.learn.counting import count_of
from flywheel.records.cycle import Phase
from flywheel.records.proposal import DiscardedProposal, Proposals
from flywheel.records.strategy import LearningStrategy
from flywheel.records.verdict import Evidence, Ruling, Verdicts
from flywheel.stats.multiplicity import optional_holm

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from flywheel.cycle import CycleOutcome
    from flywheel.ports import Store

MAX_INSIGHTS = 3


def cycle_document(store: Store, outcomes: Sequence[CycleOutcome]) -> dict[str, Any]:
    """Outcomes with their verdicts as one JSON object."""
    rows = []
    over_prompts = _over_prompts([_best(_verdicts(store, outcome)) for outcome in outcomes])
    for outcome, p in zip(outcomes, over_prompts, strict=True):
        verdicts = _verdicts(store, outcome)
        rows.append(
            {
                "prompt": outcome.request.prompt,
                "strategy": effective_strategy(outcome.request).model_dump(mode="json"),
                "output": outcome.output.model_dump(mode="json") if outcome.output else None,
                "verdicts": [v.model_dump(mode="json") for v in verdicts.verdicts] if verdicts else [],
                "p_over_prompts": p,
                "thrown_out": [d.model_dump(mode="json") for d in _thrown_out(store, outcome)],
                "error": outcome.error,
            }
        )
    failed = sum(outcome.error is not None for outcome in outcomes)
    return {"cycles": rows, "done": len(rows) - failed, "failed": failed}


def draw_outcomes(console: Console, store: Store, outcomes: Sequence[CycleOutcome], again: str = "") -> None:
    """One page for one prompt, one line each for many; advice repeats the options that were given."""
    if len(outcomes) == 1 and outcomes[0].output is not None:
        draw_outcome(console, store, outcomes[0], again)
        return
    from rich.text import Text

    columns = ("prompt", "did", "points", "interval", "expect", "p", "Holm p")
    table = make_table(None, columns, right=columns[2:])
    best = [_best(_verdicts(store, outcome)) for outcome in outcomes]
    for outcome, found, p in zip(outcomes, best, _over_prompts(best), strict=True):
        name = Text(outcome.request.prompt)
        if found is None:
            table.add_row(name, _did(outcome, brief=True), *[""] * 5)
            continue
        span, expected = interval(found.low, found.high), points(found.shrunken_gain)
        table.add_row(
            name,
            _did(outcome, brief=True),
            points(found.estimate),
            span,
            expected,
            chance(found.adjusted_p),
            chance(p),
        )
    console.print(table)
    console.print(
        "expect: gain in use, corrected for having been picked; each prompt is decided by its own p, "
        "the last column corrects it for all prompts of this call",
        style="dim",
    )
    for outcome, found in zip(outcomes, best, strict=True):
        if outcome.error:
            console.print(Text(f"{outcome.request.prompt}: {outcome.error}", style="red"))
        elif found is None and outcome.output is not None:
            console.print(Text(f"{outcome.request.prompt}: {outcome.output.because}", style="dim"))


def draw_outcome(console: Console, store: Store, outcome: CycleOutcome, again: str = "") -> None:
    """One cycle: what it did, what was tried, where to look next."""
    from rich.text import Text

    output = outcome.output
    if output is None:
        return
    verdicts = _verdicts(store, outcome)
    now = store.releases.live(output.workspace, output.prompt)
    console.print(styled("[bold]{}[/]:", output.prompt), _did(outcome))
    if verdicts is None or not verdicts.verdicts:
        console.print(Text(output.because))
    else:
        _draw_tried(console, verdicts, [now.version] if now else [])
    for line in thrown_out_lines(_thrown_out(store, outcome)):
        console.print(Text(line, style="dim"))
    for insight in output.insights[:MAX_INSIGHTS]:
        made = ", ".join(short(v) for v in insight.proposals[:3]) or "no version proposed from it"
        console.print(styled("[dim]found:[/] {} [dim]({})[/]", insight.title, made))
    spent = count_of(output.calls, "call") if output.calls else "no model was called"
    cost = f", {output.cost_usd:.4f} USD" if output.cost_usd is not None else ""
    did = f"cycle {output.cycle_id}: {count_of(output.feedback_collected, 'execution')}, {spent}{cost}"
    console.print(f"{did}{_strategy(outcome)}", style="dim", markup=False)
    if told := _left_to_say(verdicts):
        console.print(Text(told, style="dim"))
    after = next((s.detail for s in output.workflow_stages if s.phase is Phase.TRACK), "")
    if output.report_models:
        draw_models(console, "report cases, looked at once and after the release,", output.report_models)
    elif after:
        console.print(Text(after, style="bold"))
    if output.staged:
        console.print(styled("[cyan]Waiting for you:[/] flywheel review list{}", again))
    console.print(styled("[dim]See: flywheel lineage {}{}[/]", output.prompt, again))


def _left_to_say(verdicts: Verdicts | None) -> str:
    """What was expected and why it ended, as far as no verdict has said it."""
    if verdicts is None or not verdicts.verdicts:
        return ""
    said = [verdict.because for verdict in verdicts.verdicts]
    parts = (verdicts.outlook, verdicts.because)
    return "; ".join(part for part in parts if part and not any(part in because for because in said))


def _draw_tried(console: Console, verdicts: Verdicts, live: Sequence[str]) -> None:
    """Each verdict, those of the winners on every model, what could not be tested."""
    from rich.text import Text

    ordered = sorted(verdicts.verdicts, key=lambda v: list(Ruling).index(v.ruling))
    draw_verdicts(console, ordered, live)
    for verdict in ordered:
        draw_models(console, verdict.proposal.strategy.replace("+", " + "), verdict.models, verdict.across)
        version, prompt = short(verdict.proposal.version), verdicts.context.request.prompt
        for line in own_prompt_lines(prompt, version, verdict.models):
            console.print(Text(line, style="cyan"), soft_wrap=True)
    for reason in verdicts.degraded:
        # What a verdict says itself stands beside it already.
        if not any(reason in v.because or v.because in reason for v in ordered):
            console.print(Text(reason, style="yellow"))


def thrown_out_lines(discarded: Sequence[DiscardedProposal]) -> list[str]:
    """What was not tested, in words: each failed check by itself, what only waits in one line."""
    lines = [f"thrown out unseen: {d.strategy}: {d.reason}" for d in discarded if d.check != "room"]
    waiting = [d.strategy for d in discarded if d.check == "room"]
    return [*lines, f"waiting for another cycle: {', '.join(waiting)}"] if waiting else lines


def _strategy(outcome: CycleOutcome) -> str:
    """The strategy with all that is not as usual; nothing where it is the balanced one."""
    strategy = effective_strategy(outcome.request)
    return f", strategy {strategy.in_words()}" if strategy != LearningStrategy() else ""


def _thrown_out(store: Store, outcome: CycleOutcome) -> tuple[DiscardedProposal, ...]:
    if outcome.output is None:
        return ()
    payload = store.cycles.finished(outcome.output.cycle_id, Phase.GENERATE)
    return Proposals.model_validate_json(payload).discarded if payload else ()


def _did(outcome: CycleOutcome, *, brief: bool = False) -> Text:
    from rich.text import Text

    output = outcome.output
    if output is None:
        return Text("failed", style="red")
    if output.shipped:
        which = "" if brief else f" {', '.join(short(v) for v in output.shipped)}"
        return Text(f"shipped{which}", style="bold green")
    if output.staged:
        which = "" if brief else f" {', '.join(short(v) for v in output.staged)}"
        return Text(f"staged{which}", style="bold cyan")
    if outcome.request.dry_run:
        return Text("dry run", style="yellow")
    if output.rejected and not output.held:
        return Text("rejected", style="red")
    return Text("held" if output.held else "nothing to try", style="yellow")


def _over_prompts(best: Sequence[Evidence | None]) -> list[float | None]:
    """Holm-corrected p of each prompt's best candidate."""
    return list(optional_holm([found.adjusted_p if found else None for found in best]))


def _best(verdicts: Verdicts | None) -> Evidence | None:
    """Evidence of the most favourable verdict that has any."""
    known = [v for v in verdicts.verdicts if v.evidence is not None] if verdicts else []
    order = list(Ruling)
    best = min(known, key=lambda v: order.index(v.ruling), default=None)
    return best.evidence if best else None


def _verdicts(store: Store, outcome: CycleOutcome) -> Verdicts | None:
    if outcome.output is None:
        return None
    payload = store.cycles.finished(outcome.output.cycle_id, Phase.VALIDATE)
    return Verdicts.model_validate_json(payload) if payload else None
