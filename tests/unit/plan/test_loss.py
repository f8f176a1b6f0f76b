"""What the loss of a site on a day means: no live standby, dead dependencies, order, what else it touches."""

from __future__ import annotations

from datetime import date

import pytest

from drorch.core.errors import NotFound
from drorch.plan.loss import Fate, Loss, lose_site
from drorch.testing.builders import small_catalog

BEFORE, AFTER = date(2014, 6, 30), date(2014, 7, 1)


def lost(site: str, on: date = BEFORE, *changes: tuple[str, str]) -> Loss:
    return lose_site(small_catalog(*changes), site, on, playbooks_id="sha256:0")


def fates(found: Loss) -> dict[str, str]:
    return {item.application: item.fate.value for item in found.consequences}


def test_a_lost_primary_is_recovered_in_the_order_of_its_dependencies() -> None:
    found = lost("nyc")
    assert {a: f for a, f in fates(found).items() if f == "recovered"} == dict.fromkeys(
        ("directory", "mail", "mobile-office"), "recovered"
    )
    waves = {item.application: item.wave for item in found.consequences}
    assert (waves["directory"], waves["mail"], waves["mobile-office"]) == (1, 2, 2)
    assert fates(found)["archive"] == "interrupted"
    assert fates(found)["umoja"] == "untouched"
    assert found.plan is not None
    assert found.plan.lost_site == "nyc"


def test_a_day_later_the_lease_has_ended_and_nothing_is_recovered() -> None:
    found = lost("nyc", AFTER)
    assert fates(found)["directory"] == "not-recovered"
    reason = next(item.reason for item in found.consequences if item.application == "directory")
    assert reason == "no live standby: piscataway may be relied on until 2014-06-30 only"
    assert found.plan is None
    assert found.totals()[Fate.RECOVERED] == 0


def test_a_lost_recovery_site_leaves_what_it_protected_without_protection() -> None:
    found = lost("piscataway")
    assert fates(found)["directory"] == "unprotected"
    assert fates(found)["archive"] == "not-recovered"
    assert found.plan is None


def test_what_depends_on_something_that_is_gone_is_dead() -> None:
    tail = "    probes: [{kind: http, path: /transaction}]\n    provenance: {default: assumed, name"
    found = lost("nyc", AFTER, (tail, f"    depends_on: [directory]\n{tail}"))
    assert fates(found)["umoja"] == "dead-dependency"


def test_no_recovery_site_is_no_live_standby() -> None:
    found = lost("brindisi", BEFORE, ("recovery_site: valencia", "recovery_site: null"))
    assert fates(found)["umoja"] == "not-recovered"
    assert "has no recovery site" in next(i.reason for i in found.consequences if i.application == "umoja")


def test_what_is_not_needed_any_more_is_noted() -> None:
    assert any("not needed any more" in note for note in lost("nyc", AFTER).notes)


def test_an_unknown_site_is_named() -> None:
    with pytest.raises(NotFound, match="atlantis"):
        lost("atlantis")
