"""The REST service of a Citrix site (``cvad/manage``), of its own or in the cloud: machines by pool, licences in use.

``DesktopsAvailable`` of a delivery group counts machines and not seats, so machines are read one by one.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from drorch.access.model import LicenceModel, Machine, MachineState
from drorch.access.ports import CallCheck, LicenceReading, PoolReading, SourceAnswer, SourceFailed, Trouble
from drorch.adapters.citrix.checks import checked_calls
from drorch.adapters.citrix.secret import Secret
from drorch.adapters.citrix.tokens import Bearer, SiteBearer, asked
from drorch.adapters.citrix.wire import Answer, Endpoint, Wire
from drorch.core.clock import Clock

PAGE = 250
MOST_PAGES = 2_000
FIELDS = "Name,LoadIndex,SessionCount,RegistrationState,InMaintenanceMode,PowerState,DeliveryGroup,Zone"


class _Named(BaseModel):
    model_config = ConfigDict(extra="ignore")
    name: str | None = Field(default=None, alias="Name")


class _Machine(BaseModel):
    model_config = ConfigDict(extra="ignore")
    load: int | None = Field(default=None, alias="LoadIndex")
    sessions: int | None = Field(default=0, alias="SessionCount")
    registration: str | None = Field(default=None, alias="RegistrationState")
    maintenance: bool = Field(default=False, alias="InMaintenanceMode")
    power: str | None = Field(default=None, alias="PowerState")
    group: _Named | None = Field(default=None, alias="DeliveryGroup")
    zone: _Named | None = Field(default=None, alias="Zone")

    def as_machine(self) -> Machine:
        """As the model wants it. What is neither registered nor off nor in maintenance takes no sessions."""
        if self.maintenance:
            state = MachineState.MAINTENANCE
        elif self.registration == "Registered":
            state = MachineState.REGISTERED
        elif self.power in ("Off", "Suspended"):
            state = MachineState.OFF
        else:
            state = MachineState.UNREGISTERED
        return Machine(state=state, sessions=self.sessions or 0, load_index=self.load)


class _Machines(BaseModel):
    model_config = ConfigDict(extra="ignore")
    items: list[_Machine] = Field(alias="Items")
    continuation: str | None = Field(default=None, alias="ContinuationToken")


class _SiteRef(BaseModel):
    model_config = ConfigDict(extra="ignore")
    id: str = Field(alias="Id", min_length=1)


class _Customer(BaseModel):
    model_config = ConfigDict(extra="ignore")
    sites: list[_SiteRef] = Field(alias="Sites", min_length=1)


class _Me(BaseModel):
    model_config = ConfigDict(extra="ignore")
    customers: list[_Customer] = Field(alias="Customers", min_length=1)


class _Site(BaseModel):
    model_config = ConfigDict(extra="ignore")
    active: int | None = Field(default=None, alias="LicensedSessionsActive")
    model: str | None = Field(default=None, alias="LicensingModel")
    grace: bool = Field(default=False, alias="LicensingGracePeriodActive")
    expires: AwareDatetime | None = Field(default=None, alias="LicenseExpirationDate")


class Cvad:
    """A site's REST service. See the port `drorch.access.ports.AccessSource`."""

    def __init__(
        self,
        source: str,
        endpoint: Endpoint,
        *,
        pools: Mapping[str, str],
        licence: str | None,
        clock: Clock,
        bearer: Bearer | None = None,
        basic: tuple[str, Callable[[], Secret]] | None = None,
    ) -> None:
        """``pools``: delivery group, or ``group@zone``, to a pool's id. ``bearer`` for the cloud, else ``basic``."""
        self.id = source
        self._pools = pools
        self._licence = licence
        self._clock = clock
        self._wire = Wire(endpoint, clock)
        self._bearer: Bearer = bearer or SiteBearer(self._wire, user=basic[0] if basic else "", secret=_of(basic))
        self._site_id: str | None = None

    def read(self, since: datetime) -> SourceAnswer:
        """See the port. It keeps no history, so ``since`` does not matter."""
        del since
        now = self._clock.now().wall
        by_pool: dict[str, list[Machine]] = defaultdict(list)
        for row in self._machines():
            pool = self._pool_of(row)
            if pool is not None:
                by_pool[pool].append(row.as_machine())
        # A pool without any machine was looked at and found empty; the model must hear it.
        pools = tuple(
            PoolReading(pool=pool, at=now, machines=tuple(by_pool[pool]))
            for pool in dict.fromkeys(self._pools.values())
        )
        return SourceAnswer(readings=pools if self._licence is None else (*pools, self._licences(self._licence, now)))

    def checks(self) -> Sequence[CallCheck]:
        """See the port."""
        return checked_calls(
            (
                ("/Me", "the site's id", self._site),
                ("/Machines", "machines, their sessions and load", self._delivery_groups),
                ("/Sites/{id}", "licences in use, grace", lambda: f"{self._site_details().active} in use"),
            )
        )

    def close(self) -> None:
        """See the port."""
        self._wire.close()
        self._bearer.close()

    def _delivery_groups(self) -> str:
        """Machines by delivery group: the names that ``pools`` of the sources file has to spell."""
        found = Counter((row.group.name if row.group else None) or "no group" for row in self._machines())
        return ", ".join(f"{name}: {count}" for name, count in sorted(found.items())) or "no machine"

    def _pool_of(self, row: _Machine) -> str | None:
        group = row.group.name if row.group else None
        zone = row.zone.name if row.zone else None
        return self._pools.get(f"{group}@{zone}") or self._pools.get(group or "")

    def _machines(self) -> Iterator[_Machine]:
        token: str | None = None
        seen: set[str] = set()
        while True:
            params = {"limit": str(PAGE), "fields": FIELDS}
            if token is not None:
                params["continuationToken"] = token
            page = self._get("/Machines", params).parsed(_Machines)
            yield from page.items
            token = page.continuation
            if token is None:
                return
            if token in seen or len(seen) >= MOST_PAGES:
                what = "the pages of machines do not end"
                raise SourceFailed(Trouble.PARSE, what, where=self._wire.host, next_step="look at the version")
            seen.add(token)

    def _licences(self, licence: str, now: datetime) -> LicenceReading:
        found = self._site_details()
        concurrent = found.model is None or "concurrent" in found.model.lower()
        return LicenceReading(
            licence=licence,
            at=now,
            count=None,
            in_use=found.active,
            model=LicenceModel.CONCURRENT if concurrent else LicenceModel.USER_OR_DEVICE,
            lease_until=found.expires.date() if found.expires else None,
            grace=found.grace,
        )

    def _site(self) -> str:
        if self._site_id is None:
            me = asked(self._wire, self._bearer, "/Me").parsed(_Me)
            self._site_id = me.customers[0].sites[0].id
        return self._site_id

    def _site_details(self) -> _Site:
        return self._get(f"/Sites/{self._site()}", {}).parsed(_Site)

    def _get(self, path: str, params: Mapping[str, str]) -> Answer:
        return asked(self._wire, self._bearer, path, params=params, headers={"Citrix-InstanceId": self._site()})


def _of(basic: tuple[str, Callable[[], Secret]] | None) -> Callable[[], Secret]:
    if basic is None:
        raise ValueError("either a bearer or a name and password")
    return basic[1]
