"""The composition root: the only module that names concrete adapters."""

from __future__ import annotations

import atexit
import os
import platform
import random
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

from drorch.access.denial_test.operations import AccessTests
from drorch.access.poll import AccessParts
from drorch.access.ports import LoginDriver
from drorch.access.sources import SourceConfig
from drorch.adapters.access_warden import WardenProcess
from drorch.adapters.ansible import AnsibleExecutor
from drorch.adapters.ansible.secrecy import Secrecy, secret_files_of
from drorch.adapters.ansible.vaults import password_file_in, variable_files_of
from drorch.adapters.citrix.sources import login_driver as open_logins
from drorch.adapters.citrix.sources import open_source
from drorch.adapters.clock import SystemClock, SystemIds, boot_id
from drorch.adapters.driver_processes import DriverProcesses
from drorch.adapters.font_faces import font_faces as font_faces_of
from drorch.adapters.machine import ThisMachine
from drorch.adapters.notify.alertmanager import AlertmanagerSilences
from drorch.adapters.notify.smtp import SmtpNotifier
from drorch.adapters.notify.webhook import WebhookNotifier
from drorch.adapters.presence import MachinePresence
from drorch.adapters.probes.now import probe_now as take_one_sample_each
from drorch.adapters.probes.observer import ProbeObserver
from drorch.adapters.probes.protection import ProtectionMeter
from drorch.adapters.probes.snapshot import take_snapshot
from drorch.adapters.probes.watcher_processes import WatcherProcesses
from drorch.adapters.processes import ProcessRef
from drorch.adapters.store import export as store_files
from drorch.adapters.store.events import SqlStore
from drorch.adapters.store.export import Manifest
from drorch.adapters.store.readings import ReadingTables
from drorch.adapters.store.records import RecordTable
from drorch.adapters.typesetter import Typeset
from drorch.adapters.typesetter import typeset as typeset_by_typst
from drorch.app import settings
from drorch.app.accounts import Hasher
from drorch.app.doctor import Check, Doctor, Patient
from drorch.app.oidc import OidcSettings, OidcSignIn
from drorch.callout.model import CallTree, Channel, Notifier
from drorch.callout.operations import CalloutParts, CallOuts
from drorch.catalog.model import Catalog
from drorch.core.clock import Clock
from drorch.core.errors import InputInvalid
from drorch.core.files import read_input
from drorch.core.integrity import OnProgress
from drorch.core.patient import OnWait, Patience, PatientStore
from drorch.core.state_folder import WatchFolder, runs_folder
from drorch.core.stream import EventStore
from drorch.estate.model import Estate
from drorch.evidence.baseline import Baseline
from drorch.evidence.export import KnownSecrets, SealingParts
from drorch.evidence.model import Sample
from drorch.metrics.access_facts import AccessReader
from drorch.metrics.facts import MetricsReader
from drorch.metrics.schedule_facts import ScheduleReader
from drorch.orchestration.operator_requests import Operations
from drorch.orchestration.ports import Parts
from drorch.orchestration.record_check import why_record_does_not_hold
from drorch.orchestration.service import Service
from drorch.plan.playbook_folder import playbooks_folder
from drorch.report.paper_forms import Papers
from drorch.run.events import DriverAttached, Event
from drorch.run.journal import RunJournal, RunRequests
from drorch.schedules.log import ScheduleLog
from drorch.schedules.named_checks import Checks, access_check, access_model_check, access_poll_check, year_check
from drorch.year.log import year_log

DRIVER_WAITS_S = 900.0
"""So long a driver waits for a store that is away. Every other call gives up at the store's own deadline."""
_TICK_S = 0.1
"""How exactly the kernel tells when a process began, with room."""
_TEST_WAITS_S = 60.0
"""A test that is held is blind and cannot be stopped while its store is away: not longer than two samples."""


@dataclass(frozen=True, kw_only=True)
class RealPartsOfEstate:
    """Ansible and the probes, for one state folder."""

    home: Path

    def executor(self, estate: Estate) -> AnsibleExecutor:
        """Playbooks in worker processes under the state folder's runs."""
        return AnsibleExecutor(runs_folder(self.home), playbooks_folder(), estate)

    def observer(self, estate: Estate, watch: WatchFolder, catalog: Catalog) -> ProbeObserver:
        """Probes, with the samples of a watch where there is one."""
        groups = {app.id: app.group for app in catalog.applications}
        return ProbeObserver(estate, watch.samples, clock(), groups=groups, boot=boot_id())

    def snapshot(self, estate: Estate, catalog: Catalog, applications: Sequence[str]) -> Baseline:
        """One look at databases, names and services."""
        return take_snapshot(estate, catalog, applications, clock())

    def protection_meter(self, estate: Estate, groups: Sequence[str], file: Path) -> ProtectionMeter:
        """One thread per group while it is open."""
        return ProtectionMeter(estate, groups, file)

    def silences(self, estate: Estate) -> AlertmanagerSilences | None:
        """In the estate's Alertmanager."""
        return None if estate.alerts is None else AlertmanagerSilences(estate.alerts)


