"""One turn of the flywheel as a page a person enjoys."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flywheel.cli.drawing import (
    RULING_COLOURS,
    bar,
    forest,
    interval,
    percent,
    points,
    ruling_text,
    short,
    styled,
)
from flywheel.learn.counting import count_of
from flywheel.learn.lineage import LineageGraph
from flywheel.ports import Store
from flywheel.records.analysis import Analysis
from flywheel.records.cycle import FeedbackLoopOutput, Phase
from flywheel.records.lineage import Edge
from flywheel.records.verdict import Evidence, Ruling, Verdict, Verdicts
from flywheel.stats.proportions import Counts, wilson

if TYPE_CHECKING:
    from rich.console import Console

NOT_A_LANGUAGE_MODEL = (
    "The answers come from the embedded model, a deterministic reader of the prompt. "
    "It is not a language model; the numbers show how the flywheel works, not how good an LLM is."
)

ORDER = (Ruling.SHIP, Ruling.STAGE, Ruling.HOLD, Ruling.REJECT)
PATTERNS_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Turn:
    """Everything the page shows, read from the store.

    Attributes:
        output: what the cycle said it did.
        analysis: what failed before.
        verdicts: what was tried.
        edges: lineage of the prompt.
        labels: names of versions.
        store: address to hand to --store.
        ran_as: "plain Python" or "Prefect".
        model: name of the model that answered.
        seconds: wall clock of the whole turn; None when nobody measured.
    """

    output: FeedbackLoopOutput
    analysis: Analysis
    verdicts: Verdicts
    edges: tuple[Edge, ...]
    labels: dict[str, str]
    store: str
    ran_as: str
    model: str
    seconds: float | None = None

    @property
    def shipped(self) -> Verdict | None:
        """The verdict that changed what is live, if one did."""
        return next((v for v in self.verdicts.verdicts if v.proposal.version in self.output.shipped), None)

    @property
    def next_steps(self) -> tuple[tuple[str, str], ...]:
        """Commands worth a look now, each with what it shows."""
        name, at = self.output.prompt, f"--store {self.store}"
        if self.output.workspace != "default":
            at += f" --workspace {self.output.workspace}"
        steps = [
            (f"flywheel report --by slice {at}", "where it is weak"),
            (f"flywheel patterns --prompt {name} {at}", "every failure pattern"),
            (f"flywheel lineage {name} {at}", "who came from whom"),
        ]
        if self.shipped is not None:
            steps.append(
                (f"flywheel prompt diff {name} {short(self.output.control)} live {at}", "what changed")
            )
            steps.append((f"flywheel rollback {name} --why 'just trying' {at}", "undo it"))
        if self.output.staged:
            steps.append((f"flywheel review list {at}", "what waits for you"))
        return tuple(steps)


def collect_turn(
    store: Store,
    output: FeedbackLoopOutput,
    *,
    address: str,
    ran_as: str,
    model: str,
    seconds: float | None = None,
) -> Turn:
    """Read a finished cycle back from the store.

    Args:
        store: where the cycle was kept.
        output: of the cycle.
        address: of the store, as a user would type it.
        ran_as: "plain Python" or "Prefect".
        model: name of the model that answered.
        seconds: wall clock of the whole turn.

    Returns:
        What `print_turn` and `turn_document` need.

    Raises:
        ValueError: the cycle has no finished analyze or validate phase.
    """
    kept = {phase: store.cycles.finished(output.cycle_id, phase) for phase in (Phase.ANALYZE, Phase.VALIDATE)}
    if any(payload is None for payload in kept.values()):
        msg = f"cycle {output.cycle_id!r} has not finished its analyze and validate phases"
        raise ValueError(msg)
    versions = store.prompts.versions(output.workspace, output.prompt)
    return Turn(
        output=output,
        analysis=Analysis.model_validate_json(kept[Phase.ANALYZE] or ""),
        verdicts=Verdicts.model_validate_json(kept[Phase.VALIDATE] or ""),
        edges=tuple(store.lineage.edges(output.workspace, output.prompt)),
        labels={v.version: ", ".join(v.labels) for v in versions},
        store=address,
        ran_as=ran_as,
        model=model,
        seconds=seconds,
    )


def turn_document(turn: Turn) -> dict[str, Any]:
    """The page as one JSON object."""
    live = turn.output.live
    shipped = turn.shipped
    return {
        "prompt": turn.output.prompt,
        "ran_as": turn.ran_as,
        "model": turn.model,
        "about_the_model": NOT_A_LANGUAGE_MODEL,
        "store": turn.store,
        "seconds": turn.seconds,
        "headline": headline(turn),
        "before": turn.analysis.report.model_dump(mode="json"),
        "shipped": shipped.model_dump(mode="json") if shipped else None,
        "patterns": [p.model_dump(mode="json") for p in turn.analysis.patterns],
        "verdicts": [v.model_dump(mode="json") for v in turn.verdicts.verdicts],
        "lineage": {
            "path_to_live": list(LineageGraph(turn.edges).lineage_path(live)) if live else [],
            "edges": [e.model_dump(mode="json") for e in turn.edges],
        },
        "output": turn.output.model_dump(mode="json"),
        "next": [command for command, _ in turn.next_steps],
    }


def headline(turn: Turn) -> str:
    """What happened, in one sentence."""
    shipped = turn.shipped
    if shipped is None or shipped.evidence is None:
        return f"Nothing was released: {turn.output.because}"
    found = shipped.evidence
    return (
        f"The prompt {turn.output.prompt!r} went from {percent(found.control_mean)} to "
        f"{percent(found.candidate_mean)} right: {points(found.estimate)} points "
        f"(95 % interval {interval(found.low, found.high)}) "
        f"on {count_of(found.pairs, 'case')} its author never saw."
    )


def afterwards(turn: Turn) -> str:
    """What to expect of the release, or an empty text."""
    output = turn.output
    if turn.shipped is None or output.shrunken_gain is None:
        return ""
    said = f"Expect {points(output.shrunken_gain)} points in use, after correction for having been picked."
    if output.report_gain is None:
        return said
    span = interval(output.report_low, output.report_high)
    return (
        f"{said} On {count_of(output.report_pairs, 'report case')}, looked at once and after the release: "
        f"{points(output.report_gain)} ({span})."
    )


def print_turn(console: Console, turn: Turn) -> None:
    """Draw the page."""
    from rich.rule import Rule
    from rich.text import Text

    took = f", {turn.seconds:.0f} s" if turn.seconds is not None else ""
    console.print(Rule(f"one turn of the flywheel ({turn.ran_as}{took})", style="dim"))
    console.print(Text(headline(turn), style="bold"))
    if afterwards(turn):
        console.print(Text(afterwards(turn)))
    _draw_rates(console, turn)
    _draw_patterns(console, turn)
    _draw_verdicts(console, turn)
    _draw_tree(console, turn)
    _draw_next(console, turn)
    console.print(Text(f"Model: {turn.model}. {NOT_A_LANGUAGE_MODEL}", style="dim"))


def _draw_rates(console: Console, turn: Turn) -> None:
    report = turn.analysis.report
    console.print()
    scored = report.successful_tests + report.failed_tests + report.error_tests
    if turn.shipped is None or turn.shipped.evidence is None:
        _draw_rate(console, "now", report.successful_tests, scored)
        return
    found = turn.shipped.evidence
    for name, mean in (("before", found.control_mean), ("after", found.candidate_mean)):
        _draw_rate(console, name, round((mean or 0.0) * found.pairs), found.pairs)


def _draw_rate(console: Console, name: str, passed: int, scored: int) -> None:
    from rich.text import Text

    span = wilson(Counts(passed, scored))
    line = Text(f"  {name:<7}")
    line.append(
        bar(span.estimate, span.low, span.high, width=44), style="green" if name == "after" else "yellow"
    )
    line.append(f" {percent(span.estimate):>7}", style="bold")
    line.append(f"  {passed:,}/{scored:,}", style="dim")
    console.print(line)


def _draw_patterns(console: Console, turn: Turn) -> None:
    from rich.text import Text

    found = turn.analysis.patterns
    if not found:
        return
    report = turn.analysis.report
    failures = report.failed_tests + report.error_tests
    read = turn.analysis.evidence.get("failures_read")
    shown = f"; {read:,} of reflect cases make" if isinstance(read, int) and read < failures else " make"
    told = (
        f"{failures:,} of {report.total_tests:,} executions{shown} {count_of(len(found), 'failure pattern')}"
    )
    console.print(styled("\n[bold]What failed[/] [dim]{}[/]", told))
    for pattern in found[:PATTERNS_SHOWN]:
        line = Text("  ")
        line.append(bar(pattern.share, width=12), style="red")
        line.append(f" {pattern.count:>4}  ", style="bold")
        line.append(pattern.title)
        line.truncate(console.width, overflow="ellipsis")
        console.print(line)
    rest = sum(p.count for p in found[PATTERNS_SHOWN:])
    if rest:
        console.print(
            f"  {'':12} {rest:>4}  in {count_of(len(found) - PATTERNS_SHOWN, 'smaller pattern')}", style="dim"
        )


def _draw_verdicts(console: Console, turn: Turn) -> None:
    ordered = sorted(turn.verdicts.verdicts, key=lambda v: (ORDER.index(v.ruling), -_gain(v.evidence)))
    cases = max((v.evidence.pairs for v in ordered if v.evidence is not None), default=0)
    tried = f"{count_of(len(ordered), 'candidate')}, up to {count_of(cases, 'gate case')} each"
    console.print(styled("\n[bold]What was tried[/] [dim]{}[/]", tried))
    draw_verdicts(console, ordered, turn.output.shipped)


def draw_verdicts(console: Console, verdicts: Sequence[Verdict], live: Sequence[str] = ()) -> None:
    """Each verdict with its interval as a picture on one common scale, its because below."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    bounds = [b for v in verdicts if v.evidence for b in (v.evidence.low, v.evidence.high) if b is not None]
    scale = (min(bounds, default=0.0), max(bounds, default=0.0))
    for verdict in verdicts:
        found, ruling = verdict.evidence, verdict.ruling.value
        head = Table.grid(padding=(0, 1))
        for width in (1, 6, 26):
            head.add_column(width=width)
        head.add_column(width=6, justify="right")
        name = Text(verdict.proposal.strategy.replace("+", " + "), style="bold")
        if verdict.proposal.version in live:
            name.append("  now live", style="bold green")
        elif ruling == "ship" and any(v.proposal.version in live for v in verdicts):
            name.append("  not chosen", style="dim")
        picture, gain = Text(), ""
        if found is not None:
            picture = Text(forest((found.low, found.estimate, found.high), scale), RULING_COLOURS[ruling])
            gain = points(found.estimate)
        head.add_row("", ruling_text(ruling), picture, gain, name)
        console.print(head)
        console.print(Padding(Text(verdict.because, style="dim"), (0, 0, 0, 9)))


def _gain(found: Evidence | None) -> float:
    return -2.0 if found is None or found.estimate is None else found.estimate


def _draw_tree(console: Console, turn: Turn) -> None:
    from flywheel.cli.lineage import draw_lineage

    if not turn.edges:
        return
    console.print(styled("\n[bold]Lineage[/]"))
    draw_lineage(console, turn.output.prompt, turn.edges, turn.output.live, turn.labels)


def _draw_next(console: Console, turn: Turn) -> None:
    from rich.text import Text

    console.print(styled("\n[bold]Where to look next[/]"))
    for command, shows in turn.next_steps:
        console.print(Text(f"  {shows}", style="dim"))
        console.print(Text(f"    {command}", style="cyan"), soft_wrap=True)
    console.print()
