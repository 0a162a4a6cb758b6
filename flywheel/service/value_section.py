"""The section of value: what testing is worth, metric by metric."""

from __future__ import annotations

from flywheel.records.value import ValueMetric
from flywheel.service.drawing import Cell, nothing, section, table
from flywheel.service.markup import Markup
from flywheel.service.view import View
from flywheel.service.wording import UNKNOWN, amount, percent


def value(view: View) -> Markup:
    """Each metric with its interval, over how many, or why it is unknown."""
    if view.value is None or not view.value.metrics:
        return section("value", "Value", nothing("Nothing is known of value.", "flywheel value"))
    columns = ("metric", "value", "95 % interval", "over", "why it is unknown, or what bounds it")
    caption = f"What testing is worth, cycles and releases of {view.value.window_days:g} days"
    rows = [_row(one) for one in view.value.metrics]
    return section("value", "Value", table(caption, columns, rows))


def _row(one: ValueMetric) -> tuple[Cell, ...]:
    known = one.low is not None and one.high is not None
    interval = f"{_shown(one.low, one.unit)} to {_shown(one.high, one.unit)}" if known else ""
    return one.title, _shown(one.value, one.unit), interval, f"{one.of:,} {one.over}".strip(), one.because


def _shown(number: float | None, unit: str) -> str:
    if number is None:
        return UNKNOWN
    return percent(number) if unit == "share" else amount(number, f" {unit}", 2)
