"""Alerts by e-mail: over SMTP with STARTTLS or TLS, to checked addresses of the server alone."""

import smtplib
import socket
import ssl
from collections.abc import Mapping
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from typing import Any

from pwh_assets.core.alert import AlertChannel, Delivery
from pwh_assets.services.alerts.message import subject, text
from pwh_assets.services.alerts.senders import UndeliveredError
from pwh_assets.services.scrub import scrub
from pwh_assets.sources.network.egress import Egress

TIMEOUT_S = 20.0


def send_mail(
    channel: AlertChannel, secrets: Mapping[str, Any], delivery: Delivery, egress: Egress
) -> str | None:
    """Hand the mail to the channel's server. Returns who was refused, when others were not.

    Raises:
        UndeliveredError: the server took it for nobody.
        PrivateHostError, UnknownHostError: the server's host may not be reached.
    """
    config, password = channel.config, str(secrets.get("password", ""))
    place = f"{config['host']}:{config['port']}"
    try:
        client = _connect(config, egress)
        try:
            if config.get("username"):
                client.login(config["username"], password)
            refused = client.send_message(mail_of(channel, delivery))
        finally:
            with suppress(OSError, smtplib.SMTPException):
                client.quit()
            client.close()
    except smtplib.SMTPRecipientsRefused as error:
        raise UndeliveredError(f"`{place}` refused {_refusals(error.recipients)}.") from None
    except smtplib.SMTPResponseException as error:
        said = _said(error.smtp_error, password)
        raise UndeliveredError(f"`{place}` answered {error.smtp_code}: {said}.") from None
    except smtplib.SMTPNotSupportedError:
        raise UndeliveredError(
            f"`{place}` does not offer what the channel needs: STARTTLS, or a login."
        ) from None
    except ssl.SSLError:
        raise UndeliveredError(
            f"`{place}` was not trusted: its certificate is of no authority known here, or `security` is another one."
        ) from None
    except (OSError, smtplib.SMTPException) as error:
        cause = (
            "it took too long" if isinstance(error, TimeoutError) else "no connection, or it broke"
        )
        raise UndeliveredError(f"`{place}` was not reached: {cause}.") from None
    return f"Refused: {_refusals(refused)}." if refused else None


def mail_of(channel: AlertChannel, delivery: Delivery) -> EmailMessage:
    """The mail. Its Message-ID is the delivery's id, so a repeat can be told; one incident is one thread."""
    domain = str(channel.config["from"]).rpartition("@")[2]
    mail = EmailMessage(policy=WIRE)
    mail["From"] = channel.config["from"]
    mail["To"] = ", ".join(channel.config["to"])
    mail["Subject"] = subject(delivery)
    mail["Date"] = format_datetime(delivery.created_at)
    mail["Message-ID"] = f"<{delivery.id}@{domain}>"
    if delivery.incident_id:
        mail["References"] = f"<{delivery.incident_id}@{domain}>"
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-PWH-Event"] = delivery.event.value
    mail.set_content(text(delivery) + "\n")
    return mail


class _Plain(smtplib.SMTP):
    """Connects to the addresses that were checked, never to a name."""

    egress: Egress

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        return self.egress.connect(host, port, timeout)


class _Secure(smtplib.SMTP_SSL):
    """As `_Plain`, within TLS from the first byte."""

    egress: Egress

    def _get_socket(self, host: str, port: int, timeout: float) -> ssl.SSLSocket:
        found = self.egress.connect(host, port, timeout)
        try:
            return self.context.wrap_socket(found, server_hostname=host)
        except BaseException:
            found.close()
            raise


def _connect(config: Mapping[str, Any], egress: Egress) -> smtplib.SMTP:
    context = ssl.create_default_context(cadata=config.get("ca_certificate"))
    name = str(config["from"]).rpartition("@")[2]
    client: _Plain | _Secure
    if config["security"] == "tls":
        client = _Secure(local_hostname=name, timeout=TIMEOUT_S, context=context)
    else:
        client = _Plain(local_hostname=name, timeout=TIMEOUT_S)
    client.egress = egress
    client._host = config["host"]  # type: ignore[union-attr]  # what STARTTLS checks the certificate against
    try:
        code, said = client.connect(config["host"], config["port"])
        if code != 220:
            raise smtplib.SMTPConnectError(code, said)
        if config["security"] == "starttls":
            client.starttls(context=context)
        client.ehlo_or_helo_if_needed()
    except BaseException:
        client.close()
        raise
    return client


def _refusals(refused: Mapping[str, tuple[int, bytes]]) -> str:
    return ", ".join(f"`{name}` ({code}: {_said(said)})" for name, (code, said) in refused.items())


def _said(words: bytes | str, password: str = "") -> str:
    line = words.decode(errors="replace") if isinstance(words, bytes) else words
    line = " ".join("".join(c if c.isprintable() else " " for c in line).split())
    return scrub(line, [password] if password else [])[:300].rstrip(".")
