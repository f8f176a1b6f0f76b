"""What a server is told when it starts."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event

DEFAULT_PORT = 8433


@dataclass(frozen=True, kw_only=True)
class WebSettings:
    """``secure``: people reach it by https. ``hosts``: the names it answers to (a stranger's name that points here is
    how a page elsewhere would read it); empty: any."""

    secure: bool = False
    hosts: frozenset[str] = frozenset()
    idle_s: float = 3600.0
    absolute_s: float = 12 * 3600.0
    stream_poll_s: float = 0.2
    stream_beat_s: float = 15.0
    streams_at_once: int = 2000
    closing: Event = field(default_factory=Event, compare=False)
    """Set when the server ends: open streams end then."""

    @property
    def cookie(self) -> str:
        """Name of the session's cookie; browsers keep ``__Host-`` ones to this host and https."""
        return "__Host-drorch" if self.secure else "drorch_session"
