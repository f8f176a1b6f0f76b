"""One sample of a denial-of-access test: what the guards and the evidence need, asked of the systems now."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from drorch.access.denial_test.model import Look
from drorch.access.model import LicenceModel
from drorch.access.poll import AccessParts
from drorch.access.ports import (
    AccessSource,
    Denial,
    GatewayReading,
    LicenceReading,
    NamesUsers,
    Observed,
    PoolReading,
    SourceFailed,
)
from drorch.access.sources import SourceConfig, SourceKind
from drorch.core.errors import DrorchError, InputInvalid

ASKED = (SourceKind.NETSCALER, SourceKind.CVAD)
"""Asked at every sample; licences by file or cloud only once, before: the vendor asks for 15 minutes."""
LARGEST = 20_000_000


class Looker:
    """Takes samples. Keeps sources open until it is closed; knows the counters the test began with."""

    def __init__(self, parts: AccessParts, sources: Sequence[SourceConfig], people: Mapping[str, str] | None) -> None:
        self._parts = parts
        self._people = people
        self._sources: list[AccessSource] = []
        self._licences: dict[str, LicenceReading] = {}
        self._began: dict[str, GatewayReading] = {}
        self.unread: tuple[str, ...] = ()
        """Sources that could not be read in the last sample, with the reason."""
        self._sources = [parts.open_source(item) for item in sources if item.kind in ASKED]
        self._once(sources)

    def close(self) -> None:
        """Let go of the sources."""
        for source in self._sources:
            source.close()

    @property
    def licence_models(self) -> Mapping[str, LicenceModel]:
        """What kind the licences are, as far as a system said so."""
        return {name: item.model for name, item in self._licences.items() if item.model is not None}

    def look(self, held: int) -> Look:
        """One sample. What cannot be read is None."""
        readings: list[Observed] = []
        failed: list[str] = []
        now = self._parts.clock.now().wall
        for source in self._sources:
            try:
                readings += source.read(now).readings
            except DrorchError as error:
                failed.append(f"{source.id}: {error.what}")
        self.unread = tuple(failed)
        gateways = [item for item in readings if isinstance(item, GatewayReading)]
        for item in readings:
            if isinstance(item, LicenceReading):
                self._licences[item.licence] = _merged(self._licences.get(item.licence), item)
        blind = bool(failed)
        loads = [
            machine.load_index
            for item in readings
            if isinstance(item, PoolReading)
            for machine in item.machines
            if machine.load_index is not None
        ]
        free, count = (None, None) if blind else self._free()
        return Look(
            held=held,
            sessions=sum(item.sessions for item in gateways) if gateways and not blind else None,
            licences_free=free,
            licence_count=count,
            highest_load=max(loads) if loads and not blind else None,
            licence_denials=self._denials(gateways) if gateways and not blind else None,
            departments=self._departments(),
        )

    def _once(self, sources: Sequence[SourceConfig]) -> None:
        for config in sources:
            if config.kind not in (SourceKind.LICENCE_FILE, SourceKind.CLOUD_LICENCE):
                continue
            source = self._parts.open_source(config)
            try:
                found = source.read(self._parts.clock.now().wall).readings
            except SourceFailed:
                found = ()
            finally:
                source.close()
            for item in found:
                if isinstance(item, LicenceReading):
                    self._licences[item.licence] = _merged(self._licences.get(item.licence), item)

    def _free(self) -> tuple[int | None, int | None]:
        """Licences of all pools together; None when one of them is not known. Overdraft and grace are not free."""
        counts = [(item.count, item.in_use, item.overdraft) for item in self._licences.values()]
        if not counts or any(count is None or used is None for count, used, _ in counts):
            return None, None
        total = int(sum((count or 0) - overdraft for count, _, overdraft in counts))
        return total - sum(used or 0 for _, used, _ in counts), total

    def _denials(self, gateways: Sequence[GatewayReading]) -> int:
        """Since the first sample. Counters that began anew are counted from there, and never below what was seen."""
        found = 0
        for item in gateways:
            first = self._began.setdefault(item.gateway, item)
            now, then = _licence_denials(item), _licence_denials(first)
            found += now if item.counting_since != first.counting_since or now < then else now - then
        return found

    def _departments(self) -> Mapping[str, int]:
        """People at work by department. Names are looked up and forgotten here."""
        if self._people is None:
            return MappingProxyType({})
        names: set[str] = set()
        for source in self._sources:
            if isinstance(source, NamesUsers):
                try:
                    names |= {name.casefold() for name in source.user_names()}
                except DrorchError as error:
                    self.unread = (*self.unread, f"{source.id}: {error.what}")
        return MappingProxyType(dict(Counter(self._people[name] for name in names if name in self._people)))


def read_people(path: Path) -> Mapping[str, str]:
    """User (lower case) to department, out of lines ``user,department``. InputInvalid with the line."""
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream.read(LARGEST).splitlines()))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        what = f"the file of people cannot be read: {type(error).__name__}"
        raise InputInvalid(what, where=str(path), next_step="write lines like user,department in UTF-8") from None
    found: dict[str, str] = {}
    for number, row in enumerate(rows, start=1):
        if not row or row == ["user", "department"]:
            continue
        if len(row) != 2:
            raise InputInvalid("is not user,department", where=f"{path}:{number}", next_step="mend the line")
        found[row[0].strip().casefold()] = row[1].strip()
    return found


def _merged(known: LicenceReading | None, new: LicenceReading) -> LicenceReading:
    if known is None:
        return new
    return LicenceReading(
        licence=new.licence,
        at=new.at,
        count=known.count if new.count is None else new.count,
        in_use=known.in_use if new.in_use is None else new.in_use,
        overdraft=new.overdraft if new.count is not None else known.overdraft,
        model=new.model or known.model,
        lease_until=new.lease_until or known.lease_until,
        grace=new.grace,
    )


def _licence_denials(item: GatewayReading) -> int:
    return item.denials.get(Denial.NO_LICENSE, 0) + item.denials.get(Denial.ICA_LICENSE, 0)
