"""The way a warning goes: cleaned, kept, told, taken on by a person."""

from __future__ import annotations

import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from flywheel.cycle import SystemClock
from flywheel.errors import StoreError
from flywheel.learn.alerting import admitted, escalated
from flywheel.learn.redaction import Redactor
from flywheel.learn.redaction_policy import RedactionPolicy
from flywheel.ports import Clock
from flywheel.records.alert import Alert, Notice, NoticeState
from flywheel.records.alerting import AlertsConfig, AlertSettings
from flywheel.settings import read_settings
from flywheel.store.open import SqlStore
from flywheel.watch.channels import routes_of
from flywheel.watch.routes import Route, Sent, routes_for, send_all


@dataclass(frozen=True, slots=True)
class Told:
    """What came of raising alerts.

    Attributes:
        alerts: as they are kept; those that were known already are not among them.
        sent: one for each alert on each channel that was told now, alerts of earlier too.
        not_kept: why the store has none of it, or an empty text.
    """

    alerts: tuple[Alert, ...] = ()
    sent: tuple[Sent, ...] = ()
    not_kept: str = ""

    @property
    def failures(self) -> tuple[Sent, ...]:
        """What did not arrive, as far as is known."""
        return tuple(one for one in self.sent if one.state is not NoticeState.DELIVERED)

    def problems(self) -> list[str]:
        """What a person should hear about the way itself, a line each; empty when all arrived."""
        lines = [f"Alerts are not kept: {self.not_kept}"] if self.not_kept else []
        said = {(one.channel, one.error or "it was not begun in time"): 0 for one in self.failures}
        for one in self.failures:
            said[one.channel, one.error or "it was not begun in time"] += 1
        lines += [
            f"{count} {'alert' if count == 1 else 'alerts'} not delivered through {channel!r}: {error}"
            for (channel, error), count in said.items()
        ]
        return lines


@dataclass(frozen=True, slots=True)
class AutomatedAlertingSystem:
    """Takes alerts, and sees that the right channels are told, once.

    A detector hands over an `Alert`; whether it is told, to whom and how often
    follows from the settings and from what the store knows about its subject.

    Attributes:
        store: where alerts and notices are kept, shared by all processes.
        routes: ways out.
        settings: cooldown, escalation, patience.
        clock: the time.

    Examples:
        >>> from datetime import UTC, datetime
        >>> from flywheel.store.open import open_store
        >>> system = AutomatedAlertingSystem(open_store("sqlite://"), ())
        >>> alert = Alert(
        ...     alert_id="drift-1", severity="high", subject="triage: quality",
        ...     message="85 % passed, 92 % a week ago; see: flywheel patterns", raised_at=datetime.now(UTC),
        ... )
        >>> [kept.subject for kept in system.raise_alerts([alert]).alerts]
        ['triage: quality']
        >>> system.raise_alerts([alert]).alerts
        ()
    """

    store: SqlStore
    routes: tuple[Route, ...]
    settings: AlertSettings = field(default_factory=AlertSettings)
    clock: Clock = field(default_factory=SystemClock)

    def raise_alerts(self, alerts: Sequence[Alert]) -> Told:
        """Keep alerts without what is private in them, then tell the channels that are to know.

        Args:
            alerts: of one workspace or several; the same event twice counts once.

        Returns:
            What was kept, what was sent, what did not arrive. Where the store
            cannot be written the channels are told all the same, without cooldown.
        """
        kept: list[Alert] = []
        for number, alert in enumerate(alerts):
            try:
                admission = self.store.alerts.admit(
                    cleaned(alert, self.store.workspaces.policy(alert.workspace)),
                    lambda raised, known: admitted(raised, known, self.settings, self.clock.now()),
                    lambda kept: routes_for(self.routes, kept.severity),
                )
            # A store that is away is the first thing a person must hear of.
            except StoreError as error:
                return tell_unkept(self.routes, alerts[number:], self.settings, str(error))
            if admission is not None:
                kept.append(admission.alert)
        told = [self.tend(workspace) for workspace in dict.fromkeys(a.workspace for a in alerts)]
        return Told(tuple(kept), tuple(one for part in told for one in part.sent))

    def tend(self, workspace: str) -> Told:
        """Let alerts rise that nobody acknowledged, and send what is still to be sent.

        Raises:
            StoreError: the store cannot be used; what was taken is neither lost nor sent twice.
        """
        risen = self.store.alerts.rise(
            workspace,
            lambda alert: escalated(alert, self.settings, self.clock.now()),
            lambda alert: routes_for(self.routes, alert.severity),
        )
        return Told(tuple(risen), tuple(_send(self, workspace)))

    def acknowledge(self, workspace: str, alert_id: str, who: str) -> Alert:
        """A person takes an alert on: it is not told again before it gets worse, and does not rise.

        Raises:
            UnknownName: no such alert.
        """
        return self.store.alerts.acknowledge(workspace, alert_id, who, self.clock.now())

    def resolve(self, workspace: str, alert_id: str) -> Alert:
        """An alert is over; what was not told yet is not told any more.

        Raises:
            UnknownName: no such alert.
        """
        resolved = self.store.alerts.resolve(workspace, alert_id, self.clock.now())
        self.store.notices.drop(workspace, alert_id, "resolved before it was told")
        return resolved


