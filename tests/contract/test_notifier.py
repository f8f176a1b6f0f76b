"""What every notifier does, the fake and the real ones: see `drorch.callout.model.Notifier`."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from drorch.adapters.clock import SystemClock
from drorch.adapters.notify.smtp import SmtpNotifier
from drorch.adapters.notify.webhook import WebhookNotifier
from drorch.callout.model import Channel, Delivery, Encryption, Message, Notifier, Sending, Smtp
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.testing.callout import MemoryNotifier

INSIDE, OUTSIDE = "inside@example.org", "outside@example.org"


@dataclass
class Post:
    """A receiver: what it got, as (address, text)."""

    channel: Channel
    notifier: Notifier
    inside: str
    outside: str
    got: list[tuple[str, str]] = field(default_factory=list)

    def message(self, address: str) -> Message:
        return Message(
            channel=self.channel, address=address, subject="EXERCISE: ünïcode", text="press\nhttp://x/callout/1/abc\n",
            link="http://x/callout/1/abc", reference="20130301-1/7",
        )  # fmt: skip


class Mailbox:
    """An aiosmtpd handler that keeps mails; ``refuse`` answers each recipient with a code."""

    def __init__(self, refuse: str | None = None, answer: str = "250 taken", wait_s: float = 0) -> None:
        self.mails: list[tuple[str, Any]] = []
        self.refuse, self.answer, self.wait_s = refuse, answer, wait_s

    async def handle_RCPT(  # noqa: N802 - the name aiosmtpd asks for
        self, server: Any, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        if self.refuse:
            return self.refuse
        envelope.rcpt_tos.append(address)
        return "250 fine"

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        for address in envelope.rcpt_tos:
            self.mails.append((address, message_from_bytes(envelope.content)))
        await asyncio.sleep(self.wait_s)
        return self.answer


@contextmanager
def mail_server(handler: Mailbox, **options: Any) -> Iterator[int]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=port, **options)
    controller.start()
    try:
        yield port
    finally:
        controller.stop()


def smtp(port: int, **more: Any) -> Smtp:
    given = {"host": "127.0.0.1", "encryption": Encryption.NONE, "sender": "drorch@example.org", "timeout_s": 1.0}
    return Smtp(port=port, **{**given, **more})


@contextmanager
def web_server(got: list[Any], status: int = 204, headers: dict[str, str] | None = None) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, json.loads(body)))
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def allowed(channel: Channel, *addresses: str) -> frozenset[tuple[Channel, str]]:
    return frozenset((channel, address) for address in addresses)


@pytest.fixture(params=["memory", "smtp", "webhook"])
def post(request: pytest.FixtureRequest) -> Iterator[Post]:
    """Each kind of notifier in turn, with a real server behind the real ones."""
    if request.param == "memory":
        fake = MemoryNotifier(Channel.EMAIL, allowed(Channel.EMAIL, INSIDE))
        yield PostOfFake(Channel.EMAIL, fake, INSIDE, OUTSIDE)
    elif request.param == "smtp":
        box = Mailbox()
        with mail_server(box) as port:
            real = SmtpNotifier(smtp(port), allowed(Channel.EMAIL, INSIDE), SystemClock())
            yield PostOfMail(Channel.EMAIL, real, INSIDE, OUTSIDE, box)
    else:
        got: list[Any] = []
        with web_server(got) as base:
            hook = WebhookNotifier(allowed(Channel.WEBHOOK, f"{base}/inside"), 1.0)
            yield PostOfWeb(Channel.WEBHOOK, hook, f"{base}/inside", f"{base}/outside", got)


class PostOfFake(Post):
    def received(self) -> list[tuple[str, str]]:
        assert isinstance(self.notifier, MemoryNotifier)
        return [(message.address, message.text) for message in self.notifier.sent]


@dataclass
class PostOfMail(Post):
    box: Mailbox = field(default_factory=Mailbox)

    def __init__(self, channel: Channel, notifier: Notifier, inside: str, outside: str, box: Mailbox) -> None:
        super().__init__(channel, notifier, inside, outside)
        self.box = box

    def received(self) -> list[tuple[str, str]]:
        return [(address, mail.get_payload(decode=True).decode()) for address, mail in self.box.mails]


class PostOfWeb(Post):
    def __init__(self, channel: Channel, notifier: Notifier, inside: str, outside: str, got: list[Any]) -> None:
        super().__init__(channel, notifier, inside, outside)
        self.web = got

    def received(self) -> list[tuple[str, str]]:
        base = self.inside.removesuffix("/inside")
        return [(base + path, body["text"]) for path, body in self.web]


def test_a_message_reaches_its_address_and_no_other(post: Any) -> None:
    assert post.notifier.send(post.message(post.inside)) == Delivery(sending=Sending.SENT)
    ((address, text),) = post.received()
    assert address == post.inside
    assert "http://x/callout/1/abc" in text


def test_an_address_outside_the_tree_is_refused_before_anything_is_sent(post: Any) -> None:
    with pytest.raises(Refused) as refused:
        post.notifier.send(post.message(post.outside))
    assert post.received() == []
    assert post.outside not in str(refused.value)


def test_another_channel_is_refused(post: Any) -> None:
    other = Channel.WEBHOOK if post.channel is Channel.EMAIL else Channel.EMAIL
    message = post.message(post.inside)
    with pytest.raises(Refused):
        post.notifier.send(Message(**{**message.__dict__, "channel": other}))
    assert post.received() == []


def test_no_address_and_no_link_show_in_a_message(post: Any) -> None:
    shown = repr(post.message(post.inside))
    assert post.inside not in shown
    assert "/callout/" not in shown


def mail(settings: Smtp) -> Delivery:
    message = Message(
        channel=Channel.EMAIL, address=INSIDE, subject="EXERCISE", text="text", link="l", reference="1/2"
    )  # fmt: skip
    return SmtpNotifier(settings, allowed(Channel.EMAIL, INSIDE), SystemClock()).send(message)


@pytest.mark.parametrize("code", ["550 no such mailbox inside@example.org", "451 later"])
def test_a_refusal_of_the_mail_server_is_told_by_its_code_only(code: str) -> None:
    with mail_server(Mailbox(refuse=code)) as port:
        found = mail(smtp(port))
    assert found.sending is Sending.NOT_SENT
    assert code[:3] in found.why
    assert "inside" not in found.why


def test_a_mail_server_that_refuses_the_content_is_told() -> None:
    with mail_server(Mailbox(answer="554 spam")) as port:
        assert mail(smtp(port)) == Delivery(sending=Sending.NOT_SENT, why="the mail server said 554")


def test_a_mail_server_that_is_not_there_or_says_nothing_was_given_nothing() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = free.getsockname()[1]
    assert mail(smtp(closed)).sending is Sending.NOT_SENT
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        assert mail(smtp(silent.getsockname()[1], timeout_s=0.2)).sending is Sending.NOT_SENT


def test_a_mail_server_that_falls_silent_with_the_message_in_hand_is_unknown() -> None:
    box = Mailbox(wait_s=0.6)
    with mail_server(box) as port:
        assert mail(smtp(port, timeout_s=0.2)).sending is Sending.UNKNOWN
        assert len(box.mails) == 1


def test_a_mail_is_marked_and_asks_for_no_automatic_answer() -> None:
    box = Mailbox()
    with mail_server(box) as port:
        mail(smtp(port))
    ((_, got),) = box.mails
    assert got["Subject"].startswith("EXERCISE")
    assert got["Auto-Submitted"] == "auto-generated"
    assert got["To"] == INSIDE


@dataclass(frozen=True)
class Pem:
    cert: Path
    key: Path

    def context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.cert, self.key)
        return context


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Pem:
    """A certificate of its own for 127.0.0.1: the name localhost is not known on every machine."""
    folder = tmp_path_factory.mktemp("pem")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    cert = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(1).not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    made = Pem(folder / "cert.pem", folder / "key.pem")
    made.cert.write_bytes(cert.public_bytes(serialization.Encoding.PEM))
    made.key.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return made


def test_starttls_with_a_trusted_certificate_and_a_login(pem: Pem, tmp_path: Path) -> None:
    box, seen = Mailbox(), []

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        seen.append((data.login, data.password))
        return AuthResult(success=data.password == b"open sesame")

    secret = tmp_path / "password"
    secret.write_text("open sesame\n")
    secret.chmod(0o600)
    login = {"user": "drorch", "password_file": str(secret)}
    options = {"tls_context": pem.context(), "authenticator": authenticate, "auth_required": True,
               "require_starttls": True}  # fmt: skip
    with mail_server(box, **options) as port:
        settings = smtp(port, encryption=Encryption.STARTTLS, ca_file=str(pem.cert), **login)
        assert mail(settings).sending is Sending.SENT
        secret.write_text("wrong")  # every attempt reads what stands there now
        assert mail(settings).sending is Sending.NOT_SENT
    assert seen[0] == (b"drorch", b"open sesame")
    assert len(box.mails) == 1


def test_a_certificate_nobody_vouches_for_sends_nothing(pem: Pem) -> None:
    box = Mailbox()
    with mail_server(box, tls_context=pem.context()) as port:
        found = mail(smtp(port, encryption=Encryption.STARTTLS))
    assert found.sending is Sending.NOT_SENT
    assert "certificate" in found.why
    assert box.mails == []


def test_tls_from_the_first_byte(pem: Pem) -> None:
    box = Mailbox()
    with mail_server(box, ssl_context=pem.context()) as port:
        settings = smtp(port, encryption=Encryption.TLS, ca_file=str(pem.cert))
        assert mail(settings).sending is Sending.SENT
    assert len(box.mails) == 1


def test_a_password_that_others_may_read_is_refused(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("open sesame")
    secret.chmod(0o640)
    with pytest.raises(InputInvalid, match="chmod 600"):
        SmtpNotifier(smtp(25, user="u", password_file=str(secret)), frozenset(), SystemClock())
    with pytest.raises(NotFound):
        SmtpNotifier(smtp(25, user="u", password_file=str(tmp_path / "none")), frozenset(), SystemClock())


def hook(url: str, send: Callable[[WebhookNotifier, Message], Delivery] = lambda n, m: n.send(m)) -> Delivery:
    message = Message(
        channel=Channel.WEBHOOK, address=url, subject="EXERCISE", text="text", link="l", reference="1/2"
    )  # fmt: skip
    return send(WebhookNotifier(allowed(Channel.WEBHOOK, url), 0.3), message)


def test_a_redirect_is_not_followed_out_of_the_tree() -> None:
    elsewhere: list[Any] = []
    with web_server(elsewhere) as other, web_server([], 307, {"Location": f"{other}/x"}) as base:
        assert hook(f"{base}/hook") == Delivery(sending=Sending.NOT_SENT, why="the web receiver said 307")
    assert elsewhere == []


def test_a_web_receiver_that_fails_is_silent_or_is_not_there() -> None:
    with web_server([], 500) as base:
        assert hook(f"{base}/hook").why == "the web receiver said 500"
        port = base.rpartition(":")[2]
    assert hook(f"http://127.0.0.1:{port}/hook").sending is Sending.NOT_SENT
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        found = hook(f"http://127.0.0.1:{silent.getsockname()[1]}/secret-path")
    assert found.sending is Sending.UNKNOWN
    assert "secret-path" not in found.why


def test_the_environment_sets_no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    got: list[Any] = []
    with web_server(got) as base:
        monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        assert hook(f"{base}/hook").sending is Sending.SENT
    assert got[0][1]["exercise"] is True
