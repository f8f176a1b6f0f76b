"""Text to model: values, lines, provenance, and errors that name file, line and field."""

from datetime import date

import pytest

from drorch.catalog.load import checked, load_catalog
from drorch.catalog.model import Arrangement, Objective, ProbeKind, Provenance, ProvenanceKind, RtoFrom
from drorch.core.errors import InputInvalid
from drorch.testing.builders import catalog_text, small_catalog


def refusal(*changes: tuple[str, str]) -> InputInvalid:
    with pytest.raises(InputInvalid) as caught:
        small_catalog(*changes)
    return caught.value


def line_of(text: str, nth: str) -> int:
    """Line of the first place of ``nth`` in ``text``."""
    return text[: text.index(nth)].count("\n") + 1


def test_values() -> None:
    catalog = small_catalog()
    mail = catalog.application("mail")
    assert mail.rto == Objective(seconds=14_400, basis="test", owner="oict")
    assert mail.depends_on == ("directory",)
    assert mail.probes[0].kind is ProbeKind.HTTP
    assert catalog.application("mobile-office").rto_from is RtoFrom.DECLARATION
    assert catalog.application("archive").arrangement is Arrangement.REMOTE_ACCESS
    assert catalog.site("piscataway").valid_until == date(2014, 6, 30)
    assert catalog.group("remote-desktops").recovery_site is None
    assert catalog.recovery_site_of(mail) == "piscataway"
    assert catalog.recovery_site_of(catalog.application("archive")) is None


def test_the_gateway_of_a_remote_access_application() -> None:
    catalog = small_catalog()
    gateway = catalog.gateway_of(catalog.application("archive"))
    assert gateway is not None
    assert gateway.id == "mobile-office"
    assert catalog.gateway_of(catalog.application("mail")) is None


def test_every_entry_and_field_has_its_line() -> None:
    text = catalog_text()
    lines = small_catalog().lines
    assert lines["applications.mail"] == line_of(text, "id: mail")
    assert lines["applications.umoja.rto"] == line_of(text, "id: umoja") + 8
    assert lines["sites.piscataway.valid_until"] == line_of(text, "valid_until: 2014")
    assert lines["totals"] == 3


def test_each_field_has_a_provenance() -> None:
    umoja = small_catalog().application("umoja")
    assert umoja.provenance_of("name") == Provenance(kind=ProvenanceKind.ATTESTED, source="A/67/266 para 56")
    assert umoja.provenance_of("tier") == Provenance(kind=ProvenanceKind.ASSUMED)
    assert set(umoja.provenance) == set(umoja.__dataclass_fields__) - {"provenance", "manual"}


def test_the_content_id_is_of_the_content_not_of_the_text() -> None:
    plain = small_catalog().content_id
    assert small_catalog(("time: 4h,", "time: 240m,")).content_id == plain
    assert small_catalog(("tier: 2", "tier:   2  # remark")).content_id == plain
    assert small_catalog(("time: 4h,", "time: 241m,")).content_id != plain
    assert small_catalog(("name: {attested: A/67/266 para 56", "name: {attested: B")).content_id != plain


