"""One contract for every probe: satisfied by the right thing, a stable code for each wrong one, never an exception."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue

import paramiko
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from drorch.adapters.probes.kinds.dns import DnsProbe
from drorch.adapters.probes.kinds.http import HttpProbe
from drorch.adapters.probes.kinds.result import Probe, ProbeCode, ProbeResult
from drorch.adapters.probes.kinds.sql import SqlProbe
from drorch.adapters.probes.kinds.ssh import SshProbe
from drorch.adapters.probes.kinds.tcp import TcpProbe
from drorch.adapters.probes.kinds.tls import TlsProbe
from drorch.catalog.model import ProbeKind
from drorch.estate.model import Endpoint, NameServer, SshEndpoint
from drorch.testing.services import Services, free_port

HOST = "127.10.0.1"
TIMEOUT_S = 5.0
Handler = Callable[[socket.socket], None]


@contextmanager
def listening(handle: Handler) -> Iterator[Endpoint]:
    """A TCP server in threads that gives each connection to ``handle``."""
    with socket.create_server((HOST, 0)) as server:
        threads: list[threading.Thread] = []

        def accept() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threads.append(threading.Thread(target=serve, args=(connection,)))
                    threads[-1].start()

        def serve(connection: socket.socket) -> None:
            with connection, suppress(OSError, EOFError):
                connection.settimeout(3)
                handle(connection)

        acceptor = threading.Thread(target=accept)
        acceptor.start()
        try:
            yield Endpoint(address=HOST, port=server.getsockname()[1])
        finally:
            with suppress(OSError):
                server.shutdown(socket.SHUT_RDWR)
            for thread in [acceptor, *threads]:
                thread.join(12)


def silent(connection: socket.socket) -> None:
    """Takes everything, says nothing, until the other side goes."""
    while connection.recv(4096):
        pass


def garbage(connection: socket.socket) -> None:
    connection.sendall(b"\x00\x01 what? \r\n\r\n" * 20)
    silent(connection)


def http_answer(status: str) -> Handler:
    def handle(connection: socket.socket) -> None:
        while b"\r\n\r\n" in connection.recv(4096):
            connection.sendall(f"HTTP/1.1 {status}\r\nLocation: /else\r\nContent-Length: 2\r\n\r\nok".encode())

    return handle


@dataclass(frozen=True)
class Fake:
    """A probe that answers what it is told; the contract's yardstick."""

    result: ProbeResult

    def look(self, timeout_s: float) -> ProbeResult:
        return self.result


def unused() -> Endpoint:
    return Endpoint(address=HOST, port=free_port(HOST))


