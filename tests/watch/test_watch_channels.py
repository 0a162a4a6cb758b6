"""Channels against real servers and files."""

from __future__ import annotations

import email
import email.policy
import socket
import ssl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from alert_world import Posts, alert, lines_of
from mail_stub import mail_stub

from flywheel.errors import ServiceRefused, ServiceUnavailable
from flywheel.watch.apprise_channel import AppriseChannel
from flywheel.watch.email_channel import EmailChannel
from flywheel.watch.file_channel import FileChannel
from flywheel.watch.webhook import WebhookChannel

WORD = "hunter2"

pytestmark = pytest.mark.integration


def mail_channel(port: int, **more: object) -> EmailChannel:
    """A channel to a server of this machine."""
    fields = {"security": "none", "sender": "fw@example.com", "to": ("ann@example.com",), **more}
    return EmailChannel(host="127.0.0.1", port=port, **fields)


def test_a_mail_says_what_happened() -> None:
    """Subject, text and recipients arrive; line ends in a subject cannot add headers."""
    with mail_stub() as mail:
        channel = mail_channel(mail.port, to=("ann@example.com", "bob@example.com"))
        channel.send(alert(subject="triage\nBcc: eve@example.com", message="Zoë: 85 % < 90 %"))
    message = email.message_from_string(mail.messages[0], policy=email.policy.default)
    assert message["Subject"] == "[flywheel] HIGH triage Bcc: eve@example.com"
    assert (message["To"], message["Bcc"]) == ("ann@example.com, bob@example.com", None)
    assert "Zoë: 85 % < 90 %" in message.get_content()
    assert "flywheel alerts show a1" in message.get_content()


def test_a_password_travels_encrypted(tls: ssl.SSLContext, certificate: Path) -> None:
    """STARTTLS comes before the login."""
    with mail_stub(tls, password=WORD) as mail:
        mail_channel(mail.port, security="starttls", user="fw", password=WORD, trusted=str(certificate)).send(
            alert()
        )
    assert mail.encrypted == [True]
    assert mail.logins == ["\0fw\0hunter2"]


def test_a_server_nobody_vouches_for_gets_no_password(tls: ssl.SSLContext) -> None:
    """A certificate that is not trusted ends the connection before the login."""
    with mail_stub(tls, password=WORD) as mail, pytest.raises(ServiceRefused, match="certificate"):
        mail_channel(mail.port, security="starttls", user="fw", password=WORD).send(alert())
    assert mail.logins == []


def test_a_server_without_tls_gets_no_password() -> None:
    """Where STARTTLS is wanted and not offered nothing is sent."""
    with (
        mail_stub(password=WORD) as mail,
        pytest.raises(ServiceRefused, match="does not offer starttls"),
    ):
        mail_channel(mail.port, security="starttls", user="fw", password=WORD).send(alert())
    assert (mail.logins, mail.messages) == ([], [])


def test_a_wrong_password_is_refused_without_being_shown() -> None:
    """The message says that the login was not accepted, and has neither password nor user."""
    with (
        mail_stub(password="") as mail,
        pytest.raises(ServiceRefused, match="the login") as refused,
    ):
        mail_channel(mail.port, user="secret-user", password=WORD).send(alert())
    assert "hunter2" not in str(refused.value)
    assert "secret-user" not in str(refused.value)


def test_a_recipient_that_is_refused_is_named() -> None:
    """The others get the message, and the failure says who does not."""
    with mail_stub(refused="bob@example.com") as mail, pytest.raises(ServiceRefused, match="bob@example"):
        mail_channel(mail.port, to=("ann@example.com", "bob@example.com")).send(alert())
    assert len(mail.messages) == 1


def test_a_webhook_gets_fields_or_one_text(posts: Posts) -> None:
    """JSON has the fields of the alert, Slack's form one text with its signs written out."""
    WebhookChannel(posts.url, token=WORD).send(alert(message="85 < 90"))
    WebhookChannel(posts.url, "slack").send(alert(message="85 < 90"))
    assert (posts.bodies[0]["severity"], posts.bodies[0]["message"]) == ("high", "85 < 90")
    assert posts.bodies[1]["text"].startswith("*HIGH triage: cycle*\n85 &lt; 90")
    assert posts.tokens == [f"Bearer {WORD}", None]


