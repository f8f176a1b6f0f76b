"""One sample of one application, taken the way its users reach it."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from drorch.adapters.probes.judge import Judgement, Names, judge_answer, judge_names
from drorch.adapters.probes.kinds.names import NameClient
from drorch.adapters.probes.kinds.wire import Answer, WireError, exchange, request_bytes
from drorch.adapters.probes.lost_sites import LostSites
from drorch.adapters.probes.spec import WatchTarget
from drorch.estate.model import NameServer
from drorch.evidence.model import Sample, SampleReason


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What all samples of one event loop share. ``site_of`` is address to site; times in seconds.

    ``lost``: sites whose loss is witnessed; None where no run could have proved one.
    """

    names: NameClient
    site_of: Mapping[str, str]
    timeout_s: float
    name_timeout_s: float
    lost: LostSites | None = None

    @classmethod
    async def open(
        cls,
        servers: Sequence[NameServer],
        sites: Mapping[str, str],
        *,
        timeout_s: float,
        name_timeout_s: float,
        lost: LostSites | None = None,
    ) -> Surroundings:
        """Open the sockets to the name servers; close with ``names.close()``."""
        return cls(
            names=await NameClient.open(servers),
            site_of={address: site for site, address in sites.items()},
            timeout_s=timeout_s,
            name_timeout_s=name_timeout_s,
            lost=lost,
        )

    async def resolve(self, target: WatchTarget) -> Names:
        """Ask every name server for the target's name."""
        explained = self.names.left_out(self.lost.witnessed()) if self.lost is not None else frozenset[str]()
        replies = await self.names.ask(target.name, self.name_timeout_s, explained=explained)
        return judge_names(replies, self.site_of, explained=explained)


async def take_sample(
    around: Surroundings, target: WatchTarget, *, slot: int, full: bool, known: Names | None = None
) -> tuple[Sample, Names]:
    """Take one sample. ``known`` are names asked for a moment ago; a full sample asks again. Never raises."""
    started, wall = time.monotonic(), datetime.now(UTC)
    names = known if known is not None and not full else await around.resolve(target)
    if names.address is None:
        judged = Judgement(reason=names.reason, detail=names.detail)
    else:
        judged = await _look(around, target, names.address, full=full)
    sample = Sample(
        application=target.application,
        slot=slot,
        started=started,
        ended=time.monotonic(),
        wall=wall.isoformat(timespec="microseconds"),
        good=judged.reason is None,
        full=full,
        served_by=judged.served_by,
        data_site=judged.data_site,
        names=names.by_server,
        reason=judged.reason,
        detail=judged.detail or (names.note if judged.reason is None else ""),
        drill=target.drill,
    )
    return sample, names


async def _look(around: Surroundings, target: WatchTarget, address: str, *, full: bool) -> Judgement:
    token = secrets.token_hex(8) if full else None
    request = light_request(target) if token is None else transaction_request(target, token)
    answer = await try_exchange(address, target.port, request, around.timeout_s)
    if isinstance(answer, Judgement):
        return answer
    return judge_answer(target, answer, address=address, site_of=around.site_of, token=token)


def light_request(target: WatchTarget) -> bytes:
    """Who are you?"""
    return request_bytes("GET", f"{target.prefix}/whoami", target.name)


def transaction_request(target: WatchTarget, token: str) -> bytes:
    """Write this and read it back."""
    return request_bytes("POST", f"{target.prefix}/transaction", target.name, json.dumps({"token": token}).encode())


async def try_exchange(address: str, port: int, request: bytes, timeout_s: float) -> Answer | Judgement:
    """The answer, or the judgement that there is none. Never raises."""
    try:
        return await exchange(address, port, request, timeout_s)
    except TimeoutError:
        return Judgement(reason=SampleReason.TIMEOUT, detail=f"no answer within {timeout_s:g} s")
    except ConnectionRefusedError:
        return Judgement(reason=SampleReason.REFUSED, detail=f"{address}:{port} refused")
    except (WireError, OSError) as error:
        return Judgement(reason=SampleReason.BROKEN, detail=f"{type(error).__name__}: {error}")
