"""Who owes what: an obligation spread over its subjects, and whether something that was done counts for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from drorch.catalog.model import Arrangement, Catalog
from drorch.year.model import (
    Activity,
    Exemption,
    Fulfilment,
    Obligation,
    Programme,
    Requirement,
    SubjectKind,
    TestResult,
)


@dataclass(frozen=True, kw_only=True)
class Duty:
    """One obligation of one subject, and of one component of its plan where the obligation has components."""

    obligation: Obligation
    subject: str
    component: str | None = None
    exemptions: tuple[Exemption, ...] = ()

    @property
    def id(self) -> str:
        """``it-dr-test/umoja``; with a component ``plan-components/dm/alternate-place``."""
        return "/".join(part for part in (self.obligation.id, self.subject, self.component) if part)

    def concerns(self, fulfilment: Fulfilment) -> bool:
        """Whether this is the activity, the subject and the component that is owed."""
        return (
            fulfilment.activity is self.obligation.activity
            and fulfilment.subject == self.subject
            and fulfilment.component == self.component
        )


def subject_ids(kind: SubjectKind, programme: Programme, catalog: Catalog) -> tuple[str, ...]:
    """Every subject of a kind, in the order of the files."""
    return {
        SubjectKind.APPLICATION: tuple(entry.id for entry in catalog.applications),
        SubjectKind.DEPARTMENT: tuple(entry.id for entry in catalog.departments),
        SubjectKind.BODY: tuple(entry.id for entry in programme.bodies),
        SubjectKind.ROLE: tuple(entry.id for entry in programme.roles),
    }[kind]


def subjects_of(obligation: Obligation, programme: Programme, catalog: Catalog) -> tuple[str, ...]:
    """Ids of the subjects that owe ``obligation``, in the order of the files."""
    wanted = obligation.subjects
    found = subject_ids(wanted.kind, programme, catalog)
    if wanted.arrangements:
        fitting = {item.id for item in catalog.applications if item.arrangement in wanted.arrangements}
        found = tuple(subject for subject in found if subject in fitting)
    return tuple(subject for subject in found if not wanted.only or subject in wanted.only)


def duties(programme: Programme, catalog: Catalog) -> Iterator[Duty]:
    """Every duty, in the order of the programme file and of the catalog."""
    for obligation in programme.obligations:
        for subject in subjects_of(obligation, programme, catalog):
            exemptions = tuple(
                item for item in programme.exemptions if (item.obligation, item.subject) == (obligation.id, subject)
            )
            for component in obligation.components or (None,):
                yield Duty(obligation=obligation, subject=subject, component=component, exemptions=exemptions)


def shortfall(obligation: Obligation, fulfilment: Fulfilment) -> str | None:
    """Why this does not count for the obligation, in words; None when it counts."""
    if fulfilment.result is TestResult.FAIL:
        return "it failed"
    if fulfilment.activity is Activity.REMOTE_ACCESS_TEST and fulfilment.test is None:
        return "only the sealed evidence of a denial-of-access test shows it (drorch access test)"
    if Requirement.SIGN_OFF in obligation.requires and not fulfilment.signed_off_by:
        return "nobody signed it off"
    numbers = fulfilment.expected is not None and fulfilment.took_part is not None
    if obligation.requires & {Requirement.NUMBERS, Requirement.FULL_ATTENDANCE} and not numbers:
        return "it does not say how many were expected and how many took part"
    if Requirement.FULL_ATTENDANCE in obligation.requires and fulfilment.took_part != fulfilment.expected:
        return f"{fulfilment.took_part} of {fulfilment.expected} took part, all have to"
    return None


def may_be_tested_by_recovery(subject: str, catalog: Catalog) -> bool:
    """Whether a recovery run says anything about this application. Remote access moves people, not the application."""
    return any(
        item.id == subject and item.arrangement is not Arrangement.REMOTE_ACCESS for item in catalog.applications
    )


KIND_OF_SUBJECT = {
    Activity.RECOVERY_TEST: SubjectKind.APPLICATION,
    Activity.REMOTE_ACCESS_TEST: SubjectKind.APPLICATION,
    Activity.JOINT_TECHNOLOGY_TEST: SubjectKind.DEPARTMENT,
    Activity.TELECOMMUTING_TEST: SubjectKind.DEPARTMENT,
    Activity.CALL_OUT_EXERCISE: SubjectKind.DEPARTMENT,
    Activity.PLAN_COMPONENT_EXERCISE: SubjectKind.DEPARTMENT,
    Activity.CRISIS_SIMULATION: SubjectKind.BODY,
    Activity.TRAINING: SubjectKind.ROLE,
}
"""Who takes part in an activity: a call-out exercise is held by a department and never by an application."""
