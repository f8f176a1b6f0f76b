"""Words, tones and signs of states. A state is always said in words; tone and sign only repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


def N_(text: str) -> str:  # noqa: N802 - the customary mark of a text that is translated later
    """Marks a text for the catalogs; the template translates it."""
    return text


@dataclass(frozen=True, kw_only=True)
class Word:
    """How a state is shown. ``tone``: good, bad, warn, busy, quiet or empty."""

    text: str
    tone: str
    sign: str


def _words(*rows: tuple[str, str, str, str]) -> Mapping[str, Word]:
    return MappingProxyType({code: Word(text=text, tone=tone, sign=sign) for code, text, tone, sign in rows})


STEP: Final = _words(
    ("waiting", N_("waiting"), "quiet", "·"),
    ("ready", N_("ready"), "quiet", "·"),
    ("blocked", N_("blocked"), "warn", "⊘"),
    ("running", N_("under way"), "busy", "▸"),
    ("done", N_("done"), "good", "✓"),
    ("failed", N_("failed"), "bad", "✕"),
    ("unknown", N_("unknown"), "warn", "?"),
    ("skipped", N_("skipped"), "warn", "»"),
    ("done-by-hand", N_("done by hand"), "good", "✎"),
    ("undone", N_("undone"), "quiet", "↶"),
)
RUN: Final = _words(
    ("prepared", N_("prepared"), "quiet", "·"),
    ("under-way", N_("under way"), "busy", "▸"),
    ("needs-person", N_("waits for a person"), "warn", "!"),
    ("interrupted", N_("interrupted"), "bad", "!"),
    ("completed", N_("completed"), "good", "✓"),
    ("incomplete", N_("incomplete"), "bad", "✕"),
    ("stopped", N_("stopped"), "warn", "■"),
    ("refused", N_("refused"), "warn", "⊘"),
    ("undone", N_("undone"), "warn", "↶"),
    ("undo-failed", N_("undo failed"), "bad", "✕"),
    ("cleaned-up", N_("cleaned up"), "warn", "↶"),
    ("unreadable", N_("cannot be read"), "bad", "✕"),
)
RESULT: Final = _words(
    ("pass", N_("pass"), "good", "✓"),
    ("pass-with-issues", N_("pass with issues"), "warn", "!"),
    ("fail", N_("fail"), "bad", "✕"),
    ("not-run", N_("not run"), "quiet", "–"),
    ("unfinished", N_("unfinished"), "quiet", "…"),
)
SERVED: Final = _words(
    ("primary", N_("served from its primary site"), "good", "✓"),
    ("elsewhere", N_("served from its recovery site"), "warn", "⇄"),
    ("down", N_("not served"), "bad", "✕"),
    ("unknown", N_("not observed now"), "empty", "?"),
)
DUTY: Final = _words(
    ("met", N_("met"), "good", "✓"),
    ("due", N_("due"), "warn", "·"),
    ("overdue", N_("overdue"), "bad", "✕"),
    ("never", N_("never done"), "bad", "∅"),
    ("exempt", N_("exempt"), "quiet", "–"),
)
CAPACITY: Final = _words(
    ("green", N_("carries everybody"), "good", "✓"),
    ("amber", N_("carries them with reservations"), "warn", "!"),
    ("red", N_("does not carry them"), "bad", "✕"),
    ("unknown", N_("unknown"), "empty", "?"),
)
KIND: Final[Mapping[str, str]] = MappingProxyType(
    {
        "drill": N_("drill"),
        "switchover": N_("switchover"),
        "failover": N_("failover"),
        "failback": N_("failback"),
        "readiness": N_("readiness"),
    }
)
PHASE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "check": N_("check"),
        "fence": N_("fence"),
        "recover": N_("recover"),
        "serve": N_("serve"),
        "validate": N_("validate"),
        "return": N_("return"),
        "clean-up": N_("clean up"),
    }
)
ARRANGEMENT: Final[Mapping[str, str]] = MappingProxyType(
    {"standby": N_("standby"), "mirror": N_("mirror"), "remote-access": N_("remote access")}
)
SCOPE: Final[Mapping[str, str]] = MappingProxyType({"enterprise": N_("enterprise"), "departmental": N_("departmental")})
PROVENANCE: Final[Mapping[str, str]] = MappingProxyType(
    {"attested": N_("attested"), "assumed": N_("assumed"), "synthetic": N_("synthetic")}
)
ROLE: Final[Mapping[str, str]] = MappingProxyType({"primary": N_("primary site"), "recovery": N_("recovery site")})
VERDICT: Final = _words(
    ("pass", N_("pass"), "good", "✓"),
    ("proved", N_("proved"), "good", "✓"),
    ("missed", N_("missed"), "warn", "!"),
    ("failed", N_("failed"), "bad", "✕"),
    ("vacuous", N_("vacuous"), "empty", "∅"),
    ("not-measured", N_("not measured"), "empty", "?"),
)
SEVERITY: Final = _words(
    ("error", N_("error"), "bad", "✕"),
    ("warning", N_("warning"), "warn", "!"),
    ("note", N_("note"), "quiet", "i"),
)
WAIT: Final[Mapping[str, str]] = MappingProxyType(
    {
        "approval": N_("approval"),
        "pause": N_("pause"),
        "unknown step": N_("a step whose end nobody saw"),
        "commit": N_("the commit of what was done"),
        "decision": N_("a decision after a failure"),
        "interrupted": N_("somebody to take up the run"),
    }
)
CLOCK: Final[Mapping[str, str]] = MappingProxyType(
    {
        "outage_start": N_("outage start"),
        "detected": N_("detected"),
        "declared": N_("declared"),
        "technically_up": N_("technically up"),
        "validated": N_("validated"),
    }
)
ROLES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "viewer": N_("viewer"),
        "planner": N_("planner"),
        "operator": N_("operator"),
        "approver": N_("approver"),
        "department": N_("department"),
        "admin": N_("admin"),
    }
)
ACTION: Final[Mapping[str, str]] = MappingProxyType(
    {
        "open": N_("open"),
        "in-progress": N_("in progress"),
        "done": N_("done, as its owner claims"),
        "verified": N_("verified"),
        "closed": N_("closed"),
        "re-opened": N_("opened again"),
    }
)
PAPER: Final[Mapping[str, str]] = MappingProxyType(
    {"draft": N_("draft"), "reviewed": N_("reviewed"), "approved": N_("approved")}
)
TROUBLE: Final[Mapping[str, str]] = MappingProxyType(
    {
        "auth": N_("name or password refused"),
        "expired": N_("the session is not valid any more"),
        "forbidden": N_("the account lacks a right"),
        "missing": N_("it does not know what was asked for"),
        "rate_limited": N_("asked too often"),
        "timeout": N_("no answer in time"),
        "unreachable": N_("not reachable"),
        "tls": N_("who answers could not be verified"),
        "redirected": N_("a page for people instead of data"),
        "too_large": N_("the answer is too long"),
        "parse": N_("the answer is not what is documented"),
        "http": N_("it said no"),
        "second_factor": N_("it asks for a second factor"),
    }
)
WORK: Final[Mapping[str, str]] = MappingProxyType({**KIND, "check": N_("check by drorch")})
INSTANT: Final = _words(
    ("under-way", N_("under way"), "busy", "▸"),
    ("passed", N_("passed"), "good", "✓"),
    ("passed-with-issues", N_("pass with issues"), "warn", "!"),
    ("failed", N_("failed"), "bad", "✕"),
    ("prepared", N_("prepared"), "quiet", "·"),
    ("held", N_("held back: the look before it did not pass"), "warn", "⊘"),
    ("missed", N_("missed: nobody was there"), "bad", "∅"),
    ("closed", N_("not done: a site was not open"), "warn", "⊘"),
    ("interrupted", N_("gave way to a real failover"), "warn", "■"),
    ("not-started", N_("did not start"), "bad", "✕"),
)
CALLOUT: Final = _words(
    ("under-way", N_("under way"), "busy", "▸"),
    ("pass", N_("pass"), "good", "✓"),
    ("pass-with-issues", N_("pass with issues"), "warn", "!"),
    ("fail", N_("fail"), "bad", "✕"),
    ("no-result", N_("no result"), "empty", "?"),
    ("unreadable", N_("cannot be read"), "bad", "✕"),
)