def clock() -> Clock:
    """The machine's clock."""
    return SystemClock()


def service(home: Path | None = None, on_wait: OnWait | None = None) -> Service:
    """The use cases over the real adapters, for the present state folder. ``on_wait``: see `parts`."""
    folder = home or settings.home()
    return Service(parts(folder, on_wait), RealPartsOfEstate(home=folder))


def operations(home: Path | None = None) -> Operations:
    """The operator's use cases, for the present state folder."""
    return Operations(parts(home or settings.home()), _is_at_it)


def event_store(home: Path | None = None, *, new: bool = True) -> SqlStore:
    """The event store of this process: opened once, closed when the process ends.

    ``new`` False: NotFound where there is none yet.
    """
    return _opened(settings.store_place(home or settings.home()), new)


def export_store(target: Path, on_progress: OnProgress) -> Manifest:
    """The whole store as files."""
    return store_files.export(event_store(new=False), target, on_progress)


def restore_store(source: Path, on_progress: OnProgress) -> Manifest:
    """Files back into an empty store."""
    return store_files.restore(source, event_store(), on_progress)


@cache
def _opened(place: str, new: bool) -> SqlStore:
    store = SqlStore(place, new=new)
    atexit.register(store.close)
    return store


def schedule_store(home: Path | None = None) -> ScheduleLog:
    """The schedule's instants, in the event store."""
    return ScheduleLog(event_store(home))


def presence() -> MachinePresence:
    """This process among those of the machine."""
    return MachinePresence()


def scheduled_checks(year: Path = Path("year.yaml"), catalog: Path = Path("app_catalog.yaml")) -> Checks:
    """The checks a schedule may name, by their names."""
    folder = settings.home()
    return {
        "access-model": lambda: access_model_check(Path("capacity.yaml"), clock().now().wall),
        "access-poll": lambda: access_poll_check(access_parts(folder), Path("access.yaml"), Path("capacity.yaml")),
        "access": lambda: access_check(access_parts(folder), Path("access.yaml"), Path("capacity.yaml")),
        "year": lambda: year_check(folder, year_log(event_store(folder)), clock(), year, catalog),
    }


def driver_processes() -> DriverProcesses:
    """Drivers in processes of their own."""
    return DriverProcesses()


def records(home: Path) -> RecordTable:
    """Accounts, tokens and sessions."""
    return RecordTable(event_store(home))


def hasher() -> Hasher:
    """For passwords. InputInvalid without the packages of the web."""
    try:
        from drorch.adapters.passwords import ArgonHasher
    except ImportError:
        raise InputInvalid(
            "the packages of the web are not installed",
            next_step="install drorch with its extra: pip install 'drorch[web]'",
        ) from None
    return ArgonHasher()


def oidc_sign_in(of: OidcSettings) -> OidcSignIn:
    """Log in through that provider. InputInvalid when its secret cannot be read."""
    from drorch.adapters.oidc import OpenIdProvider

    secret = None
    if of.client_secret_file is not None:
        secret = read_input(of.client_secret_file, 10_000).decode("utf-8", "replace").strip()
    provider = OpenIdProvider(
        issuer=of.issuer,
        client_id=of.client_id,
        secret=secret,
        redirect=of.redirect,
        scopes=of.scopes,
        clock=clock(),
    )
    return OidcSignIn(settings=of, provider=provider)


def _drives(host: str, pid: int) -> bool:
    return host == platform.node() and ProcessRef.of(pid) is not None


def _is_at_it(attached: Event) -> bool:
    """Whether the process behind a `DriverAttached` lives. One that began later only has the same number."""
    if not isinstance(attached.body, DriverAttached) or attached.body.host != platform.node():
        return False
    process = ProcessRef.of(attached.body.pid)
    return process is not None and process.started / os.sysconf("SC_CLK_TCK") <= attached.at.mono + _TICK_S


def parts(folder: Path, on_wait: OnWait | None = None) -> Parts:
    """The real adapters over one state folder.

    ``on_wait``: of a driver, which waits up to `DRIVER_WAITS_S` for a store that is away, and tells so.
    """
    store: EventStore = event_store(folder)
    patience = Patience(clock(), limit_s=DRIVER_WAITS_S if on_wait else 0.0, on_wait=on_wait or _unsaid)
    store = PatientStore(store, patience) if on_wait else store
    return Parts(
        home=folder,
        clock=clock(),
        ids=SystemIds(),
        journal=RunJournal(store),
        inbox=RunRequests(store),
        waits=patience.take_waits,
        watching=WatcherProcesses(),
        boot=boot_id(),
    )


def _unsaid(seconds: float, why: str) -> None:
    """Nobody waits."""


