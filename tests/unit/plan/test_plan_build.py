"""Each kind of plan on the small catalog and on the sample with 76 applications."""

from __future__ import annotations

import pytest

from drorch.catalog.model import Arrangement, Catalog
from drorch.core.errors import InputInvalid, NotFound
from drorch.core.findings import errors
from drorch.plan.build import build_plan
from drorch.plan.check import check_plan
from drorch.plan.codec import plan_id
from drorch.plan.model import (
    Kind,
    Limits,
    NamesAct,
    Phase,
    Plan,
    PlaybookAct,
    Repeat,
    ReplicationAct,
    ValidateAct,
    WitnessAct,
)
from drorch.testing.builders import small_catalog

ALL_NYC = {"directory", "mail", "mobile-office", "archive"}


def build(catalog: Catalog, kind: Kind, **selection: object) -> Plan:
    return build_plan(catalog, kind=kind, playbooks_id="sha256:books", **selection)  # type: ignore[arg-type]


def edges(plan: Plan) -> dict[str, set[str]]:
    return {step.id: set(step.needs) for step in plan.steps}


def playbook(plan: Plan, step_id: str) -> PlaybookAct:
    act = plan.by_id[step_id].act
    assert isinstance(act, PlaybookAct)
    return act


def test_failover_steps_and_their_order(small: Catalog) -> None:
    plan = build(small, Kind.FAILOVER, lose="nyc")

    assert edges(plan) == {
        "nyc/witness": set(),
        "nyc-platform/recover": {"nyc/witness"},
        "directory/start": {"nyc-platform/recover"},
        "directory/validate": {"directory/start"},
        "mail/start": {"nyc-platform/recover", "directory/validate"},
        "mail/validate": {"mail/start"},
        "mobile-office/start": {"nyc-platform/recover", "directory/validate"},
        "mobile-office/validate": {"mobile-office/start"},
        "archive/validate": {"mobile-office/validate"},
    }
    assert plan.lost_site == "nyc"
    assert plan.catalog_id == small.content_id
    assert plan.playbooks_id == "sha256:books"


def test_failover_acts(small: Catalog) -> None:
    plan = build(small, Kind.FAILOVER, lose="nyc")

    assert plan.by_id["nyc/witness"].act == WitnessAct(site="nyc", witnesses=("piscataway", "brindisi"))
    recover = playbook(plan, "nyc-platform/recover")
    assert recover.playbook == "postgresql_streaming/recover.yml"
    assert recover.hosts == ("db-nyc-platform-piscataway",)
    assert dict(recover.variables) == {"group": "nyc-platform", "site": "piscataway", "other_site": "nyc"}
    start = playbook(plan, "mail/start")
    assert (start.playbook, start.hosts) == ("application/start.yml", ("apps-piscataway",))
    assert dict(start.variables) == {
        "application": "mail",
        "group": "nyc-platform",
        "site": "piscataway",
        "other_site": "nyc",
        "drill": False,
        "lost_site": "nyc",
    }
    undo = plan.by_id["mail/start"].undo
    assert undo is not None
    assert undo.playbook == "application/stop.yml"
    assert undo.variables["applications"] == ("mail",)
    assert plan.by_id["mail/validate"].act == ValidateAct(application="mail", site="piscataway")
    assert plan.by_id["nyc-platform/recover"].repeat is Repeat.AFTER_PROBE
    assert plan.by_id["mail/start"].repeat is Repeat.SAFE


def test_remote_access_is_reachability_only_at_its_own_host(small: Catalog) -> None:
    plan = build(small, Kind.FAILOVER, lose="nyc")
    scope = {one.application: one for one in plan.scope}["archive"]

    assert plan.by_id["archive/validate"].act == ValidateAct(
        application="archive", site="piscataway", remote_access=True
    )
    assert (scope.from_site, scope.to_site, scope.remote_access) == ("piscataway", "piscataway", True)
    assert "reachability through mobile-office only" in str(scope.reason)


def test_remote_access_hosted_at_the_lost_site_is_not_recoverable(small: Catalog) -> None:
    plan = build(small, Kind.FAILOVER, lose="piscataway")

    (scope,) = plan.scope
    assert (scope.application, scope.to_site) == ("archive", None)
    assert "not the loss of the data centre" in str(scope.reason)
    assert [step.id for step in plan.steps] == ["piscataway/witness"]


def test_an_application_without_recovery_site_is_in_scope_with_a_reason() -> None:
    catalog = small_catalog(("recovery_site: valencia", "recovery_site: null"))
    plan = build(catalog, Kind.FAILOVER, lose="brindisi")

    assert {scope.application: scope.to_site for scope in plan.scope} == {"umoja": None, "reports": None}
    assert all("no recovery site" in str(scope.reason) for scope in plan.scope)


