"""What stands around one attempt: breaker, limits, ceilings, ledger."""

from __future__ import annotations

import threading
from datetime import UTC, datetime
from time import sleep

import pytest

from flywheel.errors import BudgetSpent, ModelErrorKind, ModelUnavailable, StoreUnreachable
from flywheel.llm.breaker import COUNTED, Breaker
from flywheel.llm.budget import SpendForecast, SpendGuard
from flywheel.llm.guarded import forecast_of
from flywheel.llm.ledger import BATCH, Ledger
from flywheel.llm.limits import Limits, TokenBucket
from flywheel.llm.retrying import Patience, Retrying
from flywheel.llm.ways import Here, run_here
from flywheel.records.chat import ChatAnswer, ChatRequest, Message
from flywheel.records.model_call import ModelCall, Spend
from flywheel.records.provider import BreakerSettings, PriceRow, SpendCaps


class Time:
    """Seconds that pass when somebody waits."""

    def __init__(self):
        self.now = 0.0
        self.waited = []

    def __call__(self):
        """The moment."""
        return self.now

    def wait(self, seconds):
        """Let time pass."""
        self.waited.append(seconds)
        self.now += seconds


def call(number=0, **facts):
    """One attempt of the ledger."""
    known = {"input_tokens": 9, "output_tokens": 1, "cost_usd": 0.5, "outcome": "answered", **facts}
    return ModelCall(
        call_id=str(number), purpose="case", provider="p", model="p/m", started_at=datetime.now(UTC), **known
    )


def enter(limits, tokens, within_s, sleep=sleep):
    """Wait for a turn in this thread."""
    run_here(limits.enter(tokens, within_s, Here(sleep)))


def test_a_breaker_opens_after_failures_in_a_row():
    """It takes the set number of failures without a success between them."""
    breaker = Breaker("m", BreakerSettings(failures=3, cooldown_s=30), Time())
    for ends in ("failed", "failed", "succeeded", "failed", "failed"):
        breaker.enter()
        breaker.failed(ModelErrorKind.SERVER) if ends == "failed" else breaker.succeeded()
    assert breaker.state == "closed"
    breaker.enter()
    breaker.failed(ModelErrorKind.SERVER)

    with pytest.raises(ModelUnavailable, match="3 times in a row") as caught:
        breaker.enter()
    assert (breaker.state, caught.value.kind, caught.value.wait_s) == ("open", "circuit_open", 30)


def test_one_call_tries_an_open_breaker_again():
    """After the cooldown one call goes through, the others wait for what becomes of it."""
    time = Time()
    breaker = Breaker("m", BreakerSettings(failures=1, cooldown_s=30, longest_cooldown_s=50), time)
    breaker.enter()
    breaker.failed(ModelErrorKind.TIMEOUT)
    waits = []
    for _ in range(3):
        time.now += 50
        assert breaker.state == "half-open"
        breaker.enter()
        with pytest.raises(ModelUnavailable):
            breaker.enter()
        breaker.failed(ModelErrorKind.TIMEOUT)
        with pytest.raises(ModelUnavailable) as caught:
            breaker.check()
        waits.append(caught.value.wait_s)
    assert waits == [50, 50, 50]
    time.now += 50
    breaker.enter()
    breaker.succeeded()
    assert breaker.state == "closed"


def test_a_call_that_was_never_sent_gives_its_try_back():
    """A half-open breaker does not stay shut when its one call was abandoned."""
    time = Time()
    breaker = Breaker("m", BreakerSettings(failures=1), time)
    breaker.failed(ModelErrorKind.SERVER)
    time.now += 31
    breaker.enter()
    breaker.abandoned()

    breaker.enter()


@pytest.mark.parametrize("kind", sorted(set(ModelErrorKind) - COUNTED))
def test_faults_of_the_request_open_no_breaker(kind):
    """A refused or filtered request shows that the server is there."""
    breaker = Breaker("m", BreakerSettings(failures=1), Time())
    breaker.enter()
    breaker.failed(kind)

    assert breaker.state == "closed"


