"""What a test says of itself through `flywheel_case` reaches its execution."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from pathlib import PurePosixPath

import pytest
from captured_runs import executions, facts, only, plain_pytest, run
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from flywheel.capture.plain import MAX_DEPTH, name, plain, text
from flywheel.capture.pytest_case import FlywheelCase
from flywheel.capture.spool import encoded

pytest_plugins = ["pytester"]


class Colour(Enum):
    """A value with a name."""

    RED = "red"


class Order(BaseModel):
    """A model of Pydantic."""

    amount: float


@dataclass
class Reply:
    """A dataclass."""

    order: Order
    tags: set[str]


class Hostile:
    """An object that does not want to be looked at."""

    def __repr__(self) -> str:
        raise ZeroDivisionError


def test_everything_a_test_can_say(pytester: pytest.Pytester):
    """Every field the fixture takes is the field of the execution."""
    pytester.makepyfile(
        """
        def test_it(flywheel_case):
            flywheel_case.prompt("triage", "v3").case("refund-1")
            flywheel_case.inputs({"text": "refund?"}).output("billing").expected("billing")
            flywheel_case.score(0.75).confidence(0.9)
            flywheel_case.set(
                suite="support", slice="billing", model="small-1", agent="router", workflow="nightly",
                latency_ms=12, input_tokens=100, output_tokens=5, cost_usd=0.01, rating=4, comment="fine",
                metadata={"customer": 7},
            )
        """
    )

    run(pytester)

    said = only(pytester).model_dump(mode="json", exclude={"execution_id", "session_id", "started_at"})
    assert {key: value for key, value in said.items() if value is not None and key != "metadata"} == {
        "workspace": "default",
        "prompt": "triage",
        "version": "v3",
        "case_id": "refund-1",
        "suite": "support",
        "slice": "billing",
        "model": "small-1",
        "agent": "router",
        "workflow_id": "nightly",
        "inputs": {"text": "refund?"},
        "output": "billing",
        "expected": "billing",
        "outcome": "passed",
        "score": 0.75,
        "confidence": 0.9,
        "latency_ms": 12.0,
        "input_tokens": 100,
        "output_tokens": 5,
        "cost_usd": 0.01,
        "rating": 4,
        "comment": "fine",
        "models": [],
        "source": "pytest",
        "schema_version": 1,
    }
    assert facts(only(pytester))["customer"] == 7


def test_model_calls_add_up(pytester: pytest.Pytester):
    """Calls are summed per model and in all, and a sum of which a part is unknown is unknown."""
    pytester.makepyfile(
        """
        def test_it(flywheel_case):
            call = flywheel_case.model_call
            call("small", input_tokens=10, output_tokens=1, cost_usd=0.1, inputs="a", output="b")
            call("small", input_tokens=20, output_tokens=2, latency_ms=5, confidence=0.5)
            call("large", input_tokens=30, output_tokens=3, output="c", error="cut off")
        """
    )

    run(pytester)

    execution = only(pytester)
    small, large = execution.models
    assert (small.model, small.input_tokens, small.cost_usd, small.latency_ms) == ("small", 30, None, None)
    assert (large.model, large.output_tokens, large.confidence) == ("large", 3, None)
    assert (execution.model, execution.input_tokens, execution.output_tokens) == (None, 60, 6)
    assert (execution.inputs, execution.output, execution.cost_usd) == ("a", "c", None)
    assert facts(execution)["model_calls"] == 3
    assert facts(execution)["calls"][2] == {
        "model": "large",
        "input_tokens": 30,
        "output_tokens": 3,
        "output": "c",
        "error": "cut off",
    }


def test_a_single_call_repeats_no_text(pytester: pytest.Pytester):
    """The texts of the only call are the execution's, once."""
    pytester.makepyfile(
        """
        def test_it(flywheel_case):
            flywheel_case.model_call("small", inputs="q", output="a", confidence=0.5)
        """
    )

    run(pytester)

    execution = only(pytester)
    assert (execution.inputs, execution.output, execution.model) == ("q", "a", "small")
    assert facts(execution)["calls"] == [{"model": "small", "confidence": 0.5}]
    assert execution.models[0].confidence == 0.5


def test_the_marker_names_things(pytester: pytest.Pytester):
    """The closest `flywheel` marker wins over those further away, the fixture over all, options come last."""
    pytester.makepyfile(
        """
        import pytest
        pytestmark = pytest.mark.flywheel(prompt="module", slice="module")
        @pytest.mark.flywheel(prompt="class")
        class TestIt:
            def test_class(self): pass
            @pytest.mark.flywheel(version="v2", case="c1")
            def test_own(self): pass
            def test_said(self, flywheel_case): flywheel_case.prompt("said")
        def test_module(): pass
        """
    )

    run(pytester, "--flywheel-prompt=option", "--flywheel-version=v0", "--flywheel-workspace=w")

    found = executions(pytester)
    told = {case: (e.prompt, e.version, e.slice, e.workspace) for case, e in found.items()}
    module = "test_the_marker_names_things.py"
    assert told == {
        f"{module}::TestIt::test_class": ("class", "v0", "module", "w"),
        "c1": ("class", "v2", "module", "w"),
        f"{module}::TestIt::test_said": ("said", "v0", "module", "w"),
        f"{module}::test_module": ("module", "v0", "module", "w"),
    }