def test_switchover_fences_before_the_handover_and_proves_protection(small: Catalog) -> None:
    plan = build(small, Kind.SWITCHOVER, groups=["nyc-platform"])

    assert edges(plan)["nyc-platform/check"] == {"nyc/names"}
    assert edges(plan)["nyc-platform/fence"] == {"nyc-platform/check"}
    assert edges(plan)["nyc-platform/handover"] == {"nyc-platform/fence"}
    assert edges(plan)["nyc-platform/protected"] == {"nyc-platform/handover"}
    assert "nyc-platform/handover" in edges(plan)["directory/start"]
    fence = playbook(plan, "nyc-platform/fence")
    assert (fence.playbook, fence.hosts) == ("application/stop.yml", ("apps-nyc",))
    assert fence.variables["applications"] == ("directory", "mail", "mobile-office")
    assert fence.variables["site"] == "nyc"
    handover = playbook(plan, "nyc-platform/handover")
    assert handover.hosts == ("db-nyc-platform-nyc", "db-nyc-platform-piscataway")
    assert dict(handover.variables) == {"group": "nyc-platform", "site": "piscataway", "other_site": "nyc"}
    check, protected = plan.by_id["nyc-platform/check"].act, plan.by_id["nyc-platform/protected"].act
    assert isinstance(check, ReplicationAct)
    assert isinstance(protected, ReplicationAct)
    assert (check.primary, check.standby) == ("nyc", "piscataway")
    assert (protected.primary, protected.standby) == ("piscataway", "nyc")
    assert plan.by_id["nyc/names"].act == NamesAct(applications=("directory", "mail", "mobile-office"), site="nyc")
    assert plan.lost_site is None


def test_switchover_stops_nothing_before_what_it_depends_on_was_checked(sample: Catalog) -> None:
    plan = build(sample, Kind.SWITCHOVER, lose="nyc")

    assert {"nyc-finance/check", "nyc-platform/check"} <= edges(plan)["nyc-finance/fence"]
    assert edges(plan)["nyc-platform/fence"] == {"nyc-platform/check"}


def test_failback_goes_the_other_way_behind_a_look_at_the_names(small: Catalog) -> None:
    plan = build(small, Kind.FAILBACK, lose="nyc")

    assert plan.by_id["nyc-platform/names"].act == NamesAct(
        applications=("directory", "mail", "mobile-office"), site="piscataway"
    )
    assert edges(plan)["nyc-platform/return"] == {"nyc-platform/names"}
    back = playbook(plan, "nyc-platform/return")
    assert back.playbook == "postgresql_streaming/return.yml"
    assert back.hosts == ("db-nyc-platform-nyc", "db-nyc-platform-piscataway")
    assert dict(back.variables) == {"group": "nyc-platform", "site": "nyc", "other_site": "piscataway"}
    assert plan.by_id["nyc-platform/return"].phase is Phase.RETURN
    check = plan.by_id["nyc-platform/check"].act
    assert isinstance(check, ReplicationAct)
    assert (check.primary, check.standby) == ("piscataway", "nyc")
    assert playbook(plan, "nyc-platform/fence").hosts == ("apps-piscataway",)
    assert playbook(plan, "mail/start").hosts == ("apps-nyc",)
    assert plan.by_id["archive/validate"].act == ValidateAct(
        application="archive", site="piscataway", remote_access=True
    )
    scope = {one.application: (one.from_site, one.to_site) for one in plan.scope}
    assert scope["mail"] == ("piscataway", "nyc")


def test_drill_cleans_up_whatever_happened(small: Catalog) -> None:
    plan = build(small, Kind.DRILL, lose="nyc")
    stop = plan.by_id["directory/drill-stop"]
    clean = plan.by_id["nyc-platform/drill-clean-up"]

    assert stop.needs == clean.needs == ("nyc-platform/check",)
    assert {"directory/drill-start", "directory/validate", "mail/validate", "mobile-office/validate"} == set(stop.after)
    gateway = plan.by_id["mobile-office/drill-stop"]
    assert "archive/validate" in gateway.after
    assert set(clean.after) == {
        "nyc-platform/drill",
        "directory/drill-stop",
        "mail/drill-stop",
        "mobile-office/drill-stop",
    }
    assert plan.by_id["nyc-platform/protected"].needs == ("nyc-platform/drill-clean-up",)


def test_drill_touches_the_recovery_site_only(small: Catalog) -> None:
    plan = build(small, Kind.DRILL, lose="nyc")

    assert {step.site for step in plan.steps if step.changes_state} == {"piscataway"}
    for step in plan.steps:
        if isinstance(step.act, ValidateAct):
            assert step.act.drill
    assert playbook(plan, "mail/drill-start").variables["drill"] is True
    assert playbook(plan, "nyc-platform/drill").playbook == "postgresql_streaming/drill.yml"
    assert playbook(plan, "nyc-platform/drill-clean-up").playbook == "postgresql_streaming/drill_cleanup.yml"


def test_drill_without_a_copy_of_the_gateway_says_so(sample: Catalog) -> None:
    remote = next(app for app in sample.applications if app.arrangement is Arrangement.REMOTE_ACCESS)
    plan = build(sample, Kind.DRILL, groups=["nyc-finance"], applications=[remote.id])
    scope = {one.application: one for one in plan.scope}[remote.id]

    assert scope.to_site is None
    assert "makes no copy" in str(scope.reason)


