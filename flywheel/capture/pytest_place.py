"""What the tests of one class or module have in common."""

from __future__ import annotations

from typing import Any

import pytest

from flywheel.capture.pytest_facts import declared_by, names_of
from flywheel.capture.spool import encoded


class Place:
    """What all tests of one class or module share, encoded once.

    Attributes:
        marks: markers above the tests, the closest first.
        markers: names of those that say something.
        fields: fields their executions have in common.
        facts: metadata they have in common.
        tail: both as JSON, to follow the fields of one test and to be followed by its metadata.
    """

    __slots__ = ("facts", "fields", "markers", "tail")

    def __init__(self, marks: list[pytest.Mark], fields: dict[str, Any], facts: dict[str, Any]) -> None:
        self.markers = names_of(marks)
        self.fields = {**fields, **declared_by(marks)}
        self.facts = facts
        self.tail = f',{encoded(self.fields)[1:-1]},"metadata":{encoded(facts)[:-1]},'
