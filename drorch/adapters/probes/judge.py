"""Is this answer proof that the service is good? Pure; the one place where a false green would be born."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass

from drorch.adapters.probes.kinds.names import Reply
from drorch.adapters.probes.kinds.wire import Answer
from drorch.adapters.probes.spec import WatchTarget
from drorch.evidence.model import SampleReason


@dataclass(frozen=True, kw_only=True)
class Names:
    """What the name servers said. ``address`` is set when all of them agree on one.

    ``left_out`` are sites whose server was silent and did not have to answer: their loss is declared and witnessed.
    """

    address: str | None
    by_server: Mapping[str, str | None]
    reason: SampleReason | None = None
    detail: str = ""
    left_out: tuple[str, ...] = ()

    @property
    def note(self) -> str:
        """What a reader of a good sample has to know about its names; empty when all servers agreed."""
        return f"name server left out, its site is lost: {', '.join(self.left_out)}" if self.left_out else ""


@dataclass(frozen=True, kw_only=True)
class Judgement:
    """``reason`` None is good."""

    reason: SampleReason | None
    detail: str = ""
    served_by: str | None = None
    data_site: str | None = None


def judge_names(
    replies: Mapping[str, Reply], site_of: Mapping[str, str], *, explained: frozenset[str] = frozenset()
) -> Names:
    """All servers must give the same one address. ``site_of`` is address to site.

    Only the silence of the servers at the sites ``explained`` is no objection; what one of them says counts.
    """
    by_server = {server: site_of.get(address, address) if address else None for server, (address, _) in replies.items()}
    left_out = tuple(sorted(server for server in replies.keys() & explained if replies[server][0] is None))
    addresses = {address for server, (address, _) in replies.items() if server not in left_out}
    told = ", ".join(f"{server}: {by_server[server] or why}" for server, (_, why) in replies.items())
    if not any(addresses):
        unresolved = SampleReason.NAME_UNRESOLVED
        return Names(address=None, by_server=by_server, reason=unresolved, detail=told or "no name servers")
    if len(addresses) > 1:
        return Names(address=None, by_server=by_server, reason=SampleReason.NAME_DISAGREES, detail=told)
    return Names(address=addresses.pop(), by_server=by_server, left_out=left_out)


def judge_answer(
    target: WatchTarget, answer: Answer, *, address: str, site_of: Mapping[str, str], token: str | None
) -> Judgement:
    """Judge the answer that ``address`` gave. ``token`` is what a full sample wrote, None for a light one."""
    body = _object(answer.body)
    if answer.status != 200:
        return _refusal(answer.status, body)
    if body is None:
        return Judgement(reason=SampleReason.WRONG_IDENTITY, detail="the answer is not a JSON object")
    site = body.get("site")
    served_by = site if isinstance(site, str) else None
    wrong = _wrong_identity(target, body, served_by, address, site_of)
    if wrong:
        return Judgement(reason=SampleReason.WRONG_IDENTITY, detail=wrong, served_by=served_by)
    if token is None:
        return Judgement(reason=None, served_by=served_by)
    return _transaction(target, body, served_by, site_of, token)


def _object(body: bytes) -> dict[str, object] | None:
    try:
        data = json.loads(body)
    except ValueError:
        return None
    return data if isinstance(data, dict) else None


def _refusal(status: int, body: dict[str, object] | None) -> Judgement:
    error = (body or {}).get("error")
    detail = f"HTTP {status} {error or ''} {str((body or {}).get('detail') or '')[:200]}".strip()
    return Judgement(
        reason=SampleReason.READ_ONLY if error == "read-only" else SampleReason.HTTP_ERROR,
        detail=" ".join(detail.split()),
    )


def _wrong_identity(
    target: WatchTarget, body: Mapping[str, object], served_by: str | None, address: str, site_of: Mapping[str, str]
) -> str | None:
    if body.get("application") != target.application:
        return f"{body.get('application')!r} answered"
    # Through a gateway's copy one reaches the application itself: remote access copies nothing.
    if body.get("drill") is not (target.drill and target.via is None):
        return "a drill copy answered" if body.get("drill") else "not the drill copy answered"
    if target.via is None and served_by != site_of.get(address):
        return f"says it is at {served_by}, its name points to {site_of.get(address, address)}"
    if served_by not in site_of.values():
        return f"says it is at {served_by!r}, which is no site"
    return None


def _transaction(
    target: WatchTarget, body: Mapping[str, object], served_by: str | None, site_of: Mapping[str, str], token: str
) -> Judgement:
    data_address = str(body.get("data_address"))
    node = f"{data_address}:{body.get('data_port')}"
    data_site = (target.data or {}).get(node) if target.data else site_of.get(data_address)

    def found(reason: SampleReason | None, detail: str = "") -> Judgement:
        return Judgement(reason=reason, detail=detail, served_by=served_by, data_site=data_site)

    if data_site is None or data_site != served_by:
        where = f"the database of {data_site}" if data_site else f"a foreign database at {node}"
        return found(SampleReason.WRONG_DATA_SITE, f"answered from {served_by} with {where}")
    if body.get("in_recovery") is not False:
        return found(SampleReason.READ_ONLY, "the database is still in recovery")
    if body.get("token") != token:
        return found(SampleReason.READ_MISMATCH, "what was written was not read back")
    return found(None)
