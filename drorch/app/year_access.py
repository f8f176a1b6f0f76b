"""What sealed evidence of denial-of-access tests says about the year, and about the capacity model.

Only evidence that holds counts: every file as sealed, the chain whole, the signature good. A ramp with test accounts
proves the way in, so it counts for the applications behind it; that *people* can work from elsewhere only an observed
day proves. Both count for a department only when somebody of it signed.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from drorch.app.access_seal import EVIDENCE, TestEvidence, open_evidence
from drorch.app.access_tests import TESTS
from drorch.capacity.denial_test import HELD_LONG_ENOUGH_S, Method, Outcome
from drorch.capacity.model import Proof
from drorch.catalog.model import Arrangement, Catalog, Provenance, ProvenanceKind
from drorch.core.errors import DrorchError
from drorch.core.findings import Finding, Severity
from drorch.programme.local_time import local_day
from drorch.programme.model import Activity, Fulfilment, Programme, TestResult


@dataclass(frozen=True, kw_only=True)
class OfTests:
    """What all sealed tests of a state folder prove, and those that could not be read."""

    fulfilments: tuple[Fulfilment, ...]
    findings: tuple[Finding, ...]


def fulfilments_of_tests(home: Path, programme: Programme, catalog: Catalog) -> OfTests:
    """One per department that took part and signed, and one per application of it that was reached."""
    found: list[Fulfilment] = []
    results, findings = results_of_tests(home)
    for evidence, result in results:
        found += _fulfilments(evidence, result, programme, catalog)
    return OfTests(fulfilments=tuple(found), findings=findings)


def proofs_of_tests(home: Path) -> tuple[Proof, ...]:
    """Sessions that passed tests really held for half an hour or more."""
    results, _ = results_of_tests(home)
    return tuple(
        Proof(
            id=evidence.test,
            scenario=str(result["scenario"]),
            held=int(result["proven"]),
            tested_on=_ended(result).date(),
            evidence=evidence.root,
            provenance={
                "held": Provenance(kind=ProvenanceKind.ATTESTED, source=f"sealed evidence of the test {evidence.test}")
            },
        )
        for evidence, result in results
        if result["outcome"] == Outcome.PASS.value and float(result["held_s"]) >= HELD_LONG_ENOUGH_S
    )


def results_of_tests(
    home: Path,
) -> tuple[tuple[tuple[TestEvidence, Mapping[str, Any]], ...], tuple[Finding, ...]]:
    """Every sealed test with its result, oldest first; what does not hold is a finding and counts for nothing."""
    found: list[tuple[TestEvidence, Mapping[str, Any]]] = []
    troubles: list[Finding] = []
    for path in sorted((home / TESTS).glob(f"*/{EVIDENCE}")):
        try:
            evidence = open_evidence(path)
            result = json.loads(evidence.files["result.json"])
            _ended(result)
            found.append((evidence, result))
        except (DrorchError, ValueError, KeyError, TypeError) as error:
            what = error.what if isinstance(error, DrorchError) else "its result cannot be read"
            troubles.append(
                Finding(
                    code="test-evidence",
                    severity=Severity.WARNING,
                    message=f"the test {path.parent.name} does not count: {what}",
                    subject=path.parent.name,
                    where=str(path),
                    next_step="restore it from a copy, or find out who changed it",
                )
            )
    return tuple(sorted(found, key=lambda item: str(item[1]["ended_at"]))), tuple(troubles)


def _fulfilments(
    evidence: TestEvidence, result: Mapping[str, Any], programme: Programme, catalog: Catalog
) -> Iterator[Fulfilment]:
    day = local_day(_ended(result), programme.timezone)
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


def _ended(result: Mapping[str, Any]) -> datetime:
    return datetime.fromisoformat(str(result["ended_at"]))


def last_test(home: Path) -> tuple[date, Mapping[str, Any]] | None:
    """The last sealed test of any outcome, for the metrics."""
    results, _ = results_of_tests(home)
    return (_ended(results[-1][1]).date(), results[-1][1]) if results else None
