"""Point DNS names to an address by signed RFC 2136 updates, and prove it at every authoritative server.

Runs on the controller. An accepted update proves nothing (a server may lie, a secondary may be stale): the task
succeeds when all servers answer the new address, and names those that do not. Any server may take the update: one that
is gone is passed over. The server of a site that is lost (declared and witnessed before this play) may be silent, and
is named as left out; what it says counts.
"""

from __future__ import annotations

import json
import time
from pathlib import Path

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update
from ansible.errors import AnsibleActionFail
from ansible.plugins.action import ActionBase

DOCUMENTATION = """
    module: switch_names
    short_description: point names to an address at all authoritative servers
    options:
        names: {description: Absolute names., type: list, elements: str, required: true}
        address: {description: The IPv4 address all names shall have., type: str, required: true}
        zone: {description: The zone of the names., type: str, required: true}
        ttl: {description: Time to live in seconds., type: int, required: true}
        key_file: {description: JSON file with name, algorithm and secret of the TSIG key., type: path, required: true}
        servers:
            description: Authoritative servers with site, address and port. The first that takes updates is used.
            type: list
            required: true
        lost_site: {description: Site whose name server may be silent., type: str}
        deadline_s: {description: Seconds until all servers have to agree., type: float, default: 20}
"""

_ASK_S = 1.0
_ASK_LOST_S = 0.2
_PAUSE_S = 0.05
_NEEDED = ("names", "address", "zone", "ttl", "key_file", "servers")


class ActionModule(ActionBase):
    """Returns ``before`` and ``answers`` (server to name to address), ``stale`` when it fails."""

    _requires_connection = False
    _VALID_ARGS = frozenset({*_NEEDED, "deadline_s", "lost_site"})

    def run(self, tmp=None, task_vars=None):
        result = super().run(tmp, task_vars)
        args = self._task.args
        for needed in _NEEDED:
            if args.get(needed) in (None, "", []):
                raise AnsibleActionFail(f"switch_names needs {needed}")
        names, address, lost = list(args["names"]), str(args["address"]), str(args.get("lost_site") or "")
        # The one at a lost site last: whoever answers is asked and told first.
        servers = sorted(
            (dict(server, ask_s=_ASK_LOST_S if server["site"] == lost else _ASK_S) for server in args["servers"]),
            key=lambda server: server["site"] == lost,
        )
        deadline = time.monotonic() + float(args.get("deadline_s") or 20)
        before = {name: _first_answer(servers, name) for name in names}
        wrong = [name for name in names if before[name] != [address]]
        refusals = _update(wrong, before, address, servers, args) if wrong else []
        answers = _answers(servers, names)
        while (stale := _stale(answers, address, lost)) and not refusals and time.monotonic() < deadline:
            time.sleep(_PAUSE_S)
            answers = _answers(servers, names)
        left_out = [lost] if lost in answers and None in answers[lost].values() else []
        result.update(changed=bool(wrong), before=before, answers=answers, left_out=left_out)
        if refusals:
            result.update(failed=True, msg="no server took the update: " + "; ".join(refusals))
        elif stale:
            result.update(failed=True, stale=stale, msg=f"not all servers answer {address}: " + "; ".join(stale))
        return result


def _update(names, before, address, servers, args):
    """Send the update to the first server that takes it. Returns why none did, empty when one has."""
    key = json.loads(Path(args["key_file"]).read_text(encoding="utf-8"))
    ring = dns.tsigkeyring.from_text({key["name"]: (key["algorithm"], key["secret"])})
    update = dns.update.UpdateMessage(
        str(args["zone"]), keyring=ring, keyalgorithm=dns.name.from_text(key["algorithm"])
    )
    for name in names:
        absolute = dns.name.from_text(name)
        if before[name]:
            # Somebody who changes the name between our look and our update wins; we then fail instead of overwriting.
            update.present(absolute, "A", *before[name])
        update.replace(absolute, int(args["ttl"]), "A", address)
    refusals = []
    for server in servers:
        try:
            answer = dns.query.tcp(update, str(server["address"]), timeout=_ASK_S * 3, port=int(server["port"]))
        except (OSError, dns.exception.DNSException) as error:
            refusals.append(f"{server['site']}: {type(error).__name__} {error}".strip())
            continue
        if answer.rcode() == dns.rcode.NOERROR:
            return []
        refusals.append(f"{server['site']}: {dns.rcode.to_text(answer.rcode())}")
        if answer.rcode() in (dns.rcode.NXRRSET, dns.rcode.YXRRSET):
            return refusals
    return refusals


def _answers(servers, names):
    return {server["site"]: {name: _ask(server, name) for name in names} for server in servers}


def _stale(answers, address, lost):
    return [
        f"{site} says {', '.join(found) if found else found_nothing(found)} for {name}"
        for site, by_name in answers.items()
        for name, found in by_name.items()
        if found != [address] and not (found is None and site == lost and len(answers) > 1)
    ]


def found_nothing(found):
    """In words: an empty answer is not a missing one."""
    return "nothing" if found is None else "no address"


def _first_answer(servers, name):
    for server in servers:
        if (found := _ask(server, name)) is not None:
            return found
    return []


def _ask(server, name):
    """Addresses of ``name`` at one server, sorted; None when it did not answer with authority."""
    query = dns.message.make_query(name, dns.rdatatype.A, flags=0)
    try:
        answer = dns.query.udp(query, str(server["address"]), timeout=server["ask_s"], port=int(server["port"]))
    except (OSError, dns.exception.DNSException):
        return None
    if not answer.flags & dns.flags.AA or answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
        return None
    return sorted(record.address for rrset in answer.answer if rrset.rdtype == dns.rdatatype.A for record in rrset)
