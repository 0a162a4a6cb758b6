"""Kept answers, and equal questions asked once."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from two_doors import wait_until

from flywheel.errors import ModelErrorKind, ModelUnavailable, StoreUnreachable
from flywheel.llm.answer_cache import AnswerCache, key_of
from flywheel.llm.single_flight import SingleFlight
from flywheel.llm.ways import HERE, run_here
from flywheel.records.chat import ChatAnswer, ChatRequest, Message
from flywheel.records.provider import CacheSettings
from flywheel.store.open import open_store

NOW = datetime(2026, 1, 2, tzinfo=UTC)
REQUEST = ChatRequest(model="m", messages=(Message(role="user", content="Who?"),), temperature=0.0, seed=1)
WHOLE = ChatAnswer(text="dob", model="m", input_tokens=11, output_tokens=2, cost_usd=0.1, latency_ms=5.0)


def get(cache, key):
    """A kept answer, waited for in this thread."""
    return run_here(cache.get(key, HERE))


def put(cache, key, answer):
    """Keep an answer, waiting in this thread."""
    run_here(cache.put(key, answer, HERE))


def call(flights, ask, within_s):
    """A call of key k, waited for in this thread."""
    return run_here(flights.call("k", ask, within_s, HERE))


@pytest.mark.parametrize(
    "change",
    [
        {"messages": (Message(role="system", content="Who?"),)},
        {"temperature": 0.1},
        {"temperature": None},
        {"max_output_tokens": 5},
        {"seed": 2},
        {"replicate": 1},
        {"response_format": {"type": "json_object"}},
        {"workspace": "other"},
    ],
)
def test_all_that_matters_is_in_the_key(change):
    """A change of anything an answer depends on is another question."""
    assert key_of(REQUEST, "m") != key_of(REQUEST.model_copy(update=change), "m")


@pytest.mark.parametrize("change", [{"purpose": "judge"}, {"deadline_s": 3.0}, {"cycle_id": "c"}])
def test_what_does_not_matter_is_not_in_the_key(change):
    """Who asks, for how long, changes nothing; another model does."""
    assert key_of(REQUEST, "m") == key_of(REQUEST.model_copy(update=change), "m")
    assert key_of(REQUEST, "m") != key_of(REQUEST, "n")


def test_answers_are_found_in_memory_then_in_the_store():
    """A process that never asked finds what another kept, with everything but the raw message."""
    store = open_store("sqlite://").responses
    first, second = (AnswerCache(CacheSettings(), store, lambda: NOW) for _ in range(2))
    put(first, "k", WHOLE.model_copy(update={"raw": {"message": {}}}))

    assert (
        get(first, "k") == get(second, "k") == get(second, "k") == WHOLE.model_copy(update={"cached": True})
    )
    assert (first.statistics.memory, second.statistics.store, second.statistics.memory) == (1, 1, 1)
    assert second.statistics.hit_share == 1.0


@pytest.mark.parametrize(
    "update",
    [{"finish_reason": reason} for reason in ("length", "content_filter", "refusal", "tool_calls")]
    + [{"text": ""}, {"cached": True}],
)
def test_only_whole_answers_are_kept(update):
    """Cut off, filtered, refused and empty answers are asked again."""
    store = open_store("sqlite://").responses
    cache = AnswerCache(CacheSettings(), store)
    put(cache, "k", WHOLE.model_copy(update=update))

    assert get(cache, "k") is None
    assert store.count() == 0


def test_old_answers_are_asked_again():
    """An answer beyond its age is not given, by neither tier, and can be swept out."""
    store = open_store("sqlite://").responses
    moments = [NOW]
    cache = AnswerCache(CacheSettings(keep_hours=1), store, lambda: moments[-1])
    put(cache, "k", WHOLE)
    moments.append(NOW + timedelta(hours=2))

    assert get(cache, "k") is None
    assert store.drop_before(NOW + timedelta(hours=1)) == 1


def test_the_memory_forgets_what_was_not_used():
    """The answer that was asked for least recently goes first."""
    cache = AnswerCache(CacheSettings(memory_entries=2))
    put(cache, "a", WHOLE)
    put(cache, "b", WHOLE)
    get(cache, "a")
    put(cache, "c", WHOLE)

    assert [get(cache, key) is None for key in "abc"] == [False, True, False]


class Away:
    """A store that does not answer."""

    def __init__(self):
        self.asked = 0

    def get_many(self, keys, since):
        """Nothing."""
        self.asked += 1
        raise StoreUnreachable("away")

    put_many = get_many


def test_a_store_that_is_away_stops_nobody():
    """The question counts as not found, and for a while the store is not asked again."""
    away = Away()
    cache = AnswerCache(CacheSettings(), away, lambda: NOW)

    assert get(cache, "k") is None
    put(cache, "k", WHOLE)
    assert get(cache, "k").text == "dob"
    assert get(cache, "other") is None
    assert (away.asked, cache.statistics.unreachable) == (1, 1)


def test_equal_questions_are_asked_once():
    """Ten callers at the same time make one call, and all get its answer."""
    flights, asked, gate = SingleFlight(), [], threading.Event()

    async def ask():
        asked.append(1)
        gate.wait(30)
        return WHOLE

    got = []
    callers = [threading.Thread(target=lambda: got.append(call(flights, ask, 30))) for _ in range(10)]
    for caller in callers:
        caller.start()
    wait_until(lambda: asked and len(flights._flights["k"].waiting) == 9)
    gate.set()
    for caller in callers:
        caller.join(30)

    assert len(got) == 10
    assert {answer.text for answer, _ in got} == {"dob"}
    assert len(asked) == sum(not is_shared for _, is_shared in got) == 1


@pytest.mark.parametrize(("kind", "calls"), [(ModelErrorKind.SERVER, 1), (ModelErrorKind.TIMEOUT, 2)])
def test_a_failure_is_shared_unless_it_was_only_slow(kind, calls):
    """Who waited for a call that failed gets its error; after another's timeout it asks itself."""
    flights, asked, began, gate = SingleFlight(), [], threading.Event(), threading.Event()

    async def ask():
        asked.append(1)
        began.set()
        gate.wait(30)
        raise ModelUnavailable("no", kind=kind)

    errors = []

    def one():
        try:
            call(flights, ask, 30)
        except ModelUnavailable as error:
            errors.append(error)

    first, second = threading.Thread(target=one), threading.Thread(target=one)
    first.start()
    began.wait(30)
    second.start()
    wait_until(lambda: flights._flights["k"].waiting)
    gate.set()
    first.join(30)
    second.join(30)

    assert (len(asked), [error.kind for error in errors]) == (calls, [kind, kind])
    assert errors[0] is not errors[1]


