"""Each kind of failure is told from the others by what the execution shows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flywheel.learn.clustering import cluster_of
from flywheel.learn.failure_text import read_failure
from flywheel.learn.message_templates import merge_siblings
from flywheel.learn.pattern_states import with_states
from flywheel.learn.patterns import PatternEvidence, failure_patterns, mine_patterns, pattern_of_each
from flywheel.records.execution import Execution

START = datetime(2026, 1, 1, tzinfo=UTC)


def run(n: int, outcome: str = "failed", **fields: object) -> Execution:
    """An execution with an id of its own, one minute after the one before."""
    moment = START + timedelta(minutes=n)
    return Execution.model_validate(
        {"execution_id": f"e{n:04}", "outcome": outcome, "started_at": moment, **fields}
    )


@pytest.mark.parametrize(
    ("fields", "kind", "detail"),
    [
        ({"output": "", "expected": "billing"}, "format", "no answer at all"),
        ({"output": "I'm sorry, but I can't help with that.", "expected": "billing"}, "refusal", ""),
        (
            {"output": "This question clearly belongs to billing, I would say.", "expected": "billing"},
            "format",
            "the right answer with prose around it",
        ),
        ({"output": "Well, it is " + "long " * 60, "expected": "billing"}, "cut_off", ""),
        ({"output": '{"a": 1, "b', "expected": {"a": 1, "b": 2}}, "cut_off", ""),
        ({"output": "{'a': 1}", "expected": {"a": 1}}, "format", "the answer is not JSON"),
        ({"output": '{"a": 1}', "expected": {"a": 1, "b": 2}}, "format", "the answer lacks the keys 'b'"),
        (
            {"output": '```json\n{"a": 1}\n```', "expected": {"a": 1}},
            "format",
            "the answer is in a code fence",
        ),
        ({"output": "[Billing].", "expected": "billing"}, "format", "the right answer, spelled otherwise"),
        (
            {
                "output": "Die Rechnung ist nicht in der Liste und das ist ein Fehler der Bank",
                "expected": "a long text that says which of the items is not in the list",
            },
            "format",
            "answers in German, not in English",
        ),
        ({"error_type": "JSONDecodeError"}, "format", "JSONDecodeError"),
        ({"error_type": "content_filter"}, "refusal", "content_filter"),
        ({"error_type": "no_final_answer", "output": "word " * 80}, "cut_off", "no_final_answer"),
        ({"error_type": "no_yes_or_no", "output": "It is hard to say."}, "format", "no_yes_or_no"),
        ({"outcome": "error", "error_type": "ReadTimeout"}, "error", "ReadTimeout: "),
    ],
)
def test_a_failure_has_the_kind_its_output_shows(fields: dict[str, object], kind: str, detail: str):
    """No answer, refusal, prose, cut off, wrong JSON, other language: each has its own cure."""
    cluster = cluster_of(run(1, **fields))

    assert (cluster.kind, cluster.detail) == (kind, detail)


def test_spellings_of_one_answer_are_one_confusion():
    """No, no. plus [No] are the same answer; the commonest spelling names it."""
    spellings = ("No", "No", "no.", "[No]")
    runs = [run(n, expected="Yes", output=spelling) for n, spelling in enumerate(spellings)]

    (pattern,) = failure_patterns(runs)

    assert (pattern.kind, pattern.expected, pattern.produced, pattern.count) == ("confusion", "Yes", "No", 4)


def test_a_right_answer_that_failed_is_no_confusion():
    """Expected and parsed answer are equal, so something else failed."""
    runs = [run(n, expected="a", output="so a", metadata={"answer": "a"}) for n in range(3)]

    assert [p.kind for p in failure_patterns(runs)] == ["wrong_answer"]


def test_one_answer_whatever_is_asked_is_one_pattern():
    """A constant answer is found from passes as well as failures, and claims its failures."""
    rows = [
        run(n, "passed" if n % 2 else "failed", expected="no" if n % 2 else "yes", output="no", model="m")
        for n in range(60)
    ]

    (pattern,) = failure_patterns([r for r in rows if r.outcome == "failed"], None, rows[1::2])

    assert (pattern.kind, pattern.produced, pattern.count) == ("constant", "no", 30)


def test_a_model_that_listens_is_not_constant():
    """An answer that comes more often where it is right is no habit."""
    failures = [run(n, expected="yes", output="no", model="m") for n in range(20)]
    passes = [run(100 + n, "passed", expected="no", output="no", model="m") for n in range(60)]
    passes += [run(200 + n, "passed", expected="yes", output="yes", model="m") for n in range(20)]

    assert {p.kind for p in failure_patterns(failures, None, passes)} == {"confusion"}


def test_a_whole_run_that_is_red_is_one_pattern():
    """Three hundred failures of one broken environment are one outage."""
    good = [run(n, "passed", case_id=f"c{n}", session_id="yesterday") for n in range(300)]
    red = [
        run(1000 + n, "error", case_id=f"c{n}", session_id="today", error_type=f"Kind{n % 9}Error")
        for n in range(300)
    ]

    (pattern,) = failure_patterns(red, None, good)

    assert pattern.count == 300
    assert "outage" in pattern.title


def test_a_bad_version_is_no_outage():
    """A run that is red because its version is bad keeps its own failures."""
    good = [run(n, "passed", case_id=f"c{n}", session_id="a", version="v1") for n in range(50)]
    bad = [run(99 + n, case_id=f"c{n}", session_id="b", version="v2", output="x") for n in range(50)]

    assert all("outage" not in p.title for p in failure_patterns(bad, None, good))


def test_a_provider_that_is_down_for_ten_minutes_is_one_pattern():
    """Errors of one model at one time are an outage without any session."""
    moment = START + timedelta(hours=9)
    good = [run(n, "passed", model="m") for n in range(200)]
    down = [
        run(500 + n, "error", model="m", error_type="APIConnectionError", error_message=f"host {n} refused")
        for n in range(30)
    ]
    down = [e.model_copy(update={"started_at": moment}) for e in down]

    (pattern,) = failure_patterns(down, None, good)

    assert pattern.count == 30


def test_a_stack_trace_is_named_by_its_own_deepest_frame():
    """Line numbers, paths of the machine, values in the message do not split a cause."""
    trace = (
        'Traceback (most recent call last):\n  File "/{m}/app/pay.py", line {n}, in charge\n    send()\n'
        '  File "/usr/lib/python3.12/ssl.py", line 9, in wrap\nValueError: card {n} of {m}'
    )
    runs = [
        run(n, "error", error_type="ValueError", error_message=trace.format(n=n, m=f"host{n}"))
        for n in range(4)
    ]

    (pattern,) = failure_patterns(runs)

    assert pattern.detail == "app/pay.py:charge"


PYTEST = """    def charge(x):
>       raise KeyError(x)
E       KeyError: 'a'

