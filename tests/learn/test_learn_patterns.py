"""Failures that look alike form one pattern with a stable key."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.patterns import confused_answers, failure_patterns, message_template
from flywheel.records.execution import Execution


def failure(n: int, **fields: object) -> Execution:
    """A failed execution with an id of its own."""
    return Execution.model_validate({"execution_id": f"e{n}", "outcome": "failed", **fields})


def test_a_pair_confused_twice_is_a_confusion():
    """Expected and produced answers name the pattern."""
    pair = {"expected": {"field": "a"}, "metadata": {"answer": "b"}, "error_type": "wrong_answer"}

    (pattern,) = failure_patterns([failure(1, **pair), failure(2, **pair)])

    assert (pattern.kind, pattern.expected, pattern.produced, pattern.count) == ("confusion", "a", "b", 2)


def test_a_pair_confused_once_joins_the_wrong_answers_of_its_slice():
    """One confusion is chance, not a pattern of its own."""
    (pattern,) = failure_patterns([failure(1, expected="a", output="b", slice="s")])

    assert (pattern.kind, pattern.slice) == ("wrong_answer", "s")


def test_errors_of_one_cause_meet_whatever_their_numbers():
    """Changing parts of a message do not split a pattern."""
    errors = [
        failure(n, outcome="error", error_type="ReadTimeout", error_message=f"timed out after {n}.5 s")
        for n in range(3)
    ]

    (pattern,) = failure_patterns(errors)

    assert pattern.kind == "error"
    assert pattern.count == 3


def test_a_format_violation_is_told_from_a_wrong_answer():
    """A right answer in the wrong form has another cure than a wrong answer."""
    kinds = {p.kind for p in failure_patterns([failure(1, error_type="format_violation"), failure(2)])}

    assert kinds == {"format", "wrong_answer"}


def test_the_key_of_a_pattern_survives_new_data():
    """More failures of the same kind keep the key."""
    first = failure_patterns([failure(1, error_type="no_final_answer", slice="s")])[0]
    later = failure_patterns([failure(n, error_type="no_final_answer", slice="s") for n in range(5)])[0]

    assert first.pattern_key == later.pattern_key
    assert later.confidence > first.confidence


def test_confused_answers_come_most_frequent_first():
    """The answer mixed up most is defined first."""
    failures = [failure(1, expected="a", output="b"), failure(2, expected="a", output="c")]

    assert confused_answers(failures) == ("a", "b", "c")


def test_a_template_hides_what_changes():
    """Quoted text, numbers and hashes become a star."""
    assert message_template("key 'x' at 0x7f in 12 ms") == "key * at * in * ms"


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["failed", "error"]),
            st.sampled_from([None, "wrong_answer", "format_violation", "ReadTimeout", "no_final_answer"]),
            st.sampled_from("abc"),
            st.sampled_from("abc"),
        ),
        max_size=40,
    )
)
def test_no_failure_is_lost_or_counted_twice(rows: list[tuple[str, str | None, str, str]]):
    """Counts of the patterns sum to the failures."""
    failures = [
        failure(n, outcome=o, error_type=e, expected=x, output=y) for n, (o, e, x, y) in enumerate(rows)
    ]

    assert sum(p.count for p in failure_patterns(failures)) == len(failures)
