"""Ceilings of an experiment in calls, tokens or USD."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flywheel.learn.planning import CallCost, Forecast, affordable_cases
from flywheel.learn.spending import calls_each, taken_by
from flywheel.phases.arms import Setup
from flywheel.records.cycle import FeedbackLoopInput
from flywheel.records.execution import Execution

CHARS_PER_TOKEN = 4
"""Of English text, roughly; used only until a first call has told its tokens."""

FIRST = 4
"""Cases run first where a ceiling in tokens or USD must learn what a call takes; also the smallest batch."""


def must_learn_cost(setup: Setup) -> bool:
    """Whether a ceiling is in a unit nobody knows the price of a call in."""
    request = setup.context.request
    tokens = request.budget_tokens is not None and setup.cost.input_tokens is None
    return tokens or (request.budget_usd is not None and setup.cost.usd is None)


def over_budget(setup: Setup, executions: Mapping[str, Sequence[Execution]], cases: int, arms: int) -> str:
    """Why the next batch must not be run, or an empty text.

    Calls, tokens and USD of a judge count too. A ceiling in USD binds once a
    first answer has said what a call costs; a model that does not say ends the
    experiment, because such a ceiling cannot be held. What a winner takes on
    the other models of the request is kept back.

    Args:
        setup: the request holds the ceilings.
        executions: what was run so far, by arm.
        cases: size of the next batch.
        arms: arms that would run it, the control included.
    """
    request = setup.context.request
    spent = [*setup.before, *(e for arm in executions.values() for e in arm)]
    untold = untold_price(request, spent)
    if untold:
        return untold
    each = cost_of(spent, setup.cost, setup.control_text)
    later = kept_back(request, len(setup.cases), each)
    left = left_of(request, spent, later, calls_each(setup.suite.scorer))
    if not bounded(left, each) or affordable_cases(arms - 1, left, each) >= cases:
        return ""
    done = max((len(arm) for arm in executions.values()), default=0)
    return f"the budget of {budget_words(request)} ended it after {done} of {len(setup.cases)} cases"


def untold_price(request: FeedbackLoopInput, spent: Sequence[Execution]) -> str:
    """Why a ceiling in USD cannot be held, or an empty text."""
    if request.budget_usd is None:
        return ""
    untold = next((name for e in spent if (name := taken_by(e).untold_usd)), "")
    return f"model {untold!r} does not tell its price, so a budget in USD cannot be held" if untold else ""


def cost_of(executions: Sequence[Execution], known: CallCost, text: str = "") -> CallCost:
    """What one call costs: the mean of what was run, else what was known before, else counted from a text.

    Args:
        executions: what was run.
        known: before the first answer.
        text: prompt of a call.
    """
    taken = [taken_by(e) for e in executions]
    return CallCost(
        input_tokens=_mean([t.tokens for t in taken if t.tokens is not None])
        or known.input_tokens
        or len(text) / CHARS_PER_TOKEN
        or None,
        usd=_mean([t.usd for t in taken if t.usd is not None]) or known.usd,
    )


def left_of(
    request: FeedbackLoopInput,
    spent: Sequence[Execution],
    kept: Forecast | None = None,
    calls_a_case: int = 1,
) -> Forecast:
    """What is left of the ceilings; None is no ceiling.

    Args:
        request: holds the ceilings.
        spent: executions so far.
        kept: what is kept back for later.
        calls_a_case: two where a model scores too; `calls` is then in cases.
    """
    taken = [taken_by(e) for e in spent]
    later = kept or Forecast(0, 0, None, 0.0)
    tokens, usd = sum(t.tokens or 0 for t in taken), sum(t.usd or 0.0 for t in taken)
    calls = None if request.budget_calls is None else request.budget_calls - sum(t.calls for t in taken)
    return Forecast(
        calls=None if calls is None else calls // calls_a_case - (later.calls or 0),
        input_tokens=None
        if request.budget_tokens is None
        else request.budget_tokens - tokens - (later.input_tokens or 0),
        output_tokens=None,
        usd=None if request.budget_usd is None else request.budget_usd - usd - (later.usd or 0.0),
    )


def _mean(amounts: Sequence[float]) -> float | None:
    """Over what was asked; what took nothing, such as an error, does not make the rest cheaper."""
    known = [amount for amount in amounts if amount > 0]
    return sum(known) / len(known) if known else None


def all_tokens(cost: CallCost) -> float | None:
    """Input plus output tokens of a call; None is unknown.

    Examples:
        >>> all_tokens(CallCost(input_tokens=90.0, output_tokens=10.0))
        100.0
    """
    return None if cost.input_tokens is None else cost.input_tokens + (cost.output_tokens or 0.0)


def bounded(left: Forecast, each: CallCost) -> bool:
    """Whether a ceiling can bind: there is one, and it is known what a call takes of it."""
    ceilings = ((left.calls, 1.0), (left.input_tokens, each.input_tokens), (left.usd, each.usd))
    return any(have is not None and per for have, per in ceilings)


def kept_back(request: FeedbackLoopInput, cases: int, each: CallCost | None = None) -> Forecast:
    """What the first model leaves for the others: one winner beside the control on all cases of each.

    It is never more than an equal share of the budget for each model.

    Args:
        request: holds the ceilings with the other models.
        cases: gate cases.
        each: cost of one call on the first model.

    Examples:
        >>> asked = FeedbackLoopInput(prompt="p", suite="s", model="a", also_models=("b",), budget_calls=900)
        >>> kept_back(asked, 100).calls, kept_back(asked, 600).calls
        (200, 450)
    """
    others, known = len(request.also_models), each or CallCost()
    calls = 2 * cases * others

    def share(budget: float | None, per: float | None) -> float:
        if budget is None or not others:
            return 0.0
        even = budget * others / (others + 1)
        return even if per is None else min(even, calls * per)

    return Forecast(
        calls=int(share(request.budget_calls, 1.0)),
        input_tokens=int(share(request.budget_tokens, known.input_tokens)),
        output_tokens=None,
        usd=share(request.budget_usd, known.usd),
    )


def budget_words(request: FeedbackLoopInput) -> str:
    """The ceilings of a request in words.

    Examples:
        >>> budget_words(FeedbackLoopInput(prompt="p", budget_calls=900, budget_usd=0.5))
        '900 calls, 0.5 USD'
    """
    ceilings = (
        (request.budget_calls, "calls"),
        (request.budget_tokens, "tokens"),
        (request.budget_usd, "USD"),
    )
    return ", ".join(f"{amount:g} {unit}" for amount, unit in ceilings if amount is not None)
