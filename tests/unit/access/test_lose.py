"""``access model --lose SITE``: where each application moves, and how many of its people have a seat to reach it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from drorch.access.assess import Status
from drorch.access.load import checked, load_capacity
from drorch.access.operations import LostSite, lose
from drorch.catalog.load import load_catalog
from drorch.testing.builders import catalog_text
from tests.unit.access.test_access_cli import call

CAPACITY = """\
schema: 1
title: Two sites
planning: {id: planning, provenance: {default: assumed}}
departments:
  - {id: oict, critical: 10, groups: [tech], provenance: {default: synthetic}}
  - {id: dm, critical: 30, standard: 500, groups: [office], provenance: {default: synthetic}}
  - {id: hr, critical: 5, needs: {oict: 2}, groups: [personnel], provenance: {default: synthetic}}
groups:
  - {id: tech, kind: multi-session, provenance: {default: synthetic}}
  - {id: office, kind: multi-session, provenance: {default: synthetic}}
  - {id: personnel, kind: multi-session, provenance: {default: synthetic}}
pools:
  - {id: tech-n, group: tech, site: nyc, cluster: nyc-1, seats: 50, REST}
  - {id: office-n, group: office, site: nyc, cluster: nyc-1, seats: 600, REST}
  - {id: personnel-n, group: personnel, site: nyc, cluster: nyc-1, seats: 50, REST}
  - {id: tech-p, group: tech, site: piscataway, cluster: piscataway-1, seats: 12, REST}
  - {id: office-p, group: office, site: piscataway, cluster: piscataway-1, seats: 20, REST}
gateways:
  - {id: gate-n, site: nyc, PLENTY}
  - {id: gate-p, site: piscataway, PLENTY}
links:
  - {id: link-n, site: nyc, mbit_s: unlimited, as_of: 2026-11-20, provenance: {default: synthetic}}
  - {id: link-p, site: piscataway, mbit_s: unlimited, as_of: 2026-11-20, provenance: {default: synthetic}}
licences:
  - {id: spare, server: licences-1, model: concurrent, count: 9000, as_of: 2026-11-20, provenance: {default: synthetic}}
identity:
  - {id: tokens, purpose: second-factor, seats: 2000, as_of: 2026-11-20, provenance: {default: synthetic}}
"""
REST = "machine_count: 90, logon: 45s, as_of: 2026-11-20, provenance: {default: synthetic}"
PLENTY = (
    "ica_only: true, platform_sessions: 2000, max_users: unlimited, throughput_mbit_s: 9000, "
    "as_of: 2026-11-20, provenance: {default: synthetic}"
)
APPLICATION = """\
  - id: {id}
    name: {id}
    description: Of a department.
    scope: departmental
    tier: 3
    department: {department}
    arrangement: standby
    group: nyc-platform
    rto: {{time: 1d, basis: test, owner: dm}}
    rpo: {{time: 4h, basis: test, owner: dm}}
    rto_from: disruption
    probes: [{{kind: http, path: /transaction}}]
    provenance: {{default: synthetic}}
