"""The OpenAI-compatible adapter, through the real client against a server on the loopback."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from chat_stub import Reply, chat_stub, completion

from flywheel.errors import ModelUnavailable, UnreadableReply
from flywheel.llm.endpoint import Endpoint, Price
from flywheel.llm.openai_chat import OpenAIChat
from flywheel.llm.retrying import Patience, Retrying
from flywheel.llm.ways import Here, run_here
from flywheel.records.chat import ChatRequest, Message

REQUEST = ChatRequest(
    model="m", messages=(Message(role="system", content="Be brief."), Message(role="user", content="Who?"))
)
GOOD = Reply(completion())
BUSY = Reply({"error": {"message": "slow down", "code": "rate_limit"}}, 429)


def asked(stub, request=REQUEST, pauses=None, max_tries=4, **endpoint):
    """One answer through the real client; waiting is noted, not done."""
    waited = [] if pauses is None else pauses
    settings = {"model": "stub-1", "base_url": stub.base_url, "api_key": "secret", **endpoint}
    once = OpenAIChat("m", Endpoint(**settings))
    model = Retrying(once, Patience(max_tries), draw=lambda: 0.5)
    return run_here(model.answer(request, Here(waited.append)))


def test_a_good_answer_comes_with_what_the_provider_said():
    """Text, finish reason and usage are kept, and the cost follows a known price."""
    with chat_stub(GOOD) as stub:
        answer = asked(stub, price=Price(1.0, 10.0))

    assert (answer.text, answer.model, answer.finish_reason) == ("dob", "m", "stop")
    assert (answer.input_tokens, answer.output_tokens) == (11, 2)
    assert answer.cost_usd == pytest.approx(31e-6)
    assert answer.latency_ms > 0
    assert answer.confidence is None


def test_only_what_is_asked_for_is_sent():
    """Model and messages go to the chat completions path with the key, and nothing else."""
    with chat_stub(GOOD) as stub:
        asked(stub, REQUEST.model_copy(update={"seed": 3}))
        request = stub.requests[0]

    assert request["path"] == "/v1/chat/completions"
    assert request["headers"]["authorization"] == "Bearer secret"
    assert request["body"] == {
        "model": "stub-1",
        "stream": False,
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Who?"}],
    }


def test_other_servers_get_the_limit_under_its_old_name():
    """A token limit is sent as max_tokens to servers that are not the vendor's."""
    with chat_stub(GOOD) as stub:
        asked(stub, REQUEST.model_copy(update={"max_output_tokens": 9, "temperature": 0.2}))
        body = stub.requests[0]["body"]

    assert (body["max_tokens"], body["temperature"]) == (9, 0.2)
    assert "max_completion_tokens" not in body


@pytest.mark.parametrize("usage", [None, "absent"])
def test_unknown_usage_stays_unknown(usage):
    """Without usage there are no tokens and no cost, not zero."""
    body = completion()
    body["usage"] = None
    if usage == "absent":
        del body["usage"]
    with chat_stub(Reply(body)) as stub:
        answer = asked(stub, price=Price(1.0, 1.0))

    assert (answer.input_tokens, answer.output_tokens, answer.cost_usd) == (None, None, None)


def test_an_unknown_price_is_an_unknown_cost():
    """Without a price list the tokens are known and the cost is not."""
    with chat_stub(GOOD) as stub:
        assert asked(stub).cost_usd is None


@pytest.mark.parametrize(
    ("body", "text", "finish"),
    [
        (completion("You are loo", "length"), "You are loo", "length"),
        (completion("", "content_filter"), "", "content_filter"),
        (completion(None, "stop", refusal="I cannot."), "I cannot.", "refusal"),
        (completion(None), "", "stop"),
    ],
)
def test_an_unfinished_answer_is_kept_as_it_is(body, text, finish):
    """Cut off, filtered and refused answers come back with their reason."""
    with chat_stub(Reply(body)) as stub:
        answer = asked(stub)

    assert (answer.text, answer.finish_reason) == (text, finish)


@pytest.mark.parametrize(
    ("failure", "least_s"),
    [
        (BUSY, 0.0),
        (Reply(BUSY.body, 429, {"Retry-After": "7"}), 7.0),
        (Reply(BUSY.body, 429, {"Retry-After-Ms": "1500"}), 1.5),
        (Reply({"error": "boom"}, 500), 0.0),
        (Reply("<html>gone</html>", 503), 0.0),
        (Reply({}, 409), 0.0),
    ],
)
def test_a_passing_failure_is_tried_again(failure, least_s):
    """Busy and broken servers are asked again, after at least the time they ask for."""
    pauses = []
    with chat_stub(failure, GOOD) as stub:
        answer = asked(stub, pauses=pauses)

        assert len(stub.requests) == 2
    assert answer.text == "dob"
    assert len(pauses) == 1
    assert least_s <= pauses[0] <= max(least_s, 8.0)


