"""``year.yaml`` to the programme: values, and every wrong input one clear sentence with file, line and field."""

from __future__ import annotations

from pathlib import Path

import pytest

from drorch.catalog.load import load_catalog
from drorch.catalog.model import ProvenanceKind
from drorch.core.errors import InputInvalid
from drorch.testing.builders import small_catalog
from drorch.year.check import check_programme
from drorch.year.load import load_programme
from drorch.year.model import Activity, Period, Requirement
from drorch.year.obligations import duties

from .samples import small_programme, year_text, zoned_catalog

ROOT = Path(__file__).parents[3]


def refusal(*changes: tuple[str, str]) -> str:
    with pytest.raises(InputInvalid) as caught:
        small_programme(*changes)
    return str(caught.value)


def line_of(text: str, part: str) -> int:
    return text[: text.index(part)].count("\n") + 1


def test_values() -> None:
    programme = small_programme()
    joint = next(item for item in programme.obligations if item.id == "joint-test")
    assert joint.activity is Activity.JOINT_TECHNOLOGY_TEST
    assert joint.period is Period.ROLLING_12_MONTHS
    assert joint.requires == {Requirement.SIGN_OFF}
    assert joint.lead_days == 30
    assert joint.provenance["default"].kind is ProvenanceKind.SYNTHETIC
    assert programme.windows.zones["nyc"] == "America/New_York"
    assert programme.lines["obligations.joint-test"] == line_of(year_text(), "id: joint-test")


def test_duties_are_typed_by_subject_and_component() -> None:
    ids = [duty.id for duty in duties(small_programme(), zoned_catalog())]
    assert "it-dr-test/umoja" in ids
    assert "it-dr-test/archive" not in ids
    assert "remote-test/archive" in ids
    assert [name for name in ids if name.startswith("components/")] == [
        "components/dm/alternate-place",
        "components/dm/vital-records",
    ]
    assert len(ids) == len(set(ids))


def test_the_sample_programme_fits_the_sample_catalog() -> None:
    catalog = load_catalog((ROOT / "app_catalog.yaml").read_bytes(), "app_catalog.yaml")
    programme = load_programme((ROOT / "year.yaml").read_bytes(), "year.yaml", catalog)
    assert check_programme(programme, catalog) == ()
    owed = [duty.id for duty in duties(programme, catalog)]
    tested = [name for name in owed if name.startswith(("it-dr-test/", "remote-access-test/"))]
    assert len(tested) == 76
    assert {item.activity for item in programme.obligations} == set(Activity)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("period: calendar-year", "period: monthly", "is not allowed here"),
        ("period: calendar-year", "perod: calendar-year", "did you mean 'period'?"),
        ("in_force_from: 2013-01-01", "in_force_from: 2013-02-30", "not a day of the calendar"),
        ("in_force_from: 2013-01-01", "in_force_from: null", "a date like 2014-06-30 expected"),
        ("in_force_from: 2013-01-01", "in_force_from: 1013-01-01", "not between 1990 and 2199"),
        ("lead_days: 30", "lead_days: many", "a whole number expected"),
        ("lead_days: 30", "lead_days: 400", "less than or equal to 180"),
        ("    requires: [sign-off]", "    requires: [signature]", "is not allowed here"),
        ("kind: body}", "kind: department}", "a crisis-simulation is owed by each body"),
        ("only: [dm]", "only: [dmm]", "there is no department dmm"),
        ("arrangements: [remote-access]", "only: [archive], arrangements: [mirror]", "no subject owes this"),
        ("subjects: {kind: body}", "subjects: {kind: body, arrangements: [mirror]}", "arrangements are for app"),
        ("    components: [alternate-place, vital-records]\n", "", "components belong to"),
        ("until: 2013-06-30", "until: 2012-06-30", "before it begins"),
        ("obligation: telecommuting\n", "obligation: telework\n", "there is no obligation telework"),
        ("subject: dm\n", "subject: umoja\n", "nothing to be exempt from"),
        ("timezone: America/New_York", "timezone: America/Gotham", "not a known time zone"),
        ("id: elsewhere-p", "id: nyc-weekends", "occurs twice"),
        ("site: valencia", "site: venice", "there is no site venice"),
        ('start: "06:00"', "start: 06:00:00", "is not a time of day"),
        ('end: "20:00"', "end: 20:00", "put it in quotes"),
        ("weekdays: [sat, sun]", "weekdays: [saturday]", "is not a weekday"),
        ("estates: [paper]", "estates: []", "at least 1 item"),
    ],
)
def test_wrong_input_is_one_sentence_with_its_line(old: str, new: str, says: str) -> None:
    text = refusal((old, new))
    assert says in text
    assert text.startswith(("year.yaml:", "small.yaml:"))
    line = int(text.split(":")[1].split(" ")[0])
    changed = year_text((old, new))
    assert line >= 1
    assert line <= changed.count("\n") + 1