"""
MORE = {"ledger": "dm", "payroll": "hr", "photos": "dpi"}


def capacity(*changes: tuple[str, str]) -> str:
    """The model as text, after changes of what is in it."""
    text = CAPACITY.replace("REST", REST).replace("PLENTY", PLENTY)
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new)
    return text


def catalog(*changes: tuple[str, str]) -> str:
    """The small catalog and an application each of three more departments, one of which the model does not know."""
    people = "".join(
        f"  - {{id: {name}, name: {name}, provenance: {{default: synthetic}}}}\n" for name in ("hr", "dpi")
    )
    total = "totals: {applications: 6, enterprise: 4, departmental: 2}"
    text = catalog_text(
        (total, "totals: {applications: 9, enterprise: 4, departmental: 5}"),
        ("groups:\n", people + "groups:\n"),
        *changes,
    )
    return text + "".join(APPLICATION.format(id=name, department=owner) for name, owner in MORE.items())


def lost(site: str, *changes: tuple[str, str], catalog_of: str | None = None) -> LostSite:
    model = checked(load_capacity(capacity(*changes).encode(), "capacity.yaml"))
    return lose(model, site, load_catalog((catalog_of or catalog()).encode(), "catalog.yaml"))


def rows(found: LostSite) -> dict[str, tuple[str | None, int | None, int | None, str]]:
    assert found.applications is not None
    return {item.application: (item.to, item.served, item.needed, item.reached) for item in found.applications}


def test_each_application_says_where_it_moves_and_whether_its_people_come_to_it() -> None:
    found = lost("nyc")
    ours = ("piscataway", 12, 12, "yes")
    assert rows(found) == {
        "directory": ours,
        "mail": ours,
        "mobile-office": ours,
        "ledger": ("piscataway", 20, 30, "partly"),  # 500 others of the department count for nothing
        "payroll": ("piscataway", 0, 5, "no"),  # its desktops are at the lost site only
        "photos": ("piscataway", None, None, "unknown"),  # of a department without people in the model
    }
    assert [(item.application, item.to) for item in found.gateways] == [("mobile-office", "piscataway")]
    assert found.cut_off == ("archive",), "it runs elsewhere, and people come to it through Mobile Office"
    assert found.status is Status.RED


def test_without_another_site_nobody_reaches_it_whoever_has_a_seat() -> None:
    assert rows(lost("piscataway")) == {"archive": (None, 30, 30, "no")}
    stays = catalog(("recovery_site: piscataway", "recovery_site: null"))
    assert {name: (to, reached) for name, (to, _, _, reached) in rows(lost("nyc", catalog_of=stays)).items()} == {
        name: (None, "no") for name in ("directory", "mail", "mobile-office", "ledger", "payroll", "photos")
    }


def test_too_few_by_what_is_known_is_unknown_while_something_is_not_known() -> None:
    found = lost("nyc", ("seats: 20,", "seats: unknown,"))
    assert rows(found)["ledger"] == ("piscataway", None, 30, "unknown")
    assert rows(found)["directory"] == ("piscataway", 12, 12, "yes"), "enough by what is known stays enough"
    assert any("office" in text for text in found.outcome.missing)


def test_a_seat_more_or_less_decides() -> None:
    for seats, reached in ((30, "yes"), (29, "partly"), (1, "partly"), (0, "no")):
        assert rows(lost("nyc", ("seats: 20,", f"seats: {seats},")))["ledger"][1:] == (seats, 30, reached)


def test_the_table_and_the_json_say_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "capacity.yaml").write_text(capacity(), encoding="utf-8")
    (tmp_path / "app_catalog.yaml").write_text(catalog(), encoding="utf-8")
    result = call("model", "--lose", "nyc")
    assert result.exit_code == 1
    cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if "│" in line]
    shown = {cell[0]: cell[1:] for cell in cells if len(cell) == 5}
    assert shown == {
        "directory": ["piscataway", "oict", "12 of 12", "yes"],
        "mail": ["piscataway", "oict", "12 of 12", "yes"],
        "mobile-office": ["piscataway", "oict", "12 of 12", "yes"],
        "ledger": ["piscataway", "dm", "20 of 30", "partly"],
        "payroll": ["piscataway", "hr", "0 of 5", "no"],
        "photos": ["piscataway", "dpi", "not in the capacity model", "unknown"],
    }
    assert "6 applications fail over; 32 of 47 required people have a seat to reach them" in result.stdout
    assert "at other sites, and out of reach until then: archive" in result.stdout
    data = json.loads(call("model", "--lose", "nyc", "--json").stdout)
    assert [tuple(item.values()) for item in data["applications"] if item["id"] in ("ledger", "photos")] == [
        ("ledger", "piscataway", False, "dm", 30, 20, "partly"),
        ("photos", "piscataway", False, "dpi", None, None, "unknown"),
    ]
    assert list(data["applications"][0]) == [
        "id", "to", "remote_access", "department", "people_needed", "people_served", "reached"
    ]  # fmt: skip
    assert (data["gateways"], data["cut_off_meanwhile"]) == (["mobile-office"], ["archive"])
    gone = call("model", "--lose", "piscataway")
    assert "lost with the site, no other one has them: archive" in gone.stdout
    assert "0 applications fail over" in gone.stdout
