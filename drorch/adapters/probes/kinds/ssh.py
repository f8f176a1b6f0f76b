"""Can we log in over ssh at a host that proves to be the one we know, and run a command?"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import paramiko
from paramiko.pkey import UnknownKeyType

from drorch.adapters.probes.kinds.attempt import Unsatisfied, attempt
from drorch.adapters.probes.kinds.result import ProbeCode, ProbeResult
from drorch.catalog.model import ProbeKind
from drorch.estate.model import SshEndpoint


@dataclass(frozen=True, kw_only=True)
class SshProbe:
    """The host key is pinned; an unknown or changed key is refused before we say who we are."""

    server: SshEndpoint
    command: str = "true"

    def look(self, timeout_s: float) -> ProbeResult:
        """Log in, run the command, leave."""
        endpoint = self.server.endpoint
        target = f"{self.server.user}@{endpoint.address}:{endpoint.port}"
        return attempt(ProbeKind.SSH, target, lambda: self._log_in(timeout_s))

    def _log_in(self, timeout_s: float) -> Mapping[str, object]:
        endpoint = self.server.endpoint
        deadline = time.monotonic() + timeout_s
        client = paramiko.SSHClient()
        client.set_missing_host_key_policy(paramiko.RejectPolicy())
        name = endpoint.address if endpoint.port == 22 else f"[{endpoint.address}]:{endpoint.port}"
        pinned = _pinned(name, self.server.host_key)
        client.get_host_keys().add(name, pinned.get_name(), pinned)
        try:
            client.connect(
                endpoint.address,
                port=endpoint.port,
                username=self.server.user,
                pkey=_own_key(self.server.identity_file),
                timeout=timeout_s,
                banner_timeout=timeout_s,
                auth_timeout=timeout_s,
                allow_agent=False,
                look_for_keys=False,
            )
            status = self._run(client, max(0.1, deadline - time.monotonic()))
        except paramiko.BadHostKeyException as error:
            raise Unsatisfied(ProbeCode.UNTRUSTED, "the host key is not the pinned one") from error
        except paramiko.AuthenticationException as error:
            raise Unsatisfied(ProbeCode.DENIED, "the server did not accept our key") from error
        except paramiko.ssh_exception.NoValidConnectionsError as error:
            raise ConnectionRefusedError from error
        except paramiko.SSHException as error:
            code = ProbeCode.UNTRUSTED if "not found in known_hosts" in str(error) else ProbeCode.PROTOCOL
            raise Unsatisfied(code, str(error)) from error
        finally:
            client.close()
        if status != 0:
            raise Unsatisfied(ProbeCode.STATUS, f"the command ended with {status}")
        return {"exit_status": status}

    def _run(self, client: paramiko.SSHClient, timeout_s: float) -> int:
        transport = client.get_transport()
        assert transport is not None, "connected just now"
        channel = transport.open_session(timeout=timeout_s)
        channel.exec_command(self.command)
        if not channel.status_event.wait(timeout_s):
            raise TimeoutError
        return channel.recv_exit_status()


def _own_key(path: str) -> paramiko.PKey:
    """Our private key. Read here: left to guess, paramiko reports its last guess instead of the refusal."""
    try:
        return paramiko.PKey.from_path(path)
    except (OSError, ValueError, paramiko.SSHException, UnknownKeyType) as error:
        raise Unsatisfied(ProbeCode.DENIED, f"our key {path} cannot be read: {type(error).__name__}") from error


def _pinned(name: str, host_key: str) -> paramiko.PKey:
    """The key of an OpenSSH one-line form, ``type base64`` with or without a host in front and a comment behind."""
    words = host_key.split()
    start = next((index for index, word in enumerate(words) if word.startswith(("ssh-", "ecdsa-"))), None)
    if start is None or len(words) < start + 2:
        raise Unsatisfied(ProbeCode.UNTRUSTED, "the estate's host key is not in OpenSSH form")
    try:
        entry = paramiko.hostkeys.HostKeyEntry.from_line(f"{name} {words[start]} {words[start + 1]}")
    except paramiko.SSHException as error:
        raise Unsatisfied(ProbeCode.UNTRUSTED, "the estate's host key cannot be read") from error
    if entry is None or entry.key is None:
        raise Unsatisfied(ProbeCode.UNTRUSTED, f"host keys of type {words[start]} are not known")
    return entry.key
