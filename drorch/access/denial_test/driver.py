"""Hold a denial-of-access test: pre-checks, then people or test accounts, a sample a minute, guards, and everybody off.

Everything that happens is in the journal before or as it happens. A guard, a person or the end of this process stops
the test; what was logged on is logged off, and what could not be is named.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Protocol

from drorch.access.denial_test.course import Standing, Told
from drorch.access.denial_test.file import DenialTest
from drorch.access.denial_test.model import Login, Look, Method, why_stop
from drorch.access.denial_test.operations import DEMAND, AccessTests, accounts_of, one_line
from drorch.access.denial_test.prechecks import Bound, prechecks
from drorch.access.denial_test.samples import Looker, read_people
from drorch.access.poll import AccessParts
from drorch.access.ports import Account, HeldLogin, LoginDriver
from drorch.access.sources import SourceConfig
from drorch.core.codec import plain
from drorch.core.errors import InputInvalid, Refused


@dataclass(frozen=True, kw_only=True)
class Place:
    """One test account, by its number in the whole test."""

    number: int
    department: str
    account: Account


class Warden(Protocol):
    """Who logs off what was left logged on when the process that holds the test dies."""

    def holds(self, account: int, ticket: Mapping[str, object]) -> None:
        """This account is logged on. Broken when nobody is there to know."""
        ...

    def released(self, account: int) -> None:
        """This account was logged off."""
        ...

    def close(self) -> None:
        """Nothing more comes: what is still known is logged off."""
        ...


class Drive:
    """One test under way, in this process."""

    def __init__(
        self,
        parts: AccessParts,
        tests: AccessTests,
        sources: Sequence[SourceConfig],
        driver: LoginDriver | None,
        warden: Callable[[str], Warden] | None = None,
    ) -> None:
        """``warden``: who logs off when this process dies; it is given the test's id."""
        self._parts, self._tests, self._sources, self._driver = parts, tests, sources, driver
        self._make_warden = warden
        self._warden: Warden | None = None
        self._held: dict[int, HeldLogin] = {}
        self._logins: list[Login] = []
        self._looks: list[Look] = []

    def start(self, test_id: str, person: str, bound: Bound | None = None) -> Standing:
        """Hold the whole test. Refused, with every reason, when a pre-check says no; nothing is begun then."""
        with self._tests.alone(test_id):
            stands = self._tests.standing(test_id)
            self._may_begin(stands)
            test = stands.test
            people = None if test.people_file is None else read_people(stands.told.base / test.people_file)
            looker = Looker(self._parts, self._sources, people)
            try:
                first = looker.look(0)
                wrong, notes = prechecks(stands, looker, first, bound)
                if wrong:
                    what = f"the test may not begin: {'; '.join(wrong)}"
                    raise Refused(what, where=test_id, next_step="mend that, then start it")
                begun: dict[str, object] = {"host": self._tests.host, "prechecks": list(notes)}
                if bound is not None:
                    begun["bound"] = {"licences": bound.licences, "days": bound.days}
                self._tests.write(test.id, "started", begun, one_line(person, "--by"), after=stands.count)
                self._sampled(test, first, looker)
                self._hold(test, looker, stands)
            finally:
                looker.close()
        return self._tests.standing(test_id)

    def _hold(self, test: DenialTest, looker: Looker, stands: Standing) -> None:
        stopped: str | None = "drorch itself failed"
        if self._make_warden is not None and test.method is Method.RAMP:
            self._warden = self._make_warden(test.id)
        try:
            if test.method is Method.RAMP:
                stopped = self._ramp(test, looker, places(test, stands.told))
            else:
                stopped = self._watch(test, looker, test.hold_s)
        except KeyboardInterrupt:
            stopped = "ended at the keyboard"
        finally:
            self._everybody_off(test)
            if self._warden is not None:
                # What could not be logged off is tried once more there, and written down before the end.
                self._warden.close()
            self._sampled(test, looker.look(0), looker)
            self._write(test, "ended", {"stopped": stopped} if stopped is not None else {})

    def _ramp(self, test: DenialTest, looker: Looker, accounts: Sequence[Place]) -> str | None:
        for number, group in enumerate(_steps(accounts, test.steps), start=1):
            began = self._parts.clock.now()
            self._write(test, "step", {"number": number, "accounts": len(group)})
            stopped = self._log_in(test, looker, group)
            left = test.step_s - self._parts.clock.now().since(began)
            if stopped is None and number < test.steps:
                stopped = self._watch(test, looker, left, at_least_once=True)
            if stopped is not None:
                return stopped
        return self._watch(test, looker, test.hold_s, held=True)

    def _log_in(self, test: DenialTest, looker: Looker, group: Sequence[Place]) -> str | None:
        """A few at once; the guards are asked between them, a sample is taken when its time has come."""
        sampled = self._parts.clock.now()
        with ThreadPoolExecutor(max_workers=test.at_once) as pool:
            for begin in range(0, len(group), test.at_once):
                few = group[begin : begin + test.at_once]
                for place in few:
                    self._write(test, "logging-on", {"account": place.number, "department": place.department})
                for place, held in zip(few, pool.map(self._one_login, few), strict=True):
                    self._logged_on(test, place, held)
                if self._parts.clock.now().since(sampled) >= test.sample_s:
                    self._sampled(test, looker.look(len(self._held)), looker)
                    sampled = self._parts.clock.now()
                stopped = self._why_stop(test)
                if stopped is not None:
                    return stopped
        return None

    def _one_login(self, place: Place) -> HeldLogin:
        if self._driver is None:
            raise InputInvalid("a ramp needs a way to log in", where="way", next_step="name a source of kind login")
        return self._driver.log_in(place.account)

    def _logged_on(self, test: DenialTest, place: Place, held: HeldLogin) -> None:
        reading = held.reading
        if reading.succeeded:
            self._held[place.number] = held
            if self._warden is not None:
                self._warden.holds(place.number, held.ticket())
        reached = tuple(sorted(app for app, name in test.applications.items() if name in held.resources))
        login = Login(
            account=place.number,
            department=place.department,
            succeeded=reading.succeeded,
            seconds=round(sum(phase.seconds for phase in reading.phases), 3),
            trouble=reading.trouble.value if reading.trouble else None,
            reached=reached,
        )
        self._logins.append(login)
        body = {
            "account": login.account,
            "department": login.department,
            "succeeded": login.succeeded,
            "seconds": login.seconds,
            "trouble": login.trouble,
            "phases": {phase.phase: phase.seconds for phase in reading.phases},
            # One that failed on the way was logged off at once; this is whether that worked.
            "off": None if reading.succeeded else held.log_off(),
            "reached": list(reached),
        }
        self._write(test, "logged-on", body)

    def _watch(
        self,
        test: DenialTest,
        looker: Looker,
        seconds: float,
        *,
        held: bool = False,
        at_least_once: bool = False,
    ) -> str | None:
        """Samples until ``seconds`` are over; why it has to stop, None when it need not."""
        began = self._parts.clock.now()
        while True:
            gone = self._parts.clock.now().since(began)
            if gone >= seconds and not at_least_once:
                break
            at_least_once = False
            self._parts.clock.sleep(min(test.sample_s, max(0.0, seconds - gone)))
            self._sampled(test, looker.look(len(self._held)), looker)
            stopped = self._why_stop(test)
            if stopped is not None:
                return stopped
        if held or test.method is Method.OBSERVED:
            self._write(test, "held", {"seconds": round(self._parts.clock.now().since(began), 3)})
        return None

    def _why_stop(self, test: DenialTest) -> str | None:
        asked = self._tests.stop_asked(test.id)
        if asked is not None:
            return f"asked by {asked}"
        return why_stop(test.criteria, self._looks, self._logins, test.method)

    def _everybody_off(self, test: DenialTest) -> None:
        with ThreadPoolExecutor(max_workers=test.at_once) as pool:
            numbers = list(self._held)
            for number, off in zip(numbers, pool.map(lambda one: self._held[one].log_off(), numbers), strict=True):
                self._write(test, "logged-off", {"account": number, "succeeded": off})
                if off and self._warden is not None:
                    self._warden.released(number)
        self._held.clear()

    def _sampled(self, test: DenialTest, look: Look, looker: Looker) -> None:
        self._looks.append(look)
        self._write(test, "sample", plain(look))
        if looker.unread:
            self._write(test, "unread", {"sources": list(looker.unread)})

    def _write(self, test: DenialTest, kind: str, body: Mapping[str, object]) -> None:
        self._tests.write(test.id, kind, body)

    def _may_begin(self, stands: Standing) -> None:
        told = stands.told
        if told.started_at is not None:
            state = "has ended" if told.ended_at else "was interrupted"
            raise Refused(
                f"the test {stands.test.id} {state} and is not begun again",
                next_step="end it with 'drorch access test stop', report it, and prepare another",
            )
        agreed = {item.department for item in told.signatures if item.what == DEMAND}
        missing = [name for name in told.course.required if name not in agreed]
        if missing:
            what = f"the demand is not agreed to by {', '.join(missing)}"
            raise Refused(what, next_step="drorch access test sign ID --what demand --department ... --by ...")


def places(test: DenialTest, told: Told) -> tuple[Place, ...]:
    """Test accounts in the order of the ramp: departments take turns, so that every step has some of each."""
    counts = accounts_of(test, told.course.required)
    queues = [
        [
            (item.department, Account(user=f"{item.prefix}{number}", password_file=str(told.base / item.secret_file)))
            for number in range(1, counts[item.department] + 1)
        ]
        for item in test.departments
    ]
    longest = max(map(len, queues), default=0)
    spread = sorted(
        (
            (index * longest / len(queue), order, item)
            for order, queue in enumerate(queues)
            for index, item in enumerate(queue)
        ),
        key=lambda entry: entry[:2],
    )
    return tuple(
        Place(number=number, department=department, account=account)
        for number, (_, _, (department, account)) in enumerate(spread, start=1)
    )


def _steps(accounts: Sequence[Place], steps: int) -> Iterator[Sequence[Place]]:
    """Steps of equal size; the last ones are larger by one where it does not come out even."""
    for number in range(steps):
        yield accounts[number * len(accounts) // steps : (number + 1) * len(accounts) // steps]
