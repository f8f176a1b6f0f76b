"""How long the capacity model takes: 200 departments x 200 delivery groups x 20 sites, every single loss included.

.venv/bin/python tests/bench/bench_capacity.py [departments] [groups] [sites]
"""

from __future__ import annotations

import random
import sys
import time
from datetime import UTC, datetime

from drorch.access.assess import assess
from drorch.access.demand import demands
from drorch.access.model import (
    CapacityModel,
    DeliveryGroup,
    DepartmentDemand,
    Gateway,
    GroupKind,
    IdentityService,
    LicenceModel,
    LicencePool,
    Link,
    Planning,
    Pool,
    Reading,
)
from drorch.access.seats import UNLIMITED, exactly
from drorch.access.what_if import evaluate, headroom, scenarios

NOW = datetime(2026, 11, 23, tzinfo=UTC)
READING = Reading(as_of=NOW, used=0)
ENTITLED = 10
"""Delivery groups of a department."""


def planning() -> Planning:
    """The defaults of the schema."""
    return Planning(
        ramp_s=1800,
        usable_share=0.7,
        kbit_s_per_session=250,
        load_index_limit=8000,
        logons_at_once=2,
        headroom_target=0.2,
        forecast_days=90,
        lease_days=21,
        proof_days=365,
        refresh_s=604_800,
    )


def large_model(departments: int, groups: int, sites: int) -> CapacityModel:
    """Every delivery group has a pool at every site; seats are scarce at some of them."""
    dice = random.Random(76)
    names = [f"group-{number}" for number in range(groups)]
    places = [f"site-{number}" for number in range(sites)]
    people = [dice.randint(20, 400) for _ in range(departments)]
    needed = sum(people)
    return CapacityModel(
        title="bench",
        note=None,
        planning=planning(),
        departments=tuple(
            DepartmentDemand(
                id=f"department-{number}",
                critical=count,
                standard=count // 2,
                attendance=0.9,
                overlap=0.9,
                groups=tuple(dice.sample(names, min(ENTITLED, groups))),
                needs={f"department-{(number + 1) % departments}": count // 10},
            )
            for number, count in enumerate(people)
        ),
        groups=tuple(DeliveryGroup(id=name, kind=GroupKind.MULTI_SESSION, session_count_only=False) for name in names),
        pools=tuple(_pool(dice, name, place, needed / groups / sites) for name in names for place in places),
        gateways=tuple(
            Gateway(
                id=f"gateway-{place}",
                site=place,
                serves=(place, places[(number + 1) % sites]),
                ica_only=True,
                platform_sessions=exactly(2 * needed // sites),
                max_users=UNLIMITED,
                concurrent_licences=UNLIMITED,
                throughput_mbit_s=float(needed),
                mbit_s_per_session=None,
                reading=READING,
            )
            for number, place in enumerate(places)
        ),
        links=tuple(
            Link(id=f"link-{place}", site=place, mbit_s=0.6 * needed / sites, kbit_s_per_session=None, reading=READING)
            for place in places
        ),
        licences=tuple(
            LicencePool(
                id=f"licences-{number}",
                server=f"server-{number}",
                site=None,
                model=LicenceModel.CONCURRENT,
                count=exactly(needed),
                overdraft=0,
                assigned_elsewhere=exactly(0),
                lease_until=None,
                reading=READING,
            )
            for number in range(2)
        ),
        identity=(
            IdentityService(
                id="tokens", site=None, serves=None, purpose="tokens", seats=exactly(2 * needed), reading=READING
            ),
        ),
        histories=(),
        proofs=(),
    )


def _pool(dice: random.Random, group: str, site: str, seats: float) -> Pool:
    return Pool(
        id=f"{group}-{site}",
        group=group,
        site=site,
        cluster=None,
        seats=exactly(seats * dice.uniform(0.8, 2)),
        machine_count=1 + int(seats // 10),
        machines=(),
        sessions_per_machine=None,
        start_s=None,
        logon_s=45,
        reading=READING,
    )


def main(departments: int, groups: int, sites: int) -> None:
    """Build the model, solve one situation, find the headroom, then answer everything; print what it took."""
    model = large_model(departments, groups, sites)
    began = time.process_time()
    demand = demands(model.departments)
    normal = evaluate(model, demand, scenarios(model)[0])
    solved = time.process_time()
    room = headroom(model, demand, scenarios(model)[0])
    found = time.process_time()
    answer = assess(model, NOW)
    done = time.process_time()
    print(f"{departments} departments x {groups} delivery groups x {sites} sites: {len(model.pools)} pools")
    print(f"required {normal.required}, served {normal.served.least:.0f}, headroom {room.seats if room else None}")
    print(f"one situation {solved - began:.2f} CPU-s, headroom {found - solved:.2f} CPU-s")
    print(f"all {len(answer.outcomes)} situations and the limits {done - found:.2f} CPU-s: {answer.status}")


if __name__ == "__main__":
    given = [int(word) for word in sys.argv[1:4]]
    main(*(given + [200, 200, 20][len(given) :]))
