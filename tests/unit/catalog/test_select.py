import pytest

from drorch.catalog.model import Arrangement, ProvenanceKind
from drorch.catalog.select import Selection, find_application, select
from drorch.core.errors import NotFound
from drorch.testing.builders import small_catalog


@pytest.mark.parametrize(
    ("wanted", "ids"),
    [
        (Selection(site="valencia"), ["umoja", "reports"]),
        (Selection(site="piscataway", arrangement=Arrangement.REMOTE_ACCESS), ["archive"]),
        (Selection(department="dm", tier=1), ["umoja"]),
        (Selection(provenance=ProvenanceKind.ATTESTED), ["umoja"]),
        (Selection(tier=2, department="dm"), []),
    ],
)
def test_select(wanted: Selection, ids: list[str]) -> None:
    assert [app.id for app in select(small_catalog(), wanted)] == ids


def test_everything_when_nothing_is_asked() -> None:
    catalog = small_catalog()
    assert select(catalog, Selection()) == catalog.applications


@pytest.mark.parametrize("wanted", [Selection(site="valenca"), Selection(department="dn")])
def test_unknown_names_are_refused(wanted: Selection) -> None:
    with pytest.raises(NotFound) as caught:
        select(small_catalog(), wanted)
    assert caught.value.next_step


def test_find_suggests_the_nearest_id() -> None:
    assert find_application(small_catalog(), "mail").name == "Mail"
    with pytest.raises(NotFound) as caught:
        find_application(small_catalog(), "umojo")
    assert caught.value.next_step == "did you mean umoja?"
