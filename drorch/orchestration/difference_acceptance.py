"""A person accepts by name what a run left different; the record is written anew."""

from __future__ import annotations

from drorch.core.errors import InputInvalid, NotFound, Refused
from drorch.evidence.baseline import Difference
from drorch.evidence.codec import read_present
from drorch.evidence.record.files import load_report
from drorch.evidence.record.model import Report
from drorch.orchestration.baselines import Subject, accepted, compare
from drorch.orchestration.ports import Parts
from drorch.orchestration.service import Opened, Service
from drorch.run.events import DifferenceAccepted
from drorch.run.recorder import Recorder
from drorch.run.state import fold


def accept_difference(service: Service, parts: Parts, run: str, name: str, *, person: str, reason: str) -> Report:
    """Journal that ``person`` accepts the difference ``name`` (``code/subject``) of an ended run; its new record.

    InputInvalid for empty words, NotFound when there is no such run or difference, Refused when it is accepted already
    or the run has not ended: then nothing is written. JournalConflict when a driver takes up the run at this moment.
    """
    for word, text in (("name of the person", person), ("reason", reason)):
        if not text.strip():
            raise InputInvalid(f"the {word} is empty", next_step="a decision needs a person's name and a reason")
    opened = service.open(run)
    before = load_report(parts.home, run)
    found = _open_difference(parts, opened, name)
    recorder = Recorder.attach(parts.journal, parts.clock, opened.plan, run)
    recorder.record(DifferenceAccepted(code=found.code, subject=found.subject, person=person, reason=reason))
    present = read_present(opened.folder.present.read_text(encoding="utf-8"), str(opened.folder.present))
    return service.write_report(opened, present, timings=before.timings)


def _open_difference(parts: Parts, opened: Opened, name: str) -> Difference:
    where = f"run {opened.run}"
    events = parts.journal.read(opened.run)
    state = fold(opened.plan, events)
    if state.ended is None:
        raise Refused("the run has not ended", where=where, next_step=f"see 'drorch run watch {opened.run}'")
    subject = Subject(folder=opened.folder, plan=opened.plan, catalog=opened.catalog, estate=opened.estate)
    comparison = compare(subject, state) if state.head.started_at else None
    differences = {found.name: found for found in comparison.differences} if comparison else {}
    if name not in differences:
        known = ", ".join(sorted(differences)) or "none"
        raise NotFound(f"the run left no difference {name!r}", where=where, next_step=f"its differences: {known}")
    earlier = accepted(events).get(name)
    if earlier is not None:
        raise Refused(f"{earlier.person} has accepted {name} already", where=where, next_step="nothing is to be done")
    return differences[name]
