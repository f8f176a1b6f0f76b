"""A whole small run on disk, as a real one leaves it: driven by the real driver, with fakes at the ports only."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from drorch.catalog.load import load_catalog
from drorch.core.codec import to_text
from drorch.core.files import write_whole
from drorch.core.ids import canonical_json
from drorch.core.state_folder import RunFolder, WatchFolder, run_folder, watch_folder
from drorch.estate.model import Estate
from drorch.evidence.codec import read_canaries, read_present, read_samples
from drorch.evidence.model import CanaryWrite, Sample, SampleReason
from drorch.evidence.record.build import build_report
from drorch.evidence.record.codec import report_to_text
from drorch.orchestration.measurement import measure_run
from drorch.plan.build import build_plan
from drorch.plan.codec import plan_to_text
from drorch.plan.model import Kind
from drorch.report.html import report_as_html
from drorch.report.text import report_as_text
from drorch.run.journal import RunJournal
from drorch.testing.builders import catalog_text
from drorch.testing.runs import RUN, Scene

DOWN, UP, SLOTS = 5, 15, 20
"""Grid slots (one second each): the services fall, are back, and the watch ends."""


def recorded_run(home: Path, journal: RunJournal) -> RunFolder:
    """A failover of New York, driven to its end and reported, below ``home``: journal, folder, watch, estate."""
    folder, watch = run_folder(home, RUN, must_exist=False), watch_folder(home, RUN)
    text = catalog_text()
    catalog = load_catalog(text.encode(), "app_catalog.yaml")
    plan = build_plan(catalog, kind=Kind.FAILOVER, lose="nyc", playbooks_id="sha256:" + "0" * 64)
    scene = Scene(plan=plan, journal=journal).create()
    estate = write_estate(home)
    write_whole(folder.catalog, text)
    write_whole(folder.context, canonical_json({"estate": str(estate), "watch": RUN}))
    write_whole(folder.plan, plan_to_text(plan))
    applications = [scope.application for scope in plan.scope if scope.to_site]
    _write_watch(watch, applications)
    write_whole(folder.present, canonical_json({application: list(range(SLOTS)) for application in applications}))
    scene.drive()
    write_record(home, journal)
    return folder


def write_record(home: Path, journal: RunJournal) -> None:
    """The record's three forms, from what is on disk."""
    folder, watch = run_folder(home, RUN), watch_folder(home, RUN)
    catalog = load_catalog(folder.catalog.read_bytes(), "app_catalog.yaml")
    plan = build_plan(catalog, kind=Kind.FAILOVER, lose="nyc", playbooks_id="sha256:" + "0" * 64)
    events = journal.read(RUN)
    measured = measure_run(
        catalog=catalog,
        plan=plan,
        events=events,
        samples=read_samples(watch.samples.read_text(encoding="utf-8")),
        canaries=read_canaries(watch.canaries.read_text(encoding="utf-8")),
        present=read_present(folder.present.read_text(encoding="utf-8")),
    )
    report = build_report(
        run_id=RUN,
        plan=plan,
        catalog=catalog,
        events=events,
        outages=measured.outages,
        losses=measured.losses,
        scores=measured.scores,
        estate="paper",
    )
    write_whole(folder.report("json"), report_to_text(report))
    write_whole(folder.report("html"), report_as_html(report))
    write_whole(folder.report("txt"), report_as_text(report))


def write_estate(home: Path, secrets: Mapping[str, str] | None = None) -> Path:
    """An estate file with its inventory and the two files with secrets that they name."""
    known = {"pgpass": "pgpass-secret-value", "tsig": "tsig-secret-value", **(secrets or {})}
    folder = home / "estate"
    write_whole(folder / "pgpass", "127.0.0.1:5432:drorch:drorch:" + known["pgpass"].replace(":", "\\:") + "\n")
    write_whole(folder / "tsig.json", json.dumps({"name": "k", "algorithm": "hmac-sha256", "secret": known["tsig"]}))
    write_whole(folder / "inventory.yml", "all: {vars: {drorch_dns_key_file: tsig.json}}\n")
    estate = Estate(
        schema=1,
        name="paper",
        zone="apps.drorch.test",
        inventory=str(folder / "inventory.yml"),
        name_servers=(),
        sites={"nyc": "127.10.0.1", "piscataway": "127.20.0.1"},
        databases=(),
        applications={},
        database_name="drorch",
        database_user="drorch",
        pgpass_file=str(folder / "pgpass"),
        ssh={},
        ansible_env={},
    )
    write_whole(folder / "estate.yml", json.dumps(asdict(estate)))
    return folder / "estate.yml"


def _write_watch(watch: WatchFolder, applications: Sequence[str]) -> None:
    watched = [(application, slot) for slot in range(SLOTS) for application in applications]
    write_whole(watch.samples, "".join(to_text(sample) for sample in _samples(watched)))
    canaries = (
        CanaryWrite(application=app, number=slot, started=990.0 + slot, ended=990.1 + slot, acknowledged=True)
        for app, slot in watched
        if not DOWN <= slot < UP
    )
    write_whole(watch.canaries, "".join(map(to_text, canaries)))


def _samples(watched: Sequence[tuple[str, int]]) -> Iterator[Sample]:
    for application, slot in watched:
        good, site = not DOWN <= slot < UP, "nyc" if slot < DOWN else "piscataway"
        yield Sample(
            application=application,
            slot=slot,
            started=990.0 + slot,
            ended=990.1 + slot,
            wall="2013-03-01T03:00:00+00:00",
            good=good,
            full=good,
            served_by=site if good else None,
            data_site=site if good else None,
            names={"piscataway": site, "valencia": site},
            reason=None if good else SampleReason.REFUSED,
        )
