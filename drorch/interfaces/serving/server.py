"""Listen: uvicorn around the application, and what has to hold before it listens."""

from __future__ import annotations

import ipaddress
import socket
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import uvicorn

from drorch.core.errors import Broken, DrorchError, InputInvalid
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.security.signin import offer_first_admin
from drorch.interfaces.http.security.strangers import Strangers
from drorch.interfaces.http.settings import WebSettings
from drorch.interfaces.serving.application import create_app
from drorch.interfaces.serving.callout_links import with_links

GRACE_S = 5
CONNECTIONS = 3000


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and how to listen."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False
    proxy: str = "127.0.0.1"
    """The only address whose X-Forwarded-* headers are believed, with ``behind_proxy``."""
    names: tuple[str, ...] = ()
    """Names people reach it by, besides its address."""

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        return ipaddress.ip_address(self.host).is_loopback

    @property
    def tls(self) -> bool:
        """Whether it speaks https itself."""
        return self.certificate is not None


def settings_of(place: Place) -> WebSettings:
    """InputInvalid for a place that would send passwords in the clear, or that answers to anybody's name."""
    try:
        loopback = place.loopback
    except ValueError:
        raise InputInvalid(
            f"{place.host!r} is no IP address", where="--host", next_step="give one, like 127.0.0.1"
        ) from None
    if (place.certificate is None) != (place.key is None):
        raise InputInvalid("a certificate needs its key", next_step="give both --tls-certificate and --tls-key")
    for file in (place.certificate, place.key):
        if file is not None and not file.is_file():
            raise InputInvalid("is not a file", where=str(file), next_step="name a PEM file")
    if not loopback and not place.tls and not place.behind_proxy:
        raise InputInvalid(
            f"{place.host} can be reached from other machines, and passwords would travel in the clear",
            where="--host",
            next_step="give --tls-certificate and --tls-key, or --behind-proxy when a proxy in front speaks https",
        )
    own = frozenset(name.lower() for name in (*place.names, _bracketed(place.host), "localhost", "127.0.0.1", "[::1]"))
    if not loopback and not place.names:
        raise InputInvalid(
            "nobody said by which name people reach it", where="--name", next_step="give --name drorch.example.org"
        )
    return WebSettings(secure=place.tls or place.behind_proxy, hosts=own)


class _Server(uvicorn.Server):
    """Ends open event streams when it is asked to end; else it would wait for their readers."""

    def __init__(self, config: uvicorn.Config, ending: Callable[[], None], ended: Callable[[], None]) -> None:
        """``ended``: called when nothing is answered any more. Behind ``run`` is too late: the signal ends the process
        there."""
        super().__init__(config)
        self._ending, self._ended = ending, ended

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See uvicorn."""
        await super().shutdown(sockets)
        self._ended()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """See uvicorn."""
        self._ending()
        super().handle_exit(sig, frame)


def serve(context: WebContext, place: Place) -> None:
    """Answer until ended. Broken when the port is taken."""
    settings = settings_of(place)
    made = create_app(context, settings)
    app = with_links(made, context)
    listening = listen(place)
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,  # the audit log has what matters, without query strings
        server_header=False,
        date_header=True,
        proxy_headers=place.behind_proxy,
        forwarded_allow_ips=place.proxy if place.behind_proxy else "",
        ssl_certfile=str(place.certificate) if place.certificate else None,
        ssl_keyfile=str(place.key) if place.key else None,
        timeout_graceful_shutdown=GRACE_S,
        limit_concurrency=CONNECTIONS,
        lifespan="off",
    )
    _say(context, place, listening.getsockname()[1])
    _Server(config, settings.closing.set, lambda: _tell_rest(made.state.strangers)).run(sockets=[listening])


def listen(place: Place) -> socket.socket:
    """A socket at the place, not yet accepting. Broken when it is taken."""
    family = socket.AF_INET6 if ":" in place.host else socket.AF_INET
    # asyncio sends what is written at once only on a socket that says it is TCP. On any other the body of an answer
    # waits until the browser has acknowledged its head, 40 ms.
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((place.host, place.port))
    except OSError as error:
        listening.close()
        raise Broken(
            f"cannot listen: {error.strerror}", where=f"{place.host}:{place.port}", next_step="choose another --port"
        ) from error
    return listening


def _tell_rest(strangers: Strangers) -> None:
    try:
        strangers.tell(every=True)
    except DrorchError as error:
        sys.stderr.write(f"drorch: {error.what}; requests of nobody known were counted and not written down\n")


def _say(context: WebContext, place: Place, port: int) -> None:
    name = place.names[0] if place.names and not place.loopback else _bracketed(place.host)
    base = f"{'https' if place.tls else 'http'}://{name}:{port}"
    sys.stderr.write(f"listening on {base}/\n")
    if place.loopback:
        code = offer_first_admin(context.records, context.accounts, context.clock)
        if code is not None:
            sys.stderr.write("there is no account yet; make the first admin (once, within an hour):\n")
            sys.stderr.write(f"  {base}/first?code={code}\n")
    elif not context.accounts.any():
        sys.stderr.write("there is no account yet; make one: drorch user add\n")
    sys.stderr.flush()


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
