"""The content of the lab's zone: records, serial, and every change since the start (kept in a file, given by IXFR)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.update

from drorch.lab.topology import NAME_SERVER_SITES, NAMES_TTL_S, SITE_ADDRESSES, Topology

Record = tuple[str, str, int, str]
"""Absolute name in lower case, type, TTL in seconds, data as text."""
FIXED = frozenset({"SOA", "NS", "CNAME"})
"""Types that updates may not touch: the lab's zone has no aliases, and its servers do not change."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What led to ``serial``."""

    serial: int
    removed: tuple[Record, ...]
    added: tuple[Record, ...]


class UpdateRefused(Exception):
    """The update is not done; ``rcode`` says why (RFC 2136)."""

    def __init__(self, rcode: dns.rcode.Rcode) -> None:
        super().__init__(dns.rcode.to_text(rcode))
        self.rcode = rcode


def first_records(topology: Topology, zone: str) -> set[Record]:
    """The zone as it is when the lab starts: services at their primary site, drill names at the recovery site."""
    records: set[Record] = set()
    for site in NAME_SERVER_SITES:
        records.add((f"{zone}.", "NS", NAMES_TTL_S, f"ns-{site}.{zone}."))
        records.add((f"ns-{site}.{zone}.", "A", NAMES_TTL_S, SITE_ADDRESSES[site]))
    for entry in topology.applications:
        records.add((f"{entry.name}.", "A", NAMES_TTL_S, SITE_ADDRESSES[entry.sites[0]]))
        records.add((f"{entry.drill_name}.", "A", NAMES_TTL_S, SITE_ADDRESSES[entry.sites[-1]]))
    return records


class Zone:
    """Records with their history. Not shared between threads."""

    def __init__(self, *, origin: str, records: Iterable[Record], file: Path) -> None:
        self.origin = dns.name.from_text(origin)
        self._by_name: dict[str, set[Record]] = {}
        self._file = file
        self.history: list[Change] = []
        self._put(Change(serial=1, removed=(), added=tuple(records)))
        if file.exists():
            for line in file.read_text(encoding="utf-8").splitlines():
                self._put(_change_from(line))

    @property
    def serial(self) -> int:
        """The present serial."""
        return self.history[-1].serial

    def records(self) -> Iterator[Record]:
        """All records but the SOA."""
        for records in self._by_name.values():
            yield from sorted(records)

    def exists(self, name: str) -> bool:
        """Whether anything is stored at this name."""
        return bool(self._by_name.get(name))

    def all_at(self, name: str) -> set[Record]:
        """Everything at a name."""
        return set(self._by_name.get(name, ()))

    def at(self, name: str, rdtype: str) -> set[Record]:
        """Records of one type at a name."""
        return {record for record in self._by_name.get(name, ()) if record[1] == rdtype}

    def soa(self, serial: int | None = None) -> dns.rrset.RRset:
        """The SOA record, as it was at ``serial``."""
        first = f"ns-{NAME_SERVER_SITES[0]}.{self.origin}"
        text = f"{first} hostmaster.{self.origin} {serial or self.serial} 1 1 86400 {NAMES_TTL_S}"
        return dns.rrset.from_text(self.origin, NAMES_TTL_S, "IN", "SOA", text)

    def since(self, serial: int) -> list[Change] | None:
        """Changes after ``serial``; None when the history does not know it."""
        if all(change.serial != serial for change in self.history):
            return None
        return [change for change in self.history if change.serial > serial]

    def apply(self, change: Change) -> None:
        """Take over a change; it is in the file before anybody is told."""
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"serial": change.serial, "removed": change.removed, "added": change.added}) + "\n")
        self._put(change)

    def _put(self, change: Change) -> None:
        for record in change.removed:
            self._by_name.get(record[0], set()).discard(record)
        for record in change.added:
            self._by_name.setdefault(record[0], set()).add(record)
        if self.history and change.serial != self.serial + 1:
            self.history.clear()  # A whole zone was taken over: what lies between is not known here.
        self.history.append(change)


def _change_from(line: str) -> Change:
    data = json.loads(line)
    return Change(
        serial=int(data["serial"]),
        removed=tuple((str(n), str(t), int(s), str(d)) for n, t, s, d in data["removed"]),
        added=tuple((str(n), str(t), int(s), str(d)) for n, t, s, d in data["added"]),
    )


def key_of(name: dns.name.Name) -> str:
    """Names as the zone keeps them."""
    return name.canonicalize().to_text()


def rrset_of(record: Record) -> dns.rrset.RRset:
    """A record as a set of one."""
    return dns.rrset.from_text(record[0], record[2], "IN", record[1], record[3])


def _record(name: str, ttl: int, rdata: dns.rdata.Rdata) -> Record:
    return name, dns.rdatatype.to_text(rdata.rdtype), ttl, rdata.to_text()