@pytest.mark.parametrize(("breaker_wait_s", "waited"), [(31.0, [30.25, 30.25]), (0.0, []), (20.0, [])])
def test_an_open_breaker_is_sat_out_once(breaker_wait_s, waited):
    """Without a fallback a short cooldown is waited for and is no try; a longer one fails at once."""

    class Shut:
        """Open for half a minute, twice."""

        remote = True
        asked = 0

        def complete(self, request):
            """An answer to the third question."""
            self.asked += 1
            if self.asked < 3:
                raise ModelUnavailable("open", kind=ModelErrorKind.CIRCUIT_OPEN, wait_s=30.0)
            return ChatAnswer(text="hi", model="m")

    pauses = []
    patience = Patience(max_tries=1, breaker_wait_s=breaker_wait_s)
    model = Retrying(Shut(), patience, draw=lambda: 0.5)
    request = ChatRequest(model="m", messages=(Message(role="user", content="?"),))
    if waited:
        assert run_here(model.answer(request, Here(pauses.append))).text == "hi"
    else:
        with pytest.raises(ModelUnavailable, match=r"^open$"):
            run_here(model.answer(request, Here(pauses.append)))
    assert pauses == waited


def test_a_bucket_lets_through_what_flows_in():
    """After the burst, callers get through at the rate, each behind the one before."""
    time = Time()
    bucket = TokenBucket(120, time)

    assert [bucket.take(1) for _ in range(23)][20:] == [0.5, 1.0, 1.5]
    time.now += 1000
    assert [bucket.take(1) for _ in range(21)][19:] == [0.0, 0.5]


def test_a_call_larger_than_the_bucket_gets_through():
    """It waits for the debt to be paid instead of for ever."""
    bucket = TokenBucket(600, Time())

    assert bucket.take(1100) == pytest.approx(100.0)


def test_limits_wait_for_their_turn():
    """A call waits for the scarcer of both buckets, and what it did not use goes back."""
    time = Time()
    limits = Limits("p", requests_per_minute=600, tokens_per_minute=6000, clock=time)
    enter(limits, 1000, 60, time.wait)
    limits.leave(1000, 1000)
    enter(limits, 100, 60, time.wait)
    limits.leave(100, 0)
    enter(limits, 100, 60, time.wait)

    assert time.waited == [pytest.approx(1.0)]


def test_a_turn_that_comes_too_late_is_refused():
    """Nothing is waited for, nothing is taken, and the slot is free again."""
    time = Time()
    limits = Limits("p", requests_per_minute=1, concurrency=1, clock=time)
    enter(limits, 1, 5)
    limits.leave(1, 1)
    for _ in range(2):
        with pytest.raises(ModelUnavailable, match="its turn would come in 60") as caught:
            enter(limits, 1, 5, time.wait)
        assert (caught.value.kind, time.waited) == ("rate_limited", [])


def test_no_more_calls_than_allowed_are_under_way():
    """The next call waits for a slot, and is refused when none becomes free."""
    limits = Limits("p", concurrency=2)
    enter(limits, 1, 1)
    enter(limits, 1, 1)
    with pytest.raises(ModelUnavailable, match="under way"):
        enter(limits, 1, 0.01)
    threading.Timer(0.05, limits.leave, (1, 1)).start()

    enter(limits, 1, 30)


@pytest.mark.parametrize(
    ("caps", "words"),
    [
        ({"calls": 9}, "more than the 9 calls left of 9"),
        ({"tokens": 999}, "more than the 999 tokens left"),
        ({"usd": 0.09}, r"more than the 0\.0900 USD left"),
    ],
)
def test_a_batch_beyond_a_ceiling_is_refused(caps, words):
    """Ten calls of 1,000 tokens for 0.10 USD do not fit under ceilings a little lower."""
    guard = SpendGuard(SpendCaps(**caps), Spend)
    with pytest.raises(BudgetSpent, match=words) as caught:
        guard.check(SpendForecast(10, 1000, 0.1))

    assert caught.value.kind is ModelErrorKind.BUDGET
    assert "Nothing was sent" in str(caught.value)


