"""Models asked from event loops: one after the other, several at once, tasks that are cancelled."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings

import pytest
from chat_stub import Reply, chat_stub, completion, stream_body
from two_doors import until

from flywheel.errors import ModelError, ModelErrorKind
from flywheel.llm.batches import acomplete_many
from flywheel.llm.endpoint import Endpoint
from flywheel.llm.gateway import Gateway, Keeping
from flywheel.llm.openai_chat import OpenAIChat
from flywheel.llm.providers import merged
from flywheel.records.chat import ChatRequest, Message
from flywheel.store.open import open_store

GOOD = Reply(completion())
DEAD = Reply("gone", 503)
SLOW = Reply(completion(), drip_s=0.0005, after=2)
HANGS = Reply(completion("x" * 2000), drip_s=0.05)
FIRST = len(stream_body("do", finish=None))
"""Bytes of the first event of a stream."""

leaves_nothing_open = pytest.mark.filterwarnings(
    "error::ResourceWarning", "error::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(autouse=True)
def _what_others_left_open():
    """What tests before these left open is collected now, not by the test that leaves nothing open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        gc.collect()


def request(text="Who?", **fields):
    """One question."""
    return ChatRequest(model="main/m", messages=(Message(role="user", content=text),), **fields)


def gateway_to(main, spare=None, keeping=None, **settings):
    """A gateway with model main/m, with spare/m as its fallback; no answers are kept unless it is said."""
    quick = {"timeout_s": 60, "deadline_s": 200, "max_tries": 2, **settings.pop("provider", {})}
    tables = {
        "providers": {"main": {"base_url": main.base_url, **quick}},
        "models": {"main/m": {}},
        "cache": {"enabled": False},
        **settings,
    }
    if spare is not None:
        tables["providers"]["spare"] = {"base_url": spare.base_url, **quick}
        tables["models"] = {"main/m": {"fallbacks": ["spare/m"]}, "spare/m": {}}
    return Gateway(merged(tables, "test"), {}, keeping)


async def ask_many(model, numbers):
    """One question for each number, all at once."""
    return await asyncio.gather(*(model.acomplete(request(f"question {n}")) for n in numbers))


@leaves_nothing_open
def test_every_call_of_twenty_loops_is_answered():
    """Twenty loops, one after the other, five calls each: no error, no connection stays open."""
    with chat_stub(GOOD, keep_alive=True) as stub, gateway_to(stub) as gateway:
        model = gateway.model("main/m")
        answers = [answer for _ in range(20) for answer in asyncio.run(ask_many(model, range(5)))]
        asyncio.run(until(lambda: stub.connections == 0))
        gc.collect()

        assert [answer.text for answer in answers] == ["dob"] * 100
        assert gateway.ledger.spend.calls == len(stub.requests) == 100


def test_a_loop_that_ends_badly_takes_nobody_along():
    """A loop that is closed without its last steps is forgotten, and the next one is answered."""
    with chat_stub(GOOD, keep_alive=True) as stub:
        model = OpenAIChat("m", Endpoint("m", stub.base_url))
        for _ in range(3):
            loop = asyncio.new_event_loop()
            assert loop.run_until_complete(model.acomplete(request())).text == "dob"
            loop.close()
        assert asyncio.run(model.acomplete(request())).text == "dob"
        gc.collect()
        asyncio.run(until(lambda: stub.connections == 0))
        model.close()


@leaves_nothing_open
def test_two_loops_with_a_thread_share_the_limits():
    """Loops of two threads beside a plain thread are all answered, within the limits of one account."""
    with chat_stub(SLOW, keep_alive=True) as stub, gateway_to(stub, provider={"concurrency": 2}) as gateway:
        model, found = gateway.model("main/m"), []

        def plain():
            found.extend(model.complete(request(f"plain {n}")) for n in range(3))

        def looped(first):
            found.extend(asyncio.run(ask_many(model, range(first, first + 6))))

        threads = [threading.Thread(target=plain)]
        threads += [threading.Thread(target=looped, args=(first,)) for first in (0, 100)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)

        assert [answer.text for answer in found] == ["dob"] * 15
        assert stub.most_at_once == 2


