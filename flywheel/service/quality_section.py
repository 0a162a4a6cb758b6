"""The section of quality: pass rates by prompt, model, slice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

from flywheel.records.tallies import ExecutionTally
from flywheel.service.drawing import Cell, more, nothing, rate_cells, section, table, when
from flywheel.service.markup import Markup, joined, tag
from flywheel.service.view import View
from flywheel.service.wording import short

MOST_PROMPTS: Final = 12
MOST_ROWS: Final = 24
"""Rows of one table; the worst are shown."""

COLUMNS: Final = (
    "executions of",
    "pass rate",
    "rate (95 % interval)",
    "passed of scored",
    "unscored",
    "newest (UTC)",
)
RIGHT: Final = ("passed of scored", "unscored")

By = Callable[[ExecutionTally], str | None]


def quality(view: View) -> Markup:
    """Pass rates; of the live version where it has scored executions, else of all versions."""
    heard = {t.prompt for t in view.tallies}
    names = [name for name in view.prompts if name in heard]
    parts: list[str | None] = [
        tag(
            "p",
            "Executions that count as evidence: those of experiments and probes do not. The four marks stand "
            "at 85, 90, 95 and 98 %.",
            class_="note",
        )
    ]
    if not view.tallies:
        parts = [
            nothing("Nothing is known of quality: no execution is stored.", "flywheel import jsonl FILE")
        ]
    parts += [_of_prompt(view, name) for name in names[:MOST_PROMPTS]]
    without = [t for t in view.tallies if t.prompt is None]
    if without:
        parts.append(_block("Executions that name no prompt", without, ()))
    parts.append(more(len(names), MOST_PROMPTS, "flywheel report --by prompt"))
    return section("quality", "Quality", *parts)


def _of_prompt(view: View, name: str) -> Markup:
    own = [t for t in view.tallies if t.prompt == name]
    live = view.live.get(name)
    of_live = [t for t in own if live is not None and t.version == live.version]
    rows: list[Sequence[Cell]] = []
    if live is not None:
        rows.append(_row(f"live version {short(live.version)}", of_live))
    rows.append(_row("all versions", own))
    basis = of_live if any(t.scored for t in of_live) else own
    said = "live version" if basis is of_live else "all versions"
    return _block(name, basis, rows, said)


def _block(
    name: str, basis: Sequence[ExecutionTally], rows: Sequence[Sequence[Cell]], said: str = "all versions"
) -> Markup:
    """One prompt: its whole, then its models and slices where there are several."""
    tables = [table(f"{name}: pass rate", COLUMNS, rows or [_row("all", basis)], RIGHT)]
    by: tuple[tuple[str, By], ...] = (("model", lambda t: t.model), ("slice", lambda t: t.slice))
    for what, of in by:
        groups = _grouped(basis, of)
        if len(groups) > 1:
            shown = [_row(group or f"no {what}", members) for group, members in groups[:MOST_ROWS]]
            tables.append(table(f"{name}: by {what}, {said}, worst first", COLUMNS, shown, RIGHT))
            rest = more(len(groups), MOST_ROWS, f"flywheel report --prompt {name} --by {what}")
            tables.append(rest or Markup())
    return joined(tag("h3", name), *tables)


def _grouped(tallies: Iterable[ExecutionTally], of: By) -> list[tuple[str | None, list[ExecutionTally]]]:
    groups: dict[str | None, list[ExecutionTally]] = {}
    for tally in tallies:
        groups.setdefault(of(tally), []).append(tally)

    def worst_first(group: tuple[str | None, list[ExecutionTally]]) -> tuple[float, str]:
        scored = sum(t.scored for t in group[1])
        rate = sum(t.passed for t in group[1]) / scored if scored else 2.0
        return rate, group[0] or ""

    return sorted(groups.items(), key=worst_first)


def _row(name: str, tallies: Sequence[ExecutionTally]) -> Sequence[Cell]:
    picture, words, of = rate_cells(sum(t.passed for t in tallies), sum(t.scored for t in tallies))
    newest = max((t.last_at for t in tallies), default=None)
    return name, picture, words, of, f"{sum(t.unscored for t in tallies):,}", when(newest)
