"""An authoritative name server of the lab: UDP and TCP, RFC 2136 updates with TSIG, NOTIFY and IXFR to the second.

No single point: the second passes updates on to the first (RFC 2136 section 6). While the first is silent it takes them
itself, with a serial far ahead, so that its zone is the newer one whatever the first had. A server that starts fetches
the newer zone from its partner before it answers. Two servers that never saw each other's updates keep those of the
one with the higher serial: the lab has no network in which both run and cannot reach each other.
"""

from __future__ import annotations

import asyncio
import json
import os
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update

from drorch.lab.daemons.http_server import HttpProtocol, Request, Response, answer, refusal
from drorch.lab.daemons.zone import (
    Change,
    UpdateRefused,
    Zone,
    change_of,
    changes_from_transfer,
    check_prerequisites,
    first_records,
    is_complete,
    key_of,
    rrset_of,
    transfer_answer,
)
from drorch.lab.faults import Fault, What, read_faults
from drorch.lab.topology import NAME_SERVER_SITES, SITE_ADDRESSES, ZONE, Topology
from drorch.lab.truth import TruthLog

POLL_S = 0.5
"""How often the second server asks on its own; a NOTIFY makes it ask at once."""
TRANSFER_S = 2.0
FORWARD_S = 1.0
ACTING_JUMP = 1000
"""How far ahead the serial goes with each update the second takes in the place of the first."""
CACHED_QUESTIONS = 20_000
RECORDS_PER_MESSAGE = 300


