"""The worth of testing, read from what is stored; an alert when the health is low."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta

from flywheel.learn.value import value_report
from flywheel.learn.value_health import HEALTH, LEAST_HEALTH
from flywheel.records.alert import Alert, Severity
from flywheel.records.value import ValueReport
from flywheel.store.value_evidence import value_evidence
from flywheel.watch.alerting import AutomatedAlertingSystem, Told
from flywheel.watch.news import News, spread

WINDOW_DAYS = 90.0


@dataclass(frozen=True, slots=True)
class ValueDashboard:
    """Reads every metric, tells when the health is below 0.6.

    It keeps nothing of its own: looked at again it says the same, and raises one alert a day.

    Attributes:
        system: the way out for alerts, with the store that is read and the clock.
        workspace: whose executions.
        window_days: how far back.
        value_per_outcome_usd: worth of one more passed execution; None refuses the return on money.

    Examples:
        >>> from flywheel.store.open import open_store
        >>> board = ValueDashboard(AutomatedAlertingSystem(open_store("sqlite://"), ()))
        >>> board.get_dashboard_summary()["health_score"]["value"] is None
        True
    """

    system: AutomatedAlertingSystem
    workspace: str = "default"
    window_days: float = WINDOW_DAYS
    value_per_outcome_usd: float | None = None

    def read(self, executions_days: float | None = None) -> ValueReport:
        """All metrics now.

        Args:
            executions_days: count executions of so many days only; None takes those of the window.

        Raises:
            StoreError: the store cannot be read.
        """
        now = self.system.clock.now()
        begin = now - timedelta(days=self.window_days)
        since = begin if executions_days is None else now - timedelta(days=executions_days)
        evidence = value_evidence(self.system.store, self.workspace, (begin, since), now)
        return value_report(evidence, begin, now, self.value_per_outcome_usd, self.workspace)

    def get_dashboard_summary(self) -> dict[str, object]:
        """Every metric by name as JSON: value, interval, formula, what it is counted over, why it is unknown.

        Raises:
            StoreError: the store cannot be read.
        """
        return {one.name: one.model_dump(mode="json", exclude={"name"}) for one in self.read().metrics}

    def tell(self, report: ValueReport) -> Told:
        """Raise an alert where the health is low, resolve it where it is not; unknown leaves it as it is.

        Raises:
            StoreError: the store cannot be used beyond keeping alerts.
        """
        return spread(self.system, value_news(report))


def value_news(report: ValueReport) -> News:
    """What a report has to tell; its id is that of the day, so that a look again raises nothing new.

    Examples:
        >>> from datetime import UTC, datetime
        >>> from flywheel.records.value import ValueMetric
        >>> low = ValueMetric(name="health_score", title="health", unit="share", value=0.4, formula="")
        >>> at = datetime(2026, 3, 1, tzinfo=UTC)
        >>> news = value_news(ValueReport(read_at=at, window_days=90, metrics=(low,)))
        >>> news.alerts[0].severity.value, news.alerts[0].message[:30]
        ('medium', 'health 0.40, below 0.6. See: f')
    """
    health = report.metric("health_score")
    if health.value is None:
        return News()
    if health.value >= LEAST_HEALTH:
        return News((), ((report.workspace, HEALTH),))
    weak = sorted(
        (one for one in health.parts if one.value is not None),
        key=lambda one: -(one.weight or 0.0) * (1 - (one.value or 0.0)),
    )
    parts = "; ".join(
        f"{one.name} {one.value:.2f}: {one.because}" for one in weak[:2] if (one.value or 0) < 1
    )
    option = "" if report.workspace == "default" else f" --workspace {report.workspace}"
    message = (
        f"health {health.value:.2f}, below {LEAST_HEALTH}{f': {parts}' if parts else ''}. See: flywheel value"
    )
    key = "\0".join((report.workspace, HEALTH, f"{report.read_at:%Y-%m-%d}"))
    return News(
        (
            Alert(
                alert_id=hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=6).hexdigest(),
                workspace=report.workspace,
                severity=Severity.MEDIUM,
                subject=HEALTH,
                message=message + option,
                raised_at=report.read_at,
            ),
        )
    )
