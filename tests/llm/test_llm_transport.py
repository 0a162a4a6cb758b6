"""The way to a server: TLS, proxies, deadlines, loops, a process that is killed."""

from __future__ import annotations

import asyncio
import collections
import shutil
import ssl
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest
from chat_stub import Reply, chat_stub, completion
from two_doors import both_doors, complete

from flywheel.errors import ModelError, ModelErrorKind
from flywheel.llm.deadline import deadline, left_s
from flywheel.llm.endpoint import Endpoint
from flywheel.llm.openai_chat import OpenAIChat
from flywheel.records.chat import ChatRequest, Message

GOOD = Reply(completion())
REQUEST = ChatRequest(model="m", messages=(Message(role="user", content="Who?"),))


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """A certificate for the loopback that clients of this process trust."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    line = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)]
    subprocess.run([*line.split(), *names], check=True, capture_output=True)
    monkeypatch.setenv("SSL_CERT_FILE", str(cert))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cert, key)
    return context


@both_doors
def test_a_server_with_tls_is_asked(certificate, door):
    """The handshake goes through the bounded sockets, whole answers as well as late ones."""
    with chat_stub(GOOD, Reply(completion("x" * 999), drip_s=0.02), tls=certificate) as stub:
        model = OpenAIChat("m", Endpoint("m", stub.base_url))
        assert complete(model, REQUEST, door).text == "dob"
        with pytest.raises(ModelError, match="no whole answer within") as caught:
            complete(model, REQUEST.model_copy(update={"deadline_s": 0.5}), door)
        model.close()

    assert caught.value.kind is ModelErrorKind.TIMEOUT


@both_doors
def test_a_certificate_nobody_trusts_is_a_connection_error(certificate, monkeypatch, door):
    """Nothing is sent to a server that cannot show who it is."""
    monkeypatch.delenv("SSL_CERT_FILE")
    with chat_stub(GOOD, tls=certificate) as stub:
        with pytest.raises(ModelError) as caught:
            complete(OpenAIChat("m", Endpoint("m", stub.base_url)), REQUEST, door)

        assert stub.requests == []
    assert caught.value.kind is ModelErrorKind.CONNECTION


@both_doors
def test_a_proxy_of_the_environment_is_used(monkeypatch, door):
    """A host that only the proxy can reach answers, and the deadline holds there too."""
    with chat_stub(GOOD, Reply(completion("x" * 999), drip_s=0.02)) as stub:
        monkeypatch.setenv("HTTP_PROXY", stub.base_url.removesuffix("/v1"))
        monkeypatch.setenv("NO_PROXY", "")
        model = OpenAIChat("m", Endpoint("m", "http://llm.invalid/v1"))
        assert complete(model, REQUEST, door).text == "dob"
        assert stub.requests[0]["path"] == "http://llm.invalid/v1/chat/completions"
        with pytest.raises(ModelError, match="no whole answer within"):
            complete(model, REQUEST.model_copy(update={"deadline_s": 0.5}), door)
        model.close()


def test_many_event_loops_share_a_client():
    """Twenty loops, one after the other, five calls each in threads: every call is answered."""
    with chat_stub(GOOD) as stub:
        model = OpenAIChat("m", Endpoint("m", stub.base_url))

        async def five():
            return await asyncio.gather(*(asyncio.to_thread(model.complete, REQUEST) for _ in range(5)))

        answers = [answer for _ in range(20) for answer in asyncio.run(five())]
        model.close()

    assert [answer.text for answer in answers] == ["dob"] * 100


def test_a_closed_client_opens_again():
    """Closing gives the connections back; the next call works."""
    with chat_stub(GOOD) as stub:
        model = OpenAIChat("m", Endpoint("m", stub.base_url))
        model.close()
        model.complete(REQUEST)
        model.close()

        assert model.complete(REQUEST).text == "dob"
        model.close()


def test_a_deadline_binds_its_own_thread():
    """Other threads wait as long as they like, and an inner deadline gives way to the outer one again."""
    seen = []
    with deadline(time.monotonic() + 100):
        with deadline(time.monotonic() - 1), pytest.raises(httpx2.ReadTimeout):
            left_s(5.0, httpx2.ReadTimeout)
        other = threading.Thread(target=lambda: seen.append(left_s(None, TimeoutError)))
        other.start()
        other.join()
        assert 90 < left_s(None, TimeoutError) <= 100
        assert left_s(5.0, TimeoutError) == 5.0

    assert (seen, left_s(7.0, TimeoutError)) == ([None], 7.0)


def test_asking_for_a_model_loads_no_client_before_it_is_needed():
    """The registry, the gateway and the embedded models need no langchain."""
    code = (
        "import sys; from flywheel.llm.registry import chat_model; chat_model('embedded-small', {});"
        "print([m for m in ('langchain_openai', 'langchain_core', 'openai', 'httpx2') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"


@pytest.mark.integration
def test_a_killed_batch_pays_for_nothing_twice(tmp_path):
    """After kill -9 the same batch asks only what was not answered; what was under way may come twice."""
    script = str(Path(__file__).with_name("killed_batch.py"))
    with chat_stub(Reply(completion(), drip_s=0.0001)) as stub:
        line = [sys.executable, script, str(tmp_path / "s.db"), stub.base_url, "60"]
        first = subprocess.Popen(line, stdout=subprocess.DEVNULL)
        while len(stub.requests) < 25 and first.poll() is None:
            time.sleep(0.005)
        first.kill()
        first.wait(30)
        done = subprocess.run(line, capture_output=True, text=True, check=True)
        asked = collections.Counter(request["body"]["messages"][0]["content"] for request in stub.requests)

    assert done.stdout.strip() == "60"
    assert len(asked) == 60
    assert sum(asked.values()) <= 60 + 4
