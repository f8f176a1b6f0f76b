"""What sealed evidence of denial-of-access tests says about the year, and about the capacity model.

Only evidence that holds counts: every file as sealed, the chain whole, the signature good. A ramp with test accounts
proves the way in, so it counts for the applications behind it; that *people* can work from elsewhere only an observed
day proves. Both count for a department only when somebody of it signed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from drorch.access.denial_test.model import Method, Outcome
from drorch.access.denial_test.results import ended_at, results_of_tests
from drorch.access.denial_test.seal import TestEvidence
from drorch.catalog.model import Arrangement, Catalog
from drorch.core.findings import Finding
from drorch.core.stream import EventStore
from drorch.year.local_time import local_day
from drorch.year.model import Activity, Fulfilment, Programme, TestResult


@dataclass(frozen=True, kw_only=True)
class OfTests:
    """What all sealed tests of a store prove, and those that could not be read."""

    fulfilments: tuple[Fulfilment, ...]
    findings: tuple[Finding, ...]


def fulfilments_of_tests(store: EventStore, programme: Programme, catalog: Catalog) -> OfTests:
    """One per department that took part and signed, and one per application of it that was reached."""
    found: list[Fulfilment] = []
    results, findings = results_of_tests(store)
    for evidence, result in results:
        found += _fulfilments(evidence, result, programme, catalog)
    return OfTests(fulfilments=tuple(found), findings=findings)


def _fulfilments(
    evidence: TestEvidence, result: Mapping[str, Any], programme: Programme, catalog: Catalog
) -> Iterator[Fulfilment]:
    day = local_day(ended_at(result), programme.timezone)
    owners = {item.id: item for item in catalog.applications}
    for department in result["departments"]:
        passed = result["outcome"] == Outcome.PASS.value and department["passed"]
        outcome = TestResult.PASS if passed else TestResult.FAIL
        shared: dict[str, Any] = {
            "day": day,
            "reference": f"access test {evidence.test}",
            "test": evidence.test,
            "signed_off_by": department["signed_off_by"],
            "entered_by": None,
            "note": f"{result['method']}: {department['took_part']} of {department['required']}",
        }
        if result["method"] == Method.OBSERVED.value:
            yield Fulfilment(
                activity=Activity.TELECOMMUTING_TEST,
                subject=department["id"],
                result=outcome,
                took_part=min(int(department["took_part"]), int(department["required"])),
                expected=int(department["required"]),
                **shared,
            )
        if not department["signed_off_by"]:
            continue
        for name in department["reached"]:
            application = owners.get(name)
            mine = application is not None and application.department == department["id"]
            if mine and application is not None and application.arrangement is Arrangement.REMOTE_ACCESS:
                yield Fulfilment(activity=Activity.REMOTE_ACCESS_TEST, subject=name, result=outcome, **shared)
