"""A mail server on the loopback that takes what it is told, or refuses it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Mail:
    """What a server was told."""

    port: int = 0
    messages: list[str] = field(default_factory=list)
    logins: list[str] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)


@dataclass
class _Server:
    mail: Mail
    tls: ssl.SSLContext | None
    password: str | None
    refused: str | None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        secret, rest = False, b""
        writer.write(b"220 stub\r\n")
        while line := await reader.readline():
            word = line.split()[0].upper() if line.split() else b""
            if word == b"STARTTLS" and self.tls is not None:
                writer.write(b"220 go\r\n")
                await writer.drain()
                await writer.start_tls(self.tls)
                secret = True
                continue
            if word == b"DATA":
                writer.write(b"354 go\r\n")
                rest = await reader.readuntil(b"\r\n.\r\n")
                self.mail.messages.append(rest.decode())
                self.mail.encrypted.append(secret)
            writer.write(self.answer(word, line, secret=secret))
            await writer.drain()
            if word == b"QUIT":
                break
        writer.close()

    def answer(self, word: bytes, line: bytes, *, secret: bool) -> bytes:
        """What the server says to one line."""
        if word == b"EHLO":
            offer = b"250-STARTTLS\r\n" if self.tls is not None and not secret else b""
            return b"250-stub\r\n" + offer + b"250 AUTH PLAIN\r\n"
        if word == b"AUTH":
            self.mail.logins.append(base64.b64decode(line.split()[2]).decode())
            right = self.mail.logins[-1].split("\0")[2] == self.password
            return b"235 in\r\n" if right else b"535 no\r\n"
        if word == b"QUIT":
            return b"221 bye\r\n"
        if word == b"RCPT" and self.refused is not None and self.refused.encode() in line:
            return b"550 nobody here\r\n"
        return b"250 fine\r\n"


@contextlib.contextmanager
def mail_stub(
    tls: ssl.SSLContext | None = None, password: str | None = None, refused: str | None = None
) -> Iterator[Mail]:
    """A server in a thread of its own.

    Args:
        tls: for STARTTLS; None offers none.
        password: that is accepted.
        refused: recipient that is not.
    """
    mail, loop = Mail(), asyncio.new_event_loop()
    server = loop.run_until_complete(_started(_Server(mail, tls, password, refused)))
    mail.port = server.sockets[0].getsockname()[1]
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield mail
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        server.close()
        loop.close()


async def _started(server: _Server) -> asyncio.Server:
    return await asyncio.start_server(server.serve, "127.0.0.1", 0)
