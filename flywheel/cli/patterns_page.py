"""How `flywheel patterns` draws what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from flywheel.cli.drawing import bar, chance, interval, make_table, percent, short, styled
from flywheel.cli.finding_words import home_of, since_when
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.cli.patterns_seen import Seen
    from flywheel.phases.explain import Explained
    from flywheel.records.analysis import FailurePattern
    from flywheel.records.findings import FlakyTest, Insight, SliceFinding

STATE_COLOURS = {"new": "red", "came_back": "red", "known": "yellow", "resolved": "green"}
MAX_TRIED = 3
MAX_INSIGHTS = 3


def draw_head(console: Console, seen: Seen, patterns: int) -> None:
    """How many failures make how many patterns; how many texts were read where not all were."""
    failures, verb = count_of(seen.total_failures, "failure"), "makes" if seen.total_failures == 1 else "make"
    console.print(styled("[bold]{}[/] {} {}.", failures, verb, count_of(patterns, "pattern")))
    read, there = len(seen.failures) + len(seen.passes), seen.total_failures + seen.total_passes
    if read < there:
        said = (
            f"Read: {len(seen.failures):,} of {seen.total_failures:,} failures, {len(seen.passes):,} of "
            f"{seen.total_passes:,} passes, spread over all; numbers of failures are scaled up."
        )
        console.print(said, style="dim")
    console.print()


def draw_patterns(
    console: Console,
    found: Sequence[FailurePattern],
    tried: Mapping[str, Mapping[str, str]],
    part: float = 1.0,
) -> None:
    """Each pattern with its share, state, home, cause, cure, what was tried, executions to look at."""
    from rich.table import Table

    for number, pattern in enumerate(found, start=1):
        state = styled(f"[{STATE_COLOURS.get(pattern.state, 'dim')}]{{}}[/]", pattern.state.replace("_", " "))
        about = "about " if part > 1 else ""
        share = f"{about}{round(pattern.count * part):,} failures, {percent(pattern.share, 0)} of all, "
        console.print(styled("[bold]{}. {}[/]", number, pattern.title))
        console.print(styled("   [red]{}[/] {}", bar(pattern.share, width=20), share).append_text(state))
        facts = Table.grid(padding=(0, 1))
        for name, value in facts_of(pattern, tried.get(pattern.pattern_key, {})):
            facts.add_row("  ", styled("[dim]{}[/]", name), styled("{}", value))
        console.print(facts)
        console.print()


def facts_of(pattern: FailurePattern, tried: Mapping[str, str]) -> list[tuple[str, str]]:
    """What is known of one pattern, a line each; what is not known has no line."""
    home, written = pattern.contrast, pattern.root_cause
    where = home_of(pattern)
    if where and home is not None:
        where = f"{where}, p {chance(home.adjusted_p)}"
    versions = [f"{short(v)} {became}" for v, became in tried.items()][-MAX_TRIED:]
    facts = [
        ("seen", since_when(pattern)),
        ("home", where),
        (
            "cause",
            f"{written.cause} ({written.model}, from {count_of(len(written.pairs), 'pair')})"
            if written
            else "",
        ),
        ("by rule" if written else "cause", pattern.cause),
        ("cure", written.fix if written else pattern.recommendation),
        ("tried", "; ".join(versions)),
        ("see", ", ".join(pattern.examples[:2])),
    ]
    return [(name, value) for name, value in facts if value]


def draw_rest(console: Console, seen: Seen, limit: int) -> None:
    """Worse places, flaky tests, what is resolved; a part without findings is left out."""
    if seen.worse:
        draw_worse(console, seen.worse[:limit])
    if seen.flaky:
        draw_flaky(console, seen.flaky)
    if seen.resolved:
        console.print(styled("[green]Resolved[/], not seen where it would have shown:"))
        for pattern in seen.resolved[:limit]:
            console.print(styled("  {} [dim]{}[/]", pattern.title, since_when(pattern)))


def draw_insights(console: Console, insights: Sequence[Insight]) -> None:
    """What to do first, over patterns, places and flaky tests: a line for what is known, one for the cure."""
    if not insights:
        return
    console.print(styled("[bold]What to do first[/]"))
    for number, insight in enumerate(insights[:MAX_INSIGHTS], start=1):
        known = f"{insight.damage:,.0f} failures, {percent(insight.confidence, 0)} sure"
        console.print(styled("{}. {} [dim]({})[/]", number, insight.title, known))
        if insight.recommendation:
            console.print(styled("   {}", insight.recommendation))
    if len(insights) > MAX_INSIGHTS:
        console.print(f"   {len(insights) - MAX_INSIGHTS:,} more: --json", style="dim")
    console.print()


def draw_worse(console: Console, worse: Sequence[SliceFinding]) -> None:
    """Places where more fails than in the rest, largest damage first."""
    numbers = ("fail", "elsewhere", "points more", "damage", "p")
    table = make_table("Where more fails than in the rest", ("where", *numbers), right=numbers)
    for found in worse:
        where = " x ".join(f"{c.attribute} {short(c.value)}" for c in found.where)
        table.add_row(
            styled("{}", where),
            percent(found.rate, 0),
            percent(found.rest_rate, 0),
            interval(found.low, found.high),
            f"{found.excess:,.0f}",
            chance(found.adjusted_p),
        )
    console.print(table)
    console.print(
        "damage: failures above elsewhere's rate; p is corrected for all places looked at.\n", style="dim"
    )


def draw_flaky(console: Console, flaky: Sequence[FlakyTest]) -> None:
    """One line: how many failures come from tests that pass as well."""
    failures = sum(test.failures for test in flaky)
    names = ", ".join(test.case_id for test in flaky[:3])
    console.print(
        styled(
            "[yellow]{} flaky[/]: {} failures come from tests that pass as well although nothing changed "
            "({}). See: flywheel flaky\n",
            f"{len(flaky):,}",
            f"{failures:,}",
            names if len(flaky) <= 3 else f"{names}, ...",
        )
    )


def draw_explained(console: Console, told: Explained, kept: int) -> None:
    """What a model was asked, what came of it, whether it is kept."""
    cost = "" if told.cost_usd is None else f" for {told.cost_usd:.4f} USD"
    console.print(
        styled("{} written in {}{}.", count_of(told.written, "cause"), count_of(told.asked, "call"), cost)
    )
    for reason in told.because:
        console.print(styled("[yellow]no written cause[/] {}", reason))
    if told.written > kept:
        console.print(
            "A cause is kept beside a pattern that a cycle has stored. Keep new ones with: "
            "flywheel cycle --explain",
            style="dim",
        )
