"""The client against servers that others wrote: @copilotkit/aimock (npm), llm-katan (PyPI)."""

from __future__ import annotations

import pytest
from peer_servers import aimock, journal, llm_katan, program

from flywheel.errors import ModelError, ModelErrorKind
from flywheel.llm.gateway import Gateway
from flywheel.llm.providers import merged
from flywheel.llm.runner import Runner
from flywheel.ports import RunPlan
from flywheel.records.case import Case, Suite
from flywheel.records.chat import ChatRequest, Message
from flywheel.records.execution import Outcome

AIMOCK = program("FLYWHEEL_TEST_AIMOCK", "llmock")
KATAN = program("FLYWHEEL_TEST_LLM_KATAN", "llm-katan")
with_aimock = pytest.mark.skipif(AIMOCK is None, reason="npm's @copilotkit/aimock is not installed")
with_katan = pytest.mark.skipif(KATAN is None, reason="PyPI's llm-katan is not installed")
pytestmark = pytest.mark.integration

SUITE = Suite(suite="s", scorer="contains")
PLAN = RunPlan(
    workspace="w", prompt="p", version="v", text="{q}", suite=SUITE, model="peer/echo", session_id="s1"
)


def gateway_to(address, environ=None, **provider):
    """A gateway whose provider `peer` is at an address."""
    settings = {"base_url": f"{address}/v1", "max_tries": 2, "timeout_s": 10, **provider}
    # Random failures come five in a row now and then; the breaker has tests of its own.
    tables = {"providers": {"peer": settings}, "cache": {"enabled": False}, "breaker": {"failures": 1000}}
    return Gateway(merged(tables, "test"), environ or {})


def asked(text="hello", **fields):
    """One question."""
    return ChatRequest(model="peer/m", messages=(Message(role="user", content=text),), **fields)


@with_aimock
def test_aimock_answers_whole_and_in_pieces():
    """Text and usage come back in both ways; its journal shows the two requests as we meant them."""
    with aimock(AIMOCK, "-c", "3") as address, gateway_to(address) as gateway:
        model = gateway.model("peer/m")
        answer = model.complete(asked(temperature=0.5, max_output_tokens=50))
        pieces = list(model.stream(asked()))

        whole, streamed = [entry["body"] for entry in journal(address)]
    assert (answer.text, answer.finish_reason) == ("Hi there!", "stop")
    assert answer.input_tokens
    assert answer.output_tokens
    assert len(pieces) > 2
    assert "".join(piece.text for piece in pieces) == pieces[-1].answer.text == "Hi there!"
    assert (whole["model"], whole["temperature"], whole["max_tokens"]) == ("m", 0.5, 50)
    assert streamed["stream_options"] == {"include_usage": True}


@with_aimock
@pytest.mark.parametrize(
    ("option", "kind", "requests"),
    [
        ("--chaos-drop", ModelErrorKind.SERVER, 2),
        ("--chaos-malformed", ModelErrorKind.BAD_RESPONSE, 2),
        ("--chaos-disconnect", ModelErrorKind.CONNECTION, 2),
        ("--chaos-ratelimit", ModelErrorKind.RATE_LIMITED, 2),
    ],
)
def test_aimock_s_chaos_ends_in_the_right_kind(option, kind, requests):
    """Dropped, malformed, cut and rate-limited answers are told apart, each tried as often as it should."""
    with aimock(AIMOCK, option, "1") as address, gateway_to(address) as gateway:
        with pytest.raises(ModelError) as caught:
            gateway.model("peer/m").complete(asked(deadline_s=30))

        assert gateway.ledger.spend.calls == requests
    assert caught.value.kind is kind


@with_aimock
def test_a_question_aimock_does_not_know_is_an_error():
    """A server that has no answer says so with its own message."""
    with (
        aimock(AIMOCK, "--strict") as address,
        gateway_to(address, max_tries=1) as gateway,
        pytest.raises(ModelError, match="HTTP 503"),
    ):
        gateway.model("peer/m").complete(asked("something else"))


@with_katan
def test_a_batch_on_llm_katan_is_complete():
    """Thirty cases come back in order, although three of ten requests fail."""
    said = [f"number {n}" for n in range(30)]
    cases = [Case(case_id=text, suite="s", inputs={"q": text}, expected=text) for text in said]
    with llm_katan(KATAN, "--error-rate", "0.3") as address, gateway_to(address, max_tries=12) as gateway:
        executions = Runner(gateway.model, concurrency=6).run(PLAN, cases)

        assert gateway.ledger.spend.calls > 30
    assert [e.case_id for e in executions] == [c.case_id for c in cases]
    assert {e.outcome for e in executions} <= {Outcome.PASSED, Outcome.FAILED}
    assert all(str(e.inputs["q"]) in str(e.output) for e in executions)


@with_katan
def test_llm_katan_refuses_a_wrong_key():
    """A key it does not know is an auth error after one request; the right one is let in."""
    options = ("--validate-keys", "--api-keys", "openai=right")
    with llm_katan(KATAN, *options) as address:
        for key in ("wrong", "right"):
            with gateway_to(address, {"K": key}, api_key_env="K") as gateway:
                if key == "right":
                    assert "hello" in gateway.model("peer/m").complete(asked()).text
                    continue
                with pytest.raises(ModelError) as caught:
                    gateway.model("peer/m").complete(asked())
                assert gateway.ledger.spend.calls == 1
                assert caught.value.kind is ModelErrorKind.AUTH