def check_prerequisites(zone: Zone, update: dns.update.UpdateMessage) -> None:
    """RFC 2136 section 3.2. UpdateRefused with the code of the first that does not hold."""
    exact: dict[tuple[str, str], set[str]] = {}
    for rrset in update.prerequisite:
        if not rrset.name.is_subdomain(zone.origin):
            raise UpdateRefused(dns.rcode.NOTZONE)
        name, rdtype = key_of(rrset.name), dns.rdatatype.to_text(rrset.rdtype)
        if rrset.deleting is None:
            exact.setdefault((name, rdtype), set()).update(rdata.to_text() for rdata in rrset)
            continue
        wanted = rrset.deleting == dns.rdataclass.ANY
        whole_name = rrset.rdtype == dns.rdatatype.ANY
        there = zone.exists(name) if whole_name else bool(zone.at(name, rdtype))
        if there != wanted:
            missing, unwanted = (
                (dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN) if whole_name else (dns.rcode.NXRRSET, dns.rcode.YXRRSET)
            )
            raise UpdateRefused(missing if wanted else unwanted)
    for (name, rdtype), values in exact.items():
        if {record[3] for record in zone.at(name, rdtype)} != values:
            raise UpdateRefused(dns.rcode.NXRRSET)


def change_of(zone: Zone, update: dns.update.UpdateMessage) -> Change | None:
    """RFC 2136 section 3.4: what the update changes, all or nothing; None when everything is so already."""
    before: dict[str, set[Record]] = {}
    after: dict[str, set[Record]] = {}
    for rrset in update.update:
        rdtype = dns.rdatatype.to_text(rrset.rdtype)
        if not rrset.name.is_subdomain(zone.origin):
            raise UpdateRefused(dns.rcode.NOTZONE)
        if rdtype in FIXED:
            raise UpdateRefused(dns.rcode.REFUSED)
        name = key_of(rrset.name)
        if name not in before:
            before[name] = zone.all_at(name)
            after[name] = set(before[name])
        if rrset.deleting is None:
            for rdata in rrset:
                # All records of a set have one TTL: the newest counts.
                same = {record for record in after[name] if record[1] == rdtype}
                after[name] -= same
                after[name] |= {(name, rdtype, rrset.ttl, record[3]) for record in same}
                after[name].add(_record(name, rrset.ttl, rdata))
        elif rrset.deleting == dns.rdataclass.ANY:
            after[name] = {record for record in after[name] if record[1] in FIXED or rdtype not in ("ANY", record[1])}
        else:
            gone = {rdata.to_text() for rdata in rrset}
            after[name] = {record for record in after[name] if record[1] != rdtype or record[3] not in gone}
    removed = [record for name in before for record in before[name] - after[name]]
    added = [record for name in after for record in after[name] - before[name]]
    if not removed and not added:
        return None
    return Change(serial=zone.serial + 1, removed=tuple(removed), added=tuple(added))


def transfer_answer(zone: Zone, query: dns.message.Message) -> list[dns.rrset.RRset]:
    """The records that bring the asker up to date: IXFR (RFC 1995) when possible, else the whole zone."""
    newest = zone.soa()
    if query.question[0].rdtype == dns.rdatatype.IXFR and query.authority:
        known = int(query.authority[0][0].serial)
        changes = zone.since(known)
        if changes is not None:
            if not changes:
                return [newest]
            sets = [newest]
            for change in changes:
                sets += [zone.soa(change.serial - 1), *map(rrset_of, change.removed)]
                sets += [zone.soa(change.serial), *map(rrset_of, change.added)]
            return [*sets, newest]
    return [newest, *(rrset_of(record) for record in zone.records()), newest]


def is_complete(sets: list[dns.rrset.RRset]) -> bool:
    """Whether the records received so far are a whole transfer."""
    if not sets:
        return False
    incremental = len(sets) > 1 and sets[1].rdtype == dns.rdatatype.SOA and sets[1] != sets[0]
    # The newest SOA stands at both ends, and in an IXFR before the last additions as well.
    return len(sets) == 1 or sets.count(sets[0]) == (3 if incremental else 2)


def changes_from_transfer(zone: Zone, sets: list[dns.rrset.RRset]) -> list[Change]:
    """Inverse of `transfer_answer`; ``sets`` hold one record each. ValueError when it is not a transfer."""
    if not sets or sets[0].rdtype != dns.rdatatype.SOA:
        raise ValueError("a transfer begins with the SOA record")
    newest = int(sets[0][0].serial)
    if newest <= zone.serial or len(sets) == 1:
        return []  # also when the other one is behind: it was away, and asks us
    if sets[-1] != sets[0]:
        raise ValueError("a transfer ends with the SOA record")
    body = sets[1:-1]
    if not body or body[0].rdtype != dns.rdatatype.SOA:
        whole = {_record(key_of(entry.name), entry.ttl, entry[0]) for entry in body}
        present = set(zone.records())
        return [Change(serial=newest, removed=tuple(present - whole), added=tuple(whole - present))]
    changes: list[Change] = []
    parts: list[list[dns.rrset.RRset]] = []
    for entry in body:
        if entry.rdtype == dns.rdatatype.SOA:
            parts.append([entry])
        else:
            parts[-1].append(entry)
    for old, new in zip(parts[::2], parts[1::2], strict=True):
        removed, added = (
            tuple(_record(key_of(entry.name), entry.ttl, entry[0]) for entry in part[1:]) for part in (old, new)
        )
        changes.append(Change(serial=int(new[0][0].serial), removed=removed, added=added))
    return changes
