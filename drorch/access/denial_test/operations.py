"""The use cases around a denial-of-access test: prepare, sign, stop, status, report. `access_drive` holds it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from drorch.access.demand import demands
from drorch.access.denial_test.course import Signature, Standing, told
from drorch.access.denial_test.file import DenialTest, load_test
from drorch.access.denial_test.journal import AccessJournal
from drorch.access.denial_test.model import Method, judge
from drorch.access.denial_test.seal import EVIDENCE, seal_test
from drorch.access.denial_test.text import report_text, result_to_json
from drorch.access.logins import logins_needed
from drorch.access.model import CapacityModel
from drorch.access.operations import load_model
from drorch.catalog.schema import printable
from drorch.catalog.text import MAX_BYTES
from drorch.core.clock import Clock
from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.core.files import read_input, write_whole
from drorch.core.ids import content_hash, is_slug
from drorch.evidence.export import write_archive
from drorch.evidence.signatures import Signer
from drorch.run.interlocks import same_person

TESTS = "access-tests"
DEMAND, RESULT = "demand", "result"
STOP_FILE = "stop.request"
_FROZEN = ("test", "capacity")


@dataclass(frozen=True, kw_only=True)
class TestFolder:
    """``<home>/access-tests/<id>/``."""

    __test__ = False

    path: Path

    def file(self, name: str) -> Path:
        """A file in it."""
        return self.path / name

    @property
    def journal(self) -> AccessJournal:
        """Its journal."""
        return AccessJournal(self.path / "journal.jsonl")


class AccessTests:
    """The tests of one state folder. Holds no state itself."""

    def __init__(self, home: Path, clock: Clock) -> None:
        self._home, self._clock = home, clock

    def names(self) -> tuple[str, ...]:
        """Ids of all tests that were prepared."""
        return tuple(sorted(path.parent.name for path in (self._home / TESTS).glob("*/test.yaml")))

    def folder(self, test: str, *, must_exist: bool = True) -> TestFolder:
        """The folder of a test. NotFound when it has to exist and does not."""
        if not is_slug(test):
            raise InputInvalid(f"{test!r} is not an id", next_step="use lower-case letters, digits and hyphens")
        found = TestFolder(path=self._home / TESTS / test)
        if must_exist and not found.file("test.yaml").exists():
            known = ", ".join(self.names()) or "none"
            raise NotFound(f"there is no test {test!r}", where=str(self._home), next_step=f"prepared are: {known}")
        return found

    def prepare(self, file: Path, model_file: Path, person: str, signer: Signer) -> Standing:
        """Freeze test, model and demand, and sign their hash. InputInvalid when the test was prepared already."""
        model = load_model(model_file)
        test = load_test(read_input(file, MAX_BYTES), str(file), model)
        folder = self.folder(test.id, must_exist=False)
        if folder.file("test.yaml").exists():
            raise InputInvalid(
                f"the test {test.id} was prepared already, and its demand is frozen",
                where=str(folder.path),
                next_step="give the file another id",
            )
        required = required_of(model, test)
        demand = {
            "test": test.id,
            "required": required,
            "test_file": content_hash(file.read_text(encoding="utf-8")),
            "capacity_file": content_hash(model_file.read_text(encoding="utf-8")),
        }
        demand_id = content_hash(demand)
        base = file.absolute().parent
        write_whole(folder.file("capacity.yaml"), model_file.read_text(encoding="utf-8"))
        write_whole(
            folder.file("demand.json"), json.dumps({**demand, "id": demand_id}, indent=1, sort_keys=True) + "\n"
        )
        body = {
            "by": one_line(person, "--by"),
            "demand": demand_id,
            "required": required,
            "planned": sum(accounts_of(test, required).values()) if test.method is Method.RAMP else 0,
            "signed_by": signer.public_key,
            "signature": signer.sign(demand_id),
            "folder": str(base),
        }
        folder.journal.append(self._clock.now().wall, "prepared", body)
        # Last: a test is there only when all of it is.
        write_whole(folder.file("test.yaml"), file.read_text(encoding="utf-8"))
        return self.standing(test.id)

    def load(self, test: str) -> tuple[DenialTest, CapacityModel, TestFolder]:
        """The frozen test and model. InputInvalid when a frozen file was changed."""
        folder = self.folder(test)
        model = load_model(folder.file("capacity.yaml"))
        found = load_test(read_input(folder.file("test.yaml"), MAX_BYTES), str(folder.file("test.yaml")), model)
        demand = json.loads(folder.file("demand.json").read_text(encoding="utf-8"))
        said = str(demand.pop("id", ""))
        now = {name: content_hash(folder.file(f"{name}.yaml").read_text(encoding="utf-8")) for name in _FROZEN}
        frozen = {**demand, **{f"{name}_file": value for name, value in now.items()}}
        first = next((event["body"] for event in folder.journal.read() if event["kind"] == "prepared"), {})
        if content_hash(frozen) != said or not isinstance(first, dict) or first.get("demand") != said:
            what = "the frozen demand, test or model was changed after it was signed"
            raise InputInvalid(what, where=str(folder.path), next_step="restore the folder from its copy")
        return found, model, folder

    def standing(self, test: str, *, running: bool = False) -> Standing:
        """How a test stands."""
        found, _, folder = self.load(test)
        events = folder.journal.read()
        history = told(found, events)
        demand = json.loads(folder.file("demand.json").read_text(encoding="utf-8"))
        warnings = []
        needed = logins_needed(found.criteria.success, found.criteria.confidence)
        if found.method is Method.RAMP and history.course.planned < needed:
            text = (
                f"{history.course.planned} logins cannot prove {100 * found.criteria.success:g} %: {needed} are needed"
            )
            warnings.append(text)
        return Standing(
            test=found,
            told=history,
            judgement=judge(history.course),
            demand_id=str(demand["id"]),
            running=running,
            warnings=tuple(warnings),
        )

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
        body = {"department": department, "what": what, "by": person, "applications": list(applications)}
        event = self.folder(test).journal.append(self._clock.now().wall, "signed", body)
        return Signature(
            department=department, what=what, person=person, at=str(event["at"]), applications=tuple(applications)
        )

    def stop(self, test: str, person: str, reason: str) -> None:
        """Ask the process that holds the test to stop. It logs off what it logged on."""
        stands = self.standing(test)
        if stands.told.started_at is None or stands.told.ended_at is not None:
            state = "has not begun" if stands.told.started_at is None else "has ended"
            raise Refused(f"the test {test} {state}", next_step="nothing is left to stop")
        text = f"{one_line(person, '--by')}: {one_line(reason, '--reason')}"
        write_whole(self.folder(test).file(STOP_FILE), text)

    def end_interrupted(self, test: str) -> Standing:
        """Write down that the process of a test is gone. The caller makes sure that it is."""
        stands = self.standing(test)
        if stands.told.started_at is not None and stands.told.ended_at is None:
            body = {"interrupted": True, "left": list(stands.told.course.left)}
            self.folder(test).journal.append(self._clock.now().wall, "ended", body)
        return self.standing(test)

    def report(self, test: str, signer: Signer) -> tuple[Standing, Path]:
        """Seal the evidence of a test that has ended, once. Refused before it has ended."""
        stands = self.standing(test)
        if stands.told.ended_at is None:
            raise Refused(f"the test {test} has not ended", next_step="wait, or stop it with 'drorch access test stop'")
        folder = self.folder(test)
        if not stands.told.sealed:
            folder.journal.append(self._clock.now().wall, "sealed", {"by_key": signer.public_key})
            stands = self.standing(test)
        write_whole(folder.file("result.json"), json.dumps(result_to_json(stands), indent=1, ensure_ascii=False) + "\n")
        write_whole(folder.file("report.txt"), report_text(stands))
        names = ("journal.jsonl", "test.yaml", "capacity.yaml", "demand.json", "result.json", "report.txt")
        data = seal_test(test, {name: folder.file(name).read_bytes() for name in names}, signer)
        write_archive(folder.file(EVIDENCE), data)
        return stands, folder.file(EVIDENCE)


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


def _may_sign(stands: Standing, what: str, person: str) -> None:
    if stands.told.sealed:
        raise Refused("the evidence is sealed", next_step="nothing can be added to it")
    if what == DEMAND and stands.told.started_at is not None:
        raise Refused("the test has begun: the demand can no longer be agreed to", next_step="prepare another test")
    if what == RESULT and stands.told.ended_at is None:
        raise Refused("the test has not ended: there is no result yet", next_step="sign when it has ended")
    held_by = (stands.told.prepared_by, stands.told.started_by or "")
    if any(same_person(name, person) for name in held_by):
        what_is_wrong = f"{person} prepared or started the test and cannot sign for a department as well"
        raise Refused(what_is_wrong, next_step="let a person of the department sign")
