"""Calibration of a model, models head to head: tables for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flywheel.cli.drawing import (
    UNKNOWN,
    amount,
    bar,
    chance,
    interval,
    make_table,
    one_line,
    percent,
    points,
    short,
)

if TYPE_CHECKING:
    from rich.console import Console

    from flywheel.records.probe import Calibration, ModelPair, ProbeReport


def draw_calibration(console: Console, found: Calibration) -> None:
    """A reliability table, then what it comes to.

    Args:
        console: where to.
        found: of one model.
    """
    if found.error is None:
        console.print(one_line(f"calibration unknown: {found.because}"), style="yellow")
        return
    table = make_table(
        None, ("confidence", "runs", "passed", "95 %", ""), right=("confidence", "runs", "passed")
    )
    for one in found.bins:
        table.add_row(
            f"{one.confidence:.2f}",
            f"{one.executions:,}",
            percent(one.pass_rate),
            _span(one.low, one.high),
            bar(one.pass_rate, one.low, one.high, width=20),
        )
    console.print(table)
    console.print(
        f"{found.bias}: says {percent(found.mean_confidence)} on average, passes {percent(found.pass_rate)}: "
        f"{points(found.gap)} points ({interval(found.gap_low, found.gap_high)})"
    )
    console.print(
        f"calibration error {amount(found.error, '', 3)} ({amount(found.error_low, '', 3)} to "
        f"{amount(found.error_high, '', 3)}), debiased; undebiased {amount(found.plug_in, '', 3)}, of which "
        f"{amount(found.by_chance, '', 3)} is what chance shows; Brier score {amount(found.brier, '', 3)}"
    )
    if found.without:
        console.print(f"{found.without:,} without a confidence are not counted", style="yellow")


def draw_comparison(console: Console, report: ProbeReport) -> None:
    """Models in order, then every two of them; nothing where none were compared.

    Args:
        console: where to.
        report: of the probe.
    """
    if not report.ranking:
        return
    table = make_table(
        None,
        ("place", "model", "passed", "95 %", "ms", "USD/1,000"),
        right=("place", "passed", "ms", "USD/1,000"),
    )
    for row in report.ranking:
        cost = row.overall.cost_per_request_usd
        place = UNKNOWN if row.place is None else f"{row.place}{'=' if row.tied_with else ''}"
        table.add_row(
            place,
            short(row.model),
            percent(row.overall.pass_rate),
            _span(row.overall.low, row.overall.high),
            amount(row.overall.median_ms),
            amount(None if cost is None else 1000 * cost, "", 4),
        )
    console.print(table)
    for pair in report.pairs:
        console.print(one_line(f"{pair.first} - {pair.second}: {_verdict(pair)}"), style="bold")
        console.print(
            f"  {pair.wins:,} won, {pair.losses:,} lost, {pair.ties:,} equal: "
            f"{points(pair.difference)} points "
            f"({interval(pair.low, pair.high)}), p {chance(pair.adjusted_p)}"
        )
        console.print(
            f"  a case {_signed(pair.latency_ms, 0)} ms ({_signed(pair.latency_low_ms, 0)} to "
            f"{_signed(pair.latency_high_ms, 0)}), {_signed(pair.cost_usd, 6)} USD "
            f"({_signed(pair.cost_low_usd, 6)} to {_signed(pair.cost_high_usd, 6)})"
        )


def _verdict(pair: ModelPair) -> str:
    if pair.better is not None:
        return f"{pair.better} is better"
    return f"a tie on {pair.pairs:,} cases" if pair.low is not None else f"too few cases ({pair.pairs:,})"


def _signed(value: float | None, digits: int) -> str:
    return UNKNOWN if value is None else f"{value:+,.{digits}f}"


def _span(low: float | None, high: float | None) -> str:
    return UNKNOWN if low is None or high is None else f"{percent(low)} to {percent(high)}"
