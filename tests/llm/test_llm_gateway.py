"""Models by name with all their layers, against servers on the loopback."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from chat_stub import Reply, chat_stub, completion, stream_body

from flywheel.errors import InputError, ModelError, UnreadableReply
from flywheel.llm.gateway import Gateway, Keeping
from flywheel.llm.providers import merged
from flywheel.llm.runner import Runner
from flywheel.ports import RunPlan
from flywheel.records.case import Case, Suite
from flywheel.records.chat import ChatRequest, Message
from flywheel.records.execution import Outcome
from flywheel.store.open import open_store

GOOD = Reply(completion())
DEAD = Reply("gone", 503)
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
CASES = [Case(case_id=str(n), suite="s", inputs={"q": f"question {n}"}, expected="dob") for n in range(40)]
PLAN = RunPlan(
    workspace="w",
    prompt="router",
    version="v1",
    text="Which field? {q}",
    suite=Suite(suite="s"),
    model="main/m",
    session_id="s1",
    cycle_id="c1",
)


def config(main, spare=None, **settings):
    """Model main/m at one server, with model spare/m at another as its fallback."""
    quick = {"timeout_s": 60, "deadline_s": 200, "max_tries": 2}
    tables = {
        "providers": {"main": {"base_url": main.base_url, **quick}},
        "models": {"main/m": {}},
        **settings,
    }
    if spare is not None:
        tables["providers"]["spare"] = {"base_url": spare.base_url, **quick}
        tables["models"] = {"main/m": {"fallbacks": ["spare/m"]}, "spare/m": {}}
    return merged(tables, "test")


def request(text="Who?", **fields):
    """One question."""
    return ChatRequest(model="main/m", messages=(Message(role="user", content=text),), **fields)


def test_a_provider_that_dies_within_a_batch_fails_over():
    """The batch is complete, the dead server is soon left alone, and who answered is in each execution."""
    replies = [GOOD] * 10 + [DEAD]
    with chat_stub(*replies) as main, chat_stub(GOOD) as spare:
        settings = {"breaker": {"failures": 3, "cooldown_s": 600}}
        with Gateway(config(main, spare, **settings), {}) as gateway:
            executions = Runner(gateway.model, concurrency=4).run(PLAN, CASES)

        assert [e.case_id for e in executions] == [c.case_id for c in CASES]
        assert {e.outcome for e in executions} == {Outcome.PASSED}
        by_spare = [e for e in executions if e.metadata.get("answered_by") == "spare/m"]
        assert len(by_spare) == len(spare.requests) == 30
        assert gateway.breaker_states() == {"main/m": "open", "spare/m": "closed"}
        # Three failures open the breaker; calls already under way may add a few.
        assert 13 <= len(main.requests) <= 10 + 3 + 4
    assert gateway.ledger.spend.calls == len(main.requests) + len(spare.requests)


def test_a_server_that_asks_to_wait_long_is_not_waited_for():
    """With a fallback at hand it is asked at once."""
    busy = Reply({"error": {"message": "slow down"}}, 429, {"Retry-After": "20"})
    with chat_stub(busy) as main, chat_stub(GOOD) as spare, Gateway(config(main, spare), {}) as gateway:
        answer = gateway.model("main/m").complete(request())

        assert (answer.model, len(main.requests)) == ("spare/m", 1)


def test_a_faulty_request_is_not_sent_elsewhere():
    """What the request itself is at fault for, no other model would cure."""
    bad = Reply({"error": {"message": "no such parameter"}}, 400)
    with chat_stub(bad) as main, chat_stub(GOOD) as spare, Gateway(config(main, spare), {}) as gateway:
        with pytest.raises(UnreadableReply, match="HTTP 400"):
            gateway.model("main/m").complete(request())

        assert spare.requests == []


def test_when_all_fail_each_is_named():
    """The error is the last model's and says what the ones before it said."""
    with (
        chat_stub(Reply({}, 401)) as main,
        chat_stub(DEAD) as spare,
        Gateway(config(main, spare), {}) as gateway,
        pytest.raises(ModelError) as caught,
    ):
        gateway.model("main/m").complete(request())

    assert caught.value.kind == "server"
    assert "'spare/m'" in str(caught.value)
    assert "Before: Model 'main/m' gave no answer: HTTP 401" in str(caught.value)


def test_a_model_that_hangs_leaves_time_for_its_fallback():
    """A model that drips without end gets its share of the time, not all of it."""
    drip = Reply(completion("x" * 2000), drip_s=0.05)
    with chat_stub(drip) as main, chat_stub(GOOD) as spare, Gateway(config(main, spare), {}) as gateway:
        assert gateway.model("main/m").complete(request(deadline_s=8.0)).text == "dob"


def test_the_embedded_model_can_be_the_last_resort():
    """A fallback needs no network."""
    with chat_stub(DEAD) as main:
        tables = {
            "providers": {"main": {"base_url": main.base_url, "max_tries": 1}},
            "models": {"main/m": {"fallbacks": ["embedded/embedded-small"]}},
        }
        with Gateway(merged(tables, "test"), {}) as gateway:
            assert gateway.model("main/m").complete(request()).model == "embedded-small"


