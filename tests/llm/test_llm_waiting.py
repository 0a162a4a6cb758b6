"""Threads with event loops that wait for each other: slots, limits, batches."""

from __future__ import annotations

import asyncio
import random
import threading

import pytest
from chat_stub import Reply, chat_stub, completion
from two_doors import both_doors, until

from flywheel.errors import InputError, ModelErrorKind
from flywheel.llm.batches import acomplete_many, complete_many
from flywheel.llm.gateway import Gateway
from flywheel.llm.limits import Limits
from flywheel.llm.providers import merged
from flywheel.llm.routing import Route, Stop
from flywheel.llm.scripted import ScriptedModel
from flywheel.llm.slots import Slots
from flywheel.llm.ways import HERE, IN_LOOP, Here, InLoop, run_here
from flywheel.records.chat import ChatAnswer, ChatRequest, Message


def request(text="Who?"):
    """One question."""
    return ChatRequest(model="main/m", messages=(Message(role="user", content=text),))


def many(model, requests, door, **settings):
    """A batch through a door."""
    if door == "thread":
        return complete_many(model, requests, **settings)
    return asyncio.run(acomplete_many(model, requests, **settings))


class Guests:
    """Callers that come, go, give up and are cancelled, with how many held a slot at once."""

    def __init__(self, slots):
        self.slots = slots
        self.holding = []
        self.most = 0

    async def come(self, draw, way):
        """Hold a slot for a moment, if one becomes free in time."""
        if not await self.slots.enter(draw.choice([0.0, 0.001, 30]), way):
            return
        self.holding.append(1)
        self.most = max(self.most, len(self.holding))
        try:
            await way.pause(draw.random() * 1e-3)
        finally:
            self.holding.pop()
            self.slots.leave()

    def thread(self, seed):
        """Twenty, one after the other."""
        draw = random.Random(seed)
        for _ in range(20):
            run_here(self.come(draw, HERE))

    async def tasks(self, seed):
        """Ten times six at once, of which one is cancelled."""
        draw = random.Random(seed)
        for _ in range(10):
            under_way = [asyncio.create_task(self.come(draw, IN_LOOP)) for _ in range(6)]
            await asyncio.sleep(draw.random() * 1e-3)
            under_way[draw.randrange(6)].cancel()
            await asyncio.gather(*under_way, return_exceptions=True)