@pytest.mark.parametrize(
    ("status", "error"),
    [(503, ServiceUnavailable), (429, ServiceUnavailable), (302, ServiceRefused), (404, ServiceRefused)],
)
def test_a_webhook_that_does_not_take_it_says_so(posts: Posts, status: int, error: type[Exception]) -> None:
    """The status is told, the address is not."""
    posts.status = status
    with pytest.raises(error, match=str(status)) as failure:
        WebhookChannel(posts.url).send(alert())
    assert "hunter2" not in str(failure.value)


@pytest.mark.parametrize(
    "url", ["ftp://127.0.0.1/hunter2", "hunter2", "http://[hunter2", "http://127.0.0.1:1/hunter2"]
)
def test_an_address_that_leads_nowhere_is_no_crash(url: str) -> None:
    """Each is an error of the house that shows no secret."""
    with pytest.raises((ServiceRefused, ServiceUnavailable)) as failure:
        WebhookChannel(url).send(alert())
    assert "hunter2" not in str(failure.value)


def test_apprise_notifies_its_addresses(posts: Posts) -> None:
    """An address of Apprise gets title and text; one that is none is refused without being shown."""
    AppriseChannel((posts.url.replace("http://", "json://"),)).send(alert())
    assert posts.bodies[0]["title"] == "HIGH triage: cycle"
    with pytest.raises(ServiceRefused, match="Address 1 of 1") as refused:
        AppriseChannel(("nothing://hunter2",)).send(alert())
    assert "hunter2" not in str(refused.value)


def test_lines_of_many_threads_stay_whole(tmp_path: Path) -> None:
    """Every alert is one line of JSON, whoever writes beside it; rotation loses none."""
    channel = FileChannel(tmp_path / "log" / "alerts.jsonl", most_bytes=3_000, keep=50)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: channel.send(alert(f"a{n}")), range(40)))
    files = [file for file in (tmp_path / "log").iterdir() if file.suffix != ".lock"]
    ids = [line["alert_id"] for file in files for line in lines_of(file)]
    assert sorted(ids) == sorted(f"a{n}" for n in range(40))
    assert len(files) > 2
    assert max(file.stat().st_size for file in files) <= 3_000


def test_only_so_many_older_files_are_kept(tmp_path: Path) -> None:
    """The oldest lines go; the newest are where they belong."""
    channel = FileChannel(tmp_path / "alerts.jsonl", most_bytes=1_000, keep=1)
    for number in range(20):
        channel.send(alert(f"a{number}"))
    assert {file.name for file in tmp_path.iterdir()} == {
        "alerts.jsonl",
        "alerts.jsonl.1",
        "alerts.jsonl.lock",
    }
    assert lines_of(tmp_path / "alerts.jsonl")[-1]["alert_id"] == "a19"


def test_a_line_that_was_cut_off_spoils_no_other(tmp_path: Path) -> None:
    """What a crash left is ended, and the next line is whole."""
    path = tmp_path / "alerts.jsonl"
    path.write_text('{"alert_id": "a0", "seve')
    FileChannel(path).send(alert("a1"))
    assert path.read_text().splitlines()[0] == '{"alert_id": "a0", "seve'
    assert '"alert_id": "a1"' in path.read_text().splitlines()[1]


def test_a_file_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    """A folder in place of the file is an error of the house."""
    (tmp_path / "alerts.jsonl").mkdir()
    with pytest.raises(ServiceUnavailable, match="cannot be written"):
        FileChannel(tmp_path / "alerts.jsonl").send(alert())


def test_a_port_nobody_listens_at_is_unavailable() -> None:
    """No server is worth another try later."""
    # Bound as long as the test lasts, so that no other server gets the port.
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(ServiceUnavailable, match="ConnectionRefused"):
            mail_channel(bound.getsockname()[1]).send(alert())
