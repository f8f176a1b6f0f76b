"""The use cases of the year: how it stands, what was done by hand, what is planned, the calendar feed."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path

from drorch.catalog.files import load_catalog_file
from drorch.catalog.model import Catalog
from drorch.catalog.schema import printable
from drorch.catalog.text import MAX_BYTES
from drorch.core.clock import Clock, to_the_second
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.core.files import read_input
from drorch.core.findings import Finding
from drorch.core.ids import is_slug
from drorch.run.interlocks import same_person
from drorch.year.access_tests import fulfilments_of_tests
from drorch.year.ics import FeedEntry, calendar_text
from drorch.year.load import checked, load_programme
from drorch.year.local_time import local, local_day, parse_instant
from drorch.year.log import (
    ApprovalWithdrawn,
    Booked,
    CalledOff,
    Moved,
    Recorded,
    StandingApproval,
    Withdrawn,
    YearBody,
    YearEvent,
    YearLog,
    claims,
    standing_booking,
)
from drorch.year.model import Activity, Attachment, Booking, Programme, TestResult
from drorch.year.obligations import Duty, duties, shortfall
from drorch.year.run_records import day_of_run, departments_of, fulfilments_of_runs, record_of, result_of_run, why_not
from drorch.year.stale_evidence import Freshness, freshness
from drorch.year.statement import LONGEST_TEXT, Said
from drorch.year.status import YearStatus, year_status

LONGEST_APPROVAL_DAYS = 366


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What somebody enters by hand. ``run``, ``files`` or ``evidence`` shows it; ``day`` None: today, or the run's."""

    activity: Activity
    subjects: tuple[str, ...]
    day: date | None = None
    result: TestResult | None = None
    files: tuple[Path, ...] = ()
    evidence: tuple[Attachment, ...] = ()
    run: str | None = None
    component: str | None = None
    signed_off_by: str | None = None
    took_part: int | None = None
    expected: int | None = None


@dataclass(frozen=True, kw_only=True)
class Wish:
    """A test to be planned. ``start`` as people at the first site write it, ``seconds`` its length."""

    id: str
    activity: Activity
    title: str
    sites: tuple[str, ...]
    subjects: tuple[str, ...]
    start: str
    seconds: float


def load_year(year_file: Path, catalog_file: Path) -> tuple[Programme, Catalog]:
    """The checked programme and the checked catalog it is about. InputInvalid with file, line and field."""
    catalog = load_catalog_file(catalog_file)
    programme = load_programme(read_input(year_file, MAX_BYTES), str(year_file), catalog)
    return checked(programme, catalog), catalog


