"""Gives a copied database cluster a system identifier of its own, as PostgreSQL's own pg_createsubscriber does.

All databases of the lab are copies of one template (initdb takes most of a second). Without this step they would all
say they are the same cluster, and no check for a foreign cluster could ever be tried.

The control file begins with the identifier (8 bytes) and ends its data with a CRC-32C over everything before it. Where
the data ends depends on the version; it is where the stored sum fits. ``pg_resetwal`` then writes a log that matches.
"""

from __future__ import annotations

import struct
from pathlib import Path

from drorch.core.errors import Broken
from drorch.lab.identity import run_tool, write_bytes
from drorch.lab.topology import Topology

REFLECTED = 0x82F63B78
"""Castagnoli's polynomial, bits reversed."""
SHORTEST, LONGEST = 100, 600
"""Bytes of control data in the versions there are: 296 in PostgreSQL 15."""


def crc32c(data: bytes) -> int:
    """CRC-32C, bit by bit: enough for some hundred bytes."""
    left = 0xFFFFFFFF
    for byte in data:
        left ^= byte
        for _ in range(8):
            left = (left >> 1) ^ (REFLECTED if left & 1 else 0)
    return left ^ 0xFFFFFFFF


def control_data_with(data: bytes, identifier: int) -> bytes:
    """The content of ``pg_control`` with another identifier. Broken when its checksum is not where it has to be."""
    for end in range(SHORTEST, min(LONGEST, len(data) - 4), 4):
        if struct.pack("=I", crc32c(data[:end])) == data[end : end + 4]:
            head = struct.pack("=Q", identifier) + data[8:end]
            return head + struct.pack("=I", crc32c(head)) + data[end + 4 :]
    raise Broken("pg_control has no checksum that fits", next_step="use another version of PostgreSQL")


def give_identifier(topology: Topology, data_folder: Path, identifier: int) -> None:
    """Change a cluster that was shut down cleanly and of which no copy is in use."""
    control = data_folder / "global" / "pg_control"
    write_bytes(control, control_data_with(control.read_bytes(), identifier), topology.run_as, 0o600)
    run_tool(
        [str(topology.pg_bin / "pg_resetwal"), "--pgdata", str(data_folder)],
        run_as=topology.run_as,
        cwd=data_folder.parent,
    )
    # pg_resetwal forgets the settings a standby looks for; a server that starts and ends writes them again.
    run_tool(
        [str(topology.pg_bin / "postgres"), "--single", "-F", "-D", str(data_folder), "template1"],
        run_as=topology.run_as,
        cwd=data_folder.parent,
    )
