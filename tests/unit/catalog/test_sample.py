"""The sample catalog that is delivered: its totals, its honesty, and what the check finds in it."""

from collections import Counter
from pathlib import Path

import pytest

from drorch.catalog.check import check_catalog
from drorch.catalog.checks.provenance import NEVER_ATTESTED
from drorch.catalog.codec import catalog_from_json
from drorch.catalog.load import checked, load_catalog
from drorch.catalog.model import Arrangement, Catalog, ProvenanceKind, Scope
from drorch.core.codec import plain
from drorch.core.findings import Severity

SAMPLE = Path(__file__).parents[3] / "app_catalog.yaml"


@pytest.fixture(scope="module")
def sample() -> Catalog:
    return checked(load_catalog(SAMPLE.read_bytes(), SAMPLE.name))


def test_seventy_six(sample: Catalog) -> None:
    scopes = Counter(app.scope for app in sample.applications)
    assert scopes == {Scope.ENTERPRISE: 25, Scope.DEPARTMENTAL: 51}


def test_arrangements_and_groups(sample: Catalog) -> None:
    assert Counter(app.arrangement for app in sample.applications) == {
        Arrangement.STANDBY: 46,
        Arrangement.MIRROR: 18,
        Arrangement.REMOTE_ACCESS: 12,
    }
    pairs = Counter((group.primary_site, group.recovery_site) for group in sample.groups)
    assert pairs == {("nyc", "piscataway"): 6, ("brindisi", "valencia"): 3, ("piscataway", None): 1}


def test_the_gap_at_piscataway_is_found_and_there_are_no_errors(sample: Catalog) -> None:
    findings = check_catalog(sample)
    assert all(finding.severity is not Severity.ERROR for finding in findings)
    (gap,) = [finding for finding in findings if finding.code == "site-needed-longer"]
    assert "piscataway may be relied on until 2014-06-30, but 58 applications need it until 2016-12-31" in gap.message
    assert "a gap of 30 months" in gap.message
    line = int(str(gap.where).split(":")[1].split()[0])
    assert "valid_until: 2014-06-30" in SAMPLE.read_text(encoding="utf-8").splitlines()[line - 1]


def test_objectives_without_basis_are_listed(sample: Catalog) -> None:
    listed = {finding.subject for finding in check_catalog(sample) if finding.code == "objective-without-basis"}
    assert listed == {app.id for app in sample.applications if app.rto.basis is None}
    assert listed


def test_it_never_claims_to_be_the_real_list(sample: Catalog) -> None:
    assert "NOT the list of the United Nations" in sample.title
    assert "No entry is proven to be one of the 76" in str(sample.note)
    assert "THIS IS NOT" in SAMPLE.read_text(encoding="utf-8").splitlines()[0]


def test_each_field_of_each_entry_has_a_provenance_and_the_attested_ones_a_source(sample: Catalog) -> None:
    for entry in (*sample.sites, *sample.departments, *sample.groups, *sample.applications):
        assert set(entry.provenance) == set(entry.__dataclass_fields__) - {"provenance", "manual"}, entry.id
        for provenance in entry.provenance.values():
            assert provenance.kind is not ProvenanceKind.ATTESTED or provenance.source, entry.id


def test_nothing_is_attested_that_no_source_gives(sample: Catalog) -> None:
    for app in sample.applications:
        for name in (*NEVER_ATTESTED, "arrangement", "probes", "need_until", "migration_target"):
            assert app.provenance_of(name).kind is not ProvenanceKind.ATTESTED, (app.id, name)
        for provenance in app.provenance.values():
            assert "unverified" not in str(provenance.source) or provenance.kind is ProvenanceKind.ASSUMED


def test_made_up_applications_say_so_in_their_names(sample: Catalog) -> None:
    for app in sample.applications:
        made_up = app.provenance_of("name").kind is ProvenanceKind.SYNTHETIC
        assert made_up == app.name.startswith("Synthetic "), app.id


def test_the_longest_chain_of_dependencies_has_four_applications(sample: Catalog) -> None:
    def depth(app_id: str) -> int:
        return 1 + max((depth(needed) for needed in sample.application(app_id).depends_on), default=0)

    assert max(depth(app.id) for app in sample.applications) == 4


def test_remote_access_goes_through_a_gateway_that_is_recovered(sample: Catalog) -> None:
    for app in sample.applications:
        if app.arrangement is Arrangement.REMOTE_ACCESS:
            gateway = sample.gateway_of(app)
            assert gateway is not None
            assert gateway.id == "mobile-office"
            assert sample.recovery_site_of(gateway) == "piscataway"
            assert sample.recovery_site_of(app) is None


def test_json_both_ways(sample: Catalog) -> None:
    assert catalog_from_json(plain(sample)) == sample