def metrics_reader(
    catalog: Path,
    home: Path | None = None,
    *,
    model: Path = Path("capacity.yaml"),
    sources: Path = Path("access.yaml"),
) -> MetricsReader:
    """What the metrics are made of, for the present state folder."""
    of = parts(home or settings.home())
    return MetricsReader(
        home=of.home,
        store=event_store(of.home),
        catalog_file=catalog,
        journal=of.journal,
        database=settings.store_place(of.home),
        inbox=of.inbox,
        clock=of.clock,
        drives=_drives,
        schedule=ScheduleReader(schedule_store(of.home), of.clock),
        access=AccessReader(model=model, sources=sources, parts=lambda: access_parts(of.home), clock=of.clock),
    )


def sealing(home: Path | None = None) -> SealingParts:
    """What an export of evidence needs, for the present state folder."""
    folder = home or settings.home()
    return SealingParts(home=folder, journal=RunJournal(event_store(folder)), secrets=known_secrets)


def known_secrets(estate: Estate) -> KnownSecrets:
    """The secrets in the files that the estate and its inventory name."""
    vault = password_file_in(estate.ansible_env)
    inventory = Path(estate.inventory)
    files = [Path(estate.pgpass_file), *secret_files_of(inventory), *variable_files_of(inventory)]
    files += [vault] if vault else []
    readable = [file for file in files if os.access(file, os.R_OK)]
    unread = [str(file) for file in (inventory, *files) if not os.access(file, os.R_OK)]
    return KnownSecrets(
        values=Secrecy.of_files(readable, vault_password_file=vault).values, unread=tuple(dict.fromkeys(unread))
    )


def examine(catalog: Path, estate: Path | None, home: Path | None = None) -> Iterator[Check]:
    """What would stop a run of the present state folder; see `drorch.app.doctor`."""
    home = home or settings.home()
    doctor = Doctor(
        ThisMachine(),
        journal=lambda: RunJournal(event_store(home)),
        operations=lambda: operations(home),
        secret_files=lambda found: [Path(found.pgpass_file), *secret_files_of(Path(found.inventory))],
    )
    return doctor.examine(Patient(home=home, catalog_file=catalog, estate_file=estate))


def probe_now(estate: Estate, catalog: Catalog, applications: Sequence[str]) -> list[Sample]:
    """One full sample of each application (all when none is named). NotFound for an unknown one."""
    return take_one_sample_each(estate, catalog, applications)


def callouts(home: Path | None = None) -> CallOuts:
    """The call-out exercises of the present state folder, by real mail and real web requests."""
    folder = home or settings.home()
    return CallOuts(
        CalloutParts(
            home=folder,
            store=event_store(folder),
            clock=clock(),
            ids=SystemIds(),
            notifiers=notifiers,
            token=secrets.token_urlsafe,
        )
    )


def notifiers(tree: CallTree, departments: Sequence[str]) -> Mapping[Channel, Notifier]:
    """What sends the messages of an exercise, bound to the addresses of its trees."""
    allowed = tree.addresses(departments)
    found: dict[Channel, Notifier] = {Channel.WEBHOOK: WebhookNotifier(allowed, tree.webhook_timeout_s)}
    if tree.smtp is not None:
        found[Channel.EMAIL] = SmtpNotifier(tree.smtp, allowed, clock())
    return found


def access_parts(home: Path | None = None) -> AccessParts:
    """What the use cases of remote access need, for the present state folder."""
    folder = home or settings.home()
    store = event_store(folder)
    return AccessParts(
        home=folder,
        clock=clock(),
        store=store,
        archive=ReadingTables(store),
        open_source=lambda config: open_source(config, clock()),
        chance=random.random,
    )


def typeset(template: str, data: Mapping[str, object], made_at: datetime) -> Typeset:
    """A paper as PDF. Broken without the packages of the extra ``pdf``."""
    return typeset_by_typst(template, data, made_at)


def papers() -> Papers:
    """Papers with the fonts and the typesetter of this machine."""
    return Papers(font_faces=font_faces, typeset=lambda template, data, at: typeset(template, data, at).data)


def record_holds(run: str) -> str | None:
    """Why the record of a run is not what its journal and evidence say; None when it is."""
    return why_record_does_not_hold(parts(settings.home()), run)


def font_faces(text: str) -> str:
    """CSS with the fonts inside a page that its reader may lack; empty without the packages of the extra ``pdf``."""
    return font_faces_of(text)


def access_tests(home: Path | None = None, on_wait: OnWait | None = None) -> AccessTests:
    """The denial-of-access tests. With ``on_wait`` each call waits a little for a store that is away, and says so."""
    folder = home or settings.home()
    store: EventStore = event_store(folder)
    if on_wait is not None:
        store = PatientStore(store, Patience(clock(), limit_s=_TEST_WAITS_S, on_wait=on_wait))
    return AccessTests(store, folder, clock(), platform.node())


def login_driver(config: SourceConfig) -> LoginDriver:
    """Logs test accounts on the way of a source of kind ``login``."""
    return open_logins(config, clock())


def warden(test: str, sources: Path, way: str) -> WardenProcess:
    """Logs off what a ramp left logged on, should its process die. Broken when it cannot be started."""
    return WardenProcess(settings.home(), test, sources, way)
