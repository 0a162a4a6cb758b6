"""Alerts through the library Apprise, which knows a hundred services."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field

from flywheel.errors import ServiceError, ServiceRefused, ServiceUnavailable
from flywheel.records.alert import Alert, Severity
from flywheel.watch.wording import body, title

_KINDS = {
    Severity.CRITICAL: "failure",
    Severity.HIGH: "failure",
    Severity.MEDIUM: "warning",
    Severity.LOW: "info",
    Severity.INFO: "info",
}


@dataclass(frozen=True, slots=True)
class AppriseChannel:
    """One notification per alert and address.

    Attributes:
        urls: addresses of Apprise; secrets, so that messages name none.

    Examples:
        >>> "hunter2" in repr(AppriseChannel(("json://127.0.0.1/hunter2",)))
        False
    """

    urls: tuple[str, ...] = field(repr=False)

    def send(self, alert: Alert) -> None:
        """Notify all addresses.

        Raises:
            ServiceRefused: the library is not installed, or an address is none of its own.
            ServiceUnavailable: the address could not be notified.
            ServiceError: not all of several could, and nobody knows which.
        """
        try:
            import apprise  # noqa: PLC0415  an optional extra
        except ModuleNotFoundError as error:
            msg = "Apprise is not installed. Nothing was sent. Prefect brings it, or: pip install apprise"
            raise ServiceRefused(msg) from error
        # It logs addresses.
        logging.getLogger("apprise").setLevel(logging.CRITICAL)
        sender = apprise.Apprise()
        for number, url in enumerate(self.urls, start=1):
            if not sender.add(url):
                msg = f"Address {number} of {len(self.urls)} is none that Apprise knows. Nothing was sent."
                raise ServiceRefused(msg)
        if not sender.notify(title=title(alert), body=body(alert), notify_type=_KINDS[alert.severity]):
            if len(self.urls) == 1:
                raise ServiceUnavailable("Apprise could not notify its address.")
            raise ServiceError(f"Apprise could not notify all of its {len(self.urls)} addresses.")