def test_kept_answers_outlive_the_process():
    """A second gateway on the same store sends nothing, and the ledger says so."""
    store = open_store("sqlite://")
    keeping = Keeping(store.model_calls, store.responses)
    with chat_stub(GOOD) as main:
        for _ in range(2):
            with Gateway(config(main), {}, keeping) as gateway:
                executions = Runner(gateway.model).run(PLAN, CASES[:5])
        assert len(main.requests) == 5
    (row,) = store.model_calls.summary(LONG_AGO, "w")
    assert row.outcomes == {"answered": 5, "cached": 5}
    assert (row.spend.calls, row.spend.tokens, row.spend.unpriced) == (5, 65, 5)
    assert {e.metadata["cached"] for e in executions} == {True}
    assert store.model_calls.of_cycle("w", "c1").calls == 5
    assert store.model_calls.summary(LONG_AGO, "elsewhere") == []


def test_a_fallback_s_answer_is_not_kept_as_the_model_s():
    """When the model is back it is asked."""
    with (
        chat_stub(DEAD, DEAD, GOOD) as main,
        chat_stub(GOOD) as spare,
        Gateway(config(main, spare), {}) as gateway,
    ):
        answers = [gateway.model("main/m").complete(request()) for _ in range(3)]

    assert [(a.model, a.cached) for a in answers] == [("spare/m", False), ("main/m", False), ("main/m", True)]


def test_equal_questions_at_once_are_one_request():
    """Eight threads with one question make one request."""
    with chat_stub(Reply(completion(), drip_s=0.001)) as main, Gateway(config(main), {}) as gateway:
        model = gateway.model("main/m")
        threads = [threading.Thread(target=model.complete, args=(request(),)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(main.requests) == 1
        found = gateway.cache.statistics
        assert (found.missed, found.shared + found.memory) == (1, 7)


def test_a_streamed_answer_is_kept_too():
    """The second time it comes in one piece, without a request."""
    with chat_stub(Reply(stream_body("do", "b"))) as main, Gateway(config(main), {}) as gateway:
        pieces = [[p.text for p in gateway.model("main/m").stream(request())] for _ in range(2)]

        assert len(main.requests) == 1
    assert pieces == [["do", "b", ""], ["dob"]]


def test_a_stream_fails_over_before_its_first_piece():
    """A model that is down is replaced; nobody sees a piece twice."""
    with (
        chat_stub(DEAD) as main,
        chat_stub(Reply(stream_body("dob"))) as spare,
        Gateway(config(main, spare), {}) as gateway,
    ):
        pieces = list(gateway.model("main/m").stream(request()))

    assert "".join(p.text for p in pieces) == "dob"
    assert pieces[-1].answer.model == "spare/m"


def test_a_batch_beyond_the_ceiling_is_not_begun():
    """Every case is skipped with the reason, and nothing was sent."""
    with chat_stub(GOOD) as main, Gateway(config(main, caps={"calls": 39}), {}) as gateway:
        executions = Runner(gateway.model).run(PLAN, CASES)

        assert main.requests == []
    assert {(e.outcome, e.error_type) for e in executions} == {(Outcome.SKIPPED, "BudgetSpent")}
    assert "39 calls left" in executions[0].error_message


def test_a_ceiling_holds_over_processes():
    """What another gateway on the same store spent counts."""
    store = open_store("sqlite://")
    keeping = Keeping(store.model_calls, None)
    with chat_stub(GOOD) as main:
        settings = config(main, caps={"calls": 45}, cache={"enabled": False})
        outcomes = []
        for _ in range(2):
            with Gateway(settings, {}, keeping) as gateway:
                outcomes.append({e.outcome for e in Runner(gateway.model).run(PLAN, CASES)})
        assert len(main.requests) == 40
    assert outcomes == [{Outcome.PASSED}, {Outcome.SKIPPED}]
    assert store.model_calls.spent(datetime.now(UTC) + timedelta(hours=1)).calls == 0


def test_a_known_price_becomes_a_cost():
    """USD follow from the kept price, in the answer as well as in the ledger."""
    with chat_stub(GOOD) as main:
        tables = {
            "providers": {"main": {"base_url": main.base_url}},
            "models": {"main/m": {"price": {"input_usd_per_1m": 1.0, "output_usd_per_1m": 10.0}}},
            "caps": {"usd": 1.0},
        }
        with Gateway(merged(tables, "test"), {}) as gateway:
            answer = gateway.model("main/m").complete(request())

    assert answer.cost_usd == gateway.ledger.spend.usd == pytest.approx(31e-6)


def test_a_missing_key_is_named():
    """The message names the variable, before anything is sent."""
    with pytest.raises(InputError, match="in GROQ_API_KEY; it is not set"):
        Gateway(merged({}, ""), {}).model("groq/llama-3.3-70b-versatile")


def test_no_key_is_in_any_repr():
    """Keys do not get into logs by way of a model."""
    model = Gateway(merged({}, ""), {"GROQ_API_KEY": "gsk-secret"}).model("groq/x")

    assert "gsk-secret" not in repr(vars(model)) + repr(model.endpoint)
