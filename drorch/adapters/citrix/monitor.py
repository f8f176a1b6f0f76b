"""The monitor service (OData v4): sessions by minute, logon times, failed connections.

One call at a time: in the cloud a second one of the same tenant is refused. The vendor keeps minutes for three days.
Pages are followed by their own link and never by counting; a link to another host is not followed.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from drorch.access.ports import CallCheck, Denial, MinuteSample, SourceAnswer, SourceFailed, Trouble
from drorch.adapters.citrix.checks import checked_calls, rows
from drorch.adapters.citrix.ntlm import NtlmAuth
from drorch.adapters.citrix.secret import Secret
from drorch.adapters.citrix.tokens import Bearer, asked
from drorch.adapters.citrix.wire import Endpoint, Wire
from drorch.core.clock import Clock

MOST_PAGES = 2_000
KEPT = timedelta(days=3)
"""How long the vendor keeps minutes."""
MINUTES = "SessionActivitySummaries"
FAILURES = "ConnectionFailureLogs"
FAILURE_OF = {3: Denial.NO_CAPACITY, 4: Denial.NO_LICENSE, 5: Denial.CONFIG}
"""ConnectionFailureType; 0 is no failure, everything else is `other`."""


class _Page(BaseModel):
    model_config = ConfigDict(extra="ignore")
    value: list[dict[str, Any]]
    next_link: str | None = Field(default=None, alias="@odata.nextLink")


class _Minute(BaseModel):
    model_config = ConfigDict(extra="ignore")
    at: AwareDatetime = Field(alias="SummaryDate")
    group: str | None = Field(default=None, alias="DesktopGroupId")
    sessions: Annotated[int, Field(alias="ConcurrentSessionCount", ge=0)]
    logon_ms: float = Field(default=0, alias="TotalLogOnDuration")
    logons: int = Field(default=0, alias="TotalLogOnCount")


class _Failure(BaseModel):
    model_config = ConfigDict(extra="ignore")
    kind: int = Field(alias="ConnectionFailureEnumValue")


class Monitor:
    """The monitor service of one site. See the port `drorch.access.ports.AccessSource`."""

    def __init__(
        self,
        source: str,
        site: str,
        endpoint: Endpoint,
        *,
        clock: Clock,
        bearer: Bearer | None = None,
        ntlm: tuple[str, Callable[[], Secret]] | None = None,
    ) -> None:
        """``bearer`` for the cloud, ``ntlm`` (user and password) for a site of one's own."""
        self.id = source
        self._site = site
        self._clock = clock
        self._bearer = bearer
        self._wire = Wire(endpoint, clock, auth=NtlmAuth(*ntlm) if ntlm else None)

    def read(self, since: datetime) -> SourceAnswer:
        """See the port. At most the three days that are kept; the minute under way is left out."""
        now = self._clock.now().wall
        until = now.replace(second=0, microsecond=0)
        return SourceAnswer(minutes=self.minutes(max(since, now - KEPT), until), denials=self.failures(now))

    def minutes(self, since: datetime, until: datetime) -> tuple[MinuteSample, ...]:
        """Concurrent sessions of the site by minute: the sum over its delivery groups."""
        params = {
            "$filter": f"Granularity eq 1 and SummaryDate ge {_utc(since)} and SummaryDate lt {_utc(until)}",
            "$select": "SummaryDate,DesktopGroupId,ConcurrentSessionCount,TotalLogOnCount,TotalLogOnDuration",
            "$orderby": "SummaryDate",
        }
        by_minute: dict[datetime, dict[str | None, _Minute]] = defaultdict(dict)
        for row in self._rows(MINUTES, params, _Minute):
            # The same group twice in a minute is the same summary, shown on two pages.
            by_minute[row.at.astimezone(UTC).replace(second=0, microsecond=0)][row.group] = row
        return tuple(
            MinuteSample(
                site=self._site,
                minute=minute,
                sessions=sum(row.sessions for row in rows.values()),
                logons=sum(row.logons for row in rows.values()),
                logon_s=sum(row.logon_ms for row in rows.values()) / 1000,
            )
            for minute, rows in sorted(by_minute.items())
        )

    def failures(self, now: datetime) -> Mapping[Denial, int]:
        """Failed connections of the hour before ``now``, by reason."""
        params = {
            "$filter": f"FailureDate ge {_utc(now - timedelta(hours=1))}",
            "$select": "ConnectionFailureEnumValue,FailureDate",
        }
        found = Counter(
            FAILURE_OF.get(row.kind, Denial.OTHER) for row in self._rows(FAILURES, params, _Failure) if row.kind
        )
        return {denial: found[denial] for denial in (*FAILURE_OF.values(), Denial.OTHER)}

    def checks(self) -> Sequence[CallCheck]:
        """See the port."""
        now = self._clock.now().wall
        return checked_calls(
            (
                (MINUTES, "sessions by minute", lambda: rows(len(self.minutes(now - timedelta(minutes=10), now)))),
                (FAILURES, "failed connections", lambda: f"{sum(self.failures(now).values())} in the last hour"),
            )
        )

    def close(self) -> None:
        """See the port."""
        self._wire.close()
        if self._bearer is not None:
            self._bearer.close()

    def _rows(self, entity: str, params: Mapping[str, str], shape: type[Any]) -> Iterator[Any]:
        seen: set[str] = set()
        path: str | None = f"/{entity}"
        wanted: Mapping[str, str] | None = params
        while path is not None:
            answer = asked(self._wire, self._bearer, path, params=wanted)
            page = answer.parsed(_Page)
            for row in page.value:
                try:
                    yield shape.model_validate(row)
                except ValueError:
                    what = f"a row of {entity} is not as documented"
                    raise SourceFailed(
                        Trouble.PARSE, what, where=answer.where, next_step="look at the version"
                    ) from None
            # The link carries the question itself.
            path, wanted = page.next_link, None
            if path is not None and not path.startswith(("http://", "https://")):
                path = f"/{path.lstrip('/')}"
            if path is not None and (path in seen or len(seen) >= MOST_PAGES):
                what = f"the pages of {entity} do not end"
                raise SourceFailed(Trouble.PARSE, what, where=answer.where, next_step="look at the version")
            seen.add(path or "")


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