@leaves_nothing_open
def test_closing_closes_the_connections_of_every_loop():
    """A gateway that is closed in one loop leaves no connection of another one open, while both go on."""
    closed, opened = threading.Event(), threading.Event()
    with chat_stub(GOOD, keep_alive=True) as stub:
        gateway = gateway_to(stub)

        async def other():
            await gateway.model("main/m").acomplete(request())
            opened.set()
            await asyncio.to_thread(closed.wait, 30)
            await until(lambda: stub.connections == 0)

        async def first():
            async with gateway:
                await gateway.model("main/m").acomplete(request())
                await asyncio.to_thread(opened.wait, 30)
                assert stub.connections == 2
            closed.set()
            await until(lambda: stub.connections == 0)
            return await gateway.model("main/m").acomplete(request())

        thread = threading.Thread(target=asyncio.run, args=(other(),))
        thread.start()
        assert asyncio.run(first()).text == "dob"
        thread.join(60)
        gc.collect()


def test_a_cancelled_call_is_paid_for():
    """Cancelling ends the connection at once; the call that was sent is in the ledger, its slot is free."""
    with chat_stub(HANGS, GOOD) as stub, gateway_to(stub, provider={"concurrency": 1}) as gateway:
        model = gateway.model("main/m")

        async def cancelled():
            task = asyncio.create_task(model.acomplete(request()))
            await until(lambda: stub.requests)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert gateway.ledger.spend.calls == 1
            return await model.acomplete(request())

        assert asyncio.run(cancelled()).text == "dob"
        assert stub.left.wait(60)
        assert gateway.breaker_states() == {"main/m": "closed"}


def test_a_request_goes_on_when_the_task_that_sent_it_leaves():
    """Five tasks have the same question; the first is cancelled, and the others share its one request."""
    with chat_stub(Reply(completion(), drip_s=0.002)) as stub, gateway_to(stub, cache={}) as gateway:
        model = gateway.model("main/m")

        async def five():
            tasks = [asyncio.create_task(model.acomplete(request())) for _ in range(5)]
            await until(lambda: stub.requests)
            tasks[0].cancel()
            return await asyncio.gather(*tasks, return_exceptions=True)

        first, *others = asyncio.run(five())
        assert isinstance(first, asyncio.CancelledError)
        assert [answer.text for answer in others] == ["dob"] * 4
        assert len(stub.requests) == gateway.ledger.spend.calls == 1


def test_a_kept_question_that_nobody_wants_is_ended_and_paid_for():
    """Its only task is cancelled: the connection is closed, the call is in the ledger; the next one asks."""
    with chat_stub(HANGS, GOOD) as stub, gateway_to(stub, cache={}) as gateway:
        model = gateway.model("main/m")

        async def cancelled():
            task = asyncio.create_task(model.acomplete(request()))
            await until(lambda: stub.requests)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert gateway.ledger.spend.calls == 1
            return await model.acomplete(request())

        assert asyncio.run(cancelled()).text == "dob"
        assert stub.left.wait(60)


def test_a_call_cancelled_while_it_waits_was_never_sent():
    """A task that gives up in the queue takes nothing with it: no row, no slot."""
    with chat_stub(HANGS, GOOD) as stub, gateway_to(stub, provider={"concurrency": 1}) as gateway:
        model = gateway.model("main/m")

        async def two():
            under_way = asyncio.create_task(model.acomplete(request()))
            await until(lambda: stub.requests)
            waits = asyncio.create_task(model.acomplete(request("second")))
            await asyncio.sleep(0)
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)
            under_way.cancel()
            await asyncio.gather(under_way, return_exceptions=True)
            return await model.acomplete(request("third"))

        assert asyncio.run(two()).text == "dob"
        assert gateway.ledger.spend.calls == len(stub.requests) == 2


def test_a_timeout_of_the_caller_is_a_cancellation():
    """`asyncio.timeout` around a call ends it in time, and stays a TimeoutError."""
    with chat_stub(HANGS) as stub, gateway_to(stub) as gateway:

        async def hasty():
            async with asyncio.timeout(None) as limit:

                async def ends_when_it_is_sent():
                    await until(lambda: stub.requests)
                    limit.reschedule(asyncio.get_running_loop().time())

                ending = asyncio.create_task(ends_when_it_is_sent())
                await asyncio.gather(ending, gateway.model("main/m").acomplete(request()))

        with pytest.raises(TimeoutError):
            asyncio.run(hasty())
        assert stub.left.wait(60)
    assert gateway.ledger.spend.calls == 1


