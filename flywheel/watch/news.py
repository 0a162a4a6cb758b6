"""What a person must know of cycles, releases, imports: events become alerts."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from flywheel.cycle import CycleOutcome
from flywheel.ports import Store
from flywheel.records.alert import Alert, Severity
from flywheel.records.cycle import FeedbackLoopOutput
from flywheel.records.release import ReleaseEvent
from flywheel.watch.alerting import AutomatedAlertingSystem, Told, resolve_subjects

STAGED = "staged for review"
"""What a cycle gives as its reason where a change waits and there is no other."""


@dataclass(frozen=True, slots=True)
class News:
    """What began, what is over.

    Attributes:
        alerts: to be raised.
        over: subjects whose open alerts are resolved, each with its workspace.
    """

    alerts: tuple[Alert, ...] = ()
    over: tuple[tuple[str, str], ...] = ()

    def __add__(self, other: News) -> News:
        return News(self.alerts + other.alerts, self.over + other.over)


def subject_of(kind: str, prompt: str) -> str:
    """What an alert about a prompt is about; of one subject one alert is open.

    Examples:
        >>> subject_of("review", "triage")
        'triage: review'
    """
    return f"{prompt[:250]}: {kind}"


def cycle_news(outcomes: Sequence[CycleOutcome], store: Store | None, now: datetime) -> News:
    """What cycles have to say: failed, degraded, stopped by a ceiling or budget, released, waiting.

    A cycle that could be done is the end of what an earlier one complained
    about. A dry run has no news of releases or reviews.

    Args:
        outcomes: of the cycles.
        store: says whether a ceiling of spend stopped calls; None does not ask.
        now: the time.
    """
    news = News()
    for outcome in outcomes:
        if outcome.output is None:
            news += _failed(outcome, now)
        else:
            news += _done(outcome.output, store, now, dry=outcome.request.dry_run)
    return news


def rollback_news(event: ReleaseEvent, now: datetime) -> News:
    """A rollback, which the people of a prompt must hear of.

    Examples:
        >>> from datetime import UTC
        >>> at = datetime(2026, 3, 1, 12, tzinfo=UTC)
        >>> event = ReleaseEvent(
        ...     release_id="rollback-1", prompt="triage", workspace="default", version="b" * 64,
        ...     previous="a" * 64, kind="rollback", state="verified", why="worse", actor="ann", created_at=at,
        ... )
        >>> rollback_news(event, at).alerts[0].severity.value
        'high'
    """
    back, gone = event.version[:12], (event.previous or "nothing")[:12]
    message = (
        f"{event.actor} put {back} back in place of {gone}: {event.why}. "
        f"See: flywheel release history {event.prompt}"
    )
    alert = Alert(
        alert_id=event.release_id,
        workspace=event.workspace,
        severity=Severity.HIGH,
        subject=subject_of("rolled back", event.prompt),
        message=message,
        raised_at=now,
    )
    return News((alert,))


def review_news(prompt: str, workspace: str, waiting: int) -> News:
    """A person has decided about a change; the alert is over when nothing else of that prompt waits.

    Examples:
        >>> review_news("triage", "default", 0).over
        (('default', 'triage: review'),)
    """
    return News((), () if waiting else ((workspace, subject_of("review", prompt)),))


def import_news(rejected: int, read: int, where: str, workspace: str, now: datetime) -> News:
    """Lines of an import that were refused, or the end of that.

    Examples:
        >>> from datetime import UTC
        >>> import_news(2, 10, "runs.jsonl", "default", datetime(2026, 3, 1, tzinfo=UTC)).alerts[0].message
        '2 of 10 lines were rejected; they wait in quarantine. Mend them there and import the file again.'
    """
    subject = f"import of {where}"[:300]
    if not rejected:
        return News((), ((workspace, subject),))
    lines = "1 line was" if rejected == 1 else f"{rejected:,} of {read:,} lines were"
    message = f"{lines} rejected; they wait in quarantine. Mend them there and import the file again."
    return News((_alert(Severity.LOW, subject, message, (workspace, str(now)), now),))


def spread(system: AutomatedAlertingSystem, news: News) -> Told:
    """Raise the alerts of news, resolve what is over.

    Returns:
        What was kept, what was sent, what did not arrive.

    Raises:
        StoreError: the store cannot be used beyond keeping alerts.
    """
    told = system.raise_alerts(news.alerts)
    if not told.not_kept:
        for workspace in dict.fromkeys(workspace for workspace, _ in news.over):
            resolve_subjects(system, workspace, {s for where, s in news.over if where == workspace})
    return told


def _failed(outcome: CycleOutcome, now: datetime) -> News:
    request, error = outcome.request, outcome.error or "no reason was given"
    subject = subject_of("cycle", request.prompt)
    message = f"The cycle failed: {error}"
    # Of a cycle that never opened there is no id; the hour tells two failures apart.
    return News(
        (_alert(Severity.HIGH, subject, message, (request.workspace, f"{now:%Y-%m-%d %H:%M:%S.%f}"), now),)
    )


def _done(output: FeedbackLoopOutput, store: Store | None, now: datetime, *, dry: bool) -> News:
    where, cycle_id = output.workspace, output.cycle_id
    subject = subject_of("cycle", output.prompt)
    alerts: list[Alert] = []
    budget = subject_of("budget", output.prompt)
    over = [] if output.unmeasured else [budget]
    partial = [f"{s.phase.value}: {s.detail}" for s in output.workflow_stages if s.status == "degraded"]
    ceiling = _ceiling(output, store)
    if ceiling:
        message = f"A ceiling of spend stopped the cycle: {ceiling}"
        alerts.append(_alert(Severity.HIGH, subject, message, (where, cycle_id), now))
    elif partial:
        short = [text for text in output.unmeasured if not any(text in told for told in partial)]
        message = f"The cycle could not do all: {'; '.join((*partial, *short))}"
        alerts.append(_alert(Severity.MEDIUM, subject, message, (where, cycle_id), now))
    elif output.unmeasured:
        message = (
            f"A budget ended the cycle early: {'; '.join(output.unmeasured)}. What it found stands; a larger "
            "budget measures the rest."
        )
        alerts.append(_alert(Severity.LOW, budget, message, (where, cycle_id), now))
    if not dry:
        alerts += _moves(output, now)
    if not ceiling and not partial:
        over.append(subject)
    return News(tuple(alerts), tuple((where, name) for name in over))


def _moves(output: FeedbackLoopOutput, now: datetime) -> list[Alert]:
    where, identity = output.workspace, (output.workspace, output.cycle_id)
    alerts = []
    if output.staged:
        many = "A change waits" if len(output.staged) == 1 else f"{len(output.staged)} changes wait"
        workspace = "" if where == "default" else f" --workspace {where}"
        # Where something else was released, what the cycle says is about that.
        # That it is staged says the alert itself.
        says_more = not output.shipped and STAGED not in output.because
        told = output.because.rstrip(".") if says_more else ", ".join(v[:12] for v in output.staged)
        message = f"{many} for a person: {told}. Decide with: flywheel review list{workspace}"
        alerts.append(_alert(Severity.MEDIUM, subject_of("review", output.prompt), message, identity, now))
    for version in output.shipped:
        subject = subject_of(f"released {version[:12]}", output.prompt)
        alerts.append(_alert(Severity.INFO, subject, output.because, identity, now))
    return alerts


def _ceiling(output: FeedbackLoopOutput, store: Store | None) -> str:
    """What the ceiling said that left cases of the cycle without an answer, or an empty text."""
    if store is None:
        return ""
    session = f"experiment/{output.cycle_id}"
    stopped = (
        execution.error_message
        for execution in store.executions.in_session(output.workspace, output.prompt, session)
        if execution.error_type == "BudgetSpent"
    )
    return next((text for text in stopped if text), "")


def _alert(severity: Severity, subject: str, message: str, identity: tuple[str, str], now: datetime) -> Alert:
    """An alert whose id follows from its event, so that reading a finished cycle again raises nothing."""
    workspace, event = identity
    parts = "\0".join((subject, event)).encode("utf-8", "surrogatepass")
    return Alert(
        alert_id=hashlib.blake2b(parts, digest_size=6).hexdigest(),
        workspace=workspace,
        severity=severity,
        subject=subject,
        message=message,
        raised_at=now,
    )
