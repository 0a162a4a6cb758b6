"""Sections of the dashboard, one function each."""

from __future__ import annotations

from typing import Final

from flywheel.learn.counting import count_of
from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.loop_health import KnownShare
from flywheel.service.drawing import more, nothing, section, table, when
from flywheel.service.markup import Markup, joined, tag
from flywheel.service.view import LEDGER_DAYS, View
from flywheel.service.wording import UNKNOWN, amount, clipped, percent, points, short, span

MOST: Final = 10
"""Rows of a section; a command shows the others."""


def what_is_live(view: View) -> Markup:
    """Each prompt with what an application gets when it asks for it."""
    rows = []
    for name in view.prompts:
        live = view.live.get(name)
        if live is None:
            rows.append((name, "nothing is live", UNKNOWN, "", ""))
            continue
        rows.append(
            (
                name,
                tag("code", short(live.version)),
                when(live.released_at),
                live.kind.value,
                clipped(live.why),
            )
        )
    shown = rows[: 3 * MOST]
    columns = ("prompt", "version", "since (UTC)", "released by", "why")
    body = table(f"What is live of {count_of(len(view.prompts), 'prompt')}", columns, shown) if rows else None
    empty = nothing("No prompt is stored here yet.", "flywheel demo")
    return section("live", "What is live", body or empty, more(len(rows), len(shown), "flywheel prompt list"))


def last_cycles(view: View) -> Markup:
    """The last cycles with what they decided, and what became of what they released."""
    if not view.outputs:
        return section(
            "cycles", "Last cycles", nothing("No cycle has ended yet.", "flywheel cycle --prompt NAME")
        )
    rows = [
        (
            one.prompt,
            _verdicts(one),
            points(one.performance_delta),
            points(one.shrunken_gain),
            f"{one.feedback_collected:,}",
            _report(one),
            clipped(one.because, 200),
        )
        for one in view.outputs[:MOST]
    ]
    columns = (
        "prompt",
        "candidates",
        "points",
        "points expected in use",
        "executions read",
        "after release",
        "because",
    )
    shown = table(
        f"The last {len(rows)} of {count_of(len(view.outputs), 'cycle')}, newest first",
        columns,
        rows,
        right=("points", "points expected in use", "executions read"),
    )
    loop = view.loop
    health = (
        f"Applied so far: {count_of(loop.applied, 'improvement')}. Proved real: {_share(loop.real)}; turned "
        f"out to be none: {_share(loop.false)}; without an answer yet: {loop.unanswered:,}. Mean gain on "
        f"cases that decided nothing: {points(loop.mean_gain)} points over {loop.measured:,} measured."
    )
    return section("cycles", "Last cycles", shown, tag("p", health))


def waiting_changes(view: View) -> Markup:
    """Staged changes that a person must decide on."""
    if not view.reviews:
        return section("reviews", "Changes waiting for review", nothing("No change waits for a person.", ""))
    rows = [
        (
            one.prompt,
            tag("code", f"{short(one.previous)} → {short(one.version)}"),
            when(one.created_at),
            clipped(one.because, 240),
            tag("code", f"flywheel review show {one.review_id[:12]}"),
        )
        for one in view.reviews[:MOST]
    ]
    return section(
        "reviews",
        "Changes waiting for review",
        table(
            f"{len(view.reviews):,} waiting, oldest first",
            ("prompt", "change", "since (UTC)", "because", "look at it"),
            rows,
        ),
        more(len(view.reviews), MOST, "flywheel review list"),
    )


def failure_patterns(view: View) -> Markup:
    """What fails most, by the newest analysis of each prompt."""
    if not view.patterns:
        return section(
            "patterns",
            "Failure patterns",
            nothing("None is known: no cycle has analysed failures.", "flywheel patterns"),
        )
    rows = [
        (
            clipped(one.title, 100),
            f"{one.count:,}",
            percent(one.share),
            percent(one.rate),
            one.state.replace("_", " "),
            clipped(one.cause),
            clipped(one.recommendation),
        )
        for one in view.patterns[:MOST]
    ]
    columns = ("pattern", "failures", "of all failures", "of scored executions", "state", "cause", "cure")
    shown = table(
        f"The {len(rows)} most damaging of {len(view.patterns):,}",
        columns,
        rows,
        right=columns[1:4],
    )
    return section(
        "patterns", "Failure patterns", shown, more(len(view.patterns), MOST, "flywheel patterns --limit 100")
    )


def open_alerts(view: View) -> Markup:
    """What a person should look at, worst first."""
    if not view.alerts:
        return section("alerts", "Open alerts", nothing("No alert is open.", ""))
    rows = [
        (
            one.subject,
            one.severity.value,
            when(one.raised_at),
            f"{one.times:,}",
            one.acknowledged_by or "nobody yet",
            clipped(one.message, 300),
        )
        for one in view.alerts[:MOST]
    ]
    columns = ("subject", "severity", "since (UTC)", "raised", "taken on by", "what")
    return section(
        "alerts",
        "Open alerts",
        table(f"{len(view.alerts):,} open, worst first", columns, rows, right=("raised",)),
        more(len(view.alerts), MOST, "flywheel alerts list"),
    )


def spend(view: View) -> Markup:
    """What models took, by the ledger; a price that is unknown is in no sum."""
    known = [t for t in view.tallies if t.cost_usd is not None]
    priced, there = sum(t.priced for t in known), sum(t.all for t in view.tallies)
    recorded = sum(t.cost_usd or 0.0 for t in known)
    said = (
        f"Executions recorded {amount(recorded if priced else None, ' USD', 4)}, known for {priced:,} of "
        f"{there:,} executions, over all time."
    )
    rows = []
    for one in view.spend:
        sent = one.spend.calls
        has_price = bool(one.spend.usd) or sent > one.spend.unpriced
        rows.append(
            (
                one.group or UNKNOWN,
                f"{sent:,}",
                f"{one.spend.tokens:,}",
                amount(one.spend.usd, digits=4) if has_price else None,
                f"{one.spend.unpriced:,} of {sent:,}",
                amount(one.p50_latency_ms, " ms"),
                amount(one.p95_latency_ms, " ms"),
            )
        )
    columns = ("model", "calls", "tokens", "USD", "calls of unknown price", "p50", "p95")
    ledger = (
        table(f"Calls of models in the last {LEDGER_DAYS} days", columns, rows, right=columns[1:])
        if rows
        else nothing(f"No model was asked through flywheel in the last {LEDGER_DAYS} days.", "")
    )
    return section("spend", "Spend", joined(ledger, tag("p", said)))


def _verdicts(output: FeedbackLoopOutput) -> str:
    counted = (
        ("released", output.shipped),
        ("staged", output.staged),
        ("held", output.held),
        ("rejected", output.rejected),
    )
    said = [f"{len(versions)} {word}" for word, versions in counted if versions]
    return ", ".join(said) or "no candidate"


def _report(output: FeedbackLoopOutput) -> str:
    if output.report_gain is None:
        return f"{UNKNOWN}: not measured"
    interval = f"{points(output.report_low)} to {points(output.report_high)}"
    return f"{points(output.report_gain)} points ({interval}) on {output.report_pairs:,} cases"


def _share(known: KnownShare) -> str:
    if known.share is None:
        return f"{UNKNOWN} (0 of 0)"
    return f"{percent(known.share)} ({span(known.low, known.high)}, {known.count:,} of {known.of:,})"