@pytest.mark.parametrize(
    ("change", "field", "says"),
    [
        pytest.param(("tier: 2", "tier: two"), "applications.mail.tier", "a whole number expected", id="wrong type"),
        pytest.param(("tier: 2", "tier: 5"), "applications.mail.tier", "less than or equal to 4", id="tier 5"),
        pytest.param(("tier: 2", "tier: true"), "applications.mail.tier", "a whole number expected", id="bool as int"),
        pytest.param(("name: Mail", "name: 12"), "applications.mail.name", "text expected, not 12", id="int as text"),
        pytest.param(("name: Mail", "name: ''"), "applications.mail.name", "say something", id="empty name"),
        pytest.param(("name: Mail", 'name: "a\\tb"'), "applications.mail.name", "control characters", id="control"),
        pytest.param(("name: Mail", "name: " + "x" * 201), "applications.mail.name", "200", id="long name"),
        pytest.param(("tier: 2", "teir: 2"), "applications.mail.teir", "did you mean 'tier'?", id="misspelt field"),
        pytest.param(("title: Small", "titel: Small"), "titel", "did you mean 'title'?", id="misspelt top field"),
        pytest.param(
            ("time: 4h,", "tme: 4h,"), "applications.mail.rto.tme", "did you mean 'time'?", id="misspelt part"
        ),
        pytest.param(("time: 4h,", "time: 4,"), "applications.mail.rto.time", "write it like", id="unitless duration"),
        pytest.param(
            ("arrangement: standby", "arrangement: hot"), "applications.directory.arrangement", "'hot'", id="enum"
        ),
        pytest.param(("id: mail", "id: My Mail"), "applications.My Mail.id", "is not an id", id="non-slug id"),
        pytest.param(
            ("need_until: 2014-06-30", "need_until: 30.6.2014"),
            "applications.directory.need_until",
            "2014-06-30",
            id="date",
        ),
        pytest.param(
            ("need_until: 2014-06-30", "need_until: 2014-06-31"),
            "applications.directory.need_until",
            "not a day",
            id="31 June",
        ),
        pytest.param(
            ("depends_on: [directory]", "depends_on: directory"), "applications.mail.depends_on", "a list", id="no list"
        ),
        pytest.param(("schema: 1", "schema: 2"), "schema", "2 is not allowed here", id="schema 2"),
        pytest.param(
            ("{kind: http, path: /transaction}", "{kind: http, path: transaction}"),
            "applications.directory.probes.0.path",
            "pattern",
            id="path",
        ),
    ],
)
def test_an_error_names_file_line_and_field(change: tuple[str, str], field: str, says: str) -> None:
    error = refusal(change)
    line = line_of(catalog_text(), change[0])
    assert error.where == f"small.yaml:{line} {field}", str(error)
    assert says in error.what
    assert error.next_step


def test_a_missing_field_is_named_at_its_entry() -> None:
    error = refusal(("    tier: 2\n", ""))
    assert error.what == "'tier' is missing"
    assert error.where == f"small.yaml:{line_of(catalog_text(), 'id: mail')} applications.mail.tier"


def test_several_errors_are_all_listed() -> None:
    error = refusal(("tier: 1", "tier: x"), ("tier: 2", "tier: y"), ("tier: 3", "tier: z"))
    assert error.what.count("a whole number expected") == 3
    assert "applications.reports.tier" in error.what


def test_very_many_errors_are_counted() -> None:
    with pytest.raises(InputInvalid, match="and 3 more"):
        load_catalog(b"schema: 1\nsites: [" + b"3, " * 8 + b"]", "c.yaml")


@pytest.mark.parametrize(
    ("provenance", "says"),
    [
        ("{name: synthetic}", "no provenance for"),
        ("{default: guessed}", "is not a provenance"),
        ("{default: synthetic, nmae: assumed}", "fields that are not there: nmae"),
        ("{default: {attested: 5}}", "the source of a provenance is text"),
        ("{default: {attested: a, assumed: b}}", "is not a provenance"),
    ],
)
def test_provenance_has_to_be_complete(provenance: str, says: str) -> None:
    old = "provenance: {default: assumed, name: {attested: A/67/266 para 56}}"
    error = refusal((old, f"provenance: {provenance}"))
    assert says in error.what
    assert "applications.umoja" in str(error.where)


@pytest.mark.parametrize("text", [b"[]", b"hello", b"3", b"- a\n- b\n"])
def test_something_else_than_a_mapping(text: bytes) -> None:
    with pytest.raises(InputInvalid) as caught:
        load_catalog(text, "c.yaml")
    assert caught.value.where == "c.yaml:1"


def test_checked_lets_a_good_catalog_through() -> None:
    catalog = small_catalog()
    assert checked(catalog) is catalog


def test_checked_lists_all_errors_with_their_lines() -> None:
    bad = small_catalog(
        ("depends_on: [umoja]", "depends_on: [umoia]"), ("primary_site: brindisi", "primary_site: bari")
    )
    with pytest.raises(InputInvalid) as caught:
        checked(bad)
    text = str(caught.value)
    assert "there is no 'umoia' among the applications; did you mean 'umoja'?" in text
    assert "there is no 'bari' among the sites" in text
    assert f"small.yaml:{line_of(catalog_text(), 'depends_on: [umoja]')} applications.reports.depends_on.0" in text
