"""The use cases around a denial-of-access test: prepare, sign, stop, status, report. `driver` holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from drorch.access.demand import demands
from drorch.access.denial_test.course import Signature, Standing, Told, signature_of, told
from drorch.access.denial_test.file import DenialTest, load_test
from drorch.access.denial_test.journal import PREFIX, Event, Happening, lines_of, open_journal
from drorch.access.denial_test.model import Method, judge
from drorch.access.denial_test.seal import seal_test
from drorch.access.denial_test.text import report_text, result_to_json
from drorch.access.load import checked, load_capacity
from drorch.access.logins import logins_needed
from drorch.access.model import CapacityModel
from drorch.catalog.schema import printable
from drorch.catalog.text import MAX_BYTES
from drorch.core.clock import Clock
from drorch.core.errors import InputInvalid, JournalConflict, NotFound, Refused
from drorch.core.files import read_input
from drorch.core.ids import content_hash, is_slug
from drorch.core.process_lock import alone
from drorch.core.stream import EventStore, until_first
from drorch.evidence.signatures import Signer
from drorch.run.interlocks import same_person

DEMAND, RESULT = "demand", "result"
_FROZEN = ("test_file", "capacity_file")
"""Fields of the demand that name contents of the store."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What was frozen when a test was prepared, and everything that happened since."""

    test: DenialTest
    model: CapacityModel
    demand: Mapping[str, object]
    events: Sequence[Event]


class AccessTests:
    """The tests in an event store. Holds no state itself."""

    def __init__(self, store: EventStore, home: Path, clock: Clock, host: str) -> None:
        """``home``: where processes of this machine, named ``host``, keep out of each other's way."""
        self._store, self._home, self._clock, self.host = store, home, clock, host
        self._journal = open_journal(store)

    def names(self) -> tuple[str, ...]:
        """Ids of all tests that were prepared."""
        return tuple(sorted(self._journal.ids()))

    def prepare(self, file: Path, model_file: Path, person: str, signer: Signer) -> Standing:
        """Freeze test, model and demand, and sign their hash. InputInvalid when the test was prepared already."""
        model_text, text = read_input(model_file, MAX_BYTES), read_input(file, MAX_BYTES)
        model = checked(load_capacity(model_text, str(model_file)))
        test = load_test(text, str(file), model)
        required = required_of(model, test)
        contents = zip(_FROZEN, (text, model_text), strict=True)
        demand = {
            "test": test.id,
            "required": required,
            **{name: self._store.put_blob(content) for name, content in contents},
        }
        demand_id = content_hash(demand)
        body = {
            **demand,
            "demand": demand_id,
            "planned": sum(accounts_of(test, required).values()) if test.method is Method.RAMP else 0,
            "signed_by": signer.public_key,
            "signature": signer.sign(demand_id),
            "folder": str(file.absolute().parent),
        }
        try:
            self.write(test.id, "prepared", body, one_line(person, "--by"), after=0)
        except JournalConflict:
            raise InputInvalid(
                f"the test {test.id} was prepared already, and its demand is frozen",
                where=PREFIX + test.id,
                next_step="give the file another id",
            ) from None
        return self.standing(test.id)

    def load(self, test: str) -> Prepared:
        """The frozen test and model. NotFound when there is none, InputInvalid when it is not what was signed."""
        if not is_slug(test):
            raise InputInvalid(f"{test!r} is not an id", next_step="use lower-case letters, digits and hyphens")
        events = self._journal.read(test)
        if not events:
            known = ", ".join(self.names()) or "none"
            raise NotFound(f"there is no test {test!r}", next_step=f"prepared are: {known}")
        first = events[0].body.body
        demand = {name: first.get(name) for name in ("test", "required", *_FROZEN)}
        if content_hash(demand) != first.get("demand"):
            what = "the frozen demand, test or model was changed after it was signed"
            raise InputInvalid(what, where=PREFIX + test, next_step="restore the store from its export")
        text, model_text = (self._store.blob(str(demand[name])) for name in _FROZEN)
        model = checked(load_capacity(model_text, "capacity.yaml"))
        return Prepared(test=load_test(text, f"{test}.yaml", model), model=model, demand=demand, events=events)

    def standing(self, test: str) -> Standing:
        """How a test stands."""
        return self._standing(self.load(test))

    def sign(self, test: str, department: str, what: str, person: str, applications: Sequence[str] = ()) -> Signature:
        """A person of a department agrees to the demand (before) or to the result (after)."""
        stands = self.standing(test)
        person = one_line(person, "--by")
        if department not in stands.told.course.required:
            names = ", ".join(stands.told.course.required)
            raise NotFound(
                f"{department} does not take part", where="--department", next_step=f"taking part are {names}"
            )
        _may_sign(stands, what, person)
        unknown = [name for name in applications if name not in stands.test.applications]
        if unknown:
            known = ", ".join(stands.test.applications) or "none"
            what_is_wrong = f"{', '.join(unknown)}: no application of this test"
            raise NotFound(what_is_wrong, where="--application", next_step=f"they are: {known}")
        body = {"department": department, "what": what, "applications": list(applications)}
        return signature_of(self.write(test, "signed", body, person))

    def stop(self, test: str, person: str, reason: str) -> None:
        """Ask the process that holds the test to stop. It logs off what it logged on."""
        stands = self.standing(test)
        if stands.told.started_at is None or stands.told.ended_at is not None:
            state = "has not begun" if stands.told.started_at is None else "has ended"
            raise Refused(f"the test {test} {state}", next_step="nothing is left to stop")
        self.write(test, "stop-asked", {"reason": one_line(reason, "--reason")}, one_line(person, "--by"))

    def stop_asked(self, test: str) -> str | None:
        """By whom and why."""
        asked = (event for event in self._journal.read(test) if event.body.kind == "stop-asked")
        return next((f"{event.person}: {event.body.body['reason']}" for event in asked), None)

    def end_interrupted(self, test: str) -> Standing:
        """Write down that the process of a test is gone. Refused while it is not known to be."""
        stands = self.standing(test)
        if stands.told.started_at is not None and stands.told.ended_at is None:
            if stands.running is not False:
                raise Refused(f"the test {test} is {stands.state}", next_step="ask it to stop, and look there")
            self.write(test, "ended", {"interrupted": True, "left": list(stands.told.course.left)})
        return self.standing(test)

    def report(self, test: str, signer: Signer) -> tuple[Standing, bytes]:
        """Seal the evidence of a test that has ended, once; the archive. Refused before it has ended."""
        stands = self.standing(test)
        if stands.told.ended_at is None:
            raise Refused(f"the test {test} has not ended", next_step="wait, or stop it with 'drorch access test stop'")
        until_first(lambda: self._seal(test, signer))
        return self.standing(test), self.evidence(test)

    def evidence(self, test: str) -> bytes:
        """The sealed archive. NotFound until the test was sealed."""
        found = self.load(test)
        sealed = told(found.test, found.events).evidence
        if sealed is None:
            step = f"drorch access test report {test} --key KEY"
            raise NotFound(f"the test {test} was not sealed yet", next_step=step)
        return self._store.blob(sealed)

    def write(
        self, test: str, kind: str, body: Mapping[str, object], person: str = "", after: int | None = None
    ) -> Event:
        """Put an event behind those that are there (``after``: only behind that one)."""
        at = self._clock.now()
        (made,) = self._journal.add(test, [Happening(kind=kind, body=body)], at=at, person=person, after=after)
        return made

    def alone(self, test: str) -> AbstractContextManager[None]:
        """Only one process of this machine is at a test. Refused when another one is."""
        step = "ask it to stop with 'drorch access test stop'"
        return alone(self._lock(test), "another process is at this test", step)

    def _lock(self, test: str) -> Path:
        return self._home / "access-tests" / f"{test}.lock"

    def _standing(self, found: Prepared) -> Standing:
        history = told(found.test, found.events)
        warnings = []
        needed = logins_needed(found.test.criteria.success, found.test.criteria.confidence)
        if found.test.method is Method.RAMP and history.course.planned < needed:
            text = (
                f"{history.course.planned} logins cannot prove {100 * found.test.criteria.success:g} %: "
                f"{needed} are needed"
            )
            warnings.append(text)
        return Standing(
            test=found.test,
            told=history,
            judgement=judge(history.course),
            demand_id=content_hash(found.demand),
            count=len(found.events),
            running=self._running(found.test.id, history),
            warnings=tuple(warnings),
        )

    def _running(self, test: str, history: Told) -> bool | None:
        if history.started_at is None or history.ended_at is not None:
            return False
        if history.started_on != self.host:
            return None
        try:
            with self.alone(test):
                return False
        except Refused:
            return True

    def _seal(self, test: str, signer: Signer) -> tuple[()]:
        found = self.load(test)
        stands = self._standing(found)
        if stands.told.evidence is not None:
            return ()
        count = len(found.events)
        files = {
            "journal.jsonl": lines_of(self._store.read(PREFIX + test, 0, count)),
            "test.yaml": self._store.blob(str(found.demand["test_file"])),
            "capacity.yaml": self._store.blob(str(found.demand["capacity_file"])),
            "demand.json": _text({**found.demand, "id": stands.demand_id}),
            "result.json": _text(result_to_json(stands)),
            "report.txt": report_text(stands).encode(),
        }
        evidence = self._store.put_blob(seal_test(test, files, signer))
        # Whoever signs meanwhile is first: then it is sealed once more, with that signature.
        self.write(test, "sealed", {"evidence": evidence, "by_key": signer.public_key}, after=count)
        return ()


