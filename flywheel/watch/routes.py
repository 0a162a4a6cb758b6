"""Ways out of the house: a channel with what it is told."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from flywheel.errors import FlywheelError, ServiceError, ServiceRefused, ServiceUnavailable
from flywheel.ports import AlertChannel
from flywheel.records.alert import Alert, NoticeState, Severity
from flywheel.watch.wording import together

TOGETHER_FROM = 4
"""Alerts for one channel at one moment from which a person gets one message about all of them."""


@dataclass(frozen=True, slots=True)
class Route:
    """One way out.

    Attributes:
        name: of the channel, as a person gave it.
        channel: where alerts go.
        least: least severity it is told.
        joins: whether many alerts at one moment become one message.
    """

    name: str
    channel: AlertChannel
    least: Severity = Severity.INFO
    joins: bool = False


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one alert on one route.

    Attributes:
        alert_id: of the alert.
        channel: name of the route.
        state: delivered; failed; unknown, when it may still arrive; waiting, when it was not begun.
        error: why it was not delivered, without anything secret.
        again: whether another try is worth it.
    """

    alert_id: str
    channel: str
    state: NoticeState
    error: str = ""
    again: bool = True


def routes_for(routes: Sequence[Route], severity: Severity) -> list[str]:
    """Names of the routes that are told of a severity.

    Examples:
        >>> from flywheel.watch.console import ConsoleChannel
        >>> route = Route("console", ConsoleChannel(), Severity.HIGH)
        >>> routes_for([route], Severity.CRITICAL), routes_for([route], Severity.LOW)
        (['console'], [])
    """
    return [route.name for route in routes if severity.rank >= route.least.rank]


def send_all(
    routes: Sequence[Route], alerts: Mapping[str, Sequence[Alert]], deadline_s: float
) -> list[list[Sent]]:
    """Send through all routes side by side, and wait for no longer than a deadline.

    A channel that hangs holds up neither the others nor the caller: its thread
    is left behind, and begins nothing after the deadline.

    Args:
        routes: ways out.
        alerts: what each is told, by the name of the route, in order.
        deadline_s: longest time for all of them together.

    Returns:
        For each route, in order, one result per alert, in order.
    """
    ends = time.monotonic() + deadline_s
    sending = [_Sending(route, tuple(alerts.get(route.name, ()))) for route in routes]
    for one in sending:
        one.start()
    return [one.results_by(ends, deadline_s) for one in sending]


@dataclass(slots=True)
class _Sending:
    """One route at work in a thread of its own."""

    route: Route
    alerts: tuple[Alert, ...]
    _results: list[Sent] = field(default_factory=list)
    _begun: int = 0
    _stopped: bool = False
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _thread: threading.Thread | None = None

    def start(self) -> None:
        if self.alerts:
            self._thread = threading.Thread(
                target=self._work, name=f"alerts to {self.route.name}", daemon=True
            )
            self._thread.start()

    def results_by(self, ends: float, deadline_s: float) -> list[Sent]:
        if self._thread is None:
            return []
        self._thread.join(max(0.0, ends - time.monotonic()))
        with self._lock:
            self._stopped = True
            if self._thread.is_alive():
                lost = (NoticeState.UNKNOWN, f"no answer within {deadline_s:g} s; it may still arrive")
            else:
                lost = (NoticeState.FAILED, "the channel broke off; the reason is on stderr")
            done = len(self._results)
            rest = [
                self._sent(a, *(lost if at < self._begun else (NoticeState.WAITING, "")))
                for at, a in enumerate(self.alerts[done:], start=done)
            ]
            return [*self._results, *rest]

    def _work(self) -> None:
        whole = self.route.joins and len(self.alerts) >= TOGETHER_FROM
        size = len(self.alerts) if whole else 1
        for start in range(0, len(self.alerts), size):
            some = self.alerts[start : start + size]
            with self._lock:
                if self._stopped:
                    return
                self._begun += len(some)
            state, error, again = self._tried(together(some))
            with self._lock:
                if not self._stopped:
                    self._results += [self._sent(alert, state, error, again=again) for alert in some]

    def _tried(self, alert: Alert) -> tuple[NoticeState, str, bool]:
        try:
            self.route.channel.send(alert)
        except ServiceUnavailable as error:
            return NoticeState.FAILED, str(error), True
        except ServiceRefused as error:
            # Some may have it already: of a mail to two, one recipient.
            return NoticeState.FAILED, str(error), False
        except ServiceError as error:
            return NoticeState.UNKNOWN, str(error), False
        except FlywheelError as error:
            return NoticeState.FAILED, str(error), False
        return NoticeState.DELIVERED, "", False

    def _sent(self, alert: Alert, state: NoticeState, error: str = "", *, again: bool = True) -> Sent:
        return Sent(alert.alert_id, self.route.name, state, error, again)