def test_slots_are_lost_by_nobody():
    """Threads and tasks that come, go, give up and are cancelled leave all slots free."""
    slots = Slots(3)
    guests = Guests(slots)
    threads = [threading.Thread(target=guests.thread, args=(seed,)) for seed in range(2)]
    threads += [threading.Thread(target=lambda s=seed: asyncio.run(guests.tasks(s))) for seed in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert [run_here(slots.enter(0.0, HERE)) for _ in range(4)] == [True, True, True, False]
    assert 1 < guests.most <= 3


def test_a_task_cancelled_before_its_turn_gives_all_back():
    """What it had taken of the limits is there for the next one."""

    async def cancelled():
        limits = Limits("p", requests_per_minute=60, concurrency=1, clock=lambda: 0.0)
        for _ in range(10):
            await limits.enter(1, 30, IN_LOOP)
            limits.leave(1, 1)
        waits = asyncio.create_task(limits.enter(1, 30, IN_LOOP))
        await asyncio.sleep(0)
        waits.cancel()
        await asyncio.gather(waits, return_exceptions=True)
        waited = []

        async def sleep(seconds):
            waited.append(seconds)

        await limits.enter(1, 30, InLoop(sleep))
        return waited

    (wait_s,) = asyncio.run(cancelled())
    assert wait_s == pytest.approx(1.0)


def test_a_wait_on_the_wrong_way_is_found_out():
    """Work of a blocking call that would suspend is ended with an error, not left half done."""
    ended = []

    async def wrong():
        try:
            await asyncio.sleep(0)
        finally:
            ended.append(True)

    with pytest.raises(RuntimeError, match="Give it the way HERE"):
        run_here(wrong())
    assert ended == [True]


def test_a_model_without_a_door_for_loops_is_asked_in_a_thread():
    """A ChatModel of yours that only blocks can stand behind the layers of an event loop."""

    class Blocking:
        """Says in which thread it was asked."""

        remote = True

        def complete(self, request):
            """The thread's name."""
            return ChatAnswer(text=threading.current_thread().name, model="m")

    route = Route([Stop("m", Blocking(), None)], 10.0)

    assert asyncio.run(route.acomplete(request())).text != threading.current_thread().name
    assert route.complete(request()).text == threading.current_thread().name


@both_doors
def test_one_failure_of_a_batch_stays_in_its_place(door):
    """Answers and errors come in the order of the requests."""
    bad = Reply({"error": {"message": "no such parameter"}}, 400)
    with chat_stub(Reply(completion("a")), bad, Reply(completion("c"))) as stub:
        tables = {"providers": {"main": {"base_url": stub.base_url}}, "models": {"main/m": {}}}
        with Gateway(merged(tables, "test"), {}) as gateway:
            asked = [request(text) for text in "abc"]
            first, second, third = many(gateway.model("main/m"), asked, door, at_once=1)

    assert (first.text, second.kind, third.text) == ("a", ModelErrorKind.BAD_REQUEST, "c")


@both_doors
def test_a_batch_has_no_more_under_way_than_it_may(door):
    """at_once bounds the batch beside the limits of the provider."""
    with chat_stub(Reply(completion(), drip_s=0.0001, after=2)) as stub:
        tables = {"providers": {"main": {"base_url": stub.base_url}}, "models": {"main/m": {}}}
        with Gateway(merged(tables, "test"), {}) as gateway:
            found = many(gateway.model("main/m"), [request(f"{n}") for n in range(9)], door, at_once=3)

    assert [answer.text for answer in found] == ["dob"] * 9
    assert 1 < stub.most_at_once <= 3


@both_doors
def test_a_batch_beyond_a_ceiling_is_not_begun(door):
    """Every place holds the refusal, and nothing was sent."""
    with chat_stub(Reply(completion())) as stub:
        tables = {"providers": {"main": {"base_url": stub.base_url}}, "models": {"main/m": {}}}
        with Gateway(merged({**tables, "caps": {"calls": 2}}, "test"), {}) as gateway:
            found = many(gateway.model("main/m"), [request(text) for text in "abc"], door)

    assert {error.kind for error in found} == {ModelErrorKind.BUDGET}
    assert (len(found), stub.requests) == (3, [])


@both_doors
def test_a_batch_of_nothing_is_nothing(door):
    """No request gives no answer; a batch without a place for one call is refused."""
    model = ScriptedModel(lambda _request: "hi")

    assert many(model, [], door) == []
    with pytest.raises(InputError, match="at_once is 0"):
        many(model, [request()], door, at_once=0)


def test_a_cancelled_batch_cancels_its_calls():
    """The calls under way end with their connections, the others are never sent."""
    with chat_stub(Reply(completion("x" * 500), drip_s=0.05)) as stub:
        tables = {"providers": {"main": {"base_url": stub.base_url}}, "models": {"main/m": {}}}
        with Gateway(merged(tables, "test"), {}) as gateway:

            async def cancelled():
                asked = [request(f"{n}") for n in range(9)]
                batch = asyncio.create_task(acomplete_many(gateway.model("main/m"), asked, at_once=2))
                await until(lambda: len(stub.requests) == 2)
                batch.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await batch

            asyncio.run(cancelled())
        assert stub.left.wait(60)
    assert gateway.ledger.spend.calls == len(stub.requests) == 2


def test_pauses_are_those_of_the_way():
    """A way sleeps as it was told to."""
    slept = []

    async def sleep(seconds):
        slept.append(seconds)

    run_here(Here(slept.append).pause(0.5))
    asyncio.run(InLoop(sleep).pause(0.25))

    assert slept == [0.5, 0.25]
