"""A mail server on loopback: EHLO, STARTTLS or TLS, AUTH PLAIN and LOGIN, and every mail it took."""

import base64
import socketserver
import ssl
import threading
from dataclasses import dataclass
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, Self


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail as it came. `login` is who sent it; `is_encrypted` whether nobody could read along."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes
    login: tuple[str, str] | None
    is_encrypted: bool

    @property
    def message(self) -> EmailMessage:
        found = message_from_bytes(self.raw, policy=default)
        assert isinstance(found, EmailMessage)
        return found


class MailServer:
    """Start it with `with`. `security` is `none`, `starttls` or `tls`; `refused` are addresses it does not take."""

    def __init__(
        self,
        security: str = "none",
        files: tuple[Path, Path] | None = None,
        login: tuple[str, str] | None = None,
    ) -> None:
        self.security, self.login = security, login
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) if files else None
        if self.context and files:
            self.context.load_cert_chain(*files)
        self.mails: list[Mail] = []
        self.refused: set[str] = set()
        self.greeting = "220 loopback ready"
        self.says_after_data = "250 taken"

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def __enter__(self) -> Self:
        class Handler(_Handler):
            server_of = self

        self._server = _Server(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *problem: object) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up, or does not trust the certificate, is its own business."""


class _Handler(socketserver.BaseRequestHandler):
    server_of: MailServer

    def handle(self) -> None:
        self.request.settimeout(30)
        self.is_encrypted = False
        self.known: tuple[str, str] | None = None
        self.sender, self.recipients = "", []
        if self.server_of.security == "tls":
            self._encrypt()
        self._open()
        try:
            self._say(self.server_of.greeting)
            while line := self.file.readline():
                word, _, rest = line.decode().strip().partition(" ")
                if not self._answer(word.upper(), rest):
                    return
        finally:
            self.file.close()
            self.request.close()

    def _answer(self, word: str, rest: str) -> bool:
        ours = self.server_of
        if word in ("EHLO", "HELO"):
            offers = ["loopback", "8BITMIME", "SIZE 10000000"]
            if ours.security == "starttls" and not self.is_encrypted:
                offers.append("STARTTLS")
            if ours.login and (self.is_encrypted or ours.security == "none"):
                offers.append("AUTH PLAIN LOGIN")
            for offer in offers[:-1]:
                self._say(f"250-{offer}")
            self._say(f"250 {offers[-1]}")
        elif word == "STARTTLS":
            self._say("220 go ahead")
            self.file.close()
            self._encrypt()
            self._open()
        elif word == "AUTH":
            self._login(rest)
        elif word == "MAIL":
            if ours.login and self.known != ours.login:
                self._say("530 log in first")
            else:
                self.sender, self.recipients = rest[rest.index("<") + 1 : rest.index(">")], []
                self._say("250 ok")
        elif word == "RCPT":
            name = rest[rest.index("<") + 1 : rest.index(">")]
            if name in ours.refused:
                self._say("550 no such mailbox")
            else:
                self.recipients.append(name)
                self._say("250 ok")
        elif word == "DATA":
            self._say("354 go ahead")
            self._take()
        elif word == "QUIT":
            self._say("221 bye")
            return False
        else:
            self._say("250 ok")
        return True

    def _take(self) -> None:
        lines = []
        while (line := self.file.readline()) != b".\r\n":
            lines.append(line[1:] if line.startswith(b"..") else line)
        ours = self.server_of
        if ours.says_after_data.startswith("250"):
            people = tuple(self.recipients)
            raw = b"".join(lines)
            ours.mails.append(Mail(self.sender, people, raw, self.known, self.is_encrypted))
        self._say(ours.says_after_data)

    def _login(self, rest: str) -> None:
        how, _, first = rest.partition(" ")
        if how.upper() == "PLAIN":
            _, user, password = base64.b64decode(first).decode().split("\0")
        else:
            user = base64.b64decode(first or self._ask("VXNlcm5hbWU6")).decode()
            password = base64.b64decode(self._ask("UGFzc3dvcmQ6")).decode()
        if (user, password) == self.server_of.login:
            self.known = (user, password)
            self._say("235 welcome")
        else:
            self._say(f"535 wrong password {password} for {user}")

    def _ask(self, words: str) -> bytes:
        self._say(f"334 {words}")
        return bytes(self.file.readline().strip())

    def _encrypt(self) -> None:
        assert self.server_of.context is not None
        self.request = self.server_of.context.wrap_socket(self.request, server_side=True)
        self.is_encrypted = True

    def _open(self) -> None:
        self.file = self.request.makefile("rb")

    def _say(self, line: str) -> None:
        self.request.sendall(f"{line}\r\n".encode())
