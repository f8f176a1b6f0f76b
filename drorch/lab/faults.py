"""What is broken on purpose at present. Kept in one file, so that restarted servers stay as broken as they were."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class What(StrEnum):
    """What can be broken."""

    SITE = "site"
    """Power off: every process of the site is killed."""
    APP = "app"
    """The application is killed where it runs; it can be started again."""
    APP_STUCK = "app-stuck"
    """The application cannot be started, at any site."""
    APP_READONLY = "app-readonly"
    """The application answers but cannot write."""
    APP_OLD_DATA = "app-old-data"
    """The application started at its recovery site uses the database of the site it came from."""
    DB = "db"
    """The primary database of a protection group is killed."""
    REPLICATION = "replication"
    """Nothing reaches the standby of a protection group any more; the primary goes on."""
    LINK = "link"
    """Nothing is replicated between two sites (``nyc-piscataway``)."""
    DNS = "dns"
    """The name server of a site is killed."""
    DNS_STALE = "dns-stale"
    """The name server of a site no longer follows the first one."""
    DNS_UPDATES = "dns-updates"
    """The name server of a site says yes to updates and changes nothing."""


@dataclass(frozen=True, kw_only=True, order=True)
class Fault:
    """One thing that is broken."""

    what: What
    target: str


def read_faults(path: Path) -> frozenset[Fault]:
    """All present faults; none when the file does not exist yet."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return frozenset()
    return frozenset(Fault(what=What(entry["what"]), target=str(entry["target"])) for entry in data)


def faults_text(faults: frozenset[Fault]) -> str:
    """The file's content."""
    return json.dumps([{"what": fault.what.value, "target": fault.target} for fault in sorted(faults)]) + "\n"