def required_of(model: CapacityModel, test: DenialTest) -> dict[str, int]:
    """Required people by department that takes part, in the order of the test."""
    found = {item.department: item.required for item in demands(model.departments)}
    return {item.department: found[item.department] for item in test.departments}


def accounts_of(test: DenialTest, required: Mapping[str, int]) -> dict[str, int]:
    """Test accounts by department."""
    return {
        item.department: required[item.department] if item.count is None else item.count for item in test.departments
    }


def one_line(text: str, where: str) -> str:
    """One line of text. InputInvalid otherwise."""
    try:
        found = printable(text)
        found.encode()
    except (ValueError, UnicodeEncodeError):
        raise InputInvalid("is not one line of text", where=where, next_step="write one line of text") from None
    if len(found) > 500:
        raise InputInvalid("is longer than 500 characters", where=where, next_step="shorten it")
    return found


def _text(data: Mapping[str, object]) -> bytes:
    return (json.dumps(data, indent=1, ensure_ascii=False) + "\n").encode()


def _may_sign(stands: Standing, what: str, person: str) -> None:
    if stands.told.evidence is not None:
        raise Refused("the evidence is sealed", next_step="nothing can be added to it")
    if what == DEMAND and stands.told.started_at is not None:
        raise Refused("the test has begun: the demand can no longer be agreed to", next_step="prepare another test")
    if what == RESULT and stands.told.ended_at is None:
        raise Refused("the test has not ended: there is no result yet", next_step="sign when it has ended")
    held_by = (stands.told.prepared_by, stands.told.started_by or "")
    if any(same_person(name, person) for name in held_by):
        what_is_wrong = f"{person} prepared or started the test and cannot sign for a department as well"
        raise Refused(what_is_wrong, next_step="let a person of the department sign")