class DnsServer(asyncio.DatagramProtocol):
    """One server. The site decides whether it takes the updates or follows."""

    def __init__(self, topology: Topology, site: str) -> None:
        self._topology = topology
        self._site = site
        self._is_first = site == NAME_SERVER_SITES[0]
        self._partner = next(other for other in NAME_SERVER_SITES if other != site)
        self._truth = TruthLog(topology.truth_file, site)
        key = json.loads(topology.dns_key_file.read_text(encoding="utf-8"))
        name = dns.name.from_text(key["name"])
        self._keyring = {name: dns.tsig.Key(name, key["secret"], key["algorithm"])}
        self._zone = Zone(
            origin=ZONE, records=first_records(topology, ZONE), file=topology.site_folder(site) / "zone.jsonl"
        )
        self._cache: dict[bytes, bytes] = {}
        self._faults: frozenset[Fault] = frozenset()
        self._notified = asyncio.Event()
        self._transport: asyncio.DatagramTransport | None = None

    async def run(self, *, ready: Callable[[], None]) -> None:
        """Serve until the lab's folder is gone. ``ready`` is called when both sockets are open."""
        loop = asyncio.get_running_loop()
        self._faults = read_faults(self._topology.faults_file)
        await self._catch_up()
        endpoint = self._endpoint(self._site)
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=endpoint)
        await asyncio.start_server(self._serve_tcp, *endpoint, reuse_address=True)
        socket_path = self._topology.dns_control_socket(self._site)
        socket_path.unlink(missing_ok=True)
        connections: set[asyncio.Transport] = set()
        await loop.create_unix_server(lambda: HttpProtocol(self._control, connections), str(socket_path))
        ready()
        while self._topology.lab_file.exists():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._notified.wait(), POLL_S)
            self._notified.clear()
            await self._catch_up()
        os._exit(0)  # The lab is gone: nothing is left to be closed in good order.

    def _endpoint(self, site: str) -> tuple[str, int]:
        return SITE_ADDRESSES[site], self._topology.dns_ports[site]

    async def _catch_up(self) -> None:
        """Take over what the partner has and we have not, if it answers."""
        if not self._has(What.DNS_STALE):
            with suppress(OSError, TimeoutError, ValueError, EOFError, dns.exception.DNSException):
                await self._follow()

    def _has(self, what: What) -> bool:
        return Fault(what=what, target=self._site) in self._faults

    def _control(self, request: Request) -> Response:
        if (request.method, request.path) != ("POST", "/faults"):
            return refusal(404, "unknown", request.path)
        self._faults = read_faults(self._topology.faults_file)
        self._notified.set()
        return answer({"changed": True})

    def datagram_received(self, data: bytes, addr: tuple[str | int, int]) -> None:
        """Answer one question."""
        cached = self._cache.get(data[2:])
        response = data[:2] + cached if cached is not None else self._answer(data)
        if response is not None and self._transport is not None:
            self._transport.sendto(response, addr)

    async def _serve_tcp(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, EOFError):
            while True:
                async with asyncio.timeout(TRANSFER_S):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    data = await reader.readexactly(length)
                responses: Sequence[bytes | None] = self._transfer(data) or [await self._answer_or_pass_on(data)]
                for response in responses:
                    if response is not None:
                        writer.write(struct.pack("!H", len(response)) + response)
                await writer.drain()
        writer.close()

    def _transfer(self, data: bytes) -> list[bytes] | None:
        """The messages of a zone transfer; None when something else was asked."""
        try:
            query = dns.message.from_wire(data)
        except (dns.exception.DNSException, ValueError):
            return None
        if not query.question or query.question[0].rdtype not in (dns.rdatatype.AXFR, dns.rdatatype.IXFR):
            return None
        if query.question[0].name != self._zone.origin:
            return None
        sets = transfer_answer(self._zone, query)
        messages = []
        for start in range(0, len(sets), RECORDS_PER_MESSAGE):
            response = dns.message.make_response(query)
            response.flags |= dns.flags.AA
            response.answer = sets[start : start + RECORDS_PER_MESSAGE]
            messages.append(response.to_wire(max_size=65_535))
        return messages

    async def _answer_or_pass_on(self, data: bytes) -> bytes | None:
        """An update that came to the second is the first one's to decide; only its silence makes it ours."""
        is_update = len(data) >= 12 and (data[2] >> 3) & 0xF == dns.opcode.UPDATE
        if self._is_first or not is_update:
            return self._answer(data)
        with suppress(OSError, TimeoutError, EOFError):
            async with asyncio.timeout(FORWARD_S):
                return await self._exchange(data)
        return self._answer(data, acting=True)

    async def _exchange(self, data: bytes) -> bytes:
        """One message to the partner and its answer, as they are: the signature is between the two ends."""
        reader, writer = await asyncio.open_connection(*self._endpoint(self._partner))
        try:
            writer.write(struct.pack("!H", len(data)) + data)
            (length,) = struct.unpack("!H", await reader.readexactly(2))
            return await reader.readexactly(length)
        finally:
            writer.close()

    def _answer(self, data: bytes, *, acting: bool = False) -> bytes | None:
        """One response; None for what is not a DNS message."""
        try:
            query = dns.message.from_wire(data, keyring=self._keyring, one_rr_per_rrset=True)
        except (dns.message.UnknownTSIGKey, dns.tsig.BadSignature, dns.tsig.BadTime, dns.tsig.BadKey):
            return _bare(data, dns.rcode.NOTAUTH)
        except (dns.exception.DNSException, ValueError, struct.error):
            return _bare(data, dns.rcode.FORMERR)
        if query.flags & dns.flags.QR:
            return None
        if isinstance(query, dns.update.UpdateMessage):
            return self._update(query, acting=acting)
        if query.opcode() == dns.opcode.NOTIFY:
            self._notified.set()
            return dns.message.make_response(query).to_wire()
        if query.opcode() != dns.opcode.QUERY or len(query.question) != 1:
            return _bare(data, dns.rcode.NOTIMP)
        wire = self._look_up(query)
        if not query.had_tsig:
            if len(self._cache) >= CACHED_QUESTIONS:
                self._cache.clear()
            self._cache[data[2:]] = wire[2:]
        return wire

    def _look_up(self, query: dns.message.Message) -> bytes:
        question = query.question[0]
        response = dns.message.make_response(query)
        if not question.name.is_subdomain(self._zone.origin):
            response.set_rcode(dns.rcode.REFUSED)
            return response.to_wire()
        response.flags |= dns.flags.AA
        name = key_of(question.name)
        apex_soa = question.rdtype == dns.rdatatype.SOA and question.name == self._zone.origin
        if apex_soa:
            response.answer = [self._zone.soa()]
            return response.to_wire()
        for record in sorted(self._zone.at(name, dns.rdatatype.to_text(question.rdtype))):
            response.answer.append(rrset_of(record))
        if not response.answer:
            response.authority = [self._zone.soa()]
            if not self._zone.exists(name):
                response.set_rcode(dns.rcode.NXDOMAIN)
        return response.to_wire()

    def _update(self, update: dns.update.UpdateMessage, *, acting: bool) -> bytes:
        response = dns.message.make_response(update)
        try:
            if not (self._is_first or acting) or not update.had_tsig:
                raise UpdateRefused(dns.rcode.REFUSED)
            if update.zone[0].name != self._zone.origin:
                raise UpdateRefused(dns.rcode.NOTAUTH)
            check_prerequisites(self._zone, update)
            change = change_of(self._zone, update)
            if change is not None and not self._has(What.DNS_UPDATES):
                self._take(replace(change, serial=self._zone.serial + ACTING_JUMP) if acting else change)
                self._notify()
        except UpdateRefused as refused:
            response.set_rcode(refused.rcode)
        return response.to_wire()

    def _take(self, change: Change) -> None:
        self._zone.apply(change)
        self._cache.clear()
        for name, rdtype, _ttl, text in change.added:
            if rdtype == "A":
                self._truth.write("name-set", server=self._site, name=name.rstrip("."), address=text)

    def _notify(self) -> None:
        message = dns.message.make_query(self._zone.origin, dns.rdatatype.SOA)
        message.set_opcode(dns.opcode.NOTIFY)
        message.flags = (message.flags | dns.flags.AA) & ~dns.flags.RD
        if self._transport is not None:
            self._transport.sendto(message.to_wire(), self._endpoint(self._partner))

    async def _follow(self) -> None:
        """Fetch what changed since our serial from the partner."""
        query = dns.message.make_query(self._zone.origin, dns.rdatatype.IXFR)
        query.authority = [self._zone.soa()]
        async with asyncio.timeout(TRANSFER_S):
            reader, writer = await asyncio.open_connection(*self._endpoint(self._partner))
            try:
                wire = query.to_wire()
                writer.write(struct.pack("!H", len(wire)) + wire)
                sets: list[dns.rrset.RRset] = []
                while not is_complete(sets):
                    (length,) = struct.unpack("!H", await reader.readexactly(2))
                    message = dns.message.from_wire(await reader.readexactly(length), xfr=True, one_rr_per_rrset=True)
                    sets += message.answer
            finally:
                writer.close()
        for change in changes_from_transfer(self._zone, sets):
            self._take(change)


def _bare(data: bytes, rcode: dns.rcode.Rcode) -> bytes | None:
    """A header that only says no, for messages that cannot be read any further."""
    if len(data) < 12 or data[2] & 0x80:
        return None
    opcode_bits = data[2] & 0x78
    return data[:2] + bytes([0x80 | opcode_bits, int(rcode) & 0x0F]) + b"\0" * 8
