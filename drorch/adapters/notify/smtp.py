"""Messages by mail: one connection per message, TLS verified, one recipient, no address in any error."""

from __future__ import annotations

import smtplib
import socket
import ssl
import stat
from contextlib import suppress
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.utils import format_datetime
from pathlib import Path

from drorch.adapters.notify.recipients import Allowed, refuse_outside
from drorch.callout.model import Channel, Delivery, Encryption, Message, Sending, Smtp
from drorch.core.clock import Clock
from drorch.core.errors import InputInvalid, NotFound


class SmtpNotifier:
    """Sends to addresses of ``allowed`` and to no other."""

    def __init__(self, settings: Smtp, allowed: Allowed, clock: Clock) -> None:
        """Reads the password. NotFound or InputInvalid when its file, or that of the CA, cannot be used."""
        self._settings, self._allowed, self._clock = settings, allowed, clock
        self._password = _secret(Path(settings.password_file)) if settings.password_file else None
        self._tls = _context(settings.ca_file) if settings.encryption is not Encryption.NONE else None

    def send(self, message: Message) -> Delivery:
        """Refused for an address outside the tree; everything else is said in the answer. At most some timeouts."""
        refuse_outside(message, Channel.EMAIL, self._allowed)
        try:
            server = self._ready()
        except (smtplib.SMTPException, OSError, UnicodeError) as error:
            return Delivery(sending=Sending.NOT_SENT, why=_why(error))
        try:
            server.send_message(self._mail(message), self._settings.sender, [message.address])
        except (smtplib.SMTPServerDisconnected, OSError) as error:
            # OSError is also the base of SMTPException: what the server answered is no riddle.
            refused = isinstance(error, smtplib.SMTPException) and not isinstance(error, smtplib.SMTPServerDisconnected)
            return Delivery(sending=Sending.NOT_SENT if refused else Sending.UNKNOWN, why=_why(error))
        finally:
            # Once the message is taken, how the server says good-bye changes nothing.
            with suppress(smtplib.SMTPException, OSError):
                server.quit()
            server.close()
        return Delivery(sending=Sending.SENT)

    def _ready(self) -> smtplib.SMTP:
        """A connection over which a message may go. Closed again when it cannot be had."""
        settings = self._settings
        server = self._opened()
        try:
            if settings.encryption is Encryption.STARTTLS:
                server.starttls(context=self._tls)
            if settings.user is not None and self._password is not None:
                server.login(settings.user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _opened(self) -> smtplib.SMTP:
        settings = self._settings
        if settings.encryption is Encryption.TLS:
            return smtplib.SMTP_SSL(
                settings.host, settings.port, socket.gethostname(), timeout=settings.timeout_s, context=self._tls
            )
        return smtplib.SMTP(settings.host, settings.port, socket.gethostname(), timeout=settings.timeout_s)

    def _mail(self, message: Message) -> EmailMessage:
        mail = EmailMessage(policy=SMTP_POLICY)
        mail["Subject"] = message.subject
        mail["From"] = self._settings.sender
        mail["To"] = message.address
        mail["Date"] = format_datetime(self._clock.now().wall)
        mail["Message-ID"] = f"<{message.reference.replace('/', '.')}@drorch.invalid>"
        # Out-of-office answers to an exercise help nobody.
        mail["Auto-Submitted"] = "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
        mail.set_content(message.text)
        return mail


def _context(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise NotFound(
            f"the CA certificates cannot be used: {error.strerror or type(error).__name__}",
            where=ca_file,
            next_step="name a PEM file",
        ) from error


def _secret(path: Path) -> str:
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound("the password cannot be read", where=str(path), next_step="name a file you may read") from error
    if mode & (stat.S_IRWXG | stat.S_IRWXO):
        what = "the password can be read by others than its owner"
        raise InputInvalid(what, where=str(path), next_step=f"chmod 600 {path}")
    return text


def _why(error: Exception) -> str:
    """What happened, by code and kind: the server's own words may repeat an address."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = sorted({str(code) for code, _ in error.recipients.values()})
        return f"the mail server refused the recipient ({', '.join(codes)})"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"the mail server said {error.smtp_code}"
    if isinstance(error, TimeoutError):
        return "the mail server gave no answer in time"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the mail server's certificate is not trusted: {error.verify_message}"
    if isinstance(error, smtplib.SMTPException):
        return f"the mail server could not be used: {type(error).__name__}"
    if isinstance(error, OSError):
        return f"the mail server could not be reached: {error.strerror or type(error).__name__}"
    return "user or password hold characters that mail cannot carry"
