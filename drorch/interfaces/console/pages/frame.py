"""What every page needs: who visits, in which language, and the frame around the content."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlencode

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from drorch.app.accounts import Role
from drorch.core.errors import InputInvalid, Refused
from drorch.estate.files import load_estate
from drorch.evidence.sample_cache import everything
from drorch.interfaces.console.i18n import Texts, negotiate, texts_of
from drorch.interfaces.console.provisional_report import ProvisionalReports
from drorch.interfaces.console.read_model import Places, ReadModel
from drorch.interfaces.console.render import render
from drorch.interfaces.console.views.labels import N_, ROLES
from drorch.interfaces.console.views.sentence import say
from drorch.interfaces.console.visit import ADMIN_PLACES, PLACES, Frame
from drorch.interfaces.http.context import WebContext
from drorch.interfaces.http.security.authorize import address_of, web_of
from drorch.interfaces.http.security.principal import Principal, principal_of
from drorch.orchestration.run_status import usual_durations

LANGUAGE_COOKIE = "drorch_language"
NOTICES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "asked": ("good", N_("Asked for. The driver of the run takes it up within a second.")),
        "started": ("good", N_("Asked for. A driver is started for the run.")),
        "not-driven": ("warn", N_("Asked for. No driver is at the run: let it be driven.")),
        "prepared": ("good", N_("The run is prepared and waits for its approval.")),
        "begun": ("good", N_("The run is begun.")),
        "built": ("good", N_("The plan is built. Read it before it is approved.")),
        "looked": ("good", N_("Every service was looked at once.")),
        "watched": ("good", N_("A standing watch looks at every service now.")),
        "accepted": ("good", N_("The difference is accepted; the report is written anew.")),
        "recorded": ("good", N_("Written down.")),
        "out": ("good", N_("You are logged out.")),
        "first": ("good", N_("The first account is made. Log in.")),
    }
)

_LEAVES_ALONE = frozenset({"pause", "override"})
"""Requests that no driver is started for: they hold, or they only take a risk."""


class Console:
    """The console of one server."""

    def __init__(self, context: WebContext) -> None:
        self.context = context
        files = context.files
        places = Places(
            home=context.home, catalog=files.catalog, estate=files.estate, year=files.year, capacity=files.capacity
        )
        self.desk = ReadModel(places, context.parts, context.service, context.operations, context.year_log)
        self.so_far = ProvisionalReports(context.parts, context.service, self.desk.looks)
        self._usual: dict[str, Mapping[str, float]] = {}

    def look(self) -> None:
        """Ask every service once, now. Takes seconds."""
        catalog, _ = self.desk.catalog()
        estate = load_estate(self.context.files.estate_file())
        self.desk.looked(self.context.probe_now(estate, catalog, [app.id for app in catalog.applications]))

    def watch(self) -> None:
        """Let a standing watch look at every service from now on, some hours at most. Refused without a baseline."""
        catalog, _ = self.desk.catalog()
        estate = load_estate(self.context.files.estate_file())
        name = f"console-{self.desk.now().wall:%Y%m%d-%H%M%S}"
        self.context.service.stand_watch(name, plan=everything(catalog), catalog=catalog, estate=estate)

    def drive(self, run: str, action: str) -> bool:
        """Start a driver when what was asked needs one; whether one was started."""
        if action in _LEAVES_ALONE:
            return False
        return self.context.drivers.start(self.context.home, run)

    def second_person(self, request: Request, login: str, password: str) -> str:
        """The name of the person behind a second account whose password was typed here. Refused when it is not."""
        web, address = web_of(request), address_of(request)
        account = self.context.accounts.find(login)
        if web.throttle.wait_s(login, address, break_glass=account is not None and account.break_glass) > 0:
            raise Refused("too many wrong passwords", next_step="wait some minutes")
        checked = self.context.accounts.checked(login, password)
        if checked is None:
            web.throttle.failed(login, address)
            raise Refused("the second person's name or password is wrong", next_step="let them type it again")
        if not checked.roles & {Role.OPERATOR, Role.APPROVER}:
            raise Refused(f"{checked.person} is neither operator nor approver", next_step="ask somebody who is")
        return checked.person

    def usual_s(self, run: str) -> Mapping[str, float]:
        """What is usual for each kind of step, from earlier runs; read once per run."""
        if run not in self._usual:
            self._usual[run] = usual_durations(self.context.parts, except_run=run)
        return self._usual[run]

    async def in_thread(self, work: Callable[[], Response]) -> Response:
        """Work that waits for files, away from the loop."""
        return await run_in_threadpool(work)

    def texts(self, request: Request) -> Texts:
        """In the language of the switch, else of the browser."""
        chosen = request.cookies.get(LANGUAGE_COOKIE)
        return texts_of(negotiate(chosen, request.headers.get("accept-language", "")).code)

    def person(self, request: Request) -> Principal:
        """Who asks; only behind a rule that lets nobody unknown in."""
        found = principal_of(request)
        assert found is not None
        return found

    def may(self, request: Request) -> frozenset[str]:
        """The roles of who asks."""
        found = principal_of(request)
        return frozenset(role.value for role in found.roles) if found else frozenset()

    def frame(self, request: Request, place: str, *, live: int = 0, stream: str = "") -> Frame:
        """The frame of a page."""
        principal, texts = principal_of(request), self.texts(request)
        tone, notice = NOTICES.get(request.query_params.get("said", ""), ("good", ""))
        admin = principal is not None and principal.has(Role.ADMIN)
        return Frame(
            at=self.desk.now(),
            place=place,
            path=request.url.path + (f"?{request.url.query}" if request.url.query else ""),
            estate=self.desk.estate_name() if principal else "",
            who=principal.name if principal else "",
            roles=tuple(texts.gettext(ROLES[role]) for role in sorted(self.may(request))),
            may=self.may(request),
            csrf=principal.csrf if principal else "",
            places=PLACES + (ADMIN_PLACES if admin else ()),
            query=dict(request.query_params),
            live=live,
            stream=stream,
            notice=say(notice) if notice else None,
            notice_tone=tone,
        )

    def page(
        self,
        request: Request,
        template: str,
        title: str,
        place: str,
        *,
        status: int = 200,
        live: int = 0,
        stream: str = "",
        **values: object,
    ) -> HTMLResponse:
        """A whole page. ``title`` is a text of the catalogs."""
        texts, frame = self.texts(request), self.frame(request, place, live=live, stream=stream)
        text = render(template, texts, {"frame": frame, "title": title, **values})
        # What was true a moment ago must not come out of a cache as if it were now.
        return HTMLResponse(text, status, headers={"Cache-Control": "no-store", "Vary": "Accept-Language, Cookie"})


def go(address: str, said: str = "") -> RedirectResponse:
    """To another page after a change, with a notice of `NOTICES`."""
    join = "&" if "?" in address else "?"
    path, mark, fragment = address.partition("#")
    where = f"{path}{join}{urlencode({'said': said})}" if said else path
    return RedirectResponse(where + mark + fragment, 303)


def number(request: Request, name: str = "page") -> int:
    """A page number of the address; 1 for what is none."""
    text = request.query_params.get(name, "1")
    return int(text) if text.isdecimal() and len(text) < 9 else 1


def query(request: Request) -> dict[str, str]:
    """What the address asks for, each value at most 200 signs."""
    return {key: value[:200] for key, value in request.query_params.items()}


def texts_of_form(form: FormData) -> dict[str, str]:
    """The fields of a form that are text."""
    return {name: value for name, value in form.items() if isinstance(value, str)}


def check_reason(reason: str) -> None:
    """InputInvalid without one."""
    if not reason.strip():
        raise InputInvalid("the reason is empty", next_step="a decision needs a person's name and a reason")
