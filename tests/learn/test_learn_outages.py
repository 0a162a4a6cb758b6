"""One environment-wide failure is one pattern, not three hundred."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from flywheel.learn.patterns import failure_patterns
from flywheel.records.execution import Execution

NINE = datetime(2026, 1, 1, 9, 2, tzinfo=UTC)


def run(n: int, outcome: str = "error", **fields: object) -> Execution:
    """An execution with an id of its own."""
    return Execution.model_validate({"execution_id": f"e{n}", "outcome": outcome, **fields})


def broken(n: int) -> dict[str, object]:
    """One of many forms in which a broken environment shows."""
    kind = f"Kind{n % 40}Error"
    trace = f'Traceback (most recent call last):\n  File "/ci/app/part{n % 40}.py", line 3, in f{n % 40}\n'
    return {"error_type": kind, "error_message": f"{trace}{kind}: number {n}"}


GREEN = [run(n, "passed", case_id=f"c{n}", session_id="yesterday", version="v1") for n in range(300)]


def test_a_red_ci_cycle_of_three_hundred_is_one_pattern():
    """Forty kinds of error in as many places, one session, the same version: one outage."""
    red = [run(1000 + n, case_id=f"c{n}", session_id="today", version="v1", **broken(n)) for n in range(300)]

    (pattern,) = failure_patterns(red, None, GREEN)

    assert (pattern.count, pattern.detail) == (300, "outage: other errors")
    assert "1 run all red: today" in pattern.cause


def test_a_red_ci_cycle_on_its_own_version_is_one_pattern_that_names_both_causes():
    """Every commit is a version of its own: the environment or the version broke everything."""
    red = [run(1000 + n, case_id=f"c{n}", session_id="today", version="v2", **broken(n)) for n in range(300)]

    (pattern,) = failure_patterns(red, None, GREEN)

    assert pattern.count == 300
    assert pattern.detail.startswith("whole run red")
    assert "environment or version is bad" in pattern.cause


def test_a_version_that_breaks_in_one_way_keeps_that_way():
    """One place in the code that fails everywhere says more than that the run was red."""
    red = [run(1000 + n, case_id=f"c{n}", session_id="today", version="v2", **broken(7)) for n in range(300)]

    (pattern,) = failure_patterns(red, None, GREEN)

    assert pattern.detail == "app/part7.py:f7"


def test_an_outage_of_a_provider_over_many_sessions_is_one_pattern():
    """Three kinds of error in sixty short sessions, from two minutes past to twenty-four past: one outage."""
    kinds = ("APIConnectionError", "ReadTimeout", "RateLimitError")
    down = [
        run(
            2000 + n,
            model="m",
            session_id=f"s{n // 5}",
            started_at=NINE + timedelta(seconds=4.4 * n),
            error_type=kinds[n % 3],
            error_message=f"host {n} gave up",
        )
        for n in range(300)
    ]
    before = [
        run(5000 + n, "passed", model="m", session_id=f"b{n}", started_at=NINE - timedelta(seconds=n))
        for n in range(90)
    ]
    after = [
        run(6000 + n, "passed", model="m", session_id=f"a{n}", started_at=NINE + timedelta(minutes=23 + n))
        for n in range(400)
    ]

    (pattern,) = failure_patterns(down, None, [*before, *after])

    assert pattern.count == 300
    assert pattern.detail.startswith("outage: ")


def test_a_few_timeouts_among_passes_are_no_outage():
    """Errors that come here and there keep their own pattern."""
    slow = [
        run(n, model="m", started_at=NINE + timedelta(minutes=n), error_type="ReadTimeout") for n in range(60)
    ]
    fine = [
        run(100 + n, "passed", model="m", started_at=NINE + timedelta(seconds=10 * n)) for n in range(360)
    ]

    assert all("outage" not in p.detail for p in failure_patterns(slow, None, fine))