def test_an_unknown_price_does_not_pass_a_ceiling_in_usd():
    """What cannot be held against the ceiling is refused, with the cure."""
    with pytest.raises(BudgetSpent, match="Put the price of the model into the models file"):
        SpendGuard(SpendCaps(usd=5.0), Spend).check(SpendForecast(1, 10, None))


def test_calls_under_way_count_against_the_ceiling():
    """What is set aside is not given twice; what was not taken is free again."""
    guard = SpendGuard(SpendCaps(calls=2, tokens=100), Spend)
    one = SpendForecast(1, 50, 0.0)
    guard.reserve(one)
    guard.reserve(one)
    with pytest.raises(BudgetSpent):
        guard.reserve(one)
    guard.settle(one, Spend())
    guard.reserve(one)
    guard.settle(one, Spend(calls=1, tokens=50))
    guard.settle(one, Spend(calls=1, tokens=50))
    with pytest.raises(BudgetSpent):
        guard.reserve(one)


def test_what_others_spent_is_read_before_a_batch():
    """Another process's calls count, once they are in the store."""
    others = []
    guard = SpendGuard(SpendCaps(calls=5), lambda: Spend(calls=len(others)))
    guard.check(SpendForecast(5, 1, 0.0), fresh=True)
    others.append("a call")

    with pytest.raises(BudgetSpent, match="4 calls left"):
        guard.check(SpendForecast(5, 1, 0.0), fresh=True)


def test_a_forecast_prices_input_and_output():
    """Four characters are a token; the answer is as long as it may be."""
    request = ChatRequest(
        model="m", messages=(Message(role="user", content="x" * 400),), max_output_tokens=50
    )
    price = PriceRow(input_usd_per_1m=1.0, output_usd_per_1m=10.0)

    assert forecast_of([request, request], price) == SpendForecast(2, 300, pytest.approx(1.2e-3))
    assert forecast_of([request], None).usd is None


def test_the_ledger_writes_many_rows_at_once():
    """Rows wait for a full batch; the sums are known at once, and a kept answer is not in them."""
    batches = []
    ledger = Ledger(batches.append, within_s=600)
    for number in range(BATCH + 1):
        ledger.add(call(number))
    assert ([len(batch) for batch in batches], ledger.waiting) == ([BATCH], 1)
    ledger.add(call(BATCH + 1, outcome="cached"))
    ledger.flush()

    assert [len(batch) for batch in batches] == [BATCH, 2]
    assert (ledger.spend.calls, ledger.spend.tokens) == (BATCH + 1, 10 * (BATCH + 1))


def test_a_row_does_not_wait_for_the_next_call():
    """A ledger that hears nothing more brings its rows to the store by itself."""
    written, rows = threading.Event(), []

    def keep(batch):
        rows.extend(batch)
        written.set()

    ledger = Ledger(keep, within_s=0.01)
    for number in range(2):
        ledger.add(call(number))
        assert written.wait(30)
        written.clear()

    assert [row.call_id for row in rows] == ["0", "1"]


def test_a_store_that_is_away_loses_no_row():
    """Rows wait in memory, in their order, until the store takes them."""
    taken, is_away = [], True

    def keep(rows):
        if is_away:
            raise StoreUnreachable("away")
        taken.extend(rows)

    ledger = Ledger(keep)
    ledger.add(call(1))
    ledger.flush()
    ledger.add(call(2))
    is_away = False
    ledger.flush()

    assert [row.call_id for row in taken] == ["1", "2"]


def test_unknown_usage_is_not_zero():
    """A call without a price counts as unpriced, not as free."""
    ledger = Ledger(None)
    ledger.add(call(1, cost_usd=None))
    ledger.add(call(2, input_tokens=None, output_tokens=None, cost_usd=None, outcome="server"))

    assert ledger.spend == Spend(calls=2, tokens=10, usd=0.0, unpriced=1)