def test_a_date_is_understood_as_the_time_to_wait():
    """Retry-After may be a date."""
    pauses = []
    later = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    with chat_stub(Reply(BUSY.body, 429, {"Retry-After": later}), GOOD) as stub:
        asked(stub, pauses=pauses)

    assert 15 < pauses[0] <= 30


def test_a_lasting_failure_ends_after_a_few_tries():
    """A server that stays busy is asked max_tries times, with growing pauses, and the error says so."""
    pauses = []
    with chat_stub(BUSY) as stub:
        with pytest.raises(ModelUnavailable, match=r"'m' gave no answer: HTTP 429.*tried 3 times"):
            asked(stub, pauses=pauses, max_tries=3)

        assert len(stub.requests) == 3
    assert pauses == [0.25, 0.5]


def test_waiting_longer_than_the_deadline_is_not_begun():
    """A server that asks for more time than is left is not waited for."""
    pauses = []
    with chat_stub(Reply(BUSY.body, 429, {"Retry-After": "60"})) as stub:
        with pytest.raises(ModelUnavailable):
            asked(stub, REQUEST.model_copy(update={"deadline_s": 20.0}), pauses)

        assert len(stub.requests) == 1
    assert pauses == []


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply({"error": {"message": "no such key"}}, 401), "HTTP 401.*API key"),
        (Reply({"error": {"message": "no"}}, 403), "HTTP 403"),
        (Reply({"error": {"message": "no model"}}, 404), "HTTP 404.*name"),
        (
            Reply({"error": {"message": "bad", "code": "context_length_exceeded"}}, 400),
            "context_length_exceeded",
        ),
        (Reply({"detail": "extra field"}, 422), "HTTP 422"),
        (Reply({"error": {"message": "pay", "code": "insufficient_quota"}}, 429), "quota"),
    ],
)
def test_a_final_refusal_is_not_tried_again(reply, words):
    """Wrong keys, names and requests fail at once, with what to look at."""
    with chat_stub(reply, GOOD) as stub:
        with pytest.raises(UnreadableReply, match=words):
            asked(stub)

        assert len(stub.requests) == 1


MALFORMED = [
    completion() | {"choices": []},
    completion() | {"choices": None},
    '{"id": "c1", "choi',
    "",
    "<html>A proxy says hello.</html>",
    {"error": {"message": "overloaded"}},
    {},
]


@pytest.mark.parametrize("body", MALFORMED)
def test_a_malformed_answer_is_asked_for_once_more(body):
    """An answer that is no chat completion is asked for again once, then it is an error."""
    with chat_stub(Reply(body), GOOD) as stub:
        assert asked(stub).text == "dob"
    with chat_stub(Reply(body)) as stub:
        with pytest.raises(UnreadableReply, match="not a chat completion"):
            asked(stub)

        assert len(stub.requests) == 2


def test_a_dead_port_is_unavailable():
    """Nobody listening is an error worth another try later."""
    # Bound as long as the test lasts, so that no other server gets the port.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        once = OpenAIChat("m", Endpoint("x", f"http://127.0.0.1:{bound.getsockname()[1]}/v1"))
        dead = Retrying(once, Patience())
        with pytest.raises(ModelUnavailable, match=r"the connection failed.*tried 4 times") as caught:
            run_here(dead.answer(REQUEST, Here(lambda _s: None)))

    assert "Connection" in type(caught.value.__cause__).__name__


def test_a_dripping_answer_meets_the_deadline():
    """The deadline bounds the whole call, even while bytes keep coming."""
    with (
        chat_stub(Reply(completion("x" * 2000), drip_s=0.05)) as stub,
        pytest.raises(ModelUnavailable, match=r"within 0\.5 s") as caught,
    ):
        asked(stub, REQUEST.model_copy(update={"deadline_s": 0.5}))

    assert "Timeout" in type(caught.value.__cause__).__name__


def test_silence_is_a_timeout():
    """A server that sends nothing for too long is unavailable, and the cause is a timeout."""
    with (
        chat_stub(Reply(completion(), drip_s=5.0)) as stub,
        pytest.raises(ModelUnavailable, match="no byte came in time") as caught,
    ):
        asked(stub, timeout_s=0.3, max_tries=1)

    assert "Timeout" in type(caught.value.__cause__).__name__
