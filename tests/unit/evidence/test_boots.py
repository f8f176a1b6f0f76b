"""A restart of the machine between observations: no number comes of it, and never a pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from drorch.adapters.probes.tail import SampleTail
from drorch.app import composition
from drorch.catalog.load import load_catalog
from drorch.core.codec import to_text
from drorch.core.errors import InputInvalid, Refused
from drorch.core.state_folder import RunFolder, watch_folder
from drorch.evidence import outage
from drorch.evidence.boots import BootSeen, read_boots, why_not_comparable
from drorch.evidence.codec import read_canaries, read_samples
from drorch.evidence.model import CanaryWrite, LossStatus, OutageStatus, Sample, SampleReason
from drorch.evidence.objectives import Verdict
from drorch.orchestration.boot_log import boots_of, note_boot, refuse_watch_of_another_boot
from drorch.orchestration.measurement import Measurements, measure_run
from drorch.plan.build import build_plan
from drorch.plan.model import Kind
from drorch.run import events as ev
from drorch.testing.builders import catalog_text
from drorch.testing.clock import HandClock
from drorch.testing.runs import created

ONE, TWO = "0f4ff26f-0000-4000-8000-000000000001", "71c1d5a0-0000-4000-8000-000000000002"
CATALOG = load_catalog(catalog_text().encode(), "app_catalog.yaml")
PLAN = build_plan(CATALOG, kind=Kind.FAILOVER, lose="nyc", playbooks_id="sha256:" + "0" * 64)
APP = next(scope.application for scope in PLAN.scope if scope.to_site and not scope.remote_access)


def looks(boots: str, *, site: str = "piscataway") -> list[Sample]:
    """Five good looks, five bad ones, five good ones at the other site, a second apart; ``boots``: `1` or `2` each.

    After the restart the monotonic clock begins anew: the outage would look shorter than it was.
    """
    made = []
    for slot, boot in enumerate(boots):
        good = not 5 <= slot < 10
        begun = 1000.0 + slot if boot == "1" else 995.0 + slot
        served = ("nyc" if slot < 5 else site) if good else None
        made.append(
            Sample(
                application=APP,
                slot=slot,
                started=begun,
                ended=begun + 0.1,
                wall="2026-01-01T00:00:00+00:00",
                good=good,
                full=good,
                served_by=served,
                data_site=served,
                reason=None if good else SampleReason.REFUSED,
                boot=ONE if boot == "1" else TWO,
            )
        )
    return made


def measured(samples: Sequence[Sample], boots: Sequence[str], *, canary_boot: str = ONE) -> Measurements:
    clock = HandClock()
    bodies: list[ev.Body] = [created(PLAN), ev.Declared(site="nyc", person="Ana", reason="lost"), ev.RunStarted()]
    events: list[ev.Event] = []
    for seq, body in enumerate(bodies, start=1):
        at = replace(clock.now(), mono=1006.0)
        events.append(ev.Event(run="r", seq=seq, at=at, body=body))
    canaries = [
        CanaryWrite(
            application=APP,
            number=slot,
            started=1000.0 + slot,
            ended=1000.1 + slot,
            acknowledged=True,
            boot=canary_boot,
        )
        for slot in range(5)
    ]
    return measure_run(
        catalog=CATALOG,
        plan=PLAN,
        events=events,
        samples=samples,
        canaries=canaries,
        present={APP: tuple(range(5))},
        boots=boots,
    )


def test_one_start_of_the_machine_is_measured() -> None:
    found = measured(looks("1" * 15), [ONE])
    assert found.outages[APP].status is OutageStatus.RECOVERED
    assert found.losses[APP].status is LossStatus.MEASURED
    assert found.scores[APP].rta_from_declaration is not None


@pytest.mark.parametrize(
    ("seen", "boots"),
    [
        ("111111122222222", [ONE]),
        ("111111122222222", [ONE, TWO]),
        ("1" * 15, [TWO]),
        ("1" * 15, [ONE, TWO]),
        ("1" * 15, [ONE, ""]),
        ("2" * 15, [ONE]),
    ],
)
def test_two_starts_of_the_machine_give_no_number(seen: str, boots: list[str]) -> None:
    found = measured(looks(seen), boots)
    fell, loss, score = found.outages[APP], found.losses[APP], found.scores[APP]
    assert fell.status is OutageStatus.VACUOUS
    assert (fell.began, fell.ended, fell.length, fell.detected, fell.largest_gap_s) == (None,) * 5
    assert "restarted" in fell.reason
    assert loss.status is LossStatus.NOT_MEASURED
    assert "restarted" in loss.reason
    assert loss.seconds is None
    assert score.verdict is Verdict.VACUOUS
    assert (score.rta_met, score.rpa_met, score.rta_from_disruption, score.rta_from_declaration) == (None,) * 4


def test_canaries_of_another_start_measure_no_loss() -> None:
    found = measured(looks("1" * 15), [ONE], canary_boot=TWO)
    assert found.losses[APP].status is LossStatus.NOT_MEASURED
    assert "restarted" in found.losses[APP].reason
    assert found.scores[APP].verdict is Verdict.NOT_MEASURED


def test_an_interruption_that_was_seen_stays_red_but_has_no_length() -> None:
    found = outage.measure(APP, looks("111111122222222"), expect_outage=False, expected_after="nyc")
    assert found.status is OutageStatus.INTERRUPTED
    assert (found.length, found.bad_samples) == (None, 5)


def test_an_untouched_service_is_not_called_so_across_a_restart() -> None:
    steady = [replace(one, good=True, full=True, served_by="nyc", reason=None) for one in looks("111111122222222")]
    assert outage.measure(APP, steady, expect_outage=False, expected_after="nyc").status is OutageStatus.VACUOUS


def test_what_is_written_under_a_start_comes_back_with_it() -> None:
    assert read_samples("".join(map(to_text, looks("12")))) == tuple(looks("12"))
    canary = CanaryWrite(application=APP, number=1, started=1.0, ended=1.1, acknowledged=True, boot=ONE)
    assert read_canaries(to_text(canary)) == (canary,)
    assert "boot" not in to_text(replace(looks("1")[0], boot=""))


def test_a_proof_does_not_rest_on_samples_from_before_the_restart(tmp_path: Path) -> None:
    file = tmp_path / "samples.jsonl"
    file.write_text("".join(map(to_text, looks("1" * 15))))
    assert len(SampleTail(file, boot=ONE).recent(APP, drill=False)) == 15
    assert SampleTail(file, boot=TWO).recent(APP, drill=False) == ()


def test_a_watch_from_before_the_restart_is_not_gone_on_with(tmp_path: Path) -> None:
    watch = watch_folder(tmp_path, "standing")
    watch.path.mkdir(parents=True)
    real = composition.parts(tmp_path)
    refuse_watch_of_another_boot(replace(real, boot=TWO), "standing")
    watch.samples.write_text("".join(map(to_text, looks("1" * 3))))
    refuse_watch_of_another_boot(replace(real, boot=ONE), "standing")
    with pytest.raises(Refused, match="before the machine was restarted"):
        refuse_watch_of_another_boot(replace(real, boot=TWO), "standing")


def test_a_run_notes_each_start_once(tmp_path: Path) -> None:
    folder, clock = RunFolder(path=tmp_path), HandClock()
    assert boots_of(folder) == ()
    for boot in (ONE, ONE, "", TWO, ONE):
        note_boot(folder, boot, clock)
    assert boots_of(folder) == (ONE, TWO, ONE)


def line(boot: str) -> str:
    return to_text(BootSeen(boot=boot, mono=1.0, wall="2026-01-01T00:00:00+00:00"))


def test_a_torn_line_is_a_start_nobody_knows_and_a_damaged_one_is_named() -> None:
    assert read_boots(line("a") + '{"bo') == ("a", "")
    assert why_not_comparable(read_boots(line("a") + '{"bo'))
    with pytest.raises(InputInvalid, match="jsonl:1: boot: expected text"):
        read_boots(line("a").replace('"a"', "1") + line("a"))
