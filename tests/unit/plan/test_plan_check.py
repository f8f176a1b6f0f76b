"""The linter finds seeded faults: each test breaks a good plan in one way."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from drorch.catalog.model import Catalog
from drorch.core.findings import Severity
from drorch.plan.build import build_plan
from drorch.plan.check import check_plan
from drorch.plan.model import (
    ApplicationScope,
    Kind,
    Phase,
    Plan,
    PlaybookAct,
    Repeat,
    Selection,
    Step,
    ValidateAct,
    WitnessAct,
)
from drorch.testing.builders import small_catalog

Spoil = Callable[[Plan], Plan]


def built(catalog: Catalog, kind: Kind, **selection: object) -> Plan:
    return build_plan(catalog, kind=kind, playbooks_id="sha256:books", **selection)  # type: ignore[arg-type]


def with_step(step_id: str, **changes: object) -> Spoil:
    def spoil(plan: Plan) -> Plan:
        assert step_id in plan.by_id
        steps = tuple(replace(step, **changes) if step.id == step_id else step for step in plan.steps)  # type: ignore[arg-type]
        return replace(plan, steps=steps)

    return spoil


def with_act(step_id: str, **changes: object) -> Spoil:
    def spoil(plan: Plan) -> Plan:
        return with_step(step_id, act=replace(plan.by_id[step_id].act, **changes))(plan)  # type: ignore[arg-type]

    return spoil


def without(*gone: str) -> Spoil:
    def spoil(plan: Plan) -> Plan:
        def thinned(step: Step) -> Step:
            return replace(
                step,
                needs=tuple(one for one in step.needs if one not in gone),
                after=tuple(one for one in step.after if one not in gone),
            )

        assert set(gone) <= set(plan.by_id)
        return replace(plan, steps=tuple(thinned(step) for step in plan.steps if step.id not in gone))

    return spoil


def twice(step_id: str) -> Spoil:
    return lambda plan: replace(plan, steps=(*plan.steps, plan.by_id[step_id]))


def reordered(plan: Plan) -> Plan:
    return replace(plan, steps=tuple(reversed(plan.steps)))


def second_validation(plan: Plan) -> Plan:
    extra = replace(plan.by_id["mail/validate"], id="mail/validate-again")
    return replace(plan, steps=(*plan.steps, extra))


def unrecoverable(plan: Plan) -> Plan:
    scope = tuple(replace(one, to_site=None, reason="no") if one.application == "mail" else one for one in plan.scope)
    return replace(plan, scope=scope)


def stranger(plan: Plan) -> Plan:
    return replace(plan, scope=(*plan.scope, ApplicationScope(application="ghost", from_site="nyc", to_site="nyc")))


F, S, B, D, R = Kind.FAILOVER, Kind.SWITCHOVER, Kind.FAILBACK, Kind.DRILL, Kind.READINESS
DRILL_CLEAN = "nyc-platform/drill-clean-up"
STOP = PlaybookAct(playbook="application/stop.yml", hosts=("apps-nyc",), variables={"group": "nyc-platform"})


@pytest.mark.parametrize(
    ("kind", "spoil", "code"),
    [
        (F, with_step("directory/start", needs=("mail/validate",)), "cycle"),
        (F, with_step("directory/start", needs=("nowhere/start",)), "unknown-need"),
        (F, twice("mail/validate"), "duplicate-step"),
        (F, reordered, "order"),
        (F, with_step("mail/start", timeout_s=0.0), "no-timeout"),
        (F, with_step("mail/start", timeout_s=1.0), "estimate-beyond-timeout"),
        (F, with_act("mail/start", hosts=()), "no-hosts"),
        (F, with_act("nyc/witness", witnesses=("piscataway",)), "weak-witness"),
        (F, with_act("nyc/witness", witnesses=("piscataway", "piscataway")), "weak-witness"),
        (F, with_act("nyc/witness", witnesses=("piscataway", "nyc")), "weak-witness"),
        (F, with_act("nyc/witness", site="valencia"), "wrong-witness"),
        (F, lambda plan: replace(plan, lost_site=None), "no-lost-site"),
        (F, without("nyc/witness"), "no-witness"),
        (F, with_step("nyc-platform/recover", needs=(), after=("nyc/witness",)), "no-witness"),
        (F, without("nyc/witness"), "no-gate"),
        (F, with_step("nyc-platform/recover", site="nyc"), "acts-on-lost-site"),
        (F, without("mail/validate"), "not-validated"),
        (F, without("mail/validate"), "start-not-validated"),
        (F, without("mail/validate"), "no-proof"),
        (F, with_step("mail/validate", needs=("nyc/witness",)), "start-not-validated"),
        (F, second_validation, "not-validated"),
        (F, with_act("mail/validate", site="valencia"), "wrong-site"),
        (F, with_step("mail/start", needs=("nyc-platform/recover",)), "dependency-order"),
        (F, with_step("archive/validate", needs=("nyc/witness",)), "dependency-order"),
        (F, unrecoverable, "not-recoverable"),
        (F, stranger, "unknown-application"),
        (F, lambda plan: replace(plan, scope=(*plan.scope, plan.scope[0])), "duplicate-scope"),
        (F, lambda plan: replace(plan, catalog_id="sha256:other"), "catalog-changed"),
        (S, without("nyc-platform/fence"), "no-fence"),
        (S, with_step("nyc-platform/handover", needs=("nyc-platform/check",)), "no-fence"),
        (B, without("nyc-platform/names"), "no-gate"),
        (B, without("nyc-platform/fence"), "no-fence"),
        (D, with_step(DRILL_CLEAN, needs=("nyc-platform/drill",)), "unreachable-clean-up"),
        (D, with_step("mail/drill-stop", needs=("mail/validate",)), "unreachable-clean-up"),
        (D, without("mail/drill-stop"), "no-clean-up"),
        (D, without(DRILL_CLEAN), "no-clean-up"),
        (R, with_act("nyc-platform/ready", playbook="application/stop.yml"), "changes-state"),
        (R, with_act("nyc-platform/ready", playbook="application/stop.yml"), "act-of-another-kind"),
        (R, with_act("nyc-platform/ready", playbook="../check.yml"), "act-of-another-kind"),
        (R, with_step("nyc-platform/ready", act=WitnessAct(site="nyc", witnesses=("a", "b"))), "act-of-another-kind"),
        (R, with_step("mail/validate", undo=STOP), "undo-of-a-proof"),
        (F, with_act("nyc-platform/recover", playbook="postgresql_streaming/handover.yml"), "act-of-another-kind"),
        (F, with_act("nyc-platform/recover", variables={"group": "{{ 1 }}"}), "template"),
        (F, with_act("mail/start", hosts=("{% raw %}",)), "template"),
        (F, with_step("mail/start", undo=None), "wrong-undo"),
        (S, with_step("nyc-platform/handover", phase=Phase.SERVE), "wrong-phase"),
        (F, with_step("mail/start", site="atlantis"), "unknown-site"),
        (F, with_act("nyc/witness", witnesses=("atlantis", "brindisi")), "unknown-site"),
        (R, with_act("nyc-platform/check", group="ghost"), "unknown-group"),
        (F, with_act("mail/start", variables={"application": "ghost"}), "unknown-application"),
        (F, lambda plan: replace(plan, lost_site="atlantis"), "unknown-site"),
        (F, lambda plan: replace(plan, selection=Selection(groups=("ghost",))), "unknown-group"),
        (F, lambda plan: replace(plan, selection=Selection(groups=("ghost",))), "not-as-built"),
        (F, lambda plan: replace(plan, title="Harmless"), "not-as-built"),
        (F, with_step("mail/start", repeat=Repeat.NEVER), "not-as-built"),
    ],
)
def test_seeded_faults_are_found(small: Catalog, kind: Kind, spoil: Spoil, code: str) -> None:
    good = built(small, kind, lose="nyc")
    assert code not in {finding.code for finding in check_plan(good, small)}

    found = {finding.code: finding for finding in check_plan(spoil(good), small)}

    assert code in found, sorted(found)
    assert found[code].severity is Severity.ERROR
    assert found[code].subject
    assert found[code].next_step


@pytest.mark.parametrize("kind", list(Kind))
def test_good_plans_have_no_errors(small: Catalog, kind: Kind) -> None:
    findings = check_plan(built(small, kind, lose="nyc"), small)

    assert [finding for finding in findings if finding.severity is Severity.ERROR] == []


def found(catalog: Catalog, plan: Plan, code: str, on: date | None = None) -> list[tuple[str | None, Severity]]:
    findings = check_plan(plan, catalog, on=on)
    return [(finding.subject, finding.severity) for finding in findings if finding.code == code]


def test_an_rto_shorter_than_the_chain_in_front_of_it() -> None:
    short = small_catalog(("rto: {time: 4h, basis: test, owner: oict}", "rto: {time: 10s, basis: test, owner: oict}"))
    plan = built(short, Kind.FAILOVER, lose="nyc")

    # witness 2 + recover 3 + (start 2 + validate 1) for the directory and again for mail = 11 s
    assert found(short, plan, "rto-too-short") == [("mail", Severity.WARNING)]


def test_what_is_not_recovered_is_said_and_so_is_what_depends_on_it() -> None:
    catalog = small_catalog(("depends_on: [umoja]", "depends_on: [umoja, archive]"))
    lost = built(catalog, Kind.FAILOVER, lose="piscataway")
    assert found(catalog, lost, "not-recovered") == [("archive", Severity.WARNING)]

    drill = built(catalog, Kind.DRILL, groups=["brindisi-enterprise"], applications=["archive"])
    assert found(catalog, drill, "dependency-not-recovered") == [("reports", Severity.WARNING)]


def test_dependencies_outside_the_plan() -> None:
    catalog = small_catalog(("depends_on: [umoja]", "depends_on: [umoja, mail]"))
    plan = built(catalog, Kind.SWITCHOVER, lose="brindisi")

    assert found(catalog, plan, "dependency-out-of-scope") == [("reports", Severity.NOTE)]


def test_a_dependency_lost_with_the_site_and_left_out_is_a_warning(sample: Catalog) -> None:
    plan = built(sample, Kind.FAILOVER, groups=["nyc-finance"])

    assert ("imis", Severity.WARNING) in found(sample, plan, "dependency-lost")


def test_a_site_that_ends_before_its_applications(small: Catalog) -> None:
    later = small_catalog(("need_until: 2014-06-30", "need_until: 2016-12-31"))

    assert found(small, built(small, Kind.FAILOVER, lose="nyc"), "site-ends-first") == []
    assert found(later, built(later, Kind.FAILOVER, lose="nyc"), "site-ends-first") == [
        ("piscataway", Severity.WARNING)
    ]


def test_a_plan_for_an_expired_site(small: Catalog) -> None:
    plan = built(small, Kind.FAILOVER, lose="nyc")

    assert found(small, plan, "site-not-valid", on=date(2014, 6, 30)) == []
    assert found(small, plan, "site-not-valid", on=date(2014, 7, 1)) == [("piscataway", Severity.WARNING)]
    finding = next(one for one in check_plan(plan, small, on=date(2014, 7, 1)) if one.code == "site-not-valid")
    assert str(finding.where).startswith("small.yaml:")


def test_an_empty_plan_would_succeed_without_doing_anything(small: Catalog) -> None:
    empty = replace(built(small, Kind.FAILOVER, lose="nyc"), steps=(), scope=())

    assert found(small, empty, "empty") == [("plan", Severity.ERROR)]


def test_acts_used_here_are_what_the_builder_makes(small: Catalog) -> None:
    """Guards the faults above against testing nothing: the mutated steps have the act the mutation assumes."""
    plan = built(small, Kind.FAILOVER, lose="nyc")

    assert isinstance(plan.by_id["nyc/witness"].act, WitnessAct)
    assert isinstance(plan.by_id["mail/start"].act, PlaybookAct)
    assert isinstance(plan.by_id["mail/validate"].act, ValidateAct)