def test_readiness_changes_nothing_and_hides_nothing(small: Catalog) -> None:
    plan = build(small, Kind.READINESS)

    assert not [step.id for step in plan.steps if step.changes_state]
    assert edges(plan)["mail/validate"] == set()
    assert edges(plan)["archive/validate"] == {"mobile-office/validate"}
    assert {step.id for step in plan.steps} >= {"nyc/names", "brindisi/names", "nyc-platform/ready"}
    ready = playbook(plan, "nyc-platform/ready")
    assert ready.playbook == "postgresql_streaming/check.yml"
    assert ready.hosts == ("db-nyc-platform-nyc", "db-nyc-platform-piscataway")
    assert {one.application for one in plan.scope} == {app.id for app in small.applications}
    assert "remote-desktops/check" not in plan.by_id


def test_an_application_brings_its_group_and_the_reason_says_so(small: Catalog) -> None:
    plan = build(small, Kind.SWITCHOVER, applications=["mail"])
    reasons = {one.application: one.reason for one in plan.scope}

    assert set(reasons) == ALL_NYC
    assert reasons["mail"] is None
    assert "moves as one unit" in str(reasons["directory"])


def test_the_lag_allowed_follows_the_strictest_objective() -> None:
    catalog = small_catalog(("rpo: {time: 15m, basis: test, owner: oict}", "rpo: {time: 4s, basis: test, owner: oict}"))
    act = build(catalog, Kind.SWITCHOVER, lose="nyc").by_id["nyc-platform/check"].act
    other = build(catalog, Kind.SWITCHOVER, lose="brindisi").by_id["brindisi-enterprise/check"].act

    assert isinstance(act, ReplicationAct)
    assert isinstance(other, ReplicationAct)
    assert (act.max_lag_s, other.max_lag_s) == (4.0, 10.0)


@pytest.mark.parametrize("kind", list(Kind))
@pytest.mark.parametrize("site", ["nyc", "brindisi"])
def test_the_sample_gives_faultless_plans(sample: Catalog, kind: Kind, site: str) -> None:
    plan = build(sample, kind, lose=site)
    affected = {app.id for app in sample.applications if sample.primary_site_of(app) == site}
    if site == "nyc":
        affected |= {app.id for app in sample.applications if app.arrangement is Arrangement.REMOTE_ACCESS}

    assert errors(check_plan(plan, sample)) == ()
    assert {scope.application for scope in plan.scope} == affected
    assert plan_id(plan) == plan_id(build(sample, kind, lose=site))


def test_limits_are_part_of_the_plan(small: Catalog) -> None:
    one = build(small, Kind.FAILOVER, lose="nyc")
    other = build(small, Kind.FAILOVER, lose="nyc", limits=Limits(total=2, per_site=1))

    assert other.limits == Limits(total=2, per_site=1)
    assert plan_id(one) != plan_id(other)


@pytest.mark.parametrize(
    ("kind", "selection", "words"),
    [
        (Kind.FAILOVER, {}, "nothing is selected"),
        (Kind.DRILL, {}, "nothing is selected"),
        (Kind.FAILOVER, {"lose": "valencia"}, "nothing is selected"),
        (Kind.FAILOVER, {"groups": ["nyc-platform", "brindisi-enterprise"]}, "one lost site"),
        (Kind.FAILOVER, {"lose": "nyc", "applications": ["umoja"]}, "does not run at nyc"),
        (Kind.FAILOVER, {"applications": ["archive"]}, "remote access"),
        (Kind.SWITCHOVER, {"applications": ["archive"]}, "nothing to do"),
    ],
)
def test_selections_that_do_not_fit_are_refused(
    small: Catalog, kind: Kind, selection: dict[str, object], words: str
) -> None:
    with pytest.raises(InputInvalid, match=words) as caught:
        build(small, kind, **selection)
    assert caught.value.next_step


@pytest.mark.parametrize(
    ("selection", "hint"),
    [
        ({"lose": "nycc"}, "'nyc'"),
        ({"applications": ["direktory"]}, "'directory'"),
        ({"groups": ["nyc-plattform"]}, "'nyc-platform'"),
        ({"lose": "zzz"}, "known are nyc"),
    ],
)
def test_unknown_ids_get_the_nearest_known_one(small: Catalog, selection: dict[str, object], hint: str) -> None:
    with pytest.raises(NotFound) as caught:
        build(small, Kind.FAILOVER, **selection)
    assert hint in str(caught.value)


def test_a_failover_of_a_group_names_the_site_it_ran_at(small: Catalog) -> None:
    plan = build(small, Kind.FAILOVER, groups=["brindisi-enterprise"])

    assert plan.lost_site == "brindisi"
    assert "brindisi/witness" in plan.by_id


def test_two_witnesses_are_needed() -> None:
    catalog = small_catalog(
        ("  - {id: valencia, name: Valencia, role: recovery, provenance: {default: synthetic}}\n", ""),
        ("  - {id: brindisi, name: Brindisi, role: primary, mirror: valencia, provenance: {default: synthetic}}\n", ""),
    )
    with pytest.raises(InputInvalid, match="2 other sites"):
        build(catalog, Kind.FAILOVER, lose="nyc")