def test_properties_of_pytest(pytester: pytest.Pytester):
    """What a test gives to `record_property` is kept."""
    pytester.makepyfile("def test_it(record_property): record_property('owner', 'payments')")

    run(pytester)

    assert facts(only(pytester))["properties"] == {"owner": "payments"}


def test_fixtures_and_threads_speak_for_the_running_test(pytester: pytest.Pytester):
    """A session fixture, a thread and the module's object all mean the test that runs."""
    pytester.makepyfile(
        """
        import pytest, threading
        from flywheel.capture.pytest_case import CASE
        @pytest.fixture(scope="session")
        def ask(flywheel_case):
            def call(text):
                thread = threading.Thread(target=flywheel_case.model_call, args=[text])
                thread.start()
                thread.join()
                CASE.comment = None
                CASE.set(comment=text)
            return call
        def test_a(ask): ask("first")
        def test_b(ask): ask("second")
        def test_c(): pass
        """
    )

    run(pytester)

    assert [(e.model, e.comment) for e in executions(pytester).values()] == [
        ("first", "first"),
        ("second", "second"),
        (None, None),
    ]


def test_values_that_no_execution_holds(pytester: pytest.Pytester):
    """They are left out and named at the end; the test passes and keeps the rest."""
    pytester.makepyfile(
        """
        def test_it(flywheel_case):
            flywheel_case.score(1.7).confidence("high").set(rating=9, input_tokens=-1, cost_usd=float("inf"))
            flywheel_case.model_call("small", input_tokens="many", output_tokens=3).output("kept")
        """
    )

    result = run(pytester)

    execution = only(pytester)
    assert (execution.score, execution.confidence, execution.rating) == (1.0, None, None)
    assert (execution.output, execution.output_tokens) == ("kept", 3)
    assert result.ret == 0
    result.stdout.fnmatch_lines(
        ["flywheel: left out, no execution can hold it: *test_it: score '1.7': need a*1 more"]
    )


def test_a_name_that_no_execution_has():
    """A misspelt field is an error of the test, with the fields there are."""
    case = FlywheelCase()

    with pytest.raises(TypeError, match="got 'promt' and needs one of agent, case, comment"):
        case.set(promt="triage")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="got 'tokens' and needs one of confidence"):
        case.model_call("small", tokens=3)  # type: ignore[call-arg]


def test_without_capture_everything_is_taken_and_nothing_kept(pytester: pytest.Pytester):
    """The fixture works in a run without --flywheel."""
    pytester.makepyfile(
        "def test_it(flywheel_case): flywheel_case.inputs(object()).score(7).model_call('small')"
    )

    result = pytester.runpytest_inprocess(*plain_pytest())

    assert result.ret == 0
    assert sorted(path.suffix for path in pytester.path.iterdir() if path.is_file()) == [".py"]


def test_what_is_said_is_a_copy():
    """Changing an object after it was said does not change what was said."""
    case = FlywheelCase()
    messages = [{"role": "user"}]
    case.begin()

    case.inputs(messages)
    messages.append({"role": "assistant"})

    said = case.end()
    assert said is not None
    assert said.fields["inputs"] == [{"role": "user"}]


def test_objects_become_their_fields():
    """Models, dataclasses, sets, times, paths, bytes, enumerations and numpy values are told as JSON."""
    numpy = pytest.importorskip("numpy")
    value = {
        "reply": Reply(Order(amount=2.5), {"x"}),
        "at": datetime(2026, 1, 2, tzinfo=UTC),
        "path": PurePosixPath("a/b"),
        "raw": b"\xff\x41",
        "colour": Colour.RED,
        Colour.RED: (1, float("nan"), 2**80),
        "scores": numpy.array([1.0, 2.0]),
        "one": numpy.float64(0.5),
    }

    assert plain(value) == {
        "reply": {"order": {"amount": 2.5}, "tags": ["x"]},
        "at": "2026-01-02 00:00:00+00:00",
        "path": "a/b",
        "raw": "\ufffdA",
        "colour": "red",
        "red": [1, None, "1208925819614629174706176"],
        "scores": [1.0, 2.0],
        "one": 0.5,
    }


def test_endless_and_hostile_objects():
    """A list in itself, a deep one and an object that cannot be looked at end as short texts."""
    endless: list[object] = []
    endless.append(endless)
    deep: object = "bottom"
    for _ in range(10_000):
        deep = [deep]

    told = [plain(endless), plain(deep), plain(Hostile())]

    assert all(encoded(value).count("[") <= MAX_DEPTH + 10 for value in told)
    assert told[2].startswith("<Hostile instance")


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers(), inner) | st.tuples(inner),
    )
)
def test_anything_can_be_written(value: object):
    """Whatever a test says can be encoded, and comes back as what was encoded."""
    told = plain(value)

    assert json.loads(encoded(told)) == told
    assert plain(told) == told


@given(st.text(max_size=2000))
def test_names_fit(value: str):
    """A name has 1 to 300 characters without NUL, or there is none; different long names stay different."""
    found = name(value)

    assert found is None or (1 <= len(found) <= 300 and "\0" not in found)
    assert "\0" not in text(value)
    if len(value) > 300:
        assert name(value + "a") != name(value + "b")
