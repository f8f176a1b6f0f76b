"""What sealed evidence of denial-of-access tests proves. Only what holds counts: files, chain, signature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from drorch.access.denial_test.journal import PREFIX, lines_of, open_journal
from drorch.access.denial_test.model import HELD_LONG_ENOUGH_S, Outcome
from drorch.access.denial_test.seal import TestEvidence, open_evidence
from drorch.access.model import Proof
from drorch.catalog.model import Provenance, ProvenanceKind
from drorch.core.errors import DrorchError, InputInvalid, StoreAway
from drorch.core.findings import Finding, Severity
from drorch.core.stream import EventStore

Sealed = tuple[TestEvidence, Mapping[str, Any]]


def proofs_of_tests(store: EventStore) -> tuple[Proof, ...]:
    """Sessions that passed tests really held for half an hour or more."""
    results, _ = results_of_tests(store)
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


def results_of_tests(store: EventStore) -> tuple[tuple[Sealed, ...], tuple[Finding, ...]]:
    """Every sealed test with its result, oldest first; what does not hold is a finding and counts for nothing."""
    found: list[Sealed] = []
    troubles: list[Finding] = []
    for test in open_journal(store).ids():
        try:
            sealed = _sealed(store, test)
            found += [sealed] if sealed is not None else []
        except StoreAway:
            raise
        except (DrorchError, ValueError, KeyError, TypeError) as error:
            what = error.what if isinstance(error, DrorchError) else "its result cannot be read"
            troubles.append(
                Finding(
                    code="test-evidence",
                    severity=Severity.WARNING,
                    message=f"the test {test} does not count: {what}",
                    subject=test,
                    where=PREFIX + test,
                    next_step="restore the store from its export, or find out who changed it",
                )
            )
    return tuple(sorted(found, key=lambda item: str(item[1]["ended_at"]))), tuple(troubles)


def ended_at(result: Mapping[str, Any]) -> datetime:
    """When the test was over."""
    return datetime.fromisoformat(str(result["ended_at"]))


def _sealed(store: EventStore, test: str) -> Sealed | None:
    events = open_journal(store).read(test)
    sealed = next((event for event in events if event.body.kind == "sealed"), None)
    if sealed is None:
        return None
    evidence = open_evidence(store.blob(str(sealed.body.body["evidence"])), PREFIX + test)
    records = lines_of(store.read(PREFIX + test, 0, sealed.seq - 1))
    if evidence.test != test or evidence.files["journal.jsonl"] != records:
        raise InputInvalid("the evidence is of another journal", where=PREFIX + test)
    result = json.loads(evidence.files["result.json"])
    ended_at(result)
    return evidence, result
