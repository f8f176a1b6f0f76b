"""The zone: updates by RFC 2136, and transfers that bring a follower to the same records."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import dns.message
import dns.rcode
import dns.rdatatype
import dns.update
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.lab.daemons.zone import (
    Record,
    UpdateRefused,
    Zone,
    change_of,
    changes_from_transfer,
    check_prerequisites,
    is_complete,
    transfer_answer,
)

ORIGIN = "apps.drorch.test"
NAMES = ("mail", "umoja", "reports")


def a_zone(folder: Path, name: str = "zone.jsonl") -> Zone:
    records: list[Record] = [(f"{entry}.{ORIGIN}.", "A", 1, "127.10.0.1") for entry in NAMES]
    return Zone(origin=ORIGIN, records=records, file=folder / name)


def received(update: dns.update.UpdateMessage) -> dns.update.UpdateMessage:
    """As the server sees it."""
    message = dns.message.from_wire(update.to_wire(), one_rr_per_rrset=True)
    assert isinstance(message, dns.update.UpdateMessage)
    return message


def apply(zone: Zone, update: dns.update.UpdateMessage) -> bool:
    message = received(update)
    check_prerequisites(zone, message)
    change = change_of(zone, message)
    if change is not None:
        zone.apply(change)
    return change is not None


def transfer(source: Zone, follower: Zone, kind: str) -> None:
    query = dns.message.make_query(ORIGIN, kind)
    if kind == "IXFR":
        query.authority = [follower.soa()]
    response = dns.message.make_response(query)
    response.answer = transfer_answer(source, query)
    sets = dns.message.from_wire(response.to_wire(max_size=65_535), xfr=True, one_rr_per_rrset=True).answer
    assert is_complete(sets)
    # One SOA alone is a whole answer ("nothing new"), so the transfer of an empty zone cannot be told from its start.
    assert len(sets) <= 2 or not is_complete(sets[:-1])
    for change in changes_from_transfer(follower, sets):
        follower.apply(change)


def test_replacing_an_address_makes_one_new_serial_and_repeating_it_none(tmp_path: Path) -> None:
    zone = a_zone(tmp_path)
    update = dns.update.UpdateMessage(ORIGIN)
    update.replace("mail", 1, "A", "127.20.0.1")
    assert apply(zone, update)
    assert zone.serial == 2
    assert not apply(zone, update)
    assert zone.serial == 2
    assert zone.at(f"mail.{ORIGIN}.", "A") == {(f"mail.{ORIGIN}.", "A", 1, "127.20.0.1")}


def test_names_are_compared_without_case(tmp_path: Path) -> None:
    zone = a_zone(tmp_path)
    update = dns.update.UpdateMessage(ORIGIN)
    update.delete("MAIL", "A")
    assert apply(zone, update)
    assert not zone.exists(f"mail.{ORIGIN}.")


@pytest.mark.parametrize(
    ("prerequisite", "rcode"),
    [
        (("present", "nobody"), dns.rcode.NXDOMAIN),
        (("absent", "mail"), dns.rcode.YXDOMAIN),
        (("present", "mail", "TXT"), dns.rcode.NXRRSET),
        (("absent", "mail", "A"), dns.rcode.YXRRSET),
        (("present", "mail", "A", "127.99.0.1"), dns.rcode.NXRRSET),
        (("present", "mail.elsewhere.test."), dns.rcode.NOTZONE),
    ],
)
def test_a_prerequisite_that_does_not_hold_stops_the_update(
    tmp_path: Path, prerequisite: tuple[str, ...], rcode: dns.rcode.Rcode
) -> None:
    zone = a_zone(tmp_path)
    update = dns.update.UpdateMessage(ORIGIN)
    getattr(update, prerequisite[0])(*prerequisite[1:])
    update.replace("mail", 1, "A", "127.20.0.1")
    with pytest.raises(UpdateRefused) as refused:
        apply(zone, update)
    assert refused.value.rcode == rcode
    assert zone.serial == 1


@pytest.mark.parametrize("rdtype", ["NS", "CNAME"])
def test_servers_and_aliases_cannot_be_updated(tmp_path: Path, rdtype: str) -> None:
    update = dns.update.UpdateMessage(ORIGIN)
    update.add("mail", 1, rdtype, f"umoja.{ORIGIN}.")
    with pytest.raises(UpdateRefused):
        apply(a_zone(tmp_path), update)


def test_a_restarted_server_knows_what_it_acknowledged(tmp_path: Path) -> None:
    update = dns.update.UpdateMessage(ORIGIN)
    update.replace("mail", 1, "A", "127.20.0.1")
    before = a_zone(tmp_path)
    apply(before, update)
    again = a_zone(tmp_path)
    assert (again.serial, set(again.records())) == (before.serial, set(before.records()))


moves = st.lists(
    st.tuples(st.sampled_from([*NAMES, "new"]), st.sampled_from(["A", "TXT"]), st.integers(0, 3), st.booleans()),
    max_size=12,
)


@given(before=moves, after=moves, kind=st.sampled_from(["IXFR", "AXFR"]))
def test_a_follower_has_the_same_records_after_every_transfer(
    tmp_path_factory: pytest.TempPathFactory,
    before: list[tuple[str, str, int, bool]],
    after: list[tuple[str, str, int, bool]],
    kind: str,
) -> None:
    folder = tmp_path_factory.mktemp("zones")
    source, follower = a_zone(folder, "source"), a_zone(folder, "follower")
    for changes in (before, after):
        for name, rdtype, value, removes in changes:
            update = dns.update.UpdateMessage(ORIGIN)
            text = f"127.0.0.{value}" if rdtype == "A" else f"t{value}"
            if removes:
                update.delete(name, rdtype)
            else:
                update.add(name, value, rdtype, text)
            apply(source, update)
        transfer(source, follower, kind)
        assert set(follower.records()) == set(source.records())
        assert follower.serial == source.serial


def test_a_follower_that_knows_an_unknown_serial_gets_the_whole_zone(tmp_path: Path) -> None:
    source = a_zone(tmp_path)
    query = dns.message.make_query(ORIGIN, dns.rdatatype.IXFR)
    query.authority = [source.soa(77)]
    assert len(transfer_answer(source, query)) == len(NAMES) + 2


def test_a_partner_that_is_behind_is_not_followed_and_gets_the_whole_zone(tmp_path: Path) -> None:
    ahead, behind = a_zone(tmp_path, "ahead"), a_zone(tmp_path, "behind")
    update = dns.update.UpdateMessage(ORIGIN)
    update.replace("mail", 1, "A", "127.20.0.1")
    change = change_of(ahead, received(update))
    assert change is not None
    ahead.apply(replace(change, serial=ahead.serial + 1000))
    small = change_of(behind, received(update))
    assert small is not None
    behind.apply(small)
    records = set(ahead.records())
    transfer(behind, ahead, "IXFR")
    assert (ahead.serial, set(ahead.records())) == (1001, records)
    transfer(ahead, behind, "IXFR")
    assert (behind.serial, set(behind.records())) == (1001, records)
