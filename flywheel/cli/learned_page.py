"""What outcomes of recommendations teach, as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from flywheel.cli.drawing import UNKNOWN, bar, chance, make_table, moment, percent, styled
from flywheel.learn.counting import count_of

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.findings import Condition
    from flywheel.records.learned import (
        AgentProfile,
        DecisionRule,
        LearnedPattern,
        PredictionReport,
    )


def where_of(conditions: Sequence[Condition]) -> str:
    """Conditions in words.

    Examples:
        >>> where_of(())
        'anywhere'
    """
    return ", ".join(f"{one.attribute} = {one.value}" for one in conditions) or "anywhere"


def draw_patterns(console: Console, patterns: Sequence[LearnedPattern], judged: int) -> None:
    """One line per pattern; what each number rests on stands below."""
    if not patterns:
        console.print(f"No pattern in {count_of(judged, 'judged recommendation')}.")
        return
    for kind in dict.fromkeys(one.kind for one in patterns):
        table = make_table(
            kind.value.replace("_", " "),
            ("where", "tier", "succeed", "interval", "n", "q", "later"),
            right=("succeed", "interval", "n", "q", "later"),
        )
        for one in patterns:
            if one.kind is kind:
                table.add_row(*_cells(one))
        console.print(table)
    console.print(
        f"from the earlier 70 % of {count_of(judged, 'judged recommendation')}; 'later' is the rest of them, "
        "which took no part in the finding",
        style="dim",
    )


def _cells(one: LearnedPattern) -> tuple[str, ...]:
    later = UNKNOWN if one.later_rate is None else f"{percent(one.later_rate, 0)} of {one.later}"
    return (
        where_of(one.where),
        one.tier.value,
        percent(one.shrunk_rate, 0),
        f"{percent(one.low, 0)} to {percent(one.high, 0)}",
        str(one.judged),
        chance(one.q_value),
        later,
    )


def draw_retired(console: Console, patterns: Sequence[LearnedPattern]) -> None:
    """Patterns that are found no more, with the time they were."""
    if not patterns:
        console.print("No pattern was retired.")
        return
    table = make_table(None, ("pattern", "where", "first seen (UTC)", "last seen (UTC)"))
    for one in patterns:
        table.add_row(one.kind.value, where_of(one.where), moment(one.first_seen), moment(one.last_seen))
    console.print(table)


def draw_rules(console: Console, rules: Sequence[DecisionRule]) -> None:
    """Each rule in a sentence."""
    if not rules:
        console.print("No pattern is proven, so nothing is advised: flywheel learned patterns")
        return
    for one in rules:
        alone = "alone" if one.acts_alone else "advises"
        console.print(styled("[bold]{}[/] {}", f"{alone:8}", one.says))
    console.print(
        "'alone' may decide without a person: its rate is 95 % sure; the others advise", style="dim"
    )


def draw_profile(console: Console, found: AgentProfile) -> None:
    """An agent in one line, then its types."""
    if found.mean is None:
        console.print(found.because)
        return
    span = f"{percent(found.low)} to {percent(found.high)}"
    console.print(styled("[bold]{}[/]: {} succeed ({})", found.agent, percent(found.mean), span))
    console.print(f"{count_of(found.judged, 'judged recommendation')}")
    for word, names in (("strong on", found.strengths), ("weak on", found.weaknesses)):
        console.print(styled("{}: {}", word, ", ".join(names) or "nothing is shown"))
    table = make_table(
        None, ("type", "succeed", "interval", "", "n", "q"), right=("succeed", "interval", "n", "q")
    )
    for one in found.contexts:
        table.add_row(
            one.type,
            percent(one.mean),
            f"{percent(one.low)} to {percent(one.high)}",
            bar(one.mean, one.low, one.high, width=14),
            str(one.judged),
            chance(one.q_value),
        )
    console.print(table)


def draw_prediction(console: Console, found: PredictionReport) -> None:
    """The verdict, then the numbers it rests on."""
    if found.met is None:
        console.print(styled("unknown: {}", found.because))
        return
    console.print(styled("[bold]{}[/]: {}", "met" if found.met else "not met", found.because))
    table = make_table(None, ("what", "value", "interval"), right=("value", "interval"))
    span = f"{percent(found.accuracy_low)} to {percent(found.accuracy_high)}"
    table.add_row("foretold rightly, all of them", percent(found.accuracy), span)
    table.add_row("the same by always saying the commoner", percent(found.base_accuracy), UNKNOWN)
    skill = "" if found.skill is None else f"{found.skill:.3f}"
    width = UNKNOWN if found.skill_low is None else f"{found.skill_low:.3f} to {found.skill_high:.3f}"
    table.add_row("Brier skill over the success rate", skill or UNKNOWN, width)
    table.add_row(
        f"largest share foretold with {found.target_accuracy:.0%}", percent(found.coverage_at_target), UNKNOWN
    )
    console.print(table)
    curve = "  ".join(f"{point.coverage:.0%}: {point.accuracy:.0%}" for point in found.curve)
    console.print(f"accuracy on the surest part: {curve}", soft_wrap=True)
    console.print(f"learned from {found.learned:,}, held against {found.held_out:,} later ones", style="dim")
