"""Each check with a case that fails it; the small catalog passes all of them."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drorch.catalog.check import check_catalog
from drorch.catalog.checks.sites import gap_in_words
from drorch.core.findings import Finding, Severity
from drorch.testing.builders import SMALL_CATALOG_YAML, catalog_text, small_catalog

ARCHIVE = "  - id: archive" + SMALL_CATALOG_YAML.split("  - id: archive")[1]


def found(code: str, *changes: tuple[str, str]) -> list[Finding]:
    return [finding for finding in check_catalog(small_catalog(*changes)) if finding.code == code]


def test_the_small_catalog_passes_all_checks() -> None:
    assert check_catalog(small_catalog()) == ()


@pytest.mark.parametrize(
    ("code", "severity", "changes", "says", "place"),
    [
        (
            "duplicate-id",
            Severity.ERROR,
            [("id: mail", "id: directory")],
            "'directory' is given to 2 applications",
            "id: mail",
        ),
        ("duplicate-id", Severity.ERROR, [("id: dm,", "id: oict,")], "'oict' is given to 2 departments", "{id: dm,"),
        (
            "unknown-reference",
            Severity.ERROR,
            [("mirror: valencia", "mirror: valenca")],
            "did you mean 'valencia'",
            "id: brindisi,",
        ),
        (
            "unknown-reference",
            Severity.ERROR,
            [("primary_site: nyc", "primary_site: geneva")],
            "'geneva' among the sites",
            "primary_site: nyc",
        ),
        (
            "unknown-reference",
            Severity.ERROR,
            [("recovery_site: valencia", "recovery_site: x")],
            "'x' among the sites",
            "recovery_site: valencia",
        ),
        (
            "unknown-reference",
            Severity.ERROR,
            [("department: dm", "department: dn")],
            "'dn' among the departments",
            "department: dm",
        ),
        (
            "unknown-reference",
            Severity.ERROR,
            [("group: remote-desktops", "group: remote")],
            "'remote' among the groups",
            "group: remote",
        ),
        (
            "unknown-reference",
            Severity.ERROR,
            [("depends_on: [umoja]", "depends_on: [uoja]")],
            "did you mean 'umoja'",
            "depends_on: [umoja]",
        ),
        (
            "unknown-reference",
            Severity.ERROR,
            [("gateway: true", "migration_target: mars")],
            "'mars' among the sites",
            "gateway: true",
        ),
        (
            "totals",
            Severity.ERROR,
            [("applications: 6", "applications: 76")],
            "say 76 applications, the entries are 6",
            "totals",
        ),
        (
            "totals",
            Severity.ERROR,
            [("enterprise: 4", "enterprise: 3")],
            "say 3 enterprise, the entries are 4",
            "totals",
        ),
        (
            "arrangement-against-group",
            Severity.ERROR,
            [("arrangement: remote-access", "arrangement: standby")],
            "archive is standby, but its group remote-desktops has no recovery site",
            "arrangement: remote",
        ),
        (
            "arrangement-against-group",
            Severity.ERROR,
            [("arrangement: mirror", "arrangement: remote-access")],
            "has the recovery site valencia",
            "arrangement: mirror",
        ),
        (
            "no-gateway",
            Severity.ERROR,
            [("depends_on: [mobile-office]", "depends_on: [mail]")],
            "archive is remote-access, but depends on no gateway",
            "depends_on: [mobile",
        ),
        (
            "no-gateway",
            Severity.ERROR,
            [("gateway: true", "gateway: false")],
            "archive is remote-access, but depends on no gateway",
            "depends_on: [mobile",
        ),
        (
            "empty-group",
            Severity.WARNING,
            [(ARCHIVE, "")],
            "no application is in the group remote-desktops",
            "id: remote-desktops",
        ),
        (
            "site-ends-before-start",
            Severity.ERROR,
            [("valid_until:", "valid_from: 2015-01-01\n    valid_until:")],
            "valid from 2015-01-01 until 2014-06-30",
            None,
        ),
        (
            "mirror-relation",
            Severity.ERROR,
            [("mirror: piscataway", "mirror: nyc")],
            "nyc is its own mirror",
            "id: nyc,",
        ),
        (
            "mirror-relation",
            Severity.WARNING,
            [("mirror: piscataway", "mirror: brindisi")],
            "nyc is mirrored by brindisi, which is mirrored by valencia",
            "id: nyc,",
        ),
        (
            "mirror-relation",
            Severity.WARNING,
            [("role: recovery, provenance", "role: primary, provenance")],
            "valencia, which is not a recovery site",
            "id: brindisi,",
        ),
        (
            "recovery-at-home",
            Severity.ERROR,
            [("recovery_site: valencia", "recovery_site: brindisi")],
            "recovered at the site it is lost with",
            "recovery_site: valencia",
        ),
        (
            "recovery-not-at-mirror",
            Severity.WARNING,
            [("recovery_site: valencia", "recovery_site: piscataway")],
            "but brindisi is mirrored by valencia",
            "recovery_site: valencia",
        ),
        (
            "site-needed-longer",
            Severity.WARNING,
            [("need_until: 2014-06-30", "need_until: 2016-12-31")],
            "1 application needs it until 2016-12-31: a gap of 30 months (directory)",
            "valid_until: 2014",
        ),
        (
            "site-needed-longer",
            Severity.WARNING,
            [("depends_on: [mobile-office]", "depends_on: [mobile-office]\n    need_until: 2014-07-01")],
            "a gap of 1 day (archive)",
            "valid_until: 2014",
        ),
        (
            "already-there",
            Severity.WARNING,
            [("gateway: true", "gateway: true\n    migration_target: nyc")],
            "to be moved to nyc, where it is already",
            None,
        ),
        ("zero-rto", Severity.ERROR, [("time: 2h,", "time: 0s,")], "the RTO of directory is zero", "time: 2h"),
        (
            "rto-shorter-than-dependency",
            Severity.WARNING,
            [("time: 2h,", "time: 5h,")],
            "mail has an RTO of 4h, but depends on directory with an RTO of 5h",
            "time: 4h",
        ),
        (
            "rto-counted-differently",
            Severity.NOTE,
            [("rto_from: disruption", "rto_from: declaration")],
            "mail counts from the disruption",
            None,
        ),
        (
            "objective-without-basis",
            Severity.WARNING,
            [("basis: test, owner: dm}", "owner: dm}")],
            "no basis is stated for the RTO of umoja",
            "time: 4h, basis: test, owner: dm",
        ),
        (
            "objective-without-owner",
            Severity.WARNING,
            [(", owner: dm}", "}")],
            "nobody stands for the RTO of umoja",
            "time: 4h, basis: test, owner: dm",
        ),
        (
            "attested-without-source",
            Severity.ERROR,
            [("name: {attested: A/67/266 para 56}", "name: attested")],
            "umoja calls name attested without naming a source",
            "provenance: {default: assumed, name",
        ),
        (
            "doubtful-attestation",
            Severity.NOTE,
            [("name: {attested: A/67", "tier: {attested: A/67")],
            "umoja calls tier attested",
            "provenance: {default: assumed, name",
        ),
    ],
)
def test_found(code: str, severity: Severity, changes: list[tuple[str, str]], says: str, place: str | None) -> None:
    findings = found(code, *changes)
    assert findings, f"no {code} among {[item.code for item in check_catalog(small_catalog(*changes))]}"
    finding = findings[0]
    assert says in finding.message
    assert finding.severity is severity
    assert finding.next_step or severity is Severity.NOTE
    if place is not None:
        text = catalog_text()
        line = text[: text.index(place)].count("\n") + 1
        assert str(finding.where).startswith(f"small.yaml:{line} "), finding


def test_a_circle_is_shown_with_its_path() -> None:
    (finding,) = found("cycle", ("    rto_from: disruption\n", "    rto_from: disruption\n    depends_on: [mail]\n"))
    assert finding.message == "the dependencies form a circle: directory → mail → directory"
    assert finding.severity is Severity.ERROR
    assert str(finding.where).endswith("applications.directory.depends_on")


def test_an_application_that_needs_itself() -> None:
    (finding,) = found("cycle", ("depends_on: [umoja]", "depends_on: [reports]"))
    assert finding.message == "the dependencies form a circle: reports → reports"


def test_each_circle_is_reported() -> None:
    findings = found(
        "cycle",
        ("    rto_from: disruption\n", "    rto_from: disruption\n    depends_on: [mail]\n"),
        ("depends_on: [umoja]", "depends_on: [reports]"),
    )
    assert [finding.subject for finding in findings] == ["directory", "reports"]


def test_dependencies_on_another_site_are_noted() -> None:
    (finding,) = found("dependency-elsewhere", ("depends_on: [umoja]", "depends_on: [directory]"))
    assert "reports runs at brindisi and depends on directory at nyc" in finding.message


def test_a_recovered_application_that_needs_one_that_is_not() -> None:
    (finding,) = found("dependency-not-recovered", ("depends_on: [umoja]", "depends_on: [archive]"))
    assert finding.severity is Severity.WARNING
    assert "reports is recovered, but depends on archive" in finding.message


def test_a_gateway_that_is_itself_remote_access() -> None:
    (finding,) = found(
        "gateway-not-recovered", ("depends_on: [mobile-office]", "depends_on: [mobile-office]\n    gateway: true")
    )
    assert finding.subject == "archive"


def test_errors_come_first() -> None:
    findings = check_catalog(
        small_catalog(("basis: test, owner: dm}", "owner: dm}"), ("applications: 6", "applications: 7"))
    )
    assert [finding.severity for finding in findings] == [Severity.ERROR, Severity.WARNING]


def test_the_small_catalog_without_any_applications_is_no_crash() -> None:
    text = SMALL_CATALOG_YAML.split("applications:\n")[0]
    findings = check_catalog(small_catalog((SMALL_CATALOG_YAML, text + "applications: []\n")))
    assert {finding.code for finding in findings} == {"totals", "empty-group"}


@pytest.mark.parametrize(
    ("last", "until", "words"),
    [
        (date(2014, 6, 30), date(2016, 12, 31), "30 months"),
        (date(2014, 6, 30), date(2014, 7, 31), "1 month"),
        (date(2014, 6, 30), date(2014, 7, 30), "30 days"),
        (date(2014, 1, 15), date(2014, 2, 14), "30 days"),
        (date(2014, 1, 15), date(2014, 2, 15), "1 month"),
        (date(2012, 2, 29), date(2012, 3, 1), "1 day"),
    ],
)
def test_gap(last: date, until: date, words: str) -> None:
    assert gap_in_words(last, until) == words


@given(st.dates(max_value=date(9990, 1, 1)), st.dates(max_value=date(9990, 1, 1)))
def test_a_gap_is_never_nothing(one: date, other: date) -> None:
    if one != other:
        assert not gap_in_words(min(one, other), max(one, other)).startswith(("0", "-"))


def test_an_rto_as_long_as_that_of_the_dependency_is_possible() -> None:
    assert found("rto-shorter-than-dependency", ("time: 2h,", "time: 4h,")) == []
