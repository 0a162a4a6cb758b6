"""Alerts as e-mail, by SMTP."""

from __future__ import annotations

import contextlib
import smtplib
import ssl
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from flywheel.errors import ServiceError, ServiceRefused, ServiceUnavailable
from flywheel.records.alert import Alert
from flywheel.watch.wording import body, title


@dataclass(frozen=True, slots=True)
class EmailChannel:
    """One message per alert.

    Attributes:
        host, port: of the server.
        security: starttls, ssl, or none.
        sender, to: addresses.
        user: None sends without logging in.
        password: never shown.
        timeout_s: longest silence of the server.
        trusted: PEM file of the authority that signed the server, None for those of the system.
    """

    host: str
    port: int
    sender: str
    to: tuple[str, ...]
    security: str = "starttls"
    user: str | None = None
    password: str = field(default="", repr=False)
    timeout_s: float = 10.0
    trusted: str | None = None

    def send(self, alert: Alert) -> None:
        """Hand one message to the server.

        Raises:
            ServiceUnavailable: the server does not answer, or asks to come again.
            ServiceRefused: it does not accept the login, the sender or a recipient.
            ServiceError: the connection was lost on the way, so nobody knows whether it arrived.
        """
        try:
            server = self._connected()
        except (OSError, smtplib.SMTPException) as error:
            raise self._failure(error) from error
        try:
            refused = server.send_message(self._message(alert))
        except (OSError, smtplib.SMTPServerDisconnected) as error:
            why = f"was lost on the way ({type(error).__name__}); the message may have arrived"
            raise ServiceError(f"The connection to {self.host}:{self.port} {why}.") from error
        except smtplib.SMTPException as error:
            raise self._failure(error) from error
        finally:
            # How the server says farewell changes nothing about the message.
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.quit()
            server.close()
        if refused:
            msg = f"{self.host} took the message, but not for {', '.join(sorted(refused))}."
            raise ServiceRefused(msg)

    def _connected(self) -> smtplib.SMTP:
        trust = ssl.create_default_context(cafile=self.trusted)
        server: smtplib.SMTP
        if self.security == "ssl":
            server = smtplib.SMTP_SSL(self.host, self.port, timeout=self.timeout_s, context=trust)
        else:
            server = smtplib.SMTP(self.host, self.port, timeout=self.timeout_s)
        try:
            if self.security == "starttls":
                server.starttls(context=trust)
            if self.user is not None:
                server.login(self.user, self.password)
        except (OSError, smtplib.SMTPException):
            server.close()
            raise
        return server

    def _message(self, alert: Alert) -> EmailMessage:
        message = EmailMessage()
        message["Subject"] = f"[flywheel] {title(alert)}"
        message["From"] = self.sender
        message["To"] = ", ".join(self.to)
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=self.sender.partition("@")[2])
        # Replies out of office stay away.
        message["Auto-Submitted"] = "auto-generated"
        # Not every server takes eight bits.
        message.set_content(body(alert).encode("utf-8", "replace").decode(), cte="quoted-printable")
        return message

    def _failure(self, error: Exception) -> ServiceError:
        """What went wrong, without what the server said: it may repeat a name or a password."""
        where = f"The mail server {self.host}:{self.port}"
        code = getattr(error, "smtp_code", None)
        if isinstance(error, ssl.SSLError):
            return ServiceRefused(f"{where} has no certificate that is trusted here, or speaks no TLS there.")
        if isinstance(error, smtplib.SMTPNotSupportedError):
            return ServiceRefused(f"{where} does not offer {self.security}, or no login. Nothing was sent.")
        if isinstance(error, smtplib.SMTPRecipientsRefused):
            return ServiceRefused(f"{where} accepts none of the recipients.")
        if isinstance(code, int) and code >= 500:
            what = "the login" if isinstance(error, smtplib.SMTPAuthenticationError) else "the message"
            return ServiceRefused(f"{where} does not accept {what} (code {code}).")
        why = f"code {code}" if code else type(error).__name__
        return ServiceUnavailable(f"{where} did not take the message ({why}).")
