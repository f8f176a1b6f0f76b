"""The result of a denial-of-access test as JSON and as text. Department totals only."""

from __future__ import annotations

from drorch.access.denial_test.course import Standing
from drorch.access.denial_test.model import DepartmentOutcome, Judgement, Method


def result_to_json(stands: Standing) -> dict[str, object]:
    """Everything the test proves, and who agreed."""
    found, history = stands.judgement, stands.told
    return {
        "test": stands.test.id,
        "title": stands.test.title,
        "method": stands.test.method.value,
        "scenario": stands.test.scenario,
        "demand": stands.demand_id,
        "started_at": history.started_at,
        "ended_at": history.ended_at,
        "outcome": found.outcome.value,
        "reasons": list(found.reasons),
        "required": sum(history.course.required.values()),
        "logins": found.logins,
        "succeeded": found.succeeded,
        "success_at_least": found.bound,
        "success_wanted": stands.test.criteria.success,
        "confidence": stands.test.criteria.confidence,
        "p95_s": found.p95_s,
        "peak": found.peak,
        "held_s": found.held_s,
        "proven": found.proven,
        "licence_denials": found.licence_denials,
        "left": list(history.course.left),
        "departments": [_department(stands, item) for item in found.departments],
    }


def report_text(stands: Standing) -> str:
    """One page for people."""
    found, history = stands.judgement, stands.told
    ramp = stands.test.method is Method.RAMP
    lines = [
        f"Denial-of-access test {stands.test.id}: {stands.test.title}",
        f"Outcome: {found.outcome.value.upper()}",
        *(f"  {reason}" for reason in found.reasons),
        f"Method: {stands.test.method.value}, scenario {stands.test.scenario}",
        f"Demand: {stands.demand_id}",
        f"Prepared by {history.prepared_by}, started by {history.started_by or '-'} at {history.started_at or '-'}, "
        f"ended at {history.ended_at or '-'}",
        f"Required {sum(history.course.required.values())}, at the same time {found.peak}, held {found.held_s:.0f} s, "
        f"proven {found.proven}",
        *([_logins(found, stands.test.criteria.confidence)] if ramp else []),
        f"Denied for want of a licence: {'not measured' if found.licence_denials is None else found.licence_denials}",
        *([f"NOT LOGGED OFF: accounts {', '.join(map(str, history.course.left))}"] if history.course.left else []),
        "",
        "department            required  took part  result  signed by",
    ]
    for item in found.departments:
        result = "pass" if item.passed else "fail"
        signed = signed_by(stands, item.department) or "nobody"
        lines.append(f"{item.department:<20} {item.required:>9} {item.took_part:>10}  {result:<6}  {signed}")
        if item.reason:
            lines.append(f"    {item.reason}")
        if item.reached:
            lines.append(f"    reached: {', '.join(item.reached)}")
    if ramp:
        lines += [
            "",
            "Test accounts, not people, logged in: gateway, password, store and list of resources were tested, and",
        ]
        lines += ["held at the gateway. What happens on the desktop was not."]
    return "\n".join(lines) + "\n"


def signed_by(stands: Standing, department: str, what: str = "result") -> str | None:
    """Who signed for a department; the last one counts."""
    found = [item.person for item in stands.told.signatures if (item.department, item.what) == (department, what)]
    return found[-1] if found else None


def reached_by(stands: Standing, item: DepartmentOutcome) -> tuple[str, ...]:
    """Applications that a department reached: offered to all its test accounts, or said by who signed."""
    signed = [one for one in stands.told.signatures if (one.department, one.what) == (item.department, "result")]
    said = signed[-1].applications if signed else ()
    return tuple(sorted({*item.reached, *(said if stands.test.method is Method.OBSERVED else ())}))


def _department(stands: Standing, item: DepartmentOutcome) -> dict[str, object]:
    return {
        "id": item.department,
        "required": item.required,
        "took_part": item.took_part,
        "passed": item.passed,
        "reason": item.reason,
        "reached": list(reached_by(stands, item)),
        "demand_agreed_by": signed_by(stands, item.department, "demand"),
        "signed_off_by": signed_by(stands, item.department),
    }


def _logins(found: Judgement, confidence: float) -> str:
    bound = "-" if found.bound is None else f"{100 * found.bound:.2f} %"
    slow = "not measured" if found.p95_s is None else f"{found.p95_s:.1f} s"
    return (
        f"Logins: {found.succeeded} of {found.logins} succeeded, so at least {bound} do, with {100 * confidence:g} % "
        f"confidence; 95th percentile {slow}"
    )
