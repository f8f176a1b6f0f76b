"""Which watch a failover is measured with: one that stood before, lives, and looks at all the plan is about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import cast

import pytest

from drorch.core.codec import to_text
from drorch.evidence.model import Sample
from drorch.orchestration.ports import Parts, Watching
from drorch.orchestration.prior_watch import standing_watch, watch_before
from drorch.plan.build import build_plan
from drorch.plan.model import Kind, Plan
from drorch.testing.builders import small_catalog


def plan_of(kind: Kind) -> Plan:
    return build_plan(small_catalog(), kind=kind, lose="nyc", playbooks_id="sha256:" + "0" * 64)


FAILOVER = plan_of(Kind.FAILOVER)
SCOPE = sorted(scope.application for scope in FAILOVER.scope)


class Living:
    """Watches by name that live."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def running(self, folder: Path) -> bool:
        return folder.name in self.names


def watch(home: Path, name: str, applications: list[str], *, at: int) -> None:
    folder = home / "watches" / name
    folder.mkdir(parents=True)
    (folder / "watch.json").write_text("{}")
    os.utime(folder / "watch.json", (at, at))
    samples = (
        Sample(application=app, slot=0, started=1.0, ended=1.1, wall="2013-03-01T03:00:00+00:00", good=True, full=True)
        for app in applications
    )
    (folder / "samples.jsonl").write_text("".join(map(to_text, samples)), encoding="utf-8")


def found(home: Path, *living: str, kind: Kind = Kind.FAILOVER, named: str | None = None) -> str | None:
    parts = Parts(
        home=home,
        clock=cast(object, None),  # type: ignore[arg-type]
        ids=cast(object, None),  # type: ignore[arg-type]
        journal=cast(object, None),  # type: ignore[arg-type]
        inbox=cast(object, None),  # type: ignore[arg-type]
        watching=cast(Watching, Living(*living)),
    )
    return watch_before(parts, FAILOVER if kind is Kind.FAILOVER else plan_of(kind), named)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    watch(tmp_path, "old", SCOPE, at=100)
    watch(tmp_path, "new", SCOPE, at=200)
    watch(tmp_path, "part", SCOPE[:1], at=300)
    watch(tmp_path, "20130301-1", SCOPE, at=400)
    (tmp_path / "runs" / "20130301-1").mkdir(parents=True)
    return tmp_path


def test_the_newest_that_lives_and_covers_the_plan(home: Path) -> None:
    assert found(home, "old", "new", "part", "20130301-1") == "new"
    assert found(home, "old", "part") == "old"


def test_one_that_is_dead_belongs_to_a_run_or_looks_at_less_is_none(home: Path) -> None:
    assert found(home) is None
    assert found(home, "20130301-1") is None
    assert found(home, "part") is None
    assert standing_watch(home, cast(Watching, Living("part"))) is not None


def test_a_named_one_is_taken_as_it_is_and_other_kinds_begin_their_own(home: Path) -> None:
    assert found(home, "new", named="part") == "part"
    assert found(home, "new", kind=Kind.SWITCHOVER) is None
