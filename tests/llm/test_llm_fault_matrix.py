"""Every way a provider can fail, through the real client: the kind of the error, the requests, the ledger."""

from __future__ import annotations

import pytest
from chat_stub import Reply, chat_stub, completion, stream_body
from two_doors import both_doors, complete, pieces, wait_until

from flywheel.errors import ModelError, ModelErrorKind
from flywheel.llm.gateway import Gateway
from flywheel.llm.providers import merged
from flywheel.records.chat import ChatRequest, Message

ASKED = (Message(role="user", content="Who?"),)


def failing(status, headers=None, **error):
    """An answer with an error in its body."""
    return Reply({"error": {"message": "no", **error}}, status, headers or {})


MATRIX = {
    "wrong key": (failing(401), "auth", 1),
    "forbidden": (failing(403), "auth", 1),
    "bad parameter": (failing(400), "bad_request", 1),
    "too long": (failing(400, code="context_length_exceeded"), "too_long", 1),
    "filtered request": (failing(400, code="content_filter"), "content_filter", 1),
    "no such model": (failing(404), "not_found", 1),
    "empty account": (failing(429, code="insufficient_quota"), "quota", 1),
    "busy for long": (failing(429, {"Retry-After": "600"}), "rate_limited", 1),
    "busy for a moment": (failing(429, {"Retry-After-Ms": "10"}), "rate_limited", 3),
    "broken": (failing(500), "server", 3),
    "down": (Reply("<html>down</html>", 503), "server", 3),
    "silent": (Reply(completion(), drip_s=30.0), "timeout", 3),
    "reset": (Reply(reset=True), "connection", 3),
    "cut body": (Reply('{"id": "c1"', promised=50), "connection", 3),
    "bad JSON": (Reply('{"id": "c1", "choi'), "bad_response", 2),
    "no body": (Reply(""), "bad_response", 2),
    "empty choices": (Reply(completion() | {"choices": []}), "bad_response", 2),
    "null choices": (Reply(completion() | {"choices": None}), "bad_response", 2),
    "error with 200": (Reply({"error": {"message": "overloaded"}}), "bad_response", 2),
}

UNFINISHED = {
    "cut off": (completion("You are loo", "length"), "truncated", "You are loo"),
    "filtered answer": (completion("half", "content_filter"), "content_filter", "half"),
    "refused": (completion(None, "stop", refusal="I cannot."), "refusal", "I cannot."),
}


def gateway_to(stub, **provider):
    """A gateway with one model at a server on the loopback."""
    settings = {"base_url": stub.base_url, "timeout_s": 60, "deadline_s": 200, "max_tries": 3, **provider}
    return Gateway(merged({"providers": {"stub": settings}, "cache": {"enabled": False}}, "test"), {})


def asked(gateway, door, deadline_s=None):
    """The one question of these tests, to model stub/s."""
    request = ChatRequest(model="stub/s", messages=ASKED, deadline_s=deadline_s)
    return complete(gateway.model("stub/s"), request, door)


@both_doors
@pytest.mark.parametrize("fault", MATRIX)
def test_every_fault_ends_in_its_kind(fault, door):
    """A fault gives its kind of error after the right number of requests, each of them in the ledger."""
    reply, kind, requests = MATRIX[fault]
    # Silence is shown by waiting; what answers is never hurried.
    hurry = {"timeout_s": 0.3} if fault == "silent" else {}
    with chat_stub(reply) as stub, gateway_to(stub, **hurry) as gateway:
        with pytest.raises(ModelError) as caught:
            asked(gateway, door)
        # A client in a hurry may be gone before its request is read.
        wait_until(lambda: len(stub.requests) >= requests)

        assert (caught.value.kind, len(stub.requests)) == (kind, requests)
        assert gateway.ledger.spend.calls == requests
    assert caught.value.__cause__ is not None
    assert "Nothing was kept" in str(caught.value)


@both_doors
@pytest.mark.parametrize("fault", [fault for fault, (_, _, requests) in MATRIX.items() if requests > 1])
def test_what_passes_is_answered_in_the_end(fault, door):
    """A fault that may pass is asked again, and the next try is answered."""
    hurry = {"timeout_s": 3} if fault == "silent" else {}
    with chat_stub(MATRIX[fault][0], Reply(completion())) as stub, gateway_to(stub, **hurry) as gateway:
        assert asked(gateway, door).text == "dob"
        assert len(stub.requests) == 2


@both_doors
@pytest.mark.parametrize("fault", UNFINISHED)
def test_an_unfinished_answer_is_kept_with_its_kind(fault, door):
    """An answer that is not whole comes back with text, usage and kind; it is paid for, so it is counted."""
    body, kind, text = UNFINISHED[fault]
    with chat_stub(Reply(body)) as stub, gateway_to(stub) as gateway:
        answer = asked(gateway, door)

        assert len(stub.requests) == 1
        assert gateway.ledger.spend.tokens == 13
    assert (answer.text, answer.unfinished) == (text, kind)
    assert answer.raw["response"]["token_usage"]["total_tokens"] == 13


@both_doors
def test_a_drip_ends_at_the_deadline(door):
    """A server that keeps sending a byte now and then is left at the deadline, with its connection."""
    with chat_stub(Reply(completion("x" * 500), drip_s=0.05)) as stub, gateway_to(stub) as gateway:
        with pytest.raises(ModelError, match=r"no whole answer within 0\.6") as caught:
            asked(gateway, door, deadline_s=0.6)

        wait_until(lambda: stub.requests)
        assert len(stub.requests) == 1
        assert stub.left.wait(60)
    assert caught.value.kind is ModelErrorKind.TIMEOUT


@both_doors
def test_a_stream_comes_in_pieces(door):
    """Pieces come as they are sent; the last one carries text, usage and finish reason."""
    with chat_stub(Reply(stream_body("do", "b"))) as stub, gateway_to(stub) as gateway:
        found = pieces(gateway.model("stub/s"), ChatRequest(model="stub/s", messages=ASKED), door)

    assert [piece.text for piece in found] == ["do", "b", ""]
    whole = found[-1].answer
    assert (whole.text, whole.finish_reason, whole.input_tokens, whole.output_tokens) == (
        "dob",
        "stop",
        11,
        2,
    )


@both_doors
@pytest.mark.parametrize(
    "reply",
    [Reply(stream_body("do", "b", finish=None)), Reply(stream_body("do", "b", finish=None), promised=9)],
)
def test_a_cut_stream_keeps_what_came(reply, door):
    """A stream without its end is a connection error that holds the text so far."""
    with chat_stub(reply) as stub, gateway_to(stub) as gateway:
        with pytest.raises(ModelError) as caught:
            pieces(gateway.model("stub/s"), ChatRequest(model="stub/s", messages=ASKED), door)

        assert len(stub.requests) == 1
        assert gateway.ledger.spend.calls == 1
    assert (caught.value.kind, caught.value.partial_text) == (ModelErrorKind.CONNECTION, "dob")