class Year:
    """The year of one store, with the records of runs in one state folder. Holds no state itself."""

    def __init__(self, home: Path, log: YearLog, clock: Clock, programme: Programme, catalog: Catalog) -> None:
        self._home, self._log, self._clock = home, log, clock
        self._programme, self._catalog = programme, catalog

    def today(self) -> date:
        """The day in the programme's time zone."""
        return local_day(self._clock.now().wall, self._programme.timezone)

    def status(self, on: date | None = None) -> tuple[YearStatus, tuple[Finding, ...]]:
        """How everything stands at the end of ``on`` (None: today), and the records that could not be read."""
        of_runs = fulfilments_of_runs(self._home, self._programme, self._catalog)
        of_tests = fulfilments_of_tests(self._log.log.store, self._programme, self._catalog)
        book = self._log.state()
        found = year_status(
            duties(self._programme, self._catalog),
            (*of_runs.fulfilments, *of_tests.fulfilments, *book.fulfilments()),
            tuple(book.bookings.values()),
            on or self.today(),
        )
        return found, (*of_runs.findings, *of_tests.findings)

    def freshness(self, found: YearStatus) -> Freshness:
        """Which of the recovery tests that ``found`` rests on hold against everything as it is now."""
        now = self._clock.now().wall
        return freshness(self._home, self._programme, self._catalog, found.duties, found.on, now)

    def events(self) -> tuple[YearEvent, ...]:
        """Everything people said, in order."""
        return self._log.log.read()

    def recorded_with(self, sha256: str) -> int | None:
        """The number of a standing record that rests on this evidence; None without one."""
        for number, event in self._log.state().records.items():
            if isinstance(event.body, Recorded) and any(item.sha256 == sha256 for item in event.body.evidence):
                return number
        return None

    def bookings(self) -> tuple[Booking, ...]:
        """Every planned test as it stands, also those that were called off."""
        return tuple(self._log.state().bookings.values())

    def record(self, claim: Claim, said: Said) -> tuple[YearEvent, tuple[str, ...]]:
        """Write down what was done; also returns why it does not count for an obligation, where it does not.

        InputInvalid when nothing shows it, nobody owes it, it contradicts itself or the run it names.
        """
        said = _said(said)
        owed = [duty for subject in claim.subjects for duty in self._owed(claim, subject)]
        body = self._recorded(claim, said)
        event = self._say(said, body)
        (first, *_) = claims(event)
        whys = {duty.obligation.id: shortfall(duty.obligation, first) for duty in owed}
        return event, tuple(f"does not count for {name}: {why}" for name, why in whys.items() if why)

    def withdraw(self, record: int, said: Said) -> YearEvent:
        """Let a record not count any more. NotFound without it."""
        return self._say(said, Withdrawn(record=record))

    def book(self, wish: Wish, said: Said) -> YearEvent:
        """Plan a test. Refused when a site is not open for all of it; InputInvalid when it makes no sense."""
        if not is_slug(wish.id):
            raise InputInvalid(f"{wish.id!r} is not an id", next_step="use lower-case letters, digits and hyphens")
        for subject in wish.subjects:
            self._owed(Claim(activity=wish.activity, subjects=()), subject, any_component=True)
        start = self._start(wish.sites, wish.start, wish.seconds)
        body = Booked(
            id=wish.id,
            activity=wish.activity,
            title=one_line(wish.title, "--title"),
            sites=wish.sites,
            subjects=wish.subjects,
            start=start,
            duration_s=wish.seconds,
        )
        return self._say(said, body)

    def move(self, booking_id: str, start: str, seconds: float | None, said: Said) -> YearEvent:
        """Give a planned test another time, and another length when ``seconds`` is given. As :meth:`book`."""
        booking = standing_booking(self._log.state(), booking_id)
        length = seconds if seconds is not None else booking.duration_s
        return self._say(said, Moved(id=booking_id, start=self._start(booking.sites, start, length), duration_s=length))

    def call_off(self, booking_id: str, said: Said) -> YearEvent:
        """Say that a planned test will not be held. It stays in the feed, marked."""
        return self._say(said, CalledOff(id=booking_id))

    def feed(self, scheduled: Iterable[FeedEntry] = ()) -> str:
        """All planned tests as iCalendar, and ``scheduled`` with them."""
        bookings = self._log.state().bookings.values()
        return calendar_text(self._programme.id, self._programme.title, bookings, scheduled)

    def let_start(self, schedule: str, family: str, until: date, said: Said) -> YearEvent:
        """Let the drills of a schedule start by themselves until that day, while they do what was read."""
        today = self.today()
        if not today <= until <= today + timedelta(days=LONGEST_APPROVAL_DAYS):
            what = f"{until} is not between {today} and {LONGEST_APPROVAL_DAYS} days later"
            raise InputInvalid(what, where="--until", next_step="approve for a year at most, and look at it again then")
        return self._say(said, StandingApproval(schedule=schedule, family=family, until=until))

    def let_wait(self, schedule: str, said: Said) -> YearEvent:
        """Let the drills of a schedule wait for people again. NotFound without a standing approval."""
        return self._say(said, ApprovalWithdrawn(schedule=schedule))

    def _say(self, said: Said, body: YearBody) -> YearEvent:
        said = _said(said)
        at = to_the_second(self._clock.now().wall)
        (event,) = self._log.append("", lambda _: [body], at=at, person=said.person, reason=said.reason)
        return event

    def _recorded(self, claim: Claim, said: Said) -> Recorded:
        day, result = self._of_run(claim) if claim.run else (claim.day or self.today(), claim.result)
        if day > self.today():
            raise InputInvalid(f"{day} has not come yet", where="--on", next_step="record it when it was done")
        evidence = (*claim.evidence, *(attach(path) for path in claim.files))
        if not evidence and not claim.run:
            raise InputInvalid("nothing shows it", next_step="name a file with --evidence, or a run with --run")
        _check_numbers(claim)
        signed = one_line(claim.signed_off_by, "--signed-off-by") if claim.signed_off_by is not None else None
        if signed is not None and same_person(signed, said.person):
            what = f"{signed} enters the record and cannot sign it off as well"
            raise InputInvalid(what, where="--signed-off-by", next_step="let a person of the department sign it off")
        return Recorded(
            activity=claim.activity,
            subjects=claim.subjects,
            day=day,
            result=result or TestResult.PASS,
            evidence=evidence,
            run=claim.run,
            component=claim.component,
            signed_off_by=signed,
            took_part=claim.took_part,
            expected=claim.expected,
        )

    def _of_run(self, claim: Claim) -> tuple[date, TestResult]:
        """Day and result of the run a record rests on. InputInvalid when the run does not carry it."""
        if claim.run is None or claim.activity is not Activity.JOINT_TECHNOLOGY_TEST:
            what = f"a run shows a {Activity.JOINT_TECHNOLOGY_TEST.value}, and no {claim.activity.value}"
            raise InputInvalid(what, where="--run", next_step="recovery tests are counted without a record")
        report = record_of(self._home, claim.run)
        if (why := why_not(report, self._programme)) is not None:
            raise InputInvalid(f"the run {claim.run} is no test: {why}", where="--run", next_step="name another run")
        taking_part = departments_of(report, self._catalog)
        if absent := [name for name in claim.subjects if name not in taking_part]:
            what = f"the run {claim.run} was about no application of {', '.join(absent)}"
            raise InputInvalid(what, where="--run", next_step="name a run in which the department took part")
        day, result = day_of_run(report, self._programme), result_of_run(report)
        if (claim.day or day) != day or (claim.result or result) is not result:
            what = f"the run {claim.run} ended on {day} with {result.value}"
            raise InputInvalid(what, where="--run", next_step="leave out --on and --result: the run says them")
        return day, result

    def _owed(self, claim: Claim, subject: str, *, any_component: bool = False) -> list[Duty]:
        """The duties this would fulfil. InputInvalid when there is none: a record nobody asked for misleads."""
        same = [item for item in duties(self._programme, self._catalog) if item.obligation.activity is claim.activity]
        found = [
            item for item in same if item.subject == subject and (any_component or item.component == claim.component)
        ]
        if found:
            return found
        subjects = sorted({item.subject for item in same})
        if subject in subjects:
            components = ", ".join(sorted({item.component for item in same if item.component})) or "none"
            what = f"{claim.component or 'no component'} is not what {subject} has to exercise"
            raise InputInvalid(what, where="--component", next_step=f"components are: {components}")
        shown = ", ".join(subjects[:12]) + (" ..." if len(subjects) > 12 else "")
        raise NotFound(
            f"{subject} owes no {claim.activity.value}{self._because(subject)}",
            next_step=f"it is owed by: {shown or 'nobody'}",
        )

    def _because(self, subject: str) -> str:
        arrangement = next((item.arrangement for item in self._catalog.applications if item.id == subject), None)
        return f" (its arrangement is {arrangement.value})" if arrangement else ""

    def _start(self, sites: Sequence[str], start: str, seconds: float) -> datetime:
        windows = self._programme.windows
        if seconds <= 0:
            raise InputInvalid("a test takes time", where="--length", next_step="write it like 4h")
        if not sites or not all(site in windows.zones for site in sites):
            what = f"{', '.join(sites) or 'nothing'} names no sites of the catalog"
            raise NotFound(what, where="--site", next_step=f"sites are: {', '.join(windows.zones)}")
        instant = parse_instant(start, windows.zones[sites[0]], "--start")
        if instant <= self._clock.now().wall:
            raise InputInvalid(f"{start} is past", where="--start", next_step="choose a time to come")
        for site in sites:
            if not windows.is_open_for(instant, site, seconds):
                raise self._closed(instant, site, sites, seconds)
        return instant

    def _closed(self, instant: datetime, site: str, sites: Sequence[str], seconds: float) -> Refused:
        windows = self._programme.windows
        zone = windows.zones[site]
        rules = windows.why(instant, site)
        because = f" ({rules[0].id}: {rules[0].reason})" if rules else ""
        coming = windows.next_open_everywhere(instant, sites, for_s=seconds)
        next_step = (
            f"the next time all sites are open long enough begins at {local(coming, windows.zones[sites[0]])}"
            if coming
            else "plan a shorter test, or change the windows"
        )
        what = f"{site} is not open for all of it from {local(instant, zone)}{because}"
        return Refused(what, where="--start", next_step=next_step)


