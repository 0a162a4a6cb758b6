"""Alerts as a POST of JSON."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx2

from flywheel.errors import ServiceError, ServiceRefused, ServiceUnavailable
from flywheel.records.alert import Alert
from flywheel.watch.wording import chat_text, fields

_COME_AGAIN = frozenset({408, 425, 429})


@dataclass(frozen=True, slots=True)
class WebhookChannel:
    """One request per alert; redirects are not followed.

    Attributes:
        url: with most services a secret, so that messages name its host alone.
        form: json has the fields of the alert, slack one text.
        token: sent as `Authorization: Bearer`; empty sends none.
        timeout_s: longest silence of the server.

    Examples:
        >>> "hunter2" in repr(WebhookChannel("https://hooks.example.com/hunter2"))
        False
    """

    url: str = field(repr=False)
    form: str = "json"
    token: str = field(default="", repr=False)
    timeout_s: float = 10.0

    def send(self, alert: Alert) -> None:
        """Post one alert.

        Raises:
            ServiceUnavailable: nobody listens, or the answer that asks to come again.
            ServiceError: the answer was lost, so nobody knows whether it arrived.
            ServiceRefused: the address is none, or the service does not accept the request.
        """
        where = f"The webhook at {_host(self.url)}"
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        content = chat_text(alert) if self.form == "slack" else fields(alert)
        try:
            status = httpx2.post(
                self.url, json=content, headers=headers, timeout=self.timeout_s, follow_redirects=False
            ).status_code
        except (httpx2.InvalidURL, httpx2.UnsupportedProtocol, httpx2.LocalProtocolError) as error:
            msg = f"{where} has no address that can be used. Give one that begins with https://."
            raise ServiceRefused(msg) from error
        except (httpx2.ReadTimeout, httpx2.ReadError, httpx2.RemoteProtocolError) as error:
            msg = f"{where} was asked and did not answer ({type(error).__name__}); it may have arrived."
            raise ServiceError(msg) from error
        except httpx2.HTTPError as error:
            msg = f"{where} did not answer ({type(error).__name__})."
            raise ServiceUnavailable(msg) from error
        if status >= 500 or status in _COME_AGAIN:
            raise ServiceUnavailable(f"{where} answered {status}.")
        if status >= 300:
            raise ServiceRefused(f"{where} answered {status}; it wants another address or token.", status)


def _host(url: str) -> str:
    """The part of an address that may be shown."""
    try:
        host = urlsplit(url).hostname
    except ValueError:
        host = None
    return host or "an address without a host"
