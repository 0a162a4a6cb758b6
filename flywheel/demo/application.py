"""The sample application: a question router over one customer's record.

Service agents of a bank ask about a customer; the application asks a model
which field of the record answers, then looks up the value of that field.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from flywheel.errors import UnknownName
from flywheel.records.case import AnswerOption, Case, Suite
from flywheel.records.scorer import Scorer

WORKSPACE = "demo"
SUITE_NAME = "customer-360"
PROMPT_NAME = "customer-360-router"

SLICES: tuple[str, ...] = (
    "customer_profile",
    "credit_analysis",
    "transaction_history",
    "call_center_operations",
    "entity_relationship",
    "geographic_analysis",
    "temporal_analysis",
)
"""The seven parts of the record, each with a file of fields plus a file of questions."""

TEXT_UNITS = frozenset({"text", "date", "time"})
"""Units whose values stay text; dates are ISO 8601, `yes/no` is a truth value, all others are numbers."""

Value = str | int | float | bool
"""What a field of the record can hold."""


@dataclass(frozen=True, slots=True)
class Field:
    """One entry of the bank's data dictionary with the sample customer's value.

    Attributes:
        name: snake_case, unique over all slices.
        slice: part of the record it belongs to.
        unit: of the value: text, date, time, yes/no, USD, percent, days, ...
        description: one sentence in business words; tells near-twins apart.
        value: what the record of the sample customer says.
    """

    name: str
    slice: str
    unit: str
    description: str
    value: Value


@cache
def fields() -> tuple[Field, ...]:
    """All fields of the record, slice by slice.

    Examples:
        >>> next(f.value for f in fields() if f.name == "name_legal")
        'Edwina Marguerite Hawthorne'
    """
    return tuple(
        Field(
            name=row["name"],
            slice=slice_name,
            unit=row["unit"],
            description=row["description"],
            value=_value(row["unit"], row["value"]),
        )
        for slice_name in SLICES
        for row in _rows("catalogue", slice_name)
    )


def customer() -> dict[str, Value]:
    """The record of the sample customer, Edwina Hawthorne: value by field name.

    Examples:
        >>> customer()["name_preferred"]
        'Edwina'
    """
    return {field.name: field.value for field in fields()}


def answer(field_name: str) -> Value:
    """What the record says in one field: the second half of the application.

    Args:
        field_name: what the model answered.

    Raises:
        UnknownName: the record has no such field; nothing was looked up.

    Examples:
        >>> answer("dob")
        '1968-04-17'
    """
    record = customer()
    if field_name not in record:
        msg = (
            f"No field {field_name!r} in the customer record; need one of its {len(record)} names, spelled "
            "as in the catalogue. Nothing was looked up. Names: flywheel.demo.application.fields()"
        )
        raise UnknownName(msg)
    return record[field_name]


def suite() -> Suite:
    """The suite of the application: exact answers out of all field names.

    Examples:
        >>> suite().suite, suite().scorer.value
        ('customer-360', 'exact')
    """
    return Suite(
        suite=SUITE_NAME,
        workspace=WORKSPACE,
        scorer=Scorer.EXACT,
        options=tuple(AnswerOption(name=f.name, description=f.description, slice=f.slice) for f in fields()),
        description="Which field of the customer record answers a service agent's question.",
    )


@cache
def cases() -> tuple[Case, ...]:
    """All questions, each with the field that answers it plus the value found there.

    Examples:
        >>> cases()[0].inputs, cases()[0].expected["field"]
        ({'question': 'At which street address does she live?'}, 'addr_residence')
    """
    return tuple(
        Case(
            case_id=row["case_id"],
            suite=SUITE_NAME,
            workspace=WORKSPACE,
            inputs={"question": row["question"]},
            expected={"field": row["field"], "value": answer(row["field"])},
            slice=slice_name,
        )
        for slice_name in SLICES
        for row in _rows("questions", slice_name)
    )


def first_prompt() -> str:
    """The prompt the team started with: field names, a question, nothing else.

    Examples:
        >>> first_prompt().endswith("{question}")
        True
    """
    return files("flywheel.demo").joinpath("first_prompt.txt").read_text(encoding="utf-8").rstrip("\n")


def _rows(folder: str, slice_name: str) -> list[dict[str, str]]:
    text = files("flywheel.demo").joinpath(folder, f"{slice_name}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def _value(unit: str, text: str) -> Value:
    if unit in TEXT_UNITS:
        return text
    if unit == "yes/no":
        return text == "yes"
    return float(text) if "." in text else int(text)