def test_a_provider_that_dies_within_a_batch_fails_over():
    """Every request of the batch is answered, and the dead server is soon left alone."""
    with chat_stub(*[GOOD] * 10, DEAD) as main, chat_stub(GOOD) as spare:
        gateway = gateway_to(main, spare, breaker={"failures": 3, "cooldown_s": 600})
        asked = [request(f"question {n}") for n in range(40)]
        with gateway:
            answers = asyncio.run(acomplete_many(gateway.model("main/m"), asked, at_once=4))

            assert {answer.text for answer in answers} == {"dob"}
            assert sum(answer.model == "spare/m" for answer in answers) == len(spare.requests) == 30
            assert gateway.breaker_states() == {"main/m": "open", "spare/m": "closed"}
        assert gateway.ledger.spend.calls == len(main.requests) + len(spare.requests)


def test_a_model_of_this_process_can_be_the_last_resort():
    """A fallback without a network is computed beside the loop."""
    with chat_stub(DEAD) as main:
        tables = {
            "providers": {"main": {"base_url": main.base_url, "max_tries": 1}},
            "models": {"main/m": {"fallbacks": ["embedded/embedded-small"]}},
        }
        with Gateway(merged(tables, "test"), {}) as gateway:
            answer = asyncio.run(gateway.model("main/m").acomplete(request()))

    assert answer.model == "embedded-small"


def test_answers_kept_by_a_loop_are_found_by_a_thread():
    """The cache, the store behind it and the ledger are the same for both doors."""
    store = open_store("sqlite://")
    keeping = Keeping(store.model_calls, store.responses)
    with chat_stub(GOOD) as main:
        for door in ("loop", "thread"):
            with gateway_to(main, keeping=keeping, cache={}) as gateway:
                model = gateway.model("main/m")
                if door == "loop":
                    answer = asyncio.run(model.acomplete(request()))
                else:
                    answer = model.complete(request())
        assert len(main.requests) == 1
    assert answer.cached
    assert store.responses.count() == 1


class PatientStore:
    """Answers only when the event loop has said that it is still alive."""

    def __init__(self):
        self.alive = threading.Event()
        self.heard = []

    def get_many(self, keys, since):
        """Nothing is kept."""
        self.heard.append(self.alive.wait(30))
        return {}

    def put_many(self, answers, now):
        """Wait as well."""
        self.heard.append(self.alive.wait(30))

    def drop_before(self, moment):
        """Nothing is old."""
        return 0


def test_a_slow_store_does_not_hold_the_loop_up():
    """While a store is read or written the loop goes on."""
    store = PatientStore()
    with chat_stub(GOOD) as main, gateway_to(main, keeping=Keeping(None, store), cache={}) as gateway:

        async def beside():
            asyncio.get_running_loop().call_later(0.05, store.alive.set)
            return await gateway.model("main/m").acomplete(request())

        assert asyncio.run(beside()).text == "dob"
    assert store.heard == [True, True]


@leaves_nothing_open
def test_a_consumer_that_stops_early_ends_the_stream():
    """The attempt is in the ledger and the connection is closed when the stream is."""
    drip = Reply(stream_body("do", "b" * 50_000), drip_s=0.002, at_once=FIRST)
    with chat_stub(drip) as stub, gateway_to(stub) as gateway:

        async def first_piece():
            pieces = gateway.model("main/m").astream(request())
            piece = await anext(pieces)
            await pieces.aclose()
            assert gateway.ledger.spend.calls == 1
            return piece

        assert asyncio.run(first_piece()).text == "do"
        assert stub.left.wait(60)
        gc.collect()


def test_a_stream_that_drips_ends_at_the_deadline():
    """What came until then is kept with the error, and the connection is closed."""
    drip = Reply(stream_body("do", "b" * 90_000), drip_s=0.001, at_once=FIRST)
    with chat_stub(drip) as stub, gateway_to(stub) as gateway:

        async def all_pieces():
            return [piece async for piece in gateway.model("main/m").astream(request(deadline_s=2.5))]

        with pytest.raises(ModelError, match=r"no whole answer within") as caught:
            asyncio.run(all_pieces())
        assert stub.left.wait(60)
    assert (caught.value.kind, caught.value.partial_text) == (ModelErrorKind.TIMEOUT, "do")
