"""``capacity.yaml``: what is wrong is told with file, line and field; the sample is honest."""

from __future__ import annotations

from pathlib import Path

import pytest

from drorch.access.check import check_model
from drorch.access.load import checked, load_capacity
from drorch.access.seats import UNLIMITED, unknown
from drorch.catalog.load import load_catalog
from drorch.catalog.model import ProvenanceKind
from drorch.core.errors import InputInvalid
from drorch.core.findings import Severity
from tests.unit.access.worked import worked_model, worked_text

ROOT = Path(__file__).parents[3]


def refusal(*changes: tuple[str, str]) -> InputInvalid:
    with pytest.raises(InputInvalid) as caught:
        worked_model(*changes)
    return caught.value


def test_amounts() -> None:
    model = worked_model(("platform_sessions: 2000", "platform_sessions: unlimited"), ("seats: 160", "seats: unknown"))
    assert model.gateways[0].platform_sessions == UNLIMITED
    assert model.pools[0].seats == unknown("seats of finance-a")


def test_what_is_left_out_is_unknown_and_not_unlimited() -> None:
    model = worked_model((" max_users: unlimited,", ""))
    assert model.gateways[0].max_users == unknown("max_users of gateway-a")


def test_every_value_has_a_provenance() -> None:
    pool = worked_model().pools[0]
    assert pool.provenance["seats"].kind is ProvenanceKind.SYNTHETIC
    assert pool.provenance["logon"].kind is ProvenanceKind.SYNTHETIC


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        (("critical: 250", "critical: many"), "departments.finance.critical", "a whole number expected, not 'many'"),
        (("critical: 250", "critical: -1"), "departments.finance.critical", "greater than or equal to 0"),
        (("critical: 250", "critical: true"), "departments.finance.critical", "a whole number expected"),
        (("critical: 250", "critcal: 250"), "departments.finance.critcal", "did you mean 'critical'?"),
        (("critical: 250", "critical: 250, attendance: 1.5"), "departments.finance.attendance", "less than or equal"),
        (("seats: 160", "seats: 1.5"), "pools.finance-a.seats", "1.5 is not an amount"),
        (("seats: 160", "seats: -3"), "pools.finance-a.seats", "-3 is not an amount"),
        (("seats: 160", "seats: lots"), "pools.finance-a.seats", "write a whole number from 0, unlimited, or unknown"),
        (("seats: 160", "seats: true"), "pools.finance-a.seats", "True is not an amount"),
        (("mbit_s: 250", "mbit_s: 0"), "links.link-a.mbit_s", "0 is not a rate"),
        (("mbit_s: 250", "mbit_s: .inf"), "links.link-a.mbit_s", "is not a rate"),
        (("mbit_s: 250", "mbit_s: .nan"), "links.link-a.mbit_s", "is not a rate"),
        (("logon: 45s", "logon: 0s"), "pools.finance-a.logon", "'0s' is no time at all"),
        (("logon: 45s", "logon: 45"), "pools.finance-a.logon", "45 is not a duration"),
        (("as_of: 2026-11-20", "as_of: 2026-11-31"), "pools.finance-a.as_of", "is not a day of the calendar"),
        (("as_of: 2026-11-20", "as_of: 2026-11-20T10:00"), "pools.finance-a.as_of", "has no time zone"),
        (("as_of: 2026-11-20", "as_of: 2026-11-20T25:00Z"), "pools.finance-a.as_of", "is not a time"),
        (("kind: multi-session", "kind: shared"), "groups.finance.kind", "'shared' is not allowed here"),
        (("model: concurrent", "model: site"), "licences.concurrent.model", "'site' is not allowed here"),
        (("groups: [finance]", "groups: [finanse]"), "departments.finance.groups", "'finanse' is not there"),
        (("needs: {services: 20}", "needs: {service: 20}"), "departments.finance.needs", "'service' is not there"),
        (("needs: {services: 20}", "needs: {finance: 20}"), "departments.finance.needs", "finance needs itself"),
        (("group: standard, site: b", "group: office, site: b"), "pools.standard-b.group", "'office' is not there"),
        (("site: a, ica_only", "site: a, serves: [c], ica_only"), "gateways.gateway-a.serves", "'c' is not there"),
        (("purpose: second-factor", "purpose: second-factor, serves: c"), "identity.tokens.serves", "'c' is not"),
        (("id: finance-b", "id: finance-a"), "pools.finance-a#2", "'finance-a' is there twice among pools"),
        (("seats: 160, ", ""), "pools.finance-a.seats", "neither seats nor machines"),
        (("seats: 160", "seats: 160, machines: [{state: registered}]"), "pools.finance-a.seats", "seats and machines"),
        ((", provenance: {default: assumed}", ""), "planning.provenance", "'provenance' is missing"),
        (("schema: 1", "schema: 2"), "schema", "2 is not allowed here"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(change: tuple[str, str], field: str, says: str) -> None:
    error = refusal(change)
    line = worked_text(change).split(change[1])[0].count("\n") + 1 if change[1] else None
    assert error.where is not None
    place, _, named = error.where.partition(" ")
    assert place.startswith("capacity.yaml:")
    assert named.startswith(field)
    assert says in str(error)
    if line is not None and "#2" not in field:
        assert place == f"capacity.yaml:{line}"


def test_nobody_to_carry_is_refused() -> None:
    error = refusal(*((f"critical: {number}", "critical: 0") for number in (250, 200, 150, 70)))
    assert "no department has critical staff" in str(error)


def test_two_histories_of_a_site_are_refused() -> None:
    end = "seats: 2000, as_of: 2026-11-20, provenance: {default: synthetic}}\n"
    entry = "  - {id: %s, site: a, weeks: {2026-11-16: 3}, provenance: {default: synthetic}}\n"
    error = refusal((end, f"{end}history:\n{entry % 'one'}{entry % 'two'}"))
    assert "a second history of a" in str(error)


def test_a_week_is_named_by_its_monday() -> None:
    end = "seats: 2000, as_of: 2026-11-20, provenance: {default: synthetic}}\n"
    error = refusal(
        (end, f"{end}history:\n  - {{id: one, weeks: {{2026-11-17: 3}}, provenance: {{default: synthetic}}}}\n")
    )
    assert "'2026-11-17' is not a Monday" in str(error)


@pytest.mark.parametrize("text", [b"", b"\xff\xfe", b"- a\n", b"a: b: c\n", b"schema: 1\n", b"\x00", b"x" * 3_000_000])
def test_what_is_no_model_is_refused_in_words(text: bytes) -> None:
    with pytest.raises(InputInvalid):
        checked(load_capacity(text, "capacity.yaml"))


def test_attested_without_a_source_is_noticed() -> None:
    entry = "critical: 250, needs: {services: 20}, groups: [finance], provenance: {default: "
    model = worked_model((f"{entry}synthetic", f"{entry}attested"))
    (found,) = [finding for finding in check_model(model) if finding.code == "attested-without-source"]
    assert found.severity is Severity.WARNING
    assert found.subject == "finance"


def test_the_sample_is_honest() -> None:
    sample = checked(load_capacity((ROOT / "capacity.yaml").read_bytes(), "capacity.yaml"))
    catalog = load_catalog((ROOT / "app_catalog.yaml").read_bytes(), "app_catalog.yaml")
    origins = {
        origin.kind for items in sample.entries.values() for item in items for origin in item.provenance.values()
    }
    assert ProvenanceKind.ATTESTED not in origins
    assert {item.id for item in sample.departments} <= {item.id for item in catalog.departments}
    assert set(sample.sites) <= {site.id for site in catalog.sites}
    assert all(finding.severity is Severity.NOTE for finding in check_model(sample))
