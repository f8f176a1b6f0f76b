"""The application playbooks against a small supervisor and small name servers on this machine."""

from __future__ import annotations

import json
import socketserver
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsigkeyring
import pytest
import yaml

from drorch.adapters.ansible import AnsibleExecutor
from drorch.estate.model import Estate
from drorch.plan.model import PlaybookAct
from drorch.run.ports import PlaybookRequest, PlaybookResult

PLAYBOOKS = Path(__file__).parents[4] / "playbooks"
KEY = {"name": "test-key.", "algorithm": "hmac-sha256", "secret": "dGVzdC1zZWNyZXQtMTIzNDU2Nzg5MA=="}
ZONE = "apps.drorch.test"


class NameServer:
    """Answers A questions from ``names``; takes signed updates when it is the one that does."""

    def __init__(self, address: str, *, takes_updates: bool, lies: bool = False) -> None:
        self.names: dict[str, str] = {}
        self.address = address
        self.followers: list[NameServer] = []
        self.takes_updates, self._lies = takes_updates, lies
        self._keys = dns.tsigkeyring.from_text({KEY["name"]: (KEY["algorithm"], KEY["secret"])})
        outer = self

        class Udp(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                data, opened = self.request
                opened.sendto(outer._answer(data), self.client_address)

        class Tcp(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                size = int.from_bytes(self.rfile.read(2), "big")
                reply = outer._answer(self.rfile.read(size))
                self.wfile.write(len(reply).to_bytes(2, "big") + reply)

        self._servers = [socketserver.ThreadingUDPServer((address, 0), Udp)]
        self.port = self._servers[0].server_address[1]
        self._servers.append(socketserver.ThreadingTCPServer((address, self.port), Tcp))  # type: ignore[arg-type]
        for server in self._servers:
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def close(self) -> None:
        """Answer no more. Harmless when it does not."""
        while self._servers:
            server = self._servers.pop()
            server.shutdown()
            server.server_close()

    def _answer(self, wire: bytes) -> bytes:
        try:
            message = dns.message.from_wire(wire, keyring=self._keys)
        except dns.message.UnknownTSIGKey:
            message = dns.message.from_wire(wire, continue_on_error=True, ignore_trailing=True, keyring=False)  # type: ignore[arg-type]
            reply = dns.message.make_response(message)
            reply.set_rcode(dns.rcode.NOTAUTH)
            return reply.to_wire()
        reply = dns.message.make_response(message)
        if message.opcode() == dns.opcode.UPDATE:
            reply.set_rcode(self._update(message))
            return reply.to_wire()
        reply.flags |= dns.flags.AA
        name = message.question[0].name
        address = self.names.get(name.to_text(omit_final_dot=True))
        if address is None:
            reply.set_rcode(dns.rcode.NXDOMAIN)
        else:
            reply.answer.append(dns.rrset.from_text(name, 1, "IN", "A", address))
        return reply.to_wire()

    def _update(self, message: dns.message.Message) -> dns.rcode.Rcode:
        if not self.takes_updates:
            return dns.rcode.NOTIMP
        if not message.had_tsig:
            return dns.rcode.REFUSED
        for wanted in message.sections[1]:
            if [record.to_text() for record in wanted] != [self.names.get(wanted.name.to_text(omit_final_dot=True))]:
                return dns.rcode.NXRRSET
        for change in message.sections[2]:
            for record in change:
                if not self._lies:
                    for server in (self, *self.followers):
                        server.names[change.name.to_text(omit_final_dot=True)] = record.to_text()
        return dns.rcode.NOERROR


class Supervisor(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """PUT /applications/<id> and /drill/<id>."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        self.states: dict[str, str] = {}
        self.writable_after = 0
        self.requests: list[str] = []
        super().__init__(str(path), _SupervisorHandler)
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()


class _SupervisorHandler(BaseHTTPRequestHandler):
    server: Supervisor

    def do_PUT(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.requests.append(self.path)
        changed = self.server.states.get(self.path) != body["state"]
        self.server.states[self.path] = body["state"]
        self.server.writable_after -= 1
        data = json.dumps({"changed": changed, "state": body["state"], "writable": self.server.writable_after < 0})
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data.encode())

    def log_message(self, *_: object) -> None:
        return


class Site:
    """A supervisor, two name servers, an inventory and an executor."""

    def __init__(self, folder: Path, open_until: ExitStack, *, lies: bool = False) -> None:
        sockets = Path(tempfile.mkdtemp(prefix="drorch-test-"))
        open_until.callback(sockets.rmdir)
        control = sockets / "control.sock"
        open_until.callback(control.unlink)
        self.supervisor = Supervisor(control)
        open_until.callback(self.supervisor.server_close)
        open_until.callback(self.supervisor.shutdown)
        self.primary = NameServer("127.20.0.1", takes_updates=True, lies=lies)
        self.secondary = NameServer("127.40.0.1", takes_updates=False)
        self.primary.followers.append(self.secondary)
        for server in (self.primary, self.secondary):
            server.names[f"umoja.{ZONE}"] = "127.10.0.1"
            open_until.callback(server.close)
        self.folder = folder
        self.key_file = folder / "tsig.json"
        self.key_file.write_text(json.dumps(KEY))
        self._write_inventory(control)
        self.executor = AnsibleExecutor(folder / "runs", PLAYBOOKS, self._estate())
        open_until.callback(self.executor.close)
        self._count = iter(range(1, 100))

    def perform(self, name: str, **variables: object) -> PlaybookResult:
        """Perform one of the application playbooks at piscataway."""
        ident = f"umoja--{name}.{next(self._count)}"
        inputs = {"application": "umoja", "site": "piscataway", "other_site": "nyc"} | variables
        act = PlaybookAct(playbook=f"application/{name}.yml", hosts=("apps-piscataway",), variables=inputs)
        self.executor.launch(PlaybookRequest(run="run-1", ident=ident, act=act, timeout_s=60))
        result = self.executor.wait("run-1", ident, 60)
        assert result is not None
        return result

    def _estate(self) -> Estate:
        return Estate(
            schema=1, name="test", zone=ZONE, inventory=str(self.folder / "inventory.yml"), name_servers=(), sites={},
            databases=(), applications={}, database_name="d", database_user="d", pgpass_file="none", ssh={},
            ansible_env={},
        )  # fmt: skip

    def _write_inventory(self, control: Path) -> None:
        servers = [
            {"site": site, "address": server.address, "port": server.port}
            for site, server in (("piscataway", self.primary), ("valencia", self.secondary))
        ]
        variables = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "drorch_zone": ZONE,
            "drorch_names_ttl": 1,
            "drorch_names_deadline_s": 0.5,
            "drorch_dns_servers": servers,
            "drorch_dns_key_file": str(self.key_file),
            "drorch_site": "piscataway",
            "drorch_site_address": "127.20.0.1",
            "control_socket": str(control),
        }
        (self.folder / "inventory.yml").write_text(yaml.safe_dump({"all": {"hosts": {"apps-piscataway": variables}}}))


@pytest.fixture
def make_site(tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """A site that ends with the test."""
    with ExitStack() as open_until:
        yield lambda **options: Site(tmp_path, open_until, **options)


def test_start_waits_for_writing_and_switches_the_name_everywhere(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.supervisor.writable_after = 2
    result = site.perform("start")
    assert (result.rc, result.message) == (0, "")
    assert site.supervisor.requests == ["/applications/umoja"] * 3
    assert site.primary.names == site.secondary.names == {f"umoja.{ZONE}": "127.20.0.1"}
    assert result.facts["before"] == ("127.10.0.1",)
    assert result.facts["changed"] is True
    assert site.perform("start").facts["changed"] is False
    kept = b"".join(file.read_bytes() for file in (site.folder / "runs").rglob("*") if file.is_file())
    assert KEY["secret"].encode() not in kept


def test_start_of_an_application_that_cannot_write_fails_and_leaves_the_name(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.supervisor.writable_after = 1000
    result = site.perform("start")
    assert result.failures == {"apps-piscataway"}
    assert "writable is False, not True" in result.message
    assert site.primary.names == {f"umoja.{ZONE}": "127.10.0.1"}


@pytest.mark.parametrize("stale", ["secondary", "lies"])
def test_a_server_that_keeps_the_old_address_is_named(make_site: Callable[..., Site], stale: str) -> None:
    site = make_site(lies=stale == "lies")
    if stale == "secondary":
        site.primary.followers.clear()
    result = site.perform("start")
    assert result.failures == {"apps-piscataway"}
    assert f"valencia says 127.10.0.1 for umoja.{ZONE}" in result.message
    assert ("piscataway says" in result.message) is (stale == "lies")


@pytest.mark.parametrize("lost_site", ["piscataway", "valencia", None])
def test_only_the_server_of_the_lost_site_may_be_silent(make_site: Callable[..., Site], lost_site: str | None) -> None:
    """The one that took the updates is gone: another one takes them, whether that is enough or not."""
    site = make_site()
    site.primary.close()
    site.secondary.takes_updates = True
    result = site.perform("start", **({"lost_site": lost_site} if lost_site else {}))
    assert site.secondary.names == {f"umoja.{ZONE}": "127.20.0.1"}
    if lost_site == "piscataway":
        assert (result.rc, result.message) == (0, "")
        assert result.facts["name_servers_left_out"] == ("piscataway",)
    else:
        assert result.failures == {"apps-piscataway"}
        assert f"piscataway says nothing for umoja.{ZONE}" in result.message


def test_what_the_server_of_the_lost_site_says_counts(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.primary.followers.clear()
    result = site.perform("start", lost_site="valencia")
    assert result.failures == {"apps-piscataway"}
    assert f"valencia says 127.10.0.1 for umoja.{ZONE}" in result.message


def test_a_wrong_key_changes_nothing(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.key_file.write_text(json.dumps(KEY | {"name": "other-key."}))
    result = site.perform("start")
    assert result.failures == {"apps-piscataway"}
    assert "no server took the update" in result.message
    assert site.primary.names == {f"umoja.{ZONE}": "127.10.0.1"}


def test_a_step_for_another_site_is_refused(make_site: Callable[..., Site]) -> None:
    site = make_site()
    result = site.perform("start", site="valencia")
    assert result.failures == {"apps-piscataway"}
    assert "the step is for valencia" in result.message
    assert site.supervisor.requests == []


def test_stop_takes_a_whole_group(make_site: Callable[..., Site]) -> None:
    site = make_site()
    result = site.perform("stop", applications=["umoja", "inspira"])
    assert (result.rc, result.message) == (0, "")
    assert site.supervisor.states == {"/applications/umoja": "stopped", "/applications/inspira": "stopped"}


def test_the_copy_of_a_drill_starts_and_stops_and_no_name_changes(make_site: Callable[..., Site]) -> None:
    site = make_site()
    assert site.perform("drill_start", drill=True).facts["copy"] == "started"
    assert site.perform("drill_stop", drill=True).facts["copy"] == "stopped"
    assert site.supervisor.requests == ["/drill/umoja"] * 2
    assert site.primary.names == {f"umoja.{ZONE}": "127.10.0.1"}


def test_a_supervisor_that_is_gone_is_told(make_site: Callable[..., Site]) -> None:
    site = make_site()
    site.supervisor.shutdown()
    site.supervisor.server_close()
    result = site.perform("stop", applications=["umoja"])
    assert result.failures == {"apps-piscataway"}
    assert "no answer" in result.message
