"""What stores and gateways answer during a login, and what their refusals mean."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from drorch.access.ports import SourceFailed, Trouble
from drorch.adapters.citrix.forms import Form, Verdict
from drorch.adapters.citrix.wire import Answer, refused

RIGHTS = "the entitlement to the store"


class Resource(BaseModel):
    """What a store offers."""

    model_config = ConfigDict(extra="ignore")
    name: str
    launch_status: str = Field(default="", alias="launchstatusurl")


class Resources(BaseModel):
    """A store's list."""

    model_config = ConfigDict(extra="ignore")
    resources: list[Resource]


class Launch(BaseModel):
    """How a launch stands; ``wait_s`` seconds until it may be asked for again."""

    model_config = ConfigDict(extra="ignore")
    status: str
    wait_s: float = Field(default=5, alias="pollTimeout")
    error: str | None = Field(default=None, alias="errorId")


class Ticket(BaseModel):
    """What another process needs to log a session off. Holds cookies: a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    inside: bool
    at_store: bool
    cookies: list[tuple[str, str, str, str]]


def refuse_detours(form: Form, where: str) -> None:
    """SourceFailed for a page that wants a new password or a second factor."""
    if form.verdict is Verdict.CHANGE_PASSWORD:
        what = "the password has expired and has to be changed"
        raise SourceFailed(Trouble.AUTH, what, where=where, next_step="give the account a new password")
    if form.verdict is Verdict.SECOND_FACTOR:
        what = "asks for something else than a password first"
        raise SourceFailed(Trouble.SECOND_FACTOR, what, where=where, next_step="exempt the monitoring account")


def refused_password(where: str) -> SourceFailed:
    """The failure of a refused name or password."""
    what = "does not accept the name or password"
    return SourceFailed(Trouble.AUTH, what, where=where, next_step="mend the account; it is not tried again")


def expect_status(answer: Answer, *statuses: int) -> None:
    """SourceFailed for an answer with another status; a redirect is looked at first."""
    if answer.status in statuses:
        return
    if answer.status in (301, 302, 303, 307, 308):
        answer.refuse_page()
    raise refused(answer, rights=RIGHTS)


def strange(answer: Answer, what: str) -> SourceFailed:
    """The failure of an answer whose shape is not the documented one."""
    text = f"the answer is not as documented: {what}"
    return SourceFailed(Trouble.PARSE, text, where=answer.where, next_step="look at the version")
