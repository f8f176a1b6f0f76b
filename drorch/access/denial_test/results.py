"""What sealed evidence of denial-of-access tests proves. Only what holds counts: files, chain, signature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from drorch.access.denial_test.model import HELD_LONG_ENOUGH_S, Outcome
from drorch.access.denial_test.operations import TESTS
from drorch.access.denial_test.seal import EVIDENCE, TestEvidence, open_evidence
from drorch.access.model import Proof
from drorch.catalog.model import Provenance, ProvenanceKind
from drorch.core.errors import DrorchError
from drorch.core.findings import Finding, Severity


def proofs_of_tests(home: Path) -> tuple[Proof, ...]:
    """Sessions that passed tests really held for half an hour or more."""
    results, _ = results_of_tests(home)
    return tuple(
        Proof(
            id=evidence.test,
            scenario=str(result["scenario"]),
            held=int(result["proven"]),
            tested_on=ended_at(result).date(),
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
            ended_at(result)
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


def ended_at(result: Mapping[str, Any]) -> datetime:
    """When the test was over."""
    return datetime.fromisoformat(str(result["ended_at"]))
