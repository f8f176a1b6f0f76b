"""A whole installation for the sample capacity model: two gateways (one a pair), a broker, a monitor, licences, doors,
and the sources file that points at them. Everything on loopback."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import yaml

from drorch.testing.citrix.cloud import CloudSimulator, CvadSimulator, TokenBook
from drorch.testing.citrix.front import Door, FrontDoor
from drorch.testing.citrix.nitro import NitroSimulator
from drorch.testing.citrix.odata import MonitorSimulator
from drorch.testing.citrix.server import serve_all
from drorch.testing.citrix.world import Box, World

PASSWORDS = {
    "adc": "nitro-Pa55word",
    "rest": "rest-Pa55word",
    "cloud": "cloud-5ecret",
    "probe": "login-Pa55word",
}


@dataclass
class Installation:
    """The simulators, to be played with, and the file that names them."""

    sources: Path
    nyc: World
    piscataway: World
    nitro: list[NitroSimulator]
    monitors: list[MonitorSimulator]
    rest: CvadSimulator
    cloud: CloudSimulator
    door: FrontDoor
    urls: dict[str, str] = field(default_factory=dict)

    def write_licences(self, count: int = 800, used: int = 447, at: datetime | None = None) -> None:
        """The file of the licence server."""
        when = (at or datetime.now(UTC)).isoformat()
        pools = [{"PLD": "MPS_ENT_CCU", "Count": count, "InUseCount": used, "Overdraft": 0}]
        (self.sources.parent / "licences.json").write_text(json.dumps({"WrittenAt": when, "Pools": pools}))


def boxes() -> list[Box]:
    """Machines of the sample's pools, well loaded so that seats follow from the load index."""
    found = []
    for group, zone, machines, sessions, load in (
        ("Finance", "NYC", 6, 15, 3300),
        ("Standard", "NYC", 14, 17, 3700),
        ("Finance", "Piscataway", 4, 8, 1900),
        ("Standard", "Piscataway", 5, 18, 4000),
    ):
        for number in range(machines):
            name = f"{group}-{zone}-{number}".lower()
            found.append(Box(name=name, group=group, zone=zone, sessions=sessions, load_index=load))
    return found


def minutes(sessions: int, *, back: timedelta = timedelta(hours=2)) -> dict[datetime, dict[str, int]]:
    """Minutes up to now."""
    end = datetime.now(UTC).replace(second=0, microsecond=0)
    count = int(back.total_seconds() // 60)
    return {end - timedelta(minutes=number): {"g1": sessions} for number in range(1, count + 1)}


@contextmanager
def installation(folder: Path, door: Door = Door.NFACTOR) -> Iterator[Installation]:
    """Serve everything; write secrets and ``access.yaml`` into ``folder``."""
    folder.mkdir(parents=True, exist_ok=True)
    nyc = World(
        boxes=boxes(),
        minutes=minutes(330),
        passwords={"probe": PASSWORDS["probe"]},
        others=tuple(f"person{number}" for number in range(330)),
        max_users=1500,
    )
    piscataway = World(minutes=minutes(117), others=tuple(f"person{number}" for number in range(117)), max_users=1000)
    tokens = TokenBook(customer="acme")
    made = Installation(
        sources=folder / "access.yaml",
        nyc=nyc,
        piscataway=piscataway,
        nitro=[NitroSimulator(world=nyc), NitroSimulator(primary=False), NitroSimulator(world=piscataway)],
        monitors=[MonitorSimulator(world=each, tokens=tokens, prefix="/monitorodata") for each in (nyc, piscataway)],
        rest=CvadSimulator(world=nyc, page=7),
        cloud=CloudSimulator(world=nyc, tokens=tokens),
        door=FrontDoor(world=nyc, door=door),
    )
    for name, value in PASSWORDS.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as stream:
            stream.write(value)
    served = {
        "adc1": made.nitro[0],
        "adc2": made.nitro[1],
        "adc3": made.nitro[2],
        "monitor-nyc": made.monitors[0],
        "monitor-piscataway": made.monitors[1],
        "rest": made.rest,
        "cloud": made.cloud,
        "door": made.door,
    }
    with serve_all(served.values()) as addresses:
        made.urls |= zip(served, addresses, strict=True)
        made.write_licences()
        text = yaml.safe_dump({"schema": 1, "sources": _sources(made.urls, door)}, sort_keys=False)
        made.sources.write_text(text)
        yield made


def _sources(urls: dict[str, str], door: Door) -> list[dict[str, object]]:
    adc = {"kind": "netscaler", "user": "drpoll", "secret_file": "adc", "call": "5s"}
    cloud = {"auth": "cloud", "secret_file": "cloud", "token_url": urls["cloud"], "customer": "acme"}
    monitor = {"kind": "monitor", **cloud, "client_id": "dr-client", "call": "5s"}
    pools = {
        "Finance@NYC": "finance-nyc",
        "Standard@NYC": "standard-nyc",
        "Finance@Piscataway": "finance-piscataway",
        "Standard@Piscataway": "standard-piscataway",
    }
    return [
        {"id": "adc-nyc", **adc, "urls": [urls["adc1"], urls["adc2"]], "gateway": "gateway-nyc"},
        {"id": "adc-piscataway", **adc, "urls": [urls["adc3"]], "gateway": "gateway-piscataway"},
        {"id": "monitor-nyc", **monitor, "url": f"{urls['monitor-nyc']}/monitorodata", "site": "nyc"},
        {
            "id": "monitor-piscataway",
            **monitor,
            "url": f"{urls['monitor-piscataway']}/monitorodata",
            "site": "piscataway",
        },
        {
            "id": "rest",
            "kind": "cvad",
            "url": f"{urls['rest']}/cvad/manage",
            "auth": "basic",
            "user": "UN\\drrest",
            "secret_file": "rest",
            "pools": pools,
            "licence": "concurrent-users",
        },
        {
            "id": "licence-file",
            "kind": "licence-file",
            "file": "licences.json",
            "products": {"MPS_ENT_CCU": "concurrent-users"},
        },
        {
            "id": "login-nyc",
            "kind": "login",
            "url": urls["door"],
            "way": door.value,
            "user": "probe",
            "secret_file": "probe",
            "site": "nyc",
            "expect": 3,
        },
    ]