def attach(path: Path) -> Attachment:
    """The file's name, size and hash. NotFound when it cannot be read."""
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256")
            size = stream.tell()
    except OSError as error:
        what = f"cannot be read: {error.strerror}"
        raise NotFound(what, where=str(path), next_step="name a file that can be read") from error
    # A name need not be text for the system; what is no text is shown by its code.
    name = path.name.encode("utf-8", "backslashreplace").decode()
    return Attachment(name=name, sha256=digest.hexdigest(), size=size)


def _check_numbers(claim: Claim) -> None:
    if (claim.took_part is None) is not (claim.expected is None):
        raise InputInvalid("one number without the other", next_step="give both --took-part and --expected")
    if claim.took_part is not None and claim.expected is not None and not 0 <= claim.took_part <= claim.expected:
        what = f"{claim.took_part} of {claim.expected} cannot have taken part"
        raise InputInvalid(what, where="--took-part", next_step="correct the numbers")


def _said(said: Said) -> Said:
    return Said(person=one_line(said.person, "--by"), reason=one_line(said.reason, "--reason"))


def one_line(text: str, where: str) -> str:
    """One line of printable text of a person. InputInvalid naming ``where``."""
    try:
        line = printable(text)
    except ValueError as error:
        raise InputInvalid(str(error), where=where, next_step="write one line of text") from None
    try:
        line.encode()
    except UnicodeEncodeError:
        raise InputInvalid("holds bytes that are no UTF-8", where=where, next_step="write it anew") from None
    if len(line) > LONGEST_TEXT:
        raise InputInvalid(f"longer than {LONGEST_TEXT} characters", where=where, next_step="shorten it")
    return line
