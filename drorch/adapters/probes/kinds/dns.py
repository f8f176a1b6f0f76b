"""Do all authoritative servers give the same one address?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

from drorch.adapters.probes.kinds.attempt import Unsatisfied, attempt
from drorch.adapters.probes.kinds.result import ProbeCode, ProbeResult
from drorch.catalog.model import ProbeKind
from drorch.estate.model import NameServer


def make_query(name: str) -> dns.message.QueryMessage:
    """A question for the address of ``name`` that asks for no recursion."""
    query = dns.message.make_query(name, dns.rdatatype.A)
    query.flags &= ~dns.flags.RD
    return query


def address_in(answer: dns.message.Message) -> tuple[str | None, str]:
    """The one address of an authoritative answer, or None and why not."""
    if answer.rcode() != dns.rcode.NOERROR:
        return None, dns.rcode.to_text(answer.rcode())
    if not answer.flags & dns.flags.AA:
        return None, "the server is not authoritative"
    found = [item.to_text() for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A for item in rrset]
    if len(found) != 1:
        return None, f"{len(found)} addresses"
    return found[0], ""


class DnsProbe:
    """Asks *every* server: one that is stale sends some users to the lost site.

    ``silence_counts`` False: servers that do not answer at all are passed over, as a resolver does; at least one has
    to answer, and those that do have to agree.
    """

    def __init__(
        self, *, name: str, servers: Sequence[NameServer], expected: str | None = None, silence_counts: bool = True
    ) -> None:
        self._name = name
        self._servers = tuple(servers)
        self._expected = expected
        self._silence_counts = silence_counts

    def look(self, timeout_s: float) -> ProbeResult:
        """Ask each server once; ``expected`` is the address all have to give, None for any."""
        return attempt(ProbeKind.DNS, self._name, lambda: self._ask_all(timeout_s))

    def _ask_all(self, timeout_s: float) -> Mapping[str, object]:
        answers = {}
        for server in self._servers:
            try:
                answers[server.site] = self._ask(server, timeout_s / max(1, len(self._servers)))
            except TimeoutError:
                if self._silence_counts:
                    raise
        if self._servers and not answers:
            raise TimeoutError
        told = ", ".join(f"{site}: {address}" for site, address in answers.items())
        if not answers:
            raise Unsatisfied(ProbeCode.UNREACHABLE, "the estate has no name server")
        if len(set(answers.values())) > 1:
            raise Unsatisfied(ProbeCode.MISMATCH, f"the servers disagree ({told})")
        if self._expected is not None and set(answers.values()) != {self._expected}:
            raise Unsatisfied(ProbeCode.MISMATCH, f"{self._expected} is expected ({told})")
        return {"answers": answers}

    def _ask(self, server: NameServer, timeout_s: float) -> str:
        query = make_query(self._name)
        try:
            answer = dns.query.udp(query, server.endpoint.address, timeout=timeout_s, port=server.endpoint.port)
        except dns.exception.Timeout as error:
            raise TimeoutError from error
        except dns.exception.DNSException as error:
            raise Unsatisfied(ProbeCode.PROTOCOL, f"{server.site}: {type(error).__name__}") from error
        address, why = address_in(answer)
        if address is None:
            raise Unsatisfied(ProbeCode.STATUS, f"{server.site}: {why}")
        return address
