"""The file of a denial-of-access test: what is to be tested, how fast, and when to stop."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Annotated, Literal

from pydantic import Field

from drorch.access.denial_test.model import Criteria, Method
from drorch.access.model import CapacityModel
from drorch.access.schema import Duration, Share
from drorch.catalog.invalid import line_index, listed, validated
from drorch.catalog.schema import Line, Slug, Strict
from drorch.catalog.text import parse_document

MOST_ACCOUNTS = 5_000
PUBLIC_EXAMPLE = "docs/denial-of-access-test.md"


@dataclass(frozen=True, kw_only=True)
class TestAccounts:
    """Test accounts of a department: ``prefix`` and a number from 1, all with the password of one file."""

    __test__ = False

    department: str
    prefix: str = ""
    secret_file: str = ""
    count: int | None = None
    """None: as many as the department requires seats."""


@dataclass(frozen=True, kw_only=True)
class DenialTest:
    """The test as planned."""

    id: str
    title: str
    method: Method
    scenario: str
    way: str | None
    """Source of kind ``login`` (ramp)."""
    steps: int
    step_s: float
    hold_s: float
    """How long all sessions are held (ramp), or how long people are watched (observed)."""
    sample_s: float
    at_once: int
    criteria: Criteria
    departments: tuple[TestAccounts, ...]
    applications: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """Application of the catalog to the name under which it is published."""
    people_file: str | None = None
    """Lines ``user,department`` (observed). Read when it is needed, and never kept."""


class _Criteria(Strict):
    success: Share = 0.99
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    logon: Duration = 60.0
    attendance: Share = 0.9
    licences_free: Annotated[float, Field(ge=0.05, lt=1)] = 0.1
    machine_load: Annotated[int, Field(ge=1, le=9_500)] = 9000


class _Department(Strict):
    id: Slug
    prefix: Annotated[str, Field(max_length=100)] = ""
    secret_file: Annotated[str, Field(max_length=500)] = ""
    count: Annotated[int | None, Field(ge=1, le=MOST_ACCOUNTS)] = None


class _File(Strict):
    schema_version: Annotated[Literal[1], Field(alias="schema")]
    id: Slug
    title: Line
    method: Literal["observed", "ramp"]
    scenario: Slug = "normal"
    way: Slug | None = None
    steps: Annotated[int, Field(ge=1, le=100)] = 10
    step: Duration = 300.0
    hold: Duration = 1800.0
    sample: Annotated[Duration, Field(le=60)] = 60.0
    at_once: Annotated[int, Field(ge=1, le=32)] = 4
    criteria: _Criteria = _Criteria()
    departments: Annotated[list[_Department], Field(min_length=1, max_length=200)]
    applications: dict[Slug, Line] = Field(default_factory=dict)
    people_file: Line | None = None


def load_test(text: bytes, source: str, model: CapacityModel) -> DenialTest:
    """The test in ``text``, checked against the model. InputInvalid with file, line and field."""
    document = parse_document(text, source)
    file = validated(_File, document, what="a denial-of-access test", example=PUBLIC_EXAMPLE)
    lines = line_index(document, ("departments",))
    known = {item.id for item in model.departments}
    wrong = [
        (f"{source}:{lines.get(f'departments.{item.id}', 1)} departments.{item.id}", what)
        for item in file.departments
        for what in _unfit(item, file, known)
    ]
    if file.method == "ramp" and file.way is None:
        wrong.append((f"{source}:1 way", "a ramp needs the source of kind login that it goes through"))
    if file.method == "observed" and file.people_file is None:
        wrong.append((f"{source}:1 people_file", "an observed day needs the file that says who is of which department"))
    if wrong:
        raise listed(wrong)
    given = file.criteria
    return DenialTest(
        id=file.id,
        title=file.title,
        method=Method(file.method),
        scenario=file.scenario,
        way=file.way,
        steps=file.steps,
        step_s=file.step,
        hold_s=file.hold,
        sample_s=file.sample,
        at_once=file.at_once,
        criteria=Criteria(
            success=given.success,
            confidence=given.confidence,
            logon_s=given.logon,
            attendance=given.attendance,
            licences_free=given.licences_free,
            machine_load=given.machine_load,
        ),
        departments=tuple(
            TestAccounts(department=item.id, prefix=item.prefix, secret_file=item.secret_file, count=item.count)
            for item in file.departments
        ),
        applications=MappingProxyType(dict(file.applications)),
        people_file=file.people_file,
    )


def _unfit(item: _Department, file: _File, known: set[str]) -> list[str]:
    found = []
    if item.id not in known:
        found.append(f"there is no department {item.id!r} in the capacity model")
    if [other.id for other in file.departments].count(item.id) > 1:
        found.append("is there twice")
    if file.method == "ramp" and not (item.prefix and item.secret_file):
        found.append("a ramp needs prefix and secret_file of the department's test accounts")
    return found