def alerting_system(
    store: SqlStore, config: AlertsConfig, environ: Mapping[str, str] | None = None
) -> AutomatedAlertingSystem:
    """The system of a configuration.

    Args:
        store: where alerts are kept.
        config: settings with channels.
        environ: secrets by the names the channels give; os.environ when None.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> alerting_system(open_store("sqlite://"), AlertsConfig(), {}).routes[0].name
        'console'
    """
    env = dict(os.environ if environ is None else environ)
    routes = routes_of(config.channels.values(), env, read_settings(None, env).home)
    return AutomatedAlertingSystem(store, routes, config.alerts)


def resolve_subjects(system: AutomatedAlertingSystem, workspace: str, subjects: Collection[str]) -> int:
    """Resolve the open alerts about subjects that are over; how many there were.

    Raises:
        StoreError: the store cannot be used.
    """
    redactor = Redactor(system.store.workspaces.policy(workspace))
    kept_as = {redactor.name(subject) for subject in subjects}
    over = [alert for alert in system.store.alerts.open(workspace) if alert.subject in kept_as]
    for alert in over:
        system.resolve(workspace, alert.alert_id)
    return len(over)


def cleaned(alert: Alert, policy: RedactionPolicy) -> Alert:
    """An alert without what the policy of its workspace calls private."""
    redactor = Redactor(policy)
    changes = {"subject": redactor.name(alert.subject), "message": redactor.text(alert.message)}
    return alert.model_copy(update=changes)


def tell_unkept(routes: Sequence[Route], alerts: Sequence[Alert], settings: AlertSettings, why: str) -> Told:
    """Tell the channels of alerts no store can keep; each of them, since nothing says who was told before."""
    safe = [cleaned(alert, RedactionPolicy(workspace=alert.workspace)) for alert in alerts]
    safe = [alert for alert in safe if alert.severity.rank >= settings.least.rank]
    wanted = {route.name: [a for a in safe if a.severity.rank >= route.least.rank] for route in routes}
    results = send_all(routes, wanted, settings.deadline_s)
    return Told((), tuple(one for some in results for one in some), why)


def _send(system: AutomatedAlertingSystem, workspace: str) -> list[Sent]:
    """Send what waits, side by side; each result is kept beside its alert."""
    store, routes = system.store, system.routes
    notices: dict[str, list[Notice]] = {route.name: [] for route in routes}
    alerts: dict[str, list[Alert]] = {route.name: [] for route in routes}
    for notice in store.notices.take(workspace, list(notices)):
        alert = store.alerts.get(workspace, notice.alert_id)
        if alert is None:
            store.notices.settle(notice.number, NoticeState.DROPPED, "the alert is not kept any more")
            continue
        notices[notice.channel].append(notice)
        alerts[notice.channel].append(alert.model_copy(update={"severity": notice.severity}))
    results = send_all(routes, alerts, system.settings.deadline_s)
    sent: list[Sent] = []
    for route, some in zip(routes, results, strict=True):
        for notice, one in zip(notices[route.name], some, strict=True):
            store.notices.settle(notice.number, one.state, one.error, again=one.again)
            sent.append(one)
    return sent
