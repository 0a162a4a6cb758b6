"""Cases put through a model: order, identity, failures in their place."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from flywheel.errors import BudgetSpent, InputError, ModelUnavailable, UnknownName
from flywheel.llm.registry import chat_model, model_names
from flywheel.llm.runner import Runner
from flywheel.llm.scripted import ScriptedModel
from flywheel.ports import RunPlan
from flywheel.records.case import AnswerOption, Case, Suite
from flywheel.records.chat import ChatAnswer
from flywheel.records.execution import Outcome

SUITE = Suite(suite="router", options=(AnswerOption(name="city"), AnswerOption(name="dob")))
PLAN = RunPlan(
    workspace="w",
    prompt="router",
    version="v1",
    text="- city: where she lives\n- dob: day of birth\nReply with the name only.\n\nQ: {q}",
    suite=SUITE,
    model="embedded-large",
    session_id="s1",
    purpose="baseline",
    seed=7,
    source="baseline",
)
CASES = [
    Case(case_id="1", suite="router", inputs={"q": "Where does she live?"}, expected="city", slice="home"),
    Case(case_id="2", suite="router", inputs={"q": "Day of birth?"}, expected={"field": "dob", "value": 1}),
    Case(case_id="3", suite="router", inputs={"q": "Where does he live?"}, expected="dob"),
]


class Clock:
    """Always the same moment."""

    def now(self):
        """The moment."""
        return datetime(2026, 1, 2, tzinfo=UTC)


class RemoteModel:
    """A model that waits until several calls are under way at once."""

    remote = True

    def __init__(self, together):
        self._gate = threading.Barrier(together, timeout=60)

    def complete(self, request):
        """The question, once the others have come too."""
        self._gate.wait()
        return ChatAnswer(text=request.messages[-1].content, model="remote")


def test_one_execution_per_case_in_order():
    """Executions come in the order of the cases with all that is known about each."""
    executions = Runner(chat_model).run(PLAN, CASES)

    assert [(e.case_id, e.outcome, e.error_type) for e in executions] == [
        ("1", Outcome.PASSED, None),
        ("2", Outcome.PASSED, None),
        ("3", Outcome.FAILED, "wrong_answer"),
    ]
    first = executions[0]
    assert (first.workspace, first.prompt, first.version, first.suite) == ("w", "router", "v1", "router")
    assert (first.model, first.session_id, first.slice, first.source) == (
        "embedded-large",
        "s1",
        "home",
        "baseline",
    )
    assert (first.inputs, first.expected, first.output) == ({"q": "Where does she live?"}, "city", "city")
    assert first.metadata == {"answer": "city", "finish_reason": "stop", "purpose": "baseline"}
    assert first.score == 1.0
    assert None not in (first.latency_ms, first.cost_usd, first.confidence, first.input_tokens)
    assert first.started_at is None


def test_repeating_a_plan_gives_equal_executions():
    """The same plan gives the same executions under the same ids; another session gives other ids."""
    runner = Runner(chat_model)
    first = runner.run(PLAN, CASES)

    assert runner.run(PLAN, CASES) == first
    ids = {e.execution_id for e in first}
    for change in ({"session_id": "s2"}, {"version": "v2"}, {"model": "embedded-nano"}):
        assert not ids & {e.execution_id for e in runner.run(replace(PLAN, **change), CASES)}


def test_a_failing_call_stays_in_its_place():
    """A model error becomes outcome error of its own case, the others run."""
    model = ScriptedModel(
        lambda request: None if "birth" in request.messages[-1].content.split("Q:")[1] else "city"
    )

    executions = Runner({"embedded-large": model}).run(PLAN, CASES)

    assert [e.outcome for e in executions] == [Outcome.PASSED, Outcome.ERROR, Outcome.FAILED]
    assert executions[1].error_type == "ModelUnavailable"
    assert "did not answer" in executions[1].error_message
    assert executions[1].score is None
    assert executions[0].latency_ms is None


def test_a_missing_variable_stays_in_its_place():
    """A case without a value for a variable becomes outcome error and says which."""
    odd = Case(case_id="4", suite="router", inputs={"question": "?"}, expected="dob")

    executions = Runner(chat_model).run(PLAN, [odd, CASES[0]])

    assert [(e.outcome, e.error_type) for e in executions] == [
        (Outcome.ERROR, "UnknownVariable"),
        (Outcome.PASSED, None),
    ]
    assert "'q'" in executions[0].error_message


def test_a_spent_budget_is_no_failure():
    """Cases that were not sent because the budget was spent are skipped, not failed."""

    class Spent:
        def complete(self, request):
            raise BudgetSpent("10 calls are spent.")

    executions = Runner({"embedded-large": Spent()}).run(PLAN, CASES)

    assert {(e.outcome, e.score, e.error_type) for e in executions} == {
        (Outcome.SKIPPED, None, "BudgetSpent")
    }


def test_the_cause_of_an_error_names_its_type():
    """A timeout behind a model error is a timeout in the reports."""

    class Slow:
        def complete(self, request):
            raise ModelUnavailable("too slow") from TimeoutError()

    assert Runner({"embedded-large": Slow()}).run(PLAN, CASES[:1])[0].error_type == "TimeoutError"


@pytest.mark.parametrize(("finish_reason", "error_type"), [("length", "cut_off"), ("refusal", "refusal")])
def test_an_unfinished_answer_says_so(finish_reason, error_type):
    """A failed answer that the provider cut off or refused is not called a wrong form."""

    class Unfinished:
        def complete(self, request):
            return ChatAnswer(text="You are looking for the cit", model="m", finish_reason=finish_reason)

    assert Runner({"embedded-large": Unfinished()}).run(PLAN, CASES[:1])[0].error_type == error_type


def test_remote_models_are_asked_at_the_same_time():
    """Calls of a remote model run in threads, and the executions still come in order."""
    cases = [c.model_copy(update={"case_id": str(i)}) for i, c in enumerate(CASES * 4)]
    done = []

    executions = Runner({"embedded-large": RemoteModel(4)}, concurrency=4).run(PLAN, cases, done.append)

    assert [e.case_id for e in executions] == [str(i) for i in range(12)]
    assert done == list(range(1, 13))


def test_a_clock_stamps_the_start():
    """With a clock every execution has a start."""
    assert Runner(chat_model, clock=Clock()).run(PLAN, CASES)[2].started_at == datetime(
        2026, 1, 2, tzinfo=UTC
    )


def test_no_cases_give_no_executions():
    """A plan without cases asks nothing."""
    assert Runner(chat_model).run(PLAN, []) == []


def test_an_unknown_model_stops_the_plan():
    """A model nobody knows is an error before anything is run, and lists those there are."""
    for models in (lambda name: chat_model(name, {}), {"embedded-small": chat_model("embedded-small")}):
        with pytest.raises(UnknownName, match="embedded-small"):
            Runner(models).run(replace(PLAN, model="gpt-9"), CASES)


def test_concurrency_is_at_least_one():
    """Nobody asks with less than one call at a time."""
    with pytest.raises(InputError, match="at least 1"):
        Runner(chat_model, concurrency=0)


def test_the_registry_names_what_it_has():
    """Every name of the registry gives a model, and a wrong embedded name is not sent to a vendor."""
    for name in model_names():
        assert chat_model(name, {}).variant.name == name
    for name, environ in (("embedded-huge", {"OPENAI_API_KEY": "k"}), ("gpt-9", {})):
        with pytest.raises(UnknownName, match="embedded-medium"):
            chat_model(name, environ)


@pytest.mark.parametrize(
    ("environ", "base_url", "api_key"),
    [
        ({"OPENAI_API_KEY": "k"}, "https://api.openai.com/v1", "k"),
        ({"OPENAI_BASE_URL": "http://h/v1"}, "http://h/v1", None),
        (
            {
                "FLYWHEEL_LLM_BASE_URL": "http://own/v1",
                "OPENAI_API_KEY": "k",
                "OPENAI_BASE_URL": "http://h/v1",
            },
            "http://own/v1",
            None,
        ),
        ({"FLYWHEEL_LLM_API_KEY": "own", "OPENAI_API_KEY": "k"}, "https://api.openai.com/v1", "own"),
    ],
)
def test_addresses_and_keys_stay_in_pairs(environ, base_url, api_key):
    """The key of one address is never sent to another."""
    for name in ("openai:gpt-5-mini", "gpt-5-mini"):
        endpoint = chat_model(name, environ).endpoint
        assert (endpoint.model, endpoint.base_url, endpoint.api_key) == ("gpt-5-mini", base_url, api_key)


@pytest.mark.parametrize(
    ("name", "words"), [("openai:", "ends after the colon"), ("openai:gpt-9", "OPENAI_API_KEY")]
)
def test_an_incomplete_vendor_name_says_what_is_missing(name, words):
    """`openai:` without a model or without a key is an error that says so."""
    environ = {"OPENAI_API_KEY": "k"} if name == "openai:" else {}
    with pytest.raises(InputError, match=words):
        chat_model(name, environ)