WEEKENDS = 'site: nyc, weekdays: [sat, sun], start: "06:00", end: "20:00"'
ASSEMBLY = "first_day: 2013-09-17, last_day: 2013-10-04"


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("nyc-weekends", (WEEKENDS, 'site: nyc, start: "06:00", end: "06:00"'), "it ends at 06:00, when it starts"),
        ("assembly", (ASSEMBLY, "first_day: 2013-10-17, last_day: 2013-10-04"), "lies before its first"),
        (
            "nyc-weekends",
            (WEEKENDS, "site: nyc, first_day: 2013-05-06, last_day: 2013-05-10, weekdays: [sat]"),
            "no day and time fits",
        ),
        (
            "nyc-weekends",
            (WEEKENDS, 'site: nyc, first_day: 2013-03-10, last_day: 2013-03-10, start: "02:00", end: "03:00"'),
            "no day and time fits",
        ),
        ("nyc-weekends", (ASSEMBLY, "site: nyc"), "blocked whenever it would be open"),
        (
            "nyc-weekends",
            (WEEKENDS, "site: nyc, first_day: 2013-09-18, last_day: 2013-09-30"),
            "blocked whenever it would be open",
        ),
    ],
)
def test_a_window_that_never_opens_is_named_with_its_line(name: str, change: tuple[str, str], says: str) -> None:
    text = refusal(change)
    assert f"the window {name} never opens" in text
    assert says in text
    assert text.startswith(f"year.yaml:{line_of(year_text(change), f'id: {name}')} windows.{name}")


def test_a_site_without_window_and_a_long_exemption_are_warnings() -> None:
    catalog = zoned_catalog()
    text = year_text(
        ("  - {id: elsewhere-v, effect: allow, site: valencia, reason: any time}\n", ""),
        ("until: 2013-06-30", "until: 2014-06-30"),
    )
    found = check_programme(load_programme(text.encode(), "year.yaml", catalog), catalog)
    assert [item.code for item in found] == ["long-exemption", "site-without-window"]


def test_a_catalog_with_an_unknown_zone_is_named_there() -> None:
    catalog = small_catalog(("id: nyc, name: New York,", "id: nyc, name: New York, timezone: Atlantis,"))
    found = check_programme(load_programme(year_text().encode(), "year.yaml", catalog), catalog)
    assert [item.code for item in found] == ["unknown-time-zone"]
    assert (found[0].where or "").startswith("small.yaml:")


@pytest.mark.parametrize(
    "text", [b"", b"- a\n", b"\xff\xfe\x00", b"a: b\0", b"schema: 1\n\tid: x\n", b"x: &a 1\n", b"schema: 1\n" * 2]
)
def test_what_is_no_programme_at_all(text: bytes) -> None:
    with pytest.raises(InputInvalid) as caught:
        load_programme(text, "year.yaml", zoned_catalog())
    assert (caught.value.where or "").startswith("year.yaml:")
