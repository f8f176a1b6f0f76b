"""JSON both ways, and what changed from one catalog to another."""

import copy
import json
from dataclasses import replace

import pytest

from drorch.catalog.codec import catalog_from_json, identified
from drorch.catalog.diff import diff_catalogs
from drorch.core.codec import plain
from drorch.core.diff import Change, ChangeKind
from drorch.core.errors import InputInvalid
from drorch.testing.builders import SMALL_CATALOG_YAML, small_catalog

ARCHIVE = "  - id: archive" + SMALL_CATALOG_YAML.split("  - id: archive")[1]


def test_json_both_ways() -> None:
    catalog = small_catalog(("title: Small", "note: Tests only.\ntitle: Small"))
    again = catalog_from_json(json.loads(json.dumps(plain(catalog))))
    assert again == catalog
    assert again.note == "Tests only."


def test_a_changed_json_catalog_is_refused() -> None:
    data = plain(small_catalog())
    data["title"] = "another"
    with pytest.raises(InputInvalid, match="content id does not fit"):
        catalog_from_json(data)


@pytest.mark.parametrize("value", [None, [], "x", {}, {"schema": 1}])
def test_something_else_is_refused(value: object) -> None:
    with pytest.raises(InputInvalid, match=r"expected an object|the field is missing"):
        catalog_from_json(value)


@pytest.mark.parametrize("field", ["schema", "title", "totals", "sites", "departments", "groups", "applications"])
@pytest.mark.parametrize("value", [None, 3, "x", [3], {"x": 3}])
def test_a_wrong_part_is_refused(field: str, value: object) -> None:
    data = copy.deepcopy(plain(small_catalog()))
    data[field] = value
    with pytest.raises(InputInvalid):
        catalog_from_json(data)


def test_no_difference() -> None:
    catalog = small_catalog()
    assert diff_catalogs(catalog, small_catalog()) == ()
    assert diff_catalogs(catalog, replace(catalog, applications=tuple(reversed(catalog.applications)))) == ()


def test_changed_fields() -> None:
    new = small_catalog(("tier: 2", "tier: 3"), ("time: 4h,", "time: 5h,"), ("title: Small", "title: Smaller"))
    assert diff_catalogs(small_catalog(), new) == (
        Change(
            kind=ChangeKind.CHANGED,
            subject="catalog",
            field="title",
            old="Small catalog for tests",
            new="Smaller catalog for tests",
        ),
        Change(kind=ChangeKind.CHANGED, subject="applications.mail", field="tier", old=2, new=3),
        Change(kind=ChangeKind.CHANGED, subject="applications.mail", field="rto.seconds", old=14_400.0, new=18_000.0),
    )


def test_a_changed_provenance_is_one_change() -> None:
    new = small_catalog(("name: {attested: A/67/266 para 56}", "name: {attested: A/67/266 para 57}"))
    (change,) = diff_catalogs(small_catalog(), new)
    assert (change.subject, change.field) == ("applications.umoja", "provenance.name")
    assert change.new == {"kind": "attested", "source": "A/67/266 para 57"}


def test_added_and_removed_entries() -> None:
    old, new = small_catalog(), small_catalog((ARCHIVE, ""))
    (removed,) = diff_catalogs(old, new)
    (added,) = diff_catalogs(new, old)
    assert (removed.kind, removed.subject, removed.new) == (ChangeKind.REMOVED, "applications.archive", None)
    assert (added.kind, added.subject, added.new) == (ChangeKind.ADDED, "applications.archive", removed.old)
    assert json.dumps(plain(added))


def test_the_content_id_follows_the_content() -> None:
    catalog = small_catalog()
    assert identified(catalog) == catalog
    assert identified(replace(catalog, title="another")).content_id != catalog.content_id
