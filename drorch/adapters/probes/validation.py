"""Do these samples prove that an application is served from a site? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from drorch.evidence.model import Sample
from drorch.plan.model import ValidateAct
from drorch.run.ports import Proof

GOOD_IN_A_ROW = 2


@dataclass(frozen=True, kw_only=True)
class Expectation:
    """``servers`` are the sites of all authoritative name servers; the names point to ``named_site``, None for any.

    ``lost``: sites whose loss is declared and witnessed; their servers may be silent, and only that.
    """

    act: ValidateAct
    servers: frozenset[str]
    named_site: str | None
    lost: frozenset[str] = frozenset()


def judge_samples(wanted: Expectation, samples: Sequence[Sample]) -> Proof:
    """The claim holds when the newest samples, at least two in a row and one of them full, all prove it."""
    if not samples:
        return Proof(holds=False, code="not-observed", reason="no sample was taken")
    row = 0
    full = None
    for sample in reversed(samples):
        code, reason = flaw(wanted, sample)
        if code:
            if row == 0:
                return Proof(holds=False, code=code, reason=reason, facts=_facts(sample, len(samples)))
            break
        row += 1
        full = full or (sample if sample.full else None)
        if row >= GOOD_IN_A_ROW and full is not None:
            return Proof(holds=True, facts=_facts(full, len(samples)))
    reason = f"{row} good sample(s) in a row" + ("" if full else ", none of them wrote and read")
    return Proof(holds=False, code="not-settled", reason=reason, facts=_facts(samples[-1], len(samples)))


def flaw(wanted: Expectation, sample: Sample) -> tuple[str, str]:
    """Code and reason why one sample does not prove the claim; both empty when it does."""
    act = wanted.act
    if not sample.good:
        return (sample.reason.value if sample.reason else "broken"), sample.detail or "bad"
    if sample.served_by != act.site:
        return "wrong-site", f"served by {sample.served_by}, not by {act.site}"
    if sample.full and sample.data_site != act.site:
        return "wrong-data-site", f"with the data of {sample.data_site}, not of {act.site}"
    silent = sorted(server for server in wanted.servers - wanted.lost if sample.names.get(server) is None)
    if set(sample.names) != wanted.servers or silent:
        return "name-disagrees", f"name servers without an answer: {', '.join(silent) or 'unknown ones answered'}"
    pointed = {site for site in sample.names.values() if site is not None}
    if len(pointed) > 1 or (wanted.named_site is not None and pointed != {wanted.named_site}):
        told = ", ".join(f"{server}: {site}" for server, site in sample.names.items())
        return "name-disagrees", f"the name does not point to {wanted.named_site or 'one site'} ({told})"
    return "", ""


def _facts(sample: Sample, count: int) -> dict[str, object]:
    left_out = sorted(server for server, site in sample.names.items() if site is None)
    facts = _plain_facts(sample, count)
    return {**facts, "name_servers_left_out": left_out} if left_out and sample.good else facts


def _plain_facts(sample: Sample, count: int) -> dict[str, object]:
    return {
        "samples": count,
        "served_by": sample.served_by,
        "data_site": sample.data_site,
        "names": dict(sample.names),
        "started": round(sample.started, 6),
        "ended": round(sample.ended, 6),
    }
