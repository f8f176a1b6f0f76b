"""CSV to a draft and a report: nothing is guessed, everything that was not understood is named with row and column."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from drorch.catalog.importer import ImportNote, Understanding, import_csv
from drorch.catalog.load import load_catalog
from drorch.core.errors import DrorchError, InputInvalid

FULL = (
    "id,name,description,scope,tier,owner,arrangement,group,rto,rto basis,rpo,rto_from,depends_on,need_until\n"
    "mail,Mail,Letters,enterprise,1,oict,standby,nyc-platform,4h,board of 2012,15m,disruption,"
    "directory; files,2016-12-31\n"
)


def applications(text: str) -> list[dict[str, object]]:
    data = yaml.safe_load(text)
    assert isinstance(data, dict)
    return list(data["applications"])


def notes(text: str, understanding: Understanding) -> list[tuple[int, str, str]]:
    return [
        (note.line, note.column, note.value)
        for note in import_csv(text.encode(), "a.csv").notes
        if note.understanding is understanding
    ]


def test_a_full_row_becomes_a_loadable_entry_without_remarks() -> None:
    draft = import_csv(FULL.encode(), "a.csv")
    assert draft.notes == ()
    app = load_catalog(draft.text.encode(), "draft.yaml").application("mail")
    assert (app.rto.seconds, app.rto.basis, app.rpo.seconds) == (14_400, "board of 2012", 900)
    assert app.depends_on == ("directory", "files")
    assert str(app.need_until) == "2016-12-31"
    assert app.provenance_of("name").kind.value == "assumed"


def test_what_is_missing_is_null_and_the_draft_is_refused_until_filled_in() -> None:
    draft = import_csv(b"name,tier\nMail,2\n", "a.csv")
    (app,) = applications(draft.text)
    assert app["tier"] == 2
    assert app["rto"] is None
    assert app["department"] is None
    with pytest.raises(InputInvalid, match="expected, not nothing"):
        load_catalog(draft.text.encode(), "draft.yaml")
    missing = {note.column for note in draft.notes if note.understanding is Understanding.NOT_GIVEN}
    assert missing == {"description", "scope", "department", "arrangement", "group", "rto", "rpo", "rto_from"}


@pytest.mark.parametrize(
    ("header", "cell", "field"),
    [
        ("tier", "5", "tier"),
        ("tier", "high", "tier"),
        ("rto", "4", "rto"),
        ("rto", "soon", "rto"),
        ("need_until", "31/12/2016", "need_until"),
        ("arrangement", "tape", "arrangement"),
        ("scope", "both", "scope"),
        ("group", "§§§", "group"),
    ],
)
def test_what_is_not_understood_is_reported_and_left_out(header: str, cell: str, field: str) -> None:
    text = f"name,{header}\nMail,{cell}\n"
    assert notes(text, Understanding.NOT_UNDERSTOOD) == [(2, header, cell)]
    assert applications(import_csv(text.encode(), "a.csv").text)[0].get(field) is None


@pytest.mark.parametrize(
    ("header", "cell", "field", "value"),
    [
        ("Criticality", "Tier 1", "tier", 1),
        ("RTO (hours)", "4", "rto", {"time": "4h"}),
        ("rpo_min", "15", "rpo", {"time": "15m"}),
        ("rto", "4 hours", "rto", {"time": "4h"}),
        ("Recovery arrangement", "Citrix", "arrangement", "remote-access"),
        ("Owner", "DM/OHRM", "department", "dm-ohrm"),
    ],
)
def test_what_is_read_from_other_words_is_reported(header: str, cell: str, field: str, value: object) -> None:
    text = f"id,name,{header}\nmail,Mail,{cell}\n"
    assert notes(text, Understanding.READ_AS) == [(2, header, cell)]
    assert applications(import_csv(text.encode(), "a.csv").text)[0][field] == value


@pytest.mark.parametrize("unknown", ["", "?", "unknown", "n/a", "TBD"])
def test_words_for_not_knowing_are_not_values(unknown: str) -> None:
    assert (2, "department", "") in notes(f"name,owner\nMail,{unknown}\n", Understanding.NOT_GIVEN)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters_and_byte_order_mark(delimiter: str) -> None:
    text = "\ufeff" + delimiter.join(("Name", "Tier")) + "\n" + delimiter.join(('"Mail"', "3")) + "\n"
    (app,) = applications(import_csv(text.encode(), "a.csv").text)
    assert (app["name"], app["tier"]) == ("Mail", 3)


def test_lines_are_those_of_the_file_even_after_a_cell_of_two_lines() -> None:
    text = 'id,name,description\na,A,"one\ntwo"\n\nb,B,\nc,C,"x","y"\n'
    assert notes(text, Understanding.READ_AS) == [(2, "description", "one\ntwo")]
    assert (5, "description", "") in notes(text, Understanding.NOT_GIVEN)
    assert notes(text, Understanding.NOT_UNDERSTOOD) == [(6, "(row)", "c | C | x | y")]


def test_unknown_and_repeated_columns_are_reported() -> None:
    assert notes("name,colour,title\nMail,red,Post\n", Understanding.NOT_UNDERSTOOD) == [
        (1, "colour", ""),
        (1, "title", ""),
    ]


def test_repeated_ids_are_reported_not_renamed() -> None:
    text = "id,name\nmail,Mail\nmail,Post\n"
    assert notes(text, Understanding.NOT_UNDERSTOOD) == [(3, "id", "mail")]
    assert [app["id"] for app in applications(import_csv(text.encode(), "a.csv").text)] == ["mail", "mail"]


def test_only_named_sources_attest() -> None:
    text = "name,scope,source,attested_fields\nMail,enterprise,A/67/266,name;scope(weak)\nPost,enterprise,,name\n"
    first, second = applications(import_csv(text.encode(), "a.csv").text)
    assert first["provenance"] == {"default": "assumed", "name": {"attested": "A/67/266"}}
    assert second["provenance"] == {"default": "assumed"}
    assert notes(text, Understanding.NOT_UNDERSTOOD) == [
        (2, "attested_fields", "scope(weak)"),
        (3, "attested_fields", "name"),
    ]


@pytest.mark.parametrize(
    ("text", "where", "says"),
    [
        (b"", "a.csv:1", "is empty"),
        (b"a,b\n1,2\n", "a.csv:1", "no column is called name"),
        (b"name,tier\n", "a.csv", "no application"),
        (b'name,tier\nMail,1\n"Post,2\n', "a.csv:3", "not valid CSV"),
        (b'name\n"a"b\n', "a.csv:2", "not valid CSV"),
        (b"name\nMail\x00\n", "a.csv:2", "NUL"),
        (b"name\nCaf\xe9\n", "a.csv:2", "not UTF-8"),
        (b"name\n" + b"x" * 17_000_000, "a.csv", "larger than"),
        (b'name\n"' + b"x" * 200_000 + b'"\n', "a.csv:2", "field larger than"),
    ],
)
def test_bad_csv_is_one_clear_error(text: bytes, where: str, says: str) -> None:
    with pytest.raises(InputInvalid) as caught:
        import_csv(text, "a.csv")
    assert (caught.value.where, says in caught.value.what) == (where, True), str(caught.value)


def test_yaml_in_cells_stays_text() -> None:
    draft = import_csv(b'name,description\n"*alias","!!python/object: {a: 1}"\n', "a.csv")
    (app,) = applications(draft.text)
    assert (app["name"], app["description"]) == ("*alias", "!!python/object: {a: 1}")


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet='name,;|\t"\n ab1é#:', max_size=60))
def test_any_text_gives_a_draft_or_one_error(rest: str) -> None:
    try:
        draft = import_csv(f"name,tier\n{rest}".encode(), "a.csv")
    except DrorchError:
        return
    assert len(applications(draft.text)) == draft.applications
    assert all(isinstance(note, ImportNote) and note.line >= 1 for note in draft.notes)
