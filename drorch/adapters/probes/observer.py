"""The observer of a run: proves claims by looking at the real services, whatever a playbook said."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from drorch.adapters.probes.kinds.dns import DnsProbe
from drorch.adapters.probes.lost_sites import LostSites
from drorch.adapters.probes.replication import look_at_replication
from drorch.adapters.probes.service import Surroundings, take_sample
from drorch.adapters.probes.spec import WatchTarget, watch_target
from drorch.adapters.probes.tail import SampleTail
from drorch.adapters.probes.validation import Expectation, judge_samples
from drorch.adapters.probes.witness import witness
from drorch.core.clock import Clock, Instant
from drorch.core.errors import DrorchError
from drorch.estate.model import Estate
from drorch.evidence.model import Sample
from drorch.plan.model import Act, ManualAct, NamesAct, PlaybookAct, ReplicationAct, ValidateAct, WitnessAct
from drorch.run.ports import Proof

POLL_S = 0.1
RETRY_S = 0.3
WATCH_SILENT_S = 3.0
"""A watch that gave no sample of an application for so long is not relied on: the observer looks by itself."""
SAMPLE_TIMEOUT_S = 2.0
NAME_TIMEOUT_S = 0.8


class ProbeObserver:
    """Implements `drorch.run.ports.Observer`; may be asked from several threads at once.

    ``samples_path`` is what a watcher writes, None when nobody watches. ``groups`` is application to protection group;
    with it the observer's own samples know exactly which database nodes may answer. ``boot`` is this start of the
    machine: samples of another one prove nothing.
    """

    def __init__(
        self,
        estate: Estate,
        samples_path: Path | None,
        clock: Clock,
        *,
        groups: Mapping[str, str] | None = None,
        boot: str = "",
    ) -> None:
        self._estate = estate
        self._tail = SampleTail(samples_path, boot=boot) if samples_path is not None else None
        self._lost = LostSites(samples_path.parent) if samples_path is not None else None
        self._clock = clock
        self._groups = groups or {}

    def prove(self, act: Act, *, since: Instant, deadline_s: float) -> Proof:
        """See the port. A witness answers after its rounds: it does not wait for a living site to die."""
        try:
            match act:
                case ValidateAct():
                    return self._validate(act, since, deadline_s)
                case WitnessAct():
                    return self._witness(act)
                case ReplicationAct():
                    return self._until(lambda: look_at_replication(self._estate, act), deadline_s)
                case NamesAct():
                    return self._until(lambda: self._names(act), deadline_s)
                case ManualAct():
                    return Proof(
                        holds=False, code="not-for-observers", reason="a person signs off what is done by hand"
                    )
                case PlaybookAct():
                    return Proof(holds=False, code="not-for-observers", reason="a playbook is judged by its result")
        except (DrorchError, OSError) as error:
            return Proof(holds=False, code="broken", reason=str(error))

    def _until(self, look: Callable[[], Proof], deadline_s: float) -> Proof:
        end = self._clock.now().mono + deadline_s
        while True:
            proof = look()
            if proof.holds or self._clock.now().mono + RETRY_S >= end:
                return proof
            self._clock.sleep(RETRY_S)

    def _witness(self, act: WitnessAct) -> Proof:
        """A run asks only after a person has declared the loss (an interlock): so its name server may be left out."""
        proof = witness(self._estate, act)
        if proof.holds and self._lost is not None:
            self._lost.add(act.site, self._clock.now().mono)
        return proof

    def _validate(self, act: ValidateAct, since: Instant, deadline_s: float) -> Proof:
        target = watch_target(self._estate, act.application, drill=act.drill, group=self._groups.get(act.application))
        wanted = Expectation(
            act=act,
            servers=frozenset(server.site for server in self._estate.name_servers),
            named_site=None if target.via else act.site,
            lost=frozenset(self._lost.witnessed()) if self._lost is not None else frozenset(),
        )
        own: list[Sample] = []
        begun = self._clock.now().mono
        proof = Proof(holds=False, code="not-observed", reason="no sample was taken")
        while True:
            seen = self._watched(act, since)
            now = self._clock.now().mono
            if not seen and (self._tail is None or now - max(begun, since.mono) >= WATCH_SILENT_S):
                own.append(asyncio.run(sample_once(self._estate, target, slot=len(own), lost=self._lost)))
            if seen or own:
                proof = judge_samples(wanted, seen or own)
            if proof.holds or now - begun + POLL_S >= deadline_s:
                return proof
            self._clock.sleep(POLL_S)

    def _watched(self, act: ValidateAct, since: Instant) -> list[Sample]:
        """Samples of a living watch that started at or after ``since``."""
        if self._tail is None:
            return []
        recent = self._tail.recent(act.application, drill=act.drill)
        if not recent or self._clock.now().mono - recent[-1].ended > WATCH_SILENT_S:
            return []
        return [sample for sample in recent if sample.started >= since.mono]

    def _names(self, act: NamesAct) -> Proof:
        address = self._estate.sites.get(act.site)
        if address is None:
            return Proof(holds=False, code="site-unknown", reason=f"the estate has no site {act.site}")
        wrong = {}
        for application in act.applications:
            names = self._estate.applications.get(application)
            if names is None:
                wrong[application] = "not in the estate"
                continue
            name = names.drill_name if act.drill else names.name
            probe = DnsProbe(name=name, servers=self._estate.name_servers, expected=address)
            result = probe.look(NAME_TIMEOUT_S * max(1, len(self._estate.name_servers)))
            if not result.ok:
                wrong[application] = result.reason
        facts: dict[str, object] = {"names": len(act.applications), "servers": len(self._estate.name_servers)}
        if not wrong:
            return Proof(holds=True, facts=facts)
        first = next(iter(wrong))
        reason = f"{len(wrong)} of {len(act.applications)} names are wrong, first {first}: {wrong[first]}"
        return Proof(holds=False, code="name-differs", reason=reason, facts={**facts, "wrong": wrong})


async def sample_once(estate: Estate, target: WatchTarget, *, slot: int = 0, lost: LostSites | None = None) -> Sample:
    """One full sample without a watcher. Never raises for what it observes."""
    return (await sample_each(estate, [target], slot=slot, lost=lost))[0]


async def sample_each(
    estate: Estate, targets: list[WatchTarget], *, slot: int = 0, lost: LostSites | None = None
) -> list[Sample]:
    """One full sample of each target, taken together."""
    around = await Surroundings.open(
        estate.name_servers, estate.sites, timeout_s=SAMPLE_TIMEOUT_S, name_timeout_s=NAME_TIMEOUT_S, lost=lost
    )
    try:
        taken = await asyncio.gather(*(take_sample(around, target, slot=slot, full=True) for target in targets))
        return [sample for sample, _ in taken]
    finally:
        around.names.close()
