"""Is a site really lost? From two other sites, several times, nothing of it may answer.

A witness that is cut off itself sees every site as lost. So each one first has to reach the servers of some third site;
a refused connection is enough, because somebody there refused it.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence

from drorch.estate.model import Endpoint, Estate
from drorch.plan.model import WitnessAct
from drorch.run.ports import Proof

ROUNDS = 3
PAUSE_S = 0.3
CONNECT_S = 1.0
AT_ONCE = 100


def endpoints_of(estate: Estate, site: str) -> dict[str, Endpoint]:
    """Everything of ``site`` that could answer over TCP, by a name for people. KeyError for an unknown site."""
    address = estate.sites[site]
    found = {f"database {node.group}": node.endpoint for node in estate.databases if node.site == site}
    for application, names in estate.applications.items():
        found[f"application {application}"] = Endpoint(address=address, port=names.port)
    for server in estate.name_servers:
        if server.site == site:
            found[f"name server {site}"] = server.endpoint
    if site in estate.ssh:
        found[f"ssh {site}"] = estate.ssh[site].endpoint
    return found


def witness(estate: Estate, act: WitnessAct) -> Proof:
    """Three rounds from each witness. One answer is enough to refuse: a living site is not failed over by mistake."""
    unknown = [site for site in (act.site, *act.witnesses) if site not in estate.sites]
    if unknown or len(set(act.witnesses)) < 2 or act.site in act.witnesses:
        reason = f"unknown sites: {', '.join(unknown)}" if unknown else "two other sites have to be witnesses"
        return Proof(holds=False, code="witness-unusable", reason=reason)
    endpoints = endpoints_of(estate, act.site)
    if not endpoints:
        return Proof(holds=False, code="nothing-to-ask", reason=f"the estate knows nothing at {act.site}")
    return asyncio.run(_rounds(estate, act, endpoints))


async def _cut_off(estate: Estate, act: WitnessAct) -> list[str]:
    """The witnesses that reach no server of any site but the lost one and their own."""
    found = []
    for witness_site in act.witnesses:
        servers = [
            endpoint
            for site in estate.sites
            if site not in (act.site, witness_site)
            for name, endpoint in endpoints_of(estate, site).items()
            if not name.startswith("application ")
        ]
        if not {"answered", "refused"} & set(await _ask_all(servers, estate.sites[witness_site])):
            found.append(witness_site)
    return found


async def _rounds(estate: Estate, act: WitnessAct, endpoints: dict[str, Endpoint]) -> Proof:
    told: dict[str, Counter[str]] = {site: Counter() for site in act.witnesses}
    if cut_off := await _cut_off(estate, act):
        reason = f"{' and '.join(cut_off)} reaches no server of a third site: cut off, or nothing is known there"
        return Proof(holds=False, code="witness-unusable", reason=reason)
    for turn in range(ROUNDS):
        if turn:
            await asyncio.sleep(PAUSE_S)
        answered = []
        for site in act.witnesses:
            results = await _ask_all(list(endpoints.values()), estate.sites[site])
            told[site].update(results)
            if "witness-unusable" in results:
                reason = f"cannot connect from {site} ({estate.sites[site]})"
                return Proof(holds=False, code="witness-unusable", reason=reason, facts=_facts(endpoints, told, turn))
            named = zip(endpoints, results, strict=True)
            answered += [f"{name} (seen from {site})" for name, result in named if result == "answered"]
        if answered:
            more = f" and {len(answered) - 3} more" if len(answered) > 3 else ""
            reason = f"{act.site} answers: {', '.join(answered[:3])}{more}"
            return Proof(holds=False, code="site-answers", reason=reason, facts=_facts(endpoints, told, turn + 1))
    return Proof(holds=True, facts=_facts(endpoints, told, ROUNDS))


def _facts(endpoints: Mapping[str, Endpoint], told: Mapping[str, Counter[str]], rounds: int) -> dict[str, object]:
    counts = {site: dict(counter) for site, counter in told.items()}
    return {"endpoints": len(endpoints), "witnesses": counts, "rounds": rounds}


async def _ask_all(endpoints: Sequence[Endpoint], source: str) -> list[str]:
    free = asyncio.Semaphore(AT_ONCE)

    async def ask(endpoint: Endpoint) -> str:
        async with free:
            return await _connect(endpoint, source)

    return list(await asyncio.gather(*(ask(endpoint) for endpoint in endpoints)))


async def _connect(endpoint: Endpoint, source: str) -> str:
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(CONNECT_S):
            transport, _ = await loop.create_connection(
                asyncio.Protocol, endpoint.address, endpoint.port, local_addr=(source, 0)
            )
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "silent"
    except OSError as error:
        return "witness-unusable" if error.errno is None or "bind" in str(error) else "unreachable"
    transport.abort()
    return "answered"
