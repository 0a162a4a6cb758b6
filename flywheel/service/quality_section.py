"""The section of quality: pass rates by prompt, model, slice."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from flywheel.records.tallies import ExecutionTally
from flywheel.service.drawing import Cell, more, nothing, rate_cells, section, table, when
from flywheel.service.markup import Markup, joined, tag
from flywheel.service.view import View
from flywheel.service.wording import short

MOST_PROMPTS: Final = 40
MOST_DETAILS: Final = 12
"""Prompts that are shown by model, by slice."""

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
PROMPT_COLUMNS: Final = ("prompt", "version", *COLUMNS[1:])
RIGHT: Final = ("passed of scored", "unscored")

By = Callable[[ExecutionTally], str | None]
Row = tuple[Cell, ...]


def quality(view: View) -> Markup:
    """Pass rates; of the live version where it has scored executions, else of all versions."""
    if not view.tallies:
        empty = nothing("Nothing is known of quality: no execution is stored.", "flywheel import jsonl FILE")
        return section("quality", "Quality", empty)
    known = {t.prompt for t in view.tallies}
    names = [name for name in view.prompts if name in known]
    without = [t for t in view.tallies if t.prompt is None]
    rows = [row for name in names[:MOST_PROMPTS] for row in _rows_of(view, name)]
    rows += [("no prompt", "", *_cells(without))] if without else []
    note = (
        "Executions that count as evidence: those of experiments and probes do not. The four marks stand at "
        "85, 90, 95 and 98 %."
    )
    return section(
        "quality",
        "Quality",
        tag("p", note, class_="note"),
        table("Pass rate by prompt", PROMPT_COLUMNS, rows, RIGHT),
        more(len(names), MOST_PROMPTS, "flywheel report --by prompt"),
        *(_details(view, name) for name in names[:MOST_DETAILS]),
    )


def _rows_of(view: View, name: str) -> Iterator[Row]:
    """The live version of a prompt, then all versions where others were run too."""
    own, of_live = _own(view, name)
    live = view.live.get(name)
    if live is not None:
        yield name, f"live {short(live.version)}", *_cells(of_live)
    if live is None or len(of_live) < len(own):
        yield name, "all", *_cells(own)


def _details(view: View, name: str) -> Markup | None:
    """One prompt by model, by slice, where there are several of them."""
    own, of_live = _own(view, name)
    basis, said = (of_live, "live version") if any(t.scored for t in of_live) else (own, "all versions")
    by: tuple[tuple[str, By], ...] = (("model", lambda t: t.model), ("slice", lambda t: t.slice))
    tables: list[Markup | None] = []
    for what, of in by:
        groups = _grouped(basis, of)
        if len(groups) > 1:
            rows = [(group or f"no {what}", *_cells(members)) for group, members in groups[:MOST_ROWS]]
            tables.append(table(f"{name}: by {what}, {said}, worst first", COLUMNS, rows, RIGHT))
            tables.append(more(len(groups), MOST_ROWS, f"flywheel report --prompt {name} --by {what}"))
    return joined(tag("h3", name), *tables) if tables else None


def _own(view: View, name: str) -> tuple[list[ExecutionTally], list[ExecutionTally]]:
    """Executions of a prompt, with those of its live version among them."""
    own, live = [t for t in view.tallies if t.prompt == name], view.live.get(name)
    return own, [t for t in own if live is not None and t.version == live.version]


def _grouped(tallies: Iterable[ExecutionTally], of: By) -> list[tuple[str | None, list[ExecutionTally]]]:
    groups: dict[str | None, list[ExecutionTally]] = {}
    for tally in tallies:
        groups.setdefault(of(tally), []).append(tally)

    def worst_first(group: tuple[str | None, list[ExecutionTally]]) -> tuple[float, str]:
        scored = sum(t.scored for t in group[1])
        rate = sum(t.passed for t in group[1]) / scored if scored else 2.0
        return rate, group[0] or ""

    return sorted(groups.items(), key=worst_first)


def _cells(tallies: Sequence[ExecutionTally]) -> Row:
    picture, words, of = rate_cells(sum(t.passed for t in tallies), sum(t.scored for t in tallies))
    newest = max((t.last_at for t in tallies), default=None)
    return picture, words, of, f"{sum(t.unscored for t in tallies):,}", when(newest)
