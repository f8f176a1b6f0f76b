"""Serve a simulator on loopback, for as long as it is needed. With TLS: a certificate of its own CA."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

START_S = 10.0


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """A server's certificate and key, and the CA that signed it."""

    ca: Path
    certificate: Path
    key: Path


@contextmanager
def serve(app: Any, certificates: Certificates | None = None) -> Iterator[str]:
    """The address it answers at."""
    with serve_all([app], certificates) as (address,):
        yield address


@contextmanager
def serve_all(apps: Iterable[Any], certificates: Certificates | None = None) -> Iterator[tuple[str, ...]]:
    """The address each answers at. All are ended together: each takes a fifth of a second to notice."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []
    addresses: list[str] = []
    with ExitStack() as listeners:
        try:
            for app in apps:
                # asyncio sends what is written at once only on a socket that says it is TCP. On any other the body of
                # an answer waits until the client has acknowledged its head: 40 ms an answer.
                listener = listeners.enter_context(socket.socket(proto=socket.IPPROTO_TCP))
                listener.bind(("127.0.0.1", 0))
                listener.listen(128)
                server = uvicorn.Server(_config(app, certificates))
                thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
                running.append((server, thread))
                thread.start()
                scheme = "https" if certificates else "http"
                addresses.append(f"{scheme}://127.0.0.1:{listener.getsockname()[1]}")
            for server, thread in running:
                _wait(server, thread)
            yield tuple(addresses)
        finally:
            for server, _ in running:
                server.should_exit = True
            for _, thread in running:
                thread.join(START_S)


def _config(app: Any, certificates: Certificates | None) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        log_level="critical",
        access_log=False,
        lifespan="off",
        ws="none",
        http="h11",
        timeout_keep_alive=30,
        timeout_graceful_shutdown=1,
        ssl_certfile=certificates.certificate if certificates else None,
        ssl_keyfile=certificates.key if certificates else None,
    )


def _wait(server: uvicorn.Server, thread: threading.Thread) -> None:
    deadline = time.monotonic() + START_S
    while not server.started:
        if time.monotonic() > deadline or not thread.is_alive():
            raise RuntimeError("the simulator did not start")
        time.sleep(0.01)


def make_certificates(folder: Path, host: str = "127.0.0.1") -> Certificates:
    """A CA and a certificate for ``host``, valid for a day."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    def name(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])

    now = dt.datetime.now(dt.UTC)
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(host))])
    made = []
    for subject, key, is_ca in (("simulated CA", keys[0], True), ("simulator", keys[1], False)):
        builder = (
            x509.CertificateBuilder()
            .subject_name(name(subject))
            .issuer_name(name("simulated CA"))
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_ca, path_length=None), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
        )
        if not is_ca:
            builder = builder.add_extension(alternative, critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    found = Certificates(ca=folder / "ca.pem", certificate=folder / "server.pem", key=folder / "server.key")
    found.ca.write_bytes(made[0])
    found.certificate.write_bytes(made[1])
    found.key.write_bytes(
        keys[1].private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return found
