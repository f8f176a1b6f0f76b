"""How many licences there are: Citrix Cloud's usage, or a file that a scheduled job on the licence server writes.

The licence server of one's own has no documented REST interface. Its WMI class (not more often than every 15 minutes,
says the vendor) is read there by PowerShell, and the file is brought here by whatever brings files (docs/citrix.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from drorch.access.model import LicenceModel
from drorch.access.ports import CallCheck, LicenceReading, SourceAnswer, SourceFailed, Trouble
from drorch.adapters.citrix.checks import checked_calls
from drorch.adapters.citrix.tokens import Bearer, asked
from drorch.adapters.citrix.wire import Endpoint, Wire
from drorch.core.clock import Clock

LARGEST = 1_000_000
_ANY_TIME = datetime.min.replace(tzinfo=UTC)
CLOUD_PATH = "/licensing/license/enterprise/cloud/cvad/ud/current"
Count = Annotated[int, Field(ge=0)]


class _Next(BaseModel):
    model_config = ConfigDict(extra="ignore")
    time: AwareDatetime = Field(alias="nextExpiredTime")


class _Usage(BaseModel):
    model_config = ConfigDict(extra="ignore")
    used: Count = Field(alias="totalUsageCount")
    total: Count = Field(alias="totalAvailableLicenseCount")
    at: AwareDatetime = Field(alias="timeStamp")
    ends: _Next | None = Field(default=None, alias="nextExpiredLicenses")


class CloudLicences:
    """User or device licences of Citrix Cloud. See the port `drorch.access.ports.AccessSource`."""

    def __init__(self, source: str, licence: str, endpoint: Endpoint, *, bearer: Bearer, clock: Clock) -> None:
        self.id = source
        self._licence = licence
        self._bearer = bearer
        self._wire = Wire(endpoint, clock)

    def read(self, since: datetime) -> SourceAnswer:
        """See the port. Its age is the one the cloud tells."""
        del since
        found = asked(self._wire, self._bearer, CLOUD_PATH).parsed(_Usage)
        reading = LicenceReading(
            licence=self._licence,
            at=found.at,
            count=float(found.total),
            in_use=found.used,
            overdraft=0,
            model=LicenceModel.USER_OR_DEVICE,
            lease_until=found.ends.time.date() if found.ends else None,
        )
        return SourceAnswer(readings=(reading,))

    def checks(self) -> Sequence[CallCheck]:
        """See the port."""
        return checked_calls(((CLOUD_PATH, "licences and their use", lambda: _told(self.read(_ANY_TIME))),))

    def close(self) -> None:
        """See the port."""
        self._wire.close()
        self._bearer.close()


class _Row(BaseModel):
    model_config = ConfigDict(extra="ignore")
    product: str = Field(alias="PLD")
    count: Count = Field(alias="Count")
    used: Count = Field(alias="InUseCount")
    overdraft: Count = Field(default=0, alias="Overdraft")


class _Inventory(BaseModel):
    model_config = ConfigDict(extra="ignore")
    at: AwareDatetime = Field(alias="WrittenAt")
    rows: list[_Row] = Field(alias="Pools", min_length=1)


class LicenceFile:
    """A file of the licence server's pools. See the port `drorch.access.ports.AccessSource`."""

    def __init__(self, source: str, file: Path, products: Mapping[str, str]) -> None:
        self.id = source
        self._file = file
        self._products = products

    def read(self, since: datetime) -> SourceAnswer:
        """See the port. Its age is the one the file tells. Rows of the same product add up."""
        del since
        found = self._inventory()
        readings = []
        for product, licence in self._products.items():
            rows = [row for row in found.rows if row.product == product]
            if not rows:
                what = f"the file has no product {product}"
                next_step = f"it has {', '.join(sorted({row.product for row in found.rows}))}"
                raise SourceFailed(Trouble.MISSING, what, where=str(self._file), next_step=next_step)
            readings.append(
                LicenceReading(
                    licence=licence,
                    at=found.at,
                    count=float(sum(row.count for row in rows)),
                    in_use=sum(row.used for row in rows),
                    overdraft=sum(row.overdraft for row in rows),
                    model=LicenceModel.CONCURRENT if product.endswith("_CCU") else LicenceModel.USER_OR_DEVICE,
                )
            )
        return SourceAnswer(readings=tuple(readings))

    def checks(self) -> Sequence[CallCheck]:
        """See the port."""
        return checked_calls(((self._file.name, "licences and their use", lambda: _told(self.read(_ANY_TIME))),))

    def close(self) -> None:
        """See the port. Nothing is open."""

    def _inventory(self) -> _Inventory:
        try:
            with self._file.open("rb") as stream:
                content = stream.read(LARGEST + 1)
        except OSError as error:
            what = f"cannot be read: {error.strerror}"
            next_step = "look at the job that writes and brings it"
            raise SourceFailed(Trouble.UNREACHABLE, what, where=str(self._file), next_step=next_step) from None
        if len(content) > LARGEST:
            raise SourceFailed(Trouble.TOO_LARGE, "is larger than 1 MB", where=str(self._file), next_step="look at it")
        try:
            # PowerShell writes a byte order mark.
            return _Inventory.model_validate_json(content.removeprefix(b"\xef\xbb\xbf"))
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            what = f"is not as docs/citrix.md says: {'.'.join(map(str, first['loc'])) or 'the file'}"
            raise SourceFailed(Trouble.PARSE, what, where=str(self._file), next_step="write it anew") from None


def _told(answer: SourceAnswer) -> str:
    licences = [item for item in answer.readings if isinstance(item, LicenceReading)]
    return ", ".join(
        f"{item.licence}: {item.in_use} of {item.count:.0f} at {item.at:%Y-%m-%d %H:%M}Z" for item in licences
    )