def test_who_waits_for_another_keeps_its_own_deadline():
    """A caller with little time does not wait for one with much."""
    flights, gate, began = SingleFlight(), threading.Event(), threading.Event()

    async def ask():
        began.set()
        gate.wait(30)
        return WHOLE

    slow = threading.Thread(target=lambda: call(flights, ask, 30))
    slow.start()
    began.wait(30)
    with pytest.raises(ModelUnavailable, match="equal call") as caught:
        call(flights, ask, 0.01)
    gate.set()
    slow.join(30)

    assert caught.value.kind is ModelErrorKind.TIMEOUT


def listens(path):
    """Whether a server takes connections there."""
    with socket.socket(socket.AF_UNIX) as client:
        return client.connect_ex(str(path)) == 0


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="redis-server is not installed")
@pytest.mark.integration
def test_answers_are_kept_in_a_real_redis():
    """Two processes' caches share answers over Redis; when it dies they ask instead."""
    pytest.importorskip("redis")
    from flywheel.llm.redis_answers import RedisAnswers

    # A socket in a folder: a port that is free now may be another server's a moment later.
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "redis"
        server = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", str(path), "--save", "", "--dir", folder],
            stdout=subprocess.DEVNULL,
        )
        try:
            wait_until(lambda: listens(path))
            first, second = (RedisAnswers(f"unix://{path}", 1.0) for _ in range(2))
            put(AnswerCache(CacheSettings(), first), "k", WHOLE)
            assert get(AnswerCache(CacheSettings(), second), "k").text == "dob"
            assert second.get_many(["k", "j"], datetime.now(UTC) + timedelta(hours=1)) == {}
        finally:
            server.terminate()
            server.wait(60)
        with pytest.raises(StoreUnreachable, match="Redis does not answer"):
            second.get_many(["k"], NOW)
        first.close()
        second.close()
