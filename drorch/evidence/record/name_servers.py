"""Name servers that did not have to answer, because their site was lost: said aloud, so that no green hides it."""

from __future__ import annotations

from collections.abc import Sequence

from drorch.core.findings import Finding, Severity
from drorch.run.events import Event, StepSucceeded

LEFT_OUT = "name_servers_left_out"
"""Fact of a validation: sites whose name server was silent and excused (`adapters.probes.validation`)."""


def left_out(events: Sequence[Event]) -> tuple[Finding, ...]:
    """One finding per name server that was left out of any proof of the run."""
    counts: dict[str, int] = {}
    for event in events:
        facts = event.body.facts if isinstance(event.body, StepSucceeded) else {}
        found = facts.get(LEFT_OUT)
        # A start step tells the same of the same application; proofs are what a verdict rests on.
        if isinstance(found, list | tuple) and "served_by" in facts:
            for site in found:
                counts[str(site)] = counts.get(str(site), 0) + 1
    return tuple(
        Finding(
            code="name-server-left-out",
            severity=Severity.WARNING,
            message=f"the name server at {site} did not have to answer in {count} proofs: the loss of its site is "
            "declared and witnessed",
            subject=site,
            next_step=f"before {site} answers users again, see that its name server has caught up",
        )
        for site, count in sorted(counts.items())
    )