shop/pay.py:12: KeyError"""
NODE = """TypeError: x is undefined
    at charge (/srv/shop/pay.js:3:5)
    at run (/srv/shop/main.js:9:1)"""
CHECK = """    def test_a():
>       assert 1 == 2
E       assert 1 == 2

tests/test_a.py:3: AssertionError"""


@pytest.mark.parametrize(
    ("message", "kind", "place"),
    [
        (PYTEST, "KeyError", "shop/pay.py:charge"),
        (NODE, "TypeError", "shop/pay.js:charge"),
        (CHECK, "AssertionError", "tests/test_a.py"),
        ("quota exceeded", None, ""),
    ],
)
def test_messages_of_several_tools_are_read(message: str, kind: str | None, place: str):
    """Python, pytest, JavaScript and plain lines give type and place."""
    found = read_failure(message)

    assert (found.error_type, found.place) == (kind, place)


@given(st.permutations([f"user {n} has no role {r}" for n in "abcd" for r in "xy"] + ["disk is full"]))
def test_templates_do_not_depend_on_the_order(messages: list[str]):
    """Merging looks at the set of templates, unlike a tree that grows line by line."""
    assert merge_siblings(messages) == merge_siblings(sorted(messages))


def test_new_data_never_renames_a_pattern():
    """A template that merges with later siblings keeps the key of the one seen first."""
    words = ("anna", "bert", "carl", "dora")
    runs = [
        run(n, "error", error_type="LookupFailed", error_message=f"no such user {w}")
        for n, w in enumerate(words)
    ]
    first = failure_patterns(runs[:1])[0].pattern_key

    later = failure_patterns(runs)

    assert [p.pattern_key for p in later] == [first]
    assert set(pattern_of_each(runs)) == {first}


def test_a_known_pattern_keeps_its_key_when_its_first_failures_are_gone():
    """A moving window does not rename what was merged before."""
    runs = [
        run(n, "error", error_type="LookupFailed", error_message=f"no such user {w}")
        for n, w in enumerate(("anna", "bert", "carl", "dora"))
    ]
    known = failure_patterns(runs)

    again = failure_patterns(runs[1:], None, (), known)

    assert [p.pattern_key for p in again] == [p.pattern_key for p in known]


def test_the_order_of_executions_changes_nothing():
    """Patterns are a function of the set of executions."""
    failures = [run(n, expected="ab"[n % 2], output="ba"[n % 2], slice="xyz"[n % 3]) for n in range(40)]
    passes = [run(100 + n, "passed", expected="a", output="a", slice="x") for n in range(40)]

    forwards = mine_patterns(PatternEvidence(failures, passes))
    backwards = mine_patterns(PatternEvidence(failures[::-1], passes[::-1]))

    assert forwards == backwards


def test_a_pattern_goes_from_new_to_known_to_resolved_and_comes_back():
    """The state of a pattern follows what later windows show."""
    failures = [run(n, error_type="format_violation") for n in range(20)]
    passes = [run(100 + n, "passed") for n in range(80)]
    found = mine_patterns(PatternEvidence(failures, passes))
    first = with_states(found, (), 100)
    second = with_states(mine_patterns(PatternEvidence(failures, passes, known=first)), first, 100)
    third = with_states((), second, 100)
    fourth = with_states(found, third, 100)

    assert [p.state for p in (*first, *second, *third, *fourth)] == ["new", "known", "resolved", "came_back"]
    assert third[0].count == 0


def test_a_pattern_unseen_in_a_small_window_is_not_resolved():
    """Three executions say nothing about a failure of one in a hundred."""
    found = mine_patterns(
        PatternEvidence([run(1, error_type="format_violation")], [run(9 + n, "passed") for n in range(99)])
    )

    (pattern,) = with_states((), with_states(found, (), 100), 3)

    assert pattern.state == "known"


def test_shares_of_a_sample_relate_to_all_failures():
    """The rate is scaled up when only a part of the failures was read."""
    failures = [run(n, error_type="format_violation") for n in range(10)]
    passes = [run(100 + n, "passed") for n in range(10)]

    (pattern,) = mine_patterns(PatternEvidence(failures, passes, 100, 900))

    assert pattern.rate == pytest.approx(0.1)
