"""The worked example, to the number: 735 required; 840 layered; 735, 280, 500 and 705 by flow."""

from __future__ import annotations

from drorch.access.demand import demands
from drorch.access.model import CapacityModel, Constraint, StaffClass
from drorch.access.what_if import NORMAL, Outcome, evaluate, headroom, scenarios
from tests.unit.access.worked import worked_model

ENTITLEMENT = (("seats: 160", "seats: 130"), ("seats: 140", "seats: 120"), ("seats: 340", "seats: 370"))
ENTITLEMENT_CHANGES = (*ENTITLEMENT, ("seats: 200,", "seats: 220,"))


def outcome(model: CapacityModel, scenario: str) -> Outcome:
    chosen = next(item for item in scenarios(model) if item.id == scenario)
    return evaluate(model, demands(model.departments), chosen)


def cut(found: Outcome) -> list[tuple[Constraint, str, float]]:
    return [(limit.constraint, limit.subject, limit.seats.least) for limit in found.bottleneck]


def numbers(found: Outcome) -> tuple[int, float, float, float]:
    assert found.layered.known
    assert found.served.known
    return found.required, found.layered.least, found.served.least, found.required_short.most


def test_normal() -> None:
    found = outcome(worked_model(), NORMAL)
    assert numbers(found) == (735, 840, 735, 0)
    assert found.bottleneck == ()
    assert found.short_departments() == ()


def test_loss_of_a() -> None:
    found = outcome(worked_model(), "loss_of_a")
    assert numbers(found) == (735, 280, 280, 455)
    assert cut(found) == [(Constraint.BANDWIDTH, "link-b", 280)]


def test_loss_of_b() -> None:
    found = outcome(worked_model(), "loss_of_b")
    assert numbers(found) == (735, 500, 500, 235)
    assert cut(found) == [(Constraint.VDA, "finance-a", 160), (Constraint.VDA, "standard-a", 340)]


def test_entitlement_is_what_totals_do_not_see() -> None:
    found = outcome(worked_model(*ENTITLEMENT_CHANGES), NORMAL)
    assert numbers(found) == (735, 840, 705, 30)
    assert cut(found) == [(Constraint.VDA, "finance-a", 130), (Constraint.VDA, "finance-b", 120)]
    assert {(share.department, share.staff, share.short) for share in found.short_departments()} == {
        ("finance", StaffClass.DEPENDANT, 30)
    }


def test_loss_of_the_licence_server_stops_everybody() -> None:
    found = outcome(worked_model(), "loss_of_licence_server_licences-1")
    assert numbers(found) == (735, 0, 0, 735)
    assert cut(found) == [(Constraint.LICENSE, "concurrent", 0)]


def test_loss_of_a_gateway_a_line_and_a_cluster() -> None:
    model = worked_model()
    assert numbers(outcome(model, "loss_of_gateway_gateway-a"))[1:3] == (840, 280)
    assert numbers(outcome(model, "loss_of_link_link-b"))[1:3] == (700, 500)
    assert numbers(outcome(model, "loss_of_cluster_a-1"))[1:3] == (340, 280)


def test_desktops_that_no_gateway_reaches_any_more() -> None:
    """B's people come through A's gateway: when A is lost, B's desktops are there and out of reach."""
    model = worked_model(
        ("site: a, ica_only", "site: a, serves: [a, b], ica_only"),
        ("site: b, ica_only", "site: b, serves: [a], ica_only"),
    )
    found = outcome(model, "loss_of_a")
    assert found.served.least == 0
    assert cut(found) == [(Constraint.GATEWAY_SESSION, "gateway-a", 0)]


def test_every_single_thing_has_its_scenario() -> None:
    assert [scenario.id for scenario in scenarios(worked_model())] == [
        "normal",
        "loss_of_a",
        "loss_of_b",
        "loss_of_gateway_gateway-a",
        "loss_of_gateway_gateway-b",
        "loss_of_link_link-a",
        "loss_of_link_link-b",
        "loss_of_licence_server_licences-1",
        "loss_of_cluster_a-1",
    ]


def test_headroom_names_what_to_buy_next() -> None:
    model = worked_model()
    found = headroom(model, demands(model.departments), scenarios(model)[0])
    assert found is not None
    # 780 = 500 desktops at A and the line of B: 45 people more; finance alone would reach 300 of 280 first.
    assert found.seats == 45
    assert found.factor == 780 / 735
    assert [(limit.subject, limit.seats.least) for limit in found.bottleneck] == [
        ("finance-a", 160),
        ("standard-a", 340),
        ("link-b", 280),
    ]
