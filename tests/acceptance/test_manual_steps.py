"""A failover in which people do two things by hand: the run asks, waits, and goes on when they sign it off."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from drorch.app import composition
from drorch.core.errors import InputInvalid
from drorch.plan.model import Kind
from drorch.run import events as ev
from drorch.run.waits import BY_HAND, needed_now
from drorch.testing.builders import catalog_text, small_catalog
from tests.acceptance.conftest import running_lab, wait_until
from tests.acceptance.operator import Ended, Operator, processes_naming

pytestmark = [pytest.mark.lab, pytest.mark.timeout(240)]
STORAGE, QUEUE = "nyc-platform/manual-storage", "mail/manual-queue"
GROUP = "    method: postgresql_streaming\n    primary_site: nyc\n"
ON_GROUP = """    method: postgresql_streaming
    manual:
      - {id: storage, when: before-recover, kinds: [failover], role: storage team, text: Free the volumes at Piscataway,
         minutes: 5, evidence: required, deadline: 10m}
    primary_site: nyc
"""
ON_MAIL = """  - id: mail
    manual:
      - {id: queue, when: after-start, kinds: [failover], role: mail team, text: Look at the queue, minutes: 1}
"""


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    """Somebody at a lab of their own, whose catalog gives two things to people."""
    with running_lab(small_catalog()) as own:
        person = Operator.of(own, tmp_path / "home")
        person.catalog_file.write_text(catalog_text((GROUP, ON_GROUP), ("  - id: mail\n", ON_MAIL)), encoding="utf-8")
        yield person
        person.ends_watches()
        assert processes_naming(person.home) == []


def test_the_run_asks_people_waits_and_goes_on(operator: Operator, tmp_path: Path) -> None:
    operator.watches()
    operator.loses("nyc")
    plan = operator.plans(Kind.FAILOVER)
    assert plan.manual == {STORAGE, QUEUE}
    operations = composition.operations(operator.home)
    ended: list[Ended] = []
    driving = threading.Thread(target=lambda: ended.append(operator.performs(plan)))
    driving.start()
    try:
        wait_until(lambda: bool(operator.service.heads()), what="the run")
        run = operator.service.heads()[0].run

        def asked(step: str) -> bool:
            now = operations.now(run)
            return step in {need.step for need in needed_now(now.state, now.events, driven=True)}

        wait_until(lambda: asked(STORAGE), deadline_s=60, what="the first instructions")
        now = operations.now(run)
        need = next(one for one in needed_now(now.state, now.events, driven=True) if one.step == STORAGE)
        assert (need.reason, need.who) == (BY_HAND, "storage team")
        assert "Free the volumes at Piscataway" in need.what
        with pytest.raises(InputInvalid, match="needs evidence"):
            operations.sign_off(run, STORAGE, person="Sam Storage", reason="freed", evidence=None)
        promoted = [event for event in now.events if getattr(event.body, "step", "") == "nyc-platform/recover"]
        assert promoted == []
        photo = tmp_path / "volumes.txt"
        photo.write_text("4 volumes free\n")
        operations.sign_off(run, STORAGE, person="Sam Storage", reason="freed", evidence=str(photo))
        wait_until(lambda: asked(QUEUE), deadline_s=90, what="the second instructions")
        operations.sign_off(run, QUEUE, person="Mia Mail", reason="the queue is empty", evidence=None)
    finally:
        driving.join(150)
    assert ended, "the run did not end"
    done = ended[0]
    assert (done.exit_code, done.outcome) == (0, ev.RunOutcome.COMPLETED), done.text()
    assert (done.step(STORAGE).outcome.value, done.step(STORAGE).act) == ("done-by-hand", "manual")
    assert done.step(QUEUE).reason == "Mia Mail: the queue is empty"
    acts = {act.step: act for act in done.report.operator_acts}
    assert "volumes.txt sha256:" in str(acts[STORAGE].evidence)
    assert acts[QUEUE].evidence == ev.NO_EVIDENCE
    assert BY_HAND in {wait.what for wait in done.report.time_share.waits}
    text = " ".join(done.text().split())
    assert f"{STORAGE} done by hand: By hand (storage team): Free the volumes at Piscataway" in text
    assert "Sam Storage" in text
    # What people took their time for is part of how long the services were away.
    assert done.verdicts() == {"directory": "pass", "mail": "pass", "mobile-office": "pass"}
