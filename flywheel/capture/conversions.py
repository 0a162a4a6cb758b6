"""Values of a foreign column in the type that a field takes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

from flywheel.capture.reasons import (
    COUNT_FIELDS,
    FIELDS,
    JSON_FIELDS,
    NUMBER_FIELDS,
    TEXT_FIELDS,
    Refusal,
    got_and_need,
    shown,
)

Convert = Callable[[Any], Any]
"""Gives the value for the field, or a Refusal."""

_NAMES: Final = (
    frozenset(FIELDS) - NUMBER_FIELDS - JSON_FIELDS - TEXT_FIELDS - {"outcome", "models", "started_at"}
)
_TRUTH: Final = {True: "passed", False: "failed", "true": "passed", "false": "failed"}


def of_json(field: str) -> Convert | None:
    """For values of a JSON line: a truth value is an outcome, a whole number can be a name.

    Examples:
        >>> of_json("outcome")(True), of_json("case_id")(17), of_json("score")
        ('passed', '17', None)
    """
    if field == "outcome":
        return lambda value: _TRUTH[value] if isinstance(value, bool) else value
    if field in _NAMES:
        return lambda value: str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    return None


def of_cell(field: str) -> Convert | None:
    """For cells of CSV, which are texts: numbers, times and JSON are read from them.

    Examples:
        >>> of_cell("latency_ms")("12.5"), of_cell("input_tokens")("12.0"), of_cell("outcome")("True")
        (12.5, 12, 'passed')
        >>> of_cell("inputs")('{"a": 1}'), of_cell("expected")("18")
        ({'a': 1}, '18')
    """
    if field in NUMBER_FIELDS:
        return lambda cell: _number(field, cell)
    if field in JSON_FIELDS:
        return _json_or_text
    if field == "models":
        return lambda cell: _json(field, cell)
    if field == "outcome":
        return lambda cell: _TRUTH.get(cell.strip().lower(), cell.strip().lower())
    return str.strip if field == "started_at" else None


def of_table(field: str, table: Mapping[str, object], fallback: Convert | None) -> Convert:
    """By a table from the text of a value; JSON spells it `true`, `1`, `null`.

    Args:
        field: the field it gives.
        table: from texts to values.
        fallback: for a value that the table lacks and that is right as it is.
    """

    def convert(value: object) -> object:
        text = value.strip() if isinstance(value, str) else msgspec.json.encode(value).decode()
        if text in table:
            return table[text]
        if text.lower() in table:
            return table[text.lower()]
        kept = fallback(value) if fallback is not None else value
        if kept in table.values():
            return kept
        return Refusal(field, f"got {shown(value)}, need one of {', '.join(table)}")

    return convert


def scaled(field: str, factor: float, *, from_cells: bool) -> Convert:
    """A number times a factor.

    Examples:
        >>> scaled("latency_ms", 1000, from_cells=False)(0.25)
        250.0
    """
    exact = Decimal(repr(factor))

    def convert(value: object) -> object:
        number = _number(field, value) if from_cells and isinstance(value, str) else value
        if isinstance(number, Refusal):
            return number
        if isinstance(number, bool) or not isinstance(number, int | float):
            return Refusal(field, f"got {shown(value)}, need a number")
        # By way of decimals: 4.291574717 s are 4291.574717 ms, not 4291.5747169999995.
        product = float(Decimal(repr(number)) * exact)
        if not math.isfinite(product):
            return got_and_need(field, value)
        return _whole(product) if field in COUNT_FIELDS else product

    return convert


def _number(field: str, cell: str) -> object:
    text = cell.strip()
    try:
        if not text.isascii() or "_" in text:
            return got_and_need(field, cell)
        number = float(text)
        if not math.isfinite(number):
            return got_and_need(field, cell)
        return _whole(int(text) if text.isdecimal() else number) if field in COUNT_FIELDS else number
    except ValueError:
        return got_and_need(field, cell)


def _whole(number: float) -> float:
    return int(number) if isinstance(number, float) and number.is_integer() else number


def _json_or_text(cell: str) -> object:
    if not cell.lstrip().startswith(("{", "[")):
        return cell
    try:
        return msgspec.json.decode(cell)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return cell


def _json(field: str, cell: str) -> object:
    try:
        return msgspec.json.decode(cell)
    except (msgspec.MsgspecError, RecursionError, ValueError):
        return got_and_need(field, cell)
