"""Trust as a person reads it: agents, one agent, scores compared, judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flywheel.cli.drawing import UNKNOWN, bar, make_table, moment, percent, say_nothing_there, styled
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from datetime import datetime

    from rich.console import Console
    from rich.text import Text

    from flywheel.records.trust import AgentTrust, JudgeSkill, TrustComparison, TrustPart, TrustReport

_COLOURS = {"very_strong": "green", "strong": "green", "moderate": "cyan", "weak": "yellow"}
_ARROWS = {"up": "↑", "down": "↓", "steady": "→"}
_RECORD = "Bring some in: flywheel trust record --help"


def draw_agents(console: Console, report: TrustReport, limit: int, again: str = "") -> None:
    """One line per agent, the most trusted first."""
    if not report.agents:
        say_nothing_there(console, "No agent has an outcome here.", f"{_RECORD}{again}")
        return
    trusted = sum(one.trusted for one in report.agents)
    told = f"{count_of(len(report.agents), 'agent')}, {trusted:,} trusted, from "
    told += f"{count_of(report.judgements, 'judgement')} with {count_of(report.executions, 'execution')}"
    console.print(f"{told}. All together: {percent(report.population, 0)} good.\n")
    numbers = ("score", "95 %", "n", "known", "chance")
    table = make_table(None, ("agent", *numbers, "strength", "trend"), right=numbers)
    for one in report.agents[:limit]:
        table.add_row(
            styled("[bold]{}[/]" if one.trusted else "{}", one.agent),
            percent(one.score, 0),
            _range(one.score_low, one.score_high),
            f"{one.accuracy.n_eff:,.0f}",
            percent(one.known_score, 0),
            percent(one.chance, 0),
            _strength(one),
            _ARROWS.get(one.trend.value, "") if one.trend is not None else UNKNOWN,
        )
    console.print(table)
    if len(report.agents) > limit:
        console.print(f"{len(report.agents) - limit:,} more: --limit {len(report.agents)}", style="dim")
    console.print(
        "score decides; known: the weighted rates of earlier systems. n: outcomes that still count. "
        "chance: to reach the target. Bold: trusted.",
        style="dim",
    )
    _draw_guard(console, report)


def draw_agent(
    console: Console, one: AgentTrust, target: float, past: Sequence[tuple[datetime, AgentTrust]] = ()
) -> None:
    """One agent with its parts, its contexts, its scores before."""
    word = "[green]trusted[/]" if one.trusted else "[yellow]not trusted[/]"
    console.print(styled(f"[bold]{{}}[/] is {word}: {{}}", one.agent, _why(one, target)))
    table = make_table(None, ("", "value", "95 %", "n", " "), right=("value", "95 %", "n"))
    for name in ("accuracy", "consistency", "timeliness", "reliability"):
        part: TrustPart = getattr(one, name)
        table.add_row(name, *_cells(part), part.because)
    console.print(table)
    scores = {"score, decides": one.score, "known score": one.known_score}
    scores |= {"moving average": one.ema, "literal update": one.seed}
    console.print("; ".join(f"{name} {percent(value)}" for name, value in scores.items()))
    drift = UNKNOWN if one.drift is None else f"{100 * one.drift:+.1f} points"
    trend = UNKNOWN if one.trend is None else one.trend.value
    console.print(f"lately against ever: {drift}, {trend}; weight of its vote {one.vote:+.2f}")
    if one.contexts:
        numbers = ("accuracy", "95 %", "n", "chance")
        contexts = make_table("By context", ("context", "", *numbers), right=numbers)
        for cell in one.contexts:
            found = cell.accuracy
            picture = bar(found.value, found.low, found.high, width=20)
            contexts.add_row(styled("{}", cell.context), picture, *_cells(found), percent(cell.chance, 0))
        console.print(contexts)
    if past:
        line = ", ".join(f"{moment(when)} {percent(before.score, 0)}" for when, before in past[:5])
        console.print(f"computed before: {line}", style="dim")


def draw_losses(console: Console, compared: TrustComparison | None, again: str = "") -> None:
    """Scores by how well they predicted."""
    if compared is None:
        say_nothing_there(console, "No outcome to predict here.", f"{_RECORD}{again}")
        return
    console.print(compared.because)
    numbers = ("log-loss", "worse by", "95 %")
    table = make_table(None, ("score", *numbers), right=numbers)
    for one in compared.scores:
        reach = UNKNOWN if one.low is None or one.high is None else f"{one.low:+.4f} to {one.high:+.4f}"
        name = styled("[bold]{} (decides)[/]" if one.decides else "{}", one.score)
        table.add_row(name, f"{one.log_loss:.4f}", "" if one.decides else f"{one.worse_by:+.4f}", reach)
    console.print(table)
    told = f"{count_of(compared.outcomes, 'outcome')} of {count_of(compared.agents, 'agent')}"
    console.print(f"{told}, each predicted before it was known; lower is better.", style="dim")


def draw_judges(console: Console, found: Sequence[JudgeSkill], again: str = "") -> None:
    """Judges by how often they are right."""
    if not found:
        say_nothing_there(console, "Nobody judged a recommendation here.", f"{_RECORD}{again}")
        return
    numbers = ("judged", "shared", "right", "approves good", "rejects bad")
    table = make_table(None, ("judge", *numbers, " "), right=numbers)
    for one in found:
        rates = (one.accuracy, one.approves_good, one.rejects_bad)
        counts = (f"{one.judgements:,}", f"{one.shared:,}")
        table.add_row(styled("{}", one.judge), *counts, *(percent(rate, 0) for rate in rates), one.because)
    console.print(table)
    console.print(
        "shared: judged by others too. Skill with truth are found together (Dawid-Skene).", style="dim"
    )


def _draw_guard(console: Console, report: TrustReport) -> None:
    if report.own_judgements:
        told = count_of(report.own_judgements, "judgement")
        console.print(f"{told} by the agent itself left out.", style="yellow")
    if report.capped_judgements:
        told = count_of(report.capped_judgements, "judgement")
        console.print(f"{told} count less: one judge gave many of one agent in a day.", style="yellow")


def _why(one: AgentTrust, target: float) -> str:
    if one.accuracy.value is None:
        return one.accuracy.because
    reach = _range(one.accuracy.low, one.accuracy.high)
    chance = f"{percent(one.chance, 0)} likely to reach {percent(target, 0)}"
    return (
        f"accuracy {percent(one.accuracy.value, 0)} ({reach}), {chance}, {one.accuracy.n_eff:,.0f} outcomes"
    )


def _cells(part: TrustPart) -> tuple[str, str, str]:
    n = UNKNOWN if part.value is None else f"{part.n_eff:,.0f}"
    return percent(part.value, 0), _range(part.low, part.high), n


def _range(low: float | None, high: float | None) -> str:
    return UNKNOWN if low is None or high is None else f"{100 * low:.0f} to {100 * high:.0f}"


def _strength(one: AgentTrust) -> Text:
    if one.strength is None:
        return styled("{}", UNKNOWN)
    return styled(f"[{_COLOURS[one.strength.value]}]{{}}[/]", one.strength.value.replace("_", " "))
