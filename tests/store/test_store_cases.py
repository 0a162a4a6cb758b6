"""Suites with their cases."""

from __future__ import annotations

import pytest

from flywheel.errors import InputError
from flywheel.ports import WriteCounts
from flywheel.records.case import AnswerOption, Case, Role, Scorer, Suite
from flywheel.store.open import SqlStore

SUITE = Suite(
    suite="fields",
    scorer=Scorer.NORMALISED,
    options=(
        AnswerOption(name="email", description="Where mail goes", slice="contact"),
        AnswerOption(name="b"),
    ),
    description="Which field?",
)


def case(number: int, **fields: object) -> Case:
    """A case of the suite."""
    given = {"inputs": {"question": f"Question {number}?"}, "expected": "email"} | fields
    return Case.model_validate({"case_id": f"c{number:03d}", "suite": "fields", **given})


def test_a_suite_reads_back_equal(store: SqlStore) -> None:
    """Scorer, options and description survive; an unknown name is None."""
    store.cases.add(SUITE, [])
    assert store.cases.suite("default", "fields") == SUITE
    assert store.cases.suite("default", "none") is None
    assert store.cases.suite("other", "fields") is None


def test_cases_read_back_equal_in_the_order_of_their_ids(store: SqlStore) -> None:
    """Whatever order they were handed in, upper case before lower as in Python."""
    given = [case(2, slice="contact", metadata={"é": [1, None]}), case(1, expected={"a": [1.5]}), case(3)]
    upper = case(0).model_copy(update={"case_id": "Zz"})
    assert store.cases.add(SUITE, [*given, upper]) == WriteCounts(stored=4)
    assert store.cases.cases("default", "fields") == [upper, given[1], given[0], given[2]]
    assert store.cases.cases("default", "none") == []


def test_adding_again_counts_what_changed(store: SqlStore) -> None:
    """Equal cases are unchanged, others replaced, new ones stored; those left out stay."""
    store.cases.add(SUITE, [case(n) for n in range(5)])
    counts = store.cases.add(SUITE, [case(1), case(2, expected="name"), case(9), case(9)])
    assert counts == WriteCounts(stored=1, replaced=1, unchanged=2)
    kept = store.cases.cases("default", "fields")
    assert [(found.case_id, found.expected) for found in kept][2:4] == [("c002", "name"), ("c003", "email")]
    assert len(kept) == 6


def test_a_suite_takes_its_newest_settings(store: SqlStore) -> None:
    """Adding it with another scorer changes the scorer, not the cases."""
    store.cases.add(SUITE, [case(1)])
    store.cases.add(Suite(suite="fields", scorer=Scorer.EXACT), [])
    assert [suite.scorer for suite in store.cases.suites("default")] == [Scorer.EXACT]
    assert len(store.cases.cases("default", "fields")) == 1


def test_roles_part_the_cases(store: SqlStore) -> None:
    """Reflect, gate and report share no case and together are all."""
    store.cases.add(SUITE, [case(n) for n in range(100)])
    by_role = {role: store.cases.cases("default", "fields", role) for role in Role}
    assert sum(map(len, by_role.values())) == 100
    assert all(found.role is role for role, cases in by_role.items() for found in cases)
    assert list(store.cases.reflect("default", "fields").cases) == by_role[Role.REFLECT]
    assert list(store.cases.gate("default", "fields").cases) == by_role[Role.GATE]


@pytest.mark.parametrize("stray", [{"suite": "other"}, {"workspace": "other"}, {"expected": "\ud800"}])
def test_a_case_that_cannot_be_kept_stops_all(store: SqlStore, stray: dict[str, str]) -> None:
    """A case of another suite or with half a character is refused before anything is stored."""
    with pytest.raises(InputError, match="Nothing was stored"):
        store.cases.add(SUITE, [case(1), case(2, **stray)])
    assert store.cases.suites("default") == []


def test_suites_come_by_name(store: SqlStore) -> None:
    """Sorted, and only those of the workspace."""
    for name in ("b", "A", "c"):
        store.cases.add(Suite(suite=name), [])
    store.cases.add(Suite(suite="x", workspace="other"), [])
    assert [suite.suite for suite in store.cases.suites("default")] == ["A", "b", "c"]


def test_the_parameters_of_a_scorer_come_back(store: SqlStore) -> None:
    """A suite keeps its scorer with parameters, and without them is what older programs wrote."""
    schema = {"type": "object", "required": ["größe"]}
    plain = Suite(suite="plain", scorer=Scorer.NUMERIC)
    rich = Suite(suite="rich", scorer=Scorer.JSON_SCHEMA, parameters={"schema": schema, "pass_at": 0.5})
    store.cases.add(plain, [])
    store.cases.add(rich, [])

    assert store.cases.suites("default") == [plain, rich]
    store.cases.add(rich.model_copy(update={"parameters": {}, "scorer": Scorer.EXACT}), [])
    assert store.cases.suite("default", "rich").scorer is Scorer.EXACT