class Tls:
    """Certificates of a test's own authority."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.authority = folder / "authority.pem"
        self._write(self.authority, self._certificate("authority", days=30, is_authority=True))

    def context(self, name: str, *, days: float) -> ssl.SSLContext:
        chain = self.folder / f"{name}.pem"
        self._write(chain, self._certificate(name, days=days))
        key = self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        chain.write_bytes(chain.read_bytes() + key)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain)
        return context

    def _certificate(self, name: str, *, days: float, is_authority: bool = False) -> x509.Certificate:
        now = dt.datetime.now(dt.UTC)

        def called(text: str) -> x509.Name:
            return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

        builder = (
            x509.CertificateBuilder()
            .subject_name(called(name))
            .issuer_name(called("authority"))
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=60))
            .not_valid_after(now + dt.timedelta(days=days))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
            .add_extension(
                x509.SubjectAlternativeName([x509.DNSName(name), x509.IPAddress(ipaddress.ip_address(HOST))]), False
            )
        )
        return builder.sign(self.key, hashes.SHA256())

    def _write(self, path: Path, certificate: x509.Certificate) -> None:
        path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))


def tls_server(context: ssl.SSLContext) -> Handler:
    def handle(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as secured:
            silent(secured)

    return handle


class SshServer(paramiko.ServerInterface):
    """Lets one key in and ends every command with ``status``."""

    def __init__(self, allowed: paramiko.PKey, status: int) -> None:
        self._allowed = allowed
        self._status = status

    def check_auth_publickey(self, username: str, key: paramiko.PKey) -> int:
        return paramiko.AUTH_SUCCESSFUL if key == self._allowed else paramiko.AUTH_FAILED

    def check_channel_request(self, kind: str, chanid: int) -> int:
        return paramiko.OPEN_SUCCEEDED

    def check_channel_exec_request(self, channel: paramiko.Channel, command: bytes) -> bool:
        def end() -> None:
            with suppress(EOFError, OSError):  # who has the status may go before we say goodbye
                channel.send_exit_status(self._status)
                channel.close()

        threading.Timer(0.05, end).start()
        return True


def ssh_server(host_key: paramiko.PKey, allowed: paramiko.PKey, status: int = 0) -> Handler:
    def handle(connection: socket.socket) -> None:
        transport = paramiko.Transport(connection)
        transport.add_server_key(host_key)
        with suppress(paramiko.SSHException):
            transport.start_server(server=SshServer(allowed, status))
        transport.join(10)
        transport.close()

    return handle


@dataclass(frozen=True)
class Keys:
    host: paramiko.ECDSAKey
    user: paramiko.ECDSAKey
    other: paramiko.ECDSAKey
    folder: Path

    def probe(self, endpoint: Endpoint, *, pinned: paramiko.PKey | None = None, user: str = "user") -> SshProbe:
        key = pinned or self.host
        line = f"{key.get_name()} {key.get_base64()}"
        server = SshEndpoint(endpoint=endpoint, user="me", host_key=line, identity_file=str(self.folder / user))
        return SshProbe(server=server)


@pytest.fixture
def keys(tmp_path: Path) -> Keys:
    made = Keys(*(paramiko.ECDSAKey.generate() for _ in range(3)), tmp_path)
    made.user.write_private_key_file(str(tmp_path / "user"))
    made.other.write_private_key_file(str(tmp_path / "other"))
    return made


@pytest.fixture
def tls(tmp_path: Path) -> Tls:
    return Tls(tmp_path)


PROBES = ("fake", "http", "tcp", "tls", "ssh", "sql")


def probe_at(kind: str, endpoint: Endpoint, tls: Tls, keys: Keys) -> Probe:
    match kind:
        case "http":
            return HttpProbe(endpoint=endpoint, name="mail.test", path="/whoami")
        case "tcp":
            return TcpProbe(endpoint=endpoint, source="127.30.0.1")
        case "tls":
            return TlsProbe(endpoint=endpoint, name="mail.test", authority_file=str(tls.authority))
        case "ssh":
            return keys.probe(endpoint)
        case _:
            return SqlProbe(endpoint=endpoint, database="d", user="u", pgpass_file="/nowhere")


def looked(probe: Probe, timeout_s: float = TIMEOUT_S) -> ProbeResult:
    result = probe.look(timeout_s)
    if isinstance(probe, HttpProbe):
        probe.close()
    assert result.seconds >= 0
    assert result.target
    assert result.ok == (result.code is ProbeCode.OK)
    assert result.ok or result.reason
    return result


@pytest.mark.parametrize("kind", PROBES)
def test_nobody_listens(kind: str, tls: Tls, keys: Keys) -> None:
    if kind == "fake":
        told = ProbeResult(kind=ProbeKind.TCP, target="t", code=ProbeCode.REFUSED, reason="no", seconds=0.0)
        assert looked(Fake(told)).code is ProbeCode.REFUSED
        return
    assert looked(probe_at(kind, unused(), tls, keys)).code is ProbeCode.REFUSED


@pytest.mark.parametrize("kind", ["http", "tls", "ssh", "sql"])
def test_somebody_hangs(kind: str, tls: Tls, keys: Keys) -> None:
    with listening(silent) as endpoint:
        result = looked(probe_at(kind, endpoint, tls, keys), 0.3)
    assert result.code in {ProbeCode.TIMEOUT, ProbeCode.PROTOCOL}, result


@pytest.mark.parametrize("kind", ["http", "tls", "ssh", "sql"])
def test_somebody_speaks_another_language(kind: str, tls: Tls, keys: Keys) -> None:
    with listening(garbage) as endpoint:
        result = looked(probe_at(kind, endpoint, tls, keys), 1.0)
    assert result.code in {ProbeCode.PROTOCOL, ProbeCode.UNREACHABLE, ProbeCode.TIMEOUT}, result


def test_tcp_is_satisfied_by_a_connection_from_the_source_asked_for() -> None:
    seen: SimpleQueue[str] = SimpleQueue()
    with listening(lambda connection: seen.put(connection.getpeername()[0])) as endpoint:
        assert looked(TcpProbe(endpoint=endpoint, source="127.30.0.1")).ok
        assert seen.get(timeout=10) == "127.30.0.1"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        ("200 OK", ProbeCode.OK),
        ("302 Found", ProbeCode.STATUS),  # a redirect is not followed and is no success
        ("404 No", ProbeCode.STATUS),
        ("503 No", ProbeCode.STATUS),
    ],
)
def test_http_is_satisfied_by_success_only(status: str, code: ProbeCode) -> None:
    with (
        listening(http_answer(status)) as endpoint,
        HttpProbe(endpoint=endpoint, name="mail.test", path="/whoami") as probe,
    ):
        assert probe.look(TIMEOUT_S).code is code
        assert probe.look(TIMEOUT_S).code is code


def test_http_does_not_go_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    with listening(http_answer("200 OK")) as endpoint, HttpProbe(endpoint=endpoint, name="mail.test") as probe:
        assert probe.look(TIMEOUT_S).ok


@pytest.mark.parametrize(
    ("name", "days", "code"),
    [
        ("mail.test", 25.0, ProbeCode.OK),
        ("mail.test", 5.0, ProbeCode.EXPIRED),  # still valid, for too short
        ("mail.test", -1.0, ProbeCode.EXPIRED),
        ("other.test", 25.0, ProbeCode.UNTRUSTED),
    ],
)
def test_tls_wants_the_name_and_enough_days(tls: Tls, name: str, days: float, code: ProbeCode) -> None:
    with listening(tls_server(tls.context(name, days=days))) as endpoint:
        probe = TlsProbe(endpoint=endpoint, name="mail.test", authority_file=str(tls.authority))
        assert looked(probe).code is code


def test_tls_does_not_trust_a_stranger(tls: Tls) -> None:
    with listening(tls_server(tls.context("mail.test", days=25))) as endpoint:
        assert looked(TlsProbe(endpoint=endpoint, name="mail.test")).code is ProbeCode.UNTRUSTED


def test_ssh_logs_in_where_the_host_key_is_the_pinned_one(keys: Keys) -> None:
    with listening(ssh_server(keys.host, keys.user)) as endpoint:
        assert looked(keys.probe(endpoint)).ok


def test_ssh_does_not_talk_to_another_host(keys: Keys) -> None:
    with listening(ssh_server(keys.host, keys.user)) as endpoint:
        assert looked(keys.probe(endpoint, pinned=keys.other)).code is ProbeCode.UNTRUSTED
        other_type = paramiko.RSAKey.generate(2048)
        assert looked(keys.probe(endpoint, pinned=other_type)).code is ProbeCode.UNTRUSTED


def test_ssh_says_when_it_is_not_let_in_and_when_the_command_fails(keys: Keys) -> None:
    with listening(ssh_server(keys.host, keys.user, status=3)) as endpoint:
        assert looked(keys.probe(endpoint, user="other")).code is ProbeCode.DENIED
        result = looked(keys.probe(endpoint))
    assert (result.code, result.reason) == (ProbeCode.STATUS, "the command ended with 3")


@pytest.mark.parametrize("line", ["", "nonsense", "ssh-ed25519", "ssh-ed25519 AAAA", "ssh-unknown AAAA"])
def test_a_host_key_that_cannot_be_read_is_not_trusted(keys: Keys, line: str) -> None:
    server = SshEndpoint(endpoint=unused(), user="me", host_key=line, identity_file=str(keys.folder / "user"))
    assert looked(SshProbe(server=server)).code is ProbeCode.UNTRUSTED


def test_dns_asks_every_server() -> None:
    with Services() as services:
        probe = DnsProbe(name="mail.test", servers=services.name_servers)
        assert looked(probe).code is ProbeCode.STATUS  # nobody knows the name
        services.point("mail.test", "nyc")
        assert looked(probe).facts == {"answers": {"piscataway": HOST, "valencia": HOST}}
        elsewhere = DnsProbe(name="mail.test", servers=services.name_servers, expected="127.20.0.1")
        assert looked(elsewhere).code is ProbeCode.MISMATCH
        services.point("mail.test", "piscataway", at="valencia")
        assert looked(probe).code is ProbeCode.MISMATCH
        services.silence("valencia")
        assert looked(probe, 0.4).code is ProbeCode.TIMEOUT


def test_dns_without_a_server_proves_nothing() -> None:
    assert looked(DnsProbe(name="mail.test", servers=())).code is ProbeCode.UNREACHABLE


def test_dns_takes_no_garbage() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((HOST, 0))
        server.settimeout(10)

        def answer() -> None:
            data, peer = server.recvfrom(4096)
            server.sendto(data[:2] + b"\xff" * 3, peer)

        thread = threading.Thread(target=answer)
        thread.start()
        here = NameServer(site="nyc", endpoint=Endpoint(address=HOST, port=server.getsockname()[1]))
        result = looked(DnsProbe(name="mail.test", servers=(here,)), 0.5)
        thread.join(10)
    assert result.code in {ProbeCode.PROTOCOL, ProbeCode.TIMEOUT}
