"""A probe for people: tables, then what broke beside what it was."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel.cli.drawing import UNKNOWN, chance, make_table, one_line, percent, short, styled
from flywheel.cli.probe_tables import draw_calibration, draw_comparison
from flywheel.cli.run_page import draw_troubles
from flywheel.learn.counting import count_of
from flywheel.records.probe import ProbeKind

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.llm.executor import RunResult
    from flywheel.records.probe import ProbedModel, ProbeFinding, ProbeReport, ProbeRow

SHOWN = 5
"""Examples of what broke; `--json` has all."""

LONGEST = 400
"""Characters of a text that are drawn."""

_WORDS = {
    ProbeKind.CONSISTENCY: ("consistent", "have the same outcome in all wordings"),
    ProbeKind.ROBUSTNESS: ("broken", "that pass plain fail under at least one attack"),
    ProbeKind.EDGE_CASES: ("broken", "break at one edge at least"),
    ProbeKind.CALIBRATION: ("wrong", "answered with a confidence of 0.8 or more are wrong"),
    ProbeKind.COMPARISON: ("passed", "passed"),
}


def draw_report(console: Console, report: ProbeReport, result: RunResult) -> None:
    """One block per model, then examples.

    Args:
        console: where to.
        report: what was found.
        result: of the run, for what went wrong.
    """
    console.print(
        styled(
            "[bold]{}[/] of {} {} on suite {}: {}, {}",
            report.kind.value,
            report.prompt,
            short(report.version),
            report.suite,
            count_of(report.cases, "reflect case"),
            count_of(report.variants, "variant"),
        )
    )
    if report.contract:
        console.print(f"every answer must be: {report.contract}", style="dim")
    draw_comparison(console, report)
    for model in report.models:
        _draw_model(console, report, model)
    if report.without:
        said = ", ".join(f"{kind} {count:,}" for kind, count in sorted(report.without.items()))
        console.print(f"cases without a variant: {said}", style="dim")
    if report.kind is not ProbeKind.EDGE_CASES or result.errors:
        # An edge without an expectation is unscored on purpose.
        draw_troubles(console, result)
    if result.missing:
        console.print(
            f"{count_of(result.missing, 'case')} without an answer; the same command asks again.",
            style="yellow",
        )
    console.print(styled("session {}", report.session_id), style="dim")


def _draw_model(console: Console, report: ProbeReport, model: ProbedModel) -> None:
    word, said = _WORDS[report.kind]
    row = model.overall
    console.print()
    console.print(
        styled(
            "[bold]{}[/]: {} of {} {} ({}, 95 % interval {})",
            model.model,
            f"{row.shown:,}",
            count_of(row.cases, "case"),
            said,
            percent(row.share),
            _span(row),
        )
    )
    if model.calibration is not None:
        draw_calibration(console, model.calibration)
    if model.kinds:
        _draw_rows(console, report.kind, word, model.kinds)
    if model.slices:
        table = make_table(None, ("slice", "cases", word, "interval"), right=("cases", word))
        for one in model.slices:
            table.add_row(one.name, f"{one.cases:,}", percent(one.share), _span(one))
        console.print(table)
    if model.unmeasured:
        console.print(f"{count_of(model.unmeasured, 'variant')} not measured", style="yellow")
    _draw_findings(console, model.findings)


def _draw_rows(console: Console, kind: ProbeKind, word: str, rows: tuple[ProbeRow, ...]) -> None:
    attacked = kind is ProbeKind.ROBUSTNESS
    columns = ["kind", "cases", word, "interval", *(("mended", "p") if attacked else ())]
    table = make_table(None, columns, right=("cases", word, "mended", "p"))
    for row in rows:
        cells = [row.name, f"{row.cases:,}", percent(row.share), _span(row)]
        table.add_row(*cells, *((f"{row.mended:,}", chance(row.adjusted_p)) if attacked else ()))
    console.print(table)


def _draw_findings(console: Console, findings: tuple[ProbeFinding, ...]) -> None:
    if not findings:
        return
    console.print(f"what broke, {min(SHOWN, len(findings)):,} of {len(findings):,}", style="bold")
    for found in _spread(findings):
        plain = UNKNOWN if found.plain is None else found.plain.value
        went = plain if found.before == found.after else f"{plain} -> {found.changed.value}"
        console.print(styled("  {} [dim]{}[/]: {}", found.of, found.kind, went))
        for name, text in (
            ("before", found.before),
            ("after", found.after),
            ("answered", found.answer_before),
            ("now", found.answer_after),
        ):
            if text is not None and (name != "after" or text != found.before):
                line = one_line(f"    {name:<9}{text[:LONGEST]!r}")
                console.print(line, no_wrap=True, overflow="ellipsis")
        console.print(one_line(f"    because  {found.because}"), style="dim")


def _spread(findings: tuple[ProbeFinding, ...]) -> list[ProbeFinding]:
    """The first of every kind, then the second of every kind."""
    nth: dict[str, int] = {}
    keyed = []
    for found in findings:
        nth[found.kind] = nth.get(found.kind, 0) + 1
        keyed.append((nth[found.kind], found))
    return [found for _, found in sorted(keyed, key=lambda pair: pair[0])][:SHOWN]


def _span(row: ProbeRow) -> str:
    if row.low is None or row.high is None:
        return UNKNOWN
    return f"{percent(row.low)} to {percent(row.high)}"
